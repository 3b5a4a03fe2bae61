"""Conformers made by a flow, with the stereo that the molecule states: sampled, repaired, sampled again, or replaced and marked so.

Of each sample the signed volumes and sides of all tagged elements are compared with the tags (`atoms.conformers.stereo`). A wrong one is turned
right (`atoms.conformers.repair`) and integrated anew from t = 0.5, then from 0.8; what is still wrong is sampled again; what is then wrong is
replaced by ETKDG. A reflection of the whole molecule needs no integration: without `handed` features mirror images are equally probable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hooke.atoms.conformers.batch import ConformerBatch, conformer_batch
from hooke.atoms.conformers.graph import MoleculeGraph
from hooke.atoms.conformers.repair import repaired
from hooke.atoms.conformers.stereo import StereoElements
from hooke.nn.atoms.flow import Prior, Sampler, aligned, draw, integrate

FLOW, REPAIRED, RESAMPLED, REPLACED = "flow", "flow, repaired", "flow, sampled again", "etkdg in place of a flow"
STEPS = 50
_RESTARTS = (0.5, 0.8)
_CPU = torch.device("cpu")
_ROUNDS = 6  # of sampling in all
_SQUARES = 60_000  # of atoms, summed over a batch


@dataclass(frozen=True)
class Made:
    """Conformers of one molecule.

    Attributes:
        positions: (n, atoms, 3) Å.
        sources: (n,) `FLOW`, `REPAIRED`, `RESAMPLED` or `REPLACED`.
    """

    positions: np.ndarray
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Flow:
    """A trained field and how it is integrated.

    Attributes:
        field: v of a batch.
        prior: That it was trained with, or "etkdg" to refine embedded conformers.
        steps, sampler: See `flow.integrate`.
        device: Of the field.
    """

    field: Callable[[ConformerBatch], Tensor]
    prior: Prior = "harmonic"
    steps: int = STEPS
    sampler: Sampler = "euler"
    device: torch.device = _CPU

    def conformers(self, graphs: Sequence[MoleculeGraph], number: int, seeds: Sequence[int]) -> list[Made]:
        """So many conformers of each molecule; fewer where a wrong one cannot be replaced.

        Args:
            graphs: M molecules.
            number: Of each.
            seeds: (M,) of everything random of a molecule.
        """
        return [self._of_molecule(graph, number, seed) for graph, seed in zip(graphs, seeds, strict=True)]

    def _of_molecule(self, graph: MoleculeGraph, number: int, seed: int) -> Made:
        elements = StereoElements.of(graph.molecule.molecule)
        generator = torch.Generator(self.device).manual_seed(seed)
        starts = (
            graph.molecule.conformers(number, seed % (2**31))
            if self.prior == "etkdg"
            else np.zeros((0, len(graph.features), 3))
        )
        if self.prior == "etkdg":
            number = len(starts)
        found = np.zeros((number, len(graph.features), 3))
        sources = np.array([""] * number, object)
        for attempt in range(_ROUNDS):
            waiting = np.flatnonzero(sources == "")
            if not len(waiting):
                break
            made = self._sampled(graph, len(waiting), generator, starts[waiting] if len(starts) else None)
            right, source = _right(elements, made), np.array([FLOW if attempt == 0 else RESAMPLED] * len(made), object)
            mirrored = made * np.array([-1.0, 1.0, 1.0])
            turned = ~right & _right(elements, mirrored)
            made[turned] = mirrored[turned]
            right |= turned
            for begin in _RESTARTS:
                wrong = np.flatnonzero(~right)
                if not len(wrong):
                    break
                fixed = np.stack([repaired(made[place], elements, graph.bonds) for place in wrong])
                able = _right(elements, fixed)
                if able.any():
                    again = self._again(graph, fixed[able], begin, generator)
                    good = _right(elements, again)
                    places = wrong[able][good]
                    made[places], right[places] = again[good], True
                    source[places] = REPAIRED
            found[waiting[right]], sources[waiting[right]] = made[right], source[right]
        left = np.flatnonzero(sources == "")
        if len(left):
            instead = graph.molecule.conformers(len(left), (seed + 1) % (2**31))
            instead = instead[_right(elements, instead)]
            found[left[: len(instead)]], sources[left[: len(instead)]] = instead, REPLACED
        there = sources != ""
        return Made(found[there], tuple(sources[there].tolist()))

    def _sampled(
        self, graph: MoleculeGraph, number: int, generator: torch.Generator, starts: np.ndarray | None
    ) -> np.ndarray:
        pieces = []
        for first, batch in self._batches(graph, np.zeros((number, len(graph.features), 3))):
            own: Prior = self.prior
            if starts is not None:
                begin = torch.from_numpy(starts[first : first + batch.num_items].reshape(-1, 3)).to(batch.positions)
                begin = batch.centred(begin)
            else:
                begin = draw(batch, own, generator)
            pieces.append(self._integrated(batch, begin, 0.0, generator))
        return np.concatenate(pieces)

    def _again(
        self, graph: MoleculeGraph, positions: np.ndarray, begin: float, generator: torch.Generator
    ) -> np.ndarray:
        """From (1 - t) x₀ + t x at t = begin, with a draw x₀ turned onto the repaired x."""
        pieces = []
        for _, batch in self._batches(graph, positions):
            prior: Prior = "harmonic" if self.prior == "etkdg" else self.prior
            start = aligned(batch, draw(batch, prior, generator), batch.positions)
            if self.prior == "etkdg":
                start = batch.positions
            pieces.append(self._integrated(batch, (1 - begin) * start + begin * batch.positions, begin, generator))
        return np.concatenate(pieces)

    def _integrated(self, batch: ConformerBatch, start: Tensor, begin: float, generator: torch.Generator) -> np.ndarray:
        with torch.no_grad():
            prior: Prior = "harmonic" if self.prior == "etkdg" else self.prior
            steps = max(1, round(self.steps * (1 - begin)))
            found = integrate(
                self.field, batch, start, steps, self.sampler, begin=begin, renew=lambda: draw(batch, prior, generator)
            )
        return found.double().cpu().numpy().reshape(batch.num_items, -1, 3)

    def _batches(self, graph: MoleculeGraph, positions: np.ndarray) -> list[tuple[int, ConformerBatch]]:
        """Copies of a molecule, at most so many together, with these positions."""
        size = max(1, _SQUARES // max(1, len(graph.features) ** 2))
        return [
            (
                first,
                conformer_batch([graph] * len(some), list(some), np.arange(first, first + len(some))).to(self.device),
            )
            for first in range(0, len(positions), size)
            for some in [positions[first : first + size]]
        ]


def _right(elements: StereoElements, positions: np.ndarray) -> np.ndarray:
    """(n,) whether every element of a conformer is as stated, and its positions are finite."""
    finite = np.isfinite(positions).all(axis=(1, 2))
    return finite & elements.right(np.where(finite[:, None, None], positions, 0.0)).all(axis=1)
