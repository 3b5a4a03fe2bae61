"""How `conformers generate` samples conformers: a method gives some for each molecule, and says what became of the others.

Seeds of a flow follow from the given seed and the molecule, so that a molecule's conformers depend on them alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hooke.atoms.etkdg import EmbeddedMolecule
from hooke.core.errors import UsageError

if TYPE_CHECKING:
    from hooke.inference.loaded import LoadedRun
    from hooke.nn.atoms.conformer_flow import Flow

ETKDG = "etkdg"
NOT_EMBEDDED = "not embedded"


@dataclass(frozen=True)
class Samples:
    """Of one molecule.

    Attributes:
        positions: (n, atoms, 3) Å.
        sources: (n,) what made each.
        lost: Why the others that were asked for are not there → how many.
    """

    positions: np.ndarray
    sources: tuple[str, ...]
    lost: Counter[str]


class Sampler(Protocol):
    """A method. It travels to worker processes."""

    @property
    def version(self) -> str:
        """What else its results depend on."""

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on a GPU, in one process."""

    def __call__(self, molecules: Sequence[EmbeddedMolecule], number: int, seed: int) -> list[Samples]:
        """So many conformers of each molecule; those of a molecule depend on it and the seed alone."""


@dataclass(frozen=True)
class EtkdgSampler:
    """ETKDGv3 by RDKit."""

    version = "v3"
    on_gpu = False

    def __call__(self, molecules: Sequence[EmbeddedMolecule], number: int, seed: int) -> list[Samples]:
        """See `Sampler`."""
        return [self._sampled(molecule, number, seed) for molecule in molecules]

    def _sampled(self, molecule: EmbeddedMolecule, number: int, seed: int) -> Samples:
        positions = molecule.conformers(number, seed)
        missing = number - len(positions)
        return Samples(positions, (ETKDG,) * len(positions), Counter({NOT_EMBEDDED: missing} if missing else {}))


class FlowSampler:
    """A run of `flow_matching`: from draws of its prior, or from embedded conformers ("refine").

    Args:
        run: Finished; its first network.
        refine: Begin at embedded conformers.
        steps, sampler: See `nn.atoms.flow.integrate`.

    Raises:
        UsageError: The run makes no conformers, was not trained for this beginning, or an option is none.
    """

    def __init__(self, run: LoadedRun, *, refine: bool, steps: int, sampler: str) -> None:
        from hooke.nn.atoms.conformer_flow import Flow
        from hooke.nn.atoms.flow import SAMPLERS

        if run.recipe.has_estimator or run.recipe.task.name != "flow_matching":
            raise UsageError(f"{run.run.folder} makes no conformers: it is not a run of flow_matching")
        if not 1 <= steps <= 1000:
            raise UsageError(f"the number of steps is 1 to 1000, got {steps}")
        if sampler not in SAMPLERS:
            raise UsageError(f"unknown sampler {sampler!r}: {', '.join(SAMPLERS)}")
        trained = run.recipe.task.config.prior
        if refine and trained not in ("etkdg", "mixed"):
            raise UsageError(
                f"{run.run.folder} was trained from the prior {trained!r} and does not refine: train it with task.prior=mixed"
            )
        if not refine and trained == "etkdg":
            raise UsageError(f"{run.run.folder} refines embedded conformers alone: take --method flow_refine")
        prior: Any = "etkdg" if refine else "harmonic" if trained == "mixed" else trained
        device = run.ensemble.device
        network: Any = run.network
        self.flow: Flow = Flow(network.eval(), prior, steps, sampler, device)
        self.on_gpu = device.type != "cpu"
        self.version = f"{run.model_hash} {prior} {steps} {sampler}"

    def __call__(self, molecules: Sequence[EmbeddedMolecule], number: int, seed: int) -> list[Samples]:
        """See `Sampler`."""
        from hooke.atoms.conformers.graph import MoleculeGraph

        graphs = [MoleculeGraph.of(molecule) for molecule in molecules]
        seeds = [
            int.from_bytes(hashlib.sha256(f"{seed}:{molecule.smiles}".encode()).digest()[:4], "little") >> 1
            for molecule in molecules
        ]
        found = []
        for made in self.flow.conformers(graphs, number, seeds):
            missing = number - len(made.positions)
            found.append(Samples(made.positions, made.sources, Counter({NOT_EMBEDDED: missing} if missing else {})))
        return found
