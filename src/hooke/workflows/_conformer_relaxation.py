"""What `conformers generate` does to conformers after sampling them: nothing, MMFF94, GFN2, or a trained potential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hooke.atoms.conformers.force_field import NO_PARAMETERS, STEPS, minimise
from hooke.atoms.engines import Engine, UnlabelledError, engine_of, refuse_impossible
from hooke.atoms.etkdg import EmbeddedMolecule
from hooke.atoms.frames import FrameCollector, Frames

if TYPE_CHECKING:
    from torch import Tensor

    from hooke.atoms.batch import AtomsBatch
    from hooke.workflows.run_potential import RunPotential

FMAX, MOST_STEPS = 0.05, 500  # eV/Å, as `hooke relax`
CONVERGED, UNRELAXED = "converged", "none"
_ALONE = 1.0  # Å: engines find their own neighbours
_PAIRS_ON_CPU, _PAIRS_ON_GPU = 6_000, 1_000_000  # of a batch


@dataclass(frozen=True)
class Relaxation:
    """Conformers of one molecule after relaxation.

    Attributes:
        positions: (n, atoms, 3) Å.
        energies: (n,) eV; NaN where there is none.
        outcomes: Of each: "converged", or why not.
    """

    positions: np.ndarray
    energies: np.ndarray
    outcomes: tuple[str, ...]


class Relaxer(Protocol):
    """A way to relax. It travels to worker processes."""

    @property
    def method(self) -> str:
        """Of its energies; "" for none."""

    @property
    def version(self) -> str:
        """What else its results depend on."""

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on a GPU, in one process."""

    @property
    def rows_a_job(self) -> int:
        """Molecules that are worth sending to a worker together."""

    def load(self) -> None:
        """Import what it needs, so that its threads can be limited."""

    def __call__(self, molecules: Sequence[EmbeddedMolecule], positions: Sequence[np.ndarray]) -> list[Relaxation]:
        """Relax the conformers of some molecules.

        Args:
            molecules: M.
            positions: M × (n, atoms, 3) Å.
        """


@dataclass(frozen=True)
class NoRelaxation:
    """Conformers as they were sampled."""

    method = version = ""
    on_gpu = False
    rows_a_job = 4

    def load(self) -> None:
        """Nothing."""

    def __call__(self, molecules: Sequence[EmbeddedMolecule], positions: Sequence[np.ndarray]) -> list[Relaxation]:
        """See `Relaxer`."""
        return [Relaxation(each, np.full(len(each), np.nan), (UNRELAXED,) * len(each)) for each in positions]


@dataclass(frozen=True)
class ForceField:
    """MMFF94, `force_field.STEPS` iterations at most; molecules without parameters stay as they are."""

    method = "mmff94"
    version = f"{STEPS} iterations"
    on_gpu = False
    rows_a_job = 4

    def load(self) -> None:
        """Nothing."""

    def __call__(self, molecules: Sequence[EmbeddedMolecule], positions: Sequence[np.ndarray]) -> list[Relaxation]:
        """See `Relaxer`."""
        return [self._relaxed(molecule, each) for molecule, each in zip(molecules, positions, strict=True)]

    def _relaxed(self, molecule: EmbeddedMolecule, positions: np.ndarray) -> Relaxation:
        done = minimise(molecule.molecule, positions) if len(positions) else None
        if done is None:
            return Relaxation(positions, np.full(len(positions), np.nan), (NO_PARAMETERS,) * len(positions))
        spent = f"not converged after {STEPS} iterations"
        return Relaxation(
            done.positions, done.energies, tuple(CONVERGED if good else spent for good in done.converged)
        )  # fmt: skip


class SurfaceRelaxation:
    """L-BFGS on an energy surface, many conformers at a time; from MMFF94's geometry where the force field has parameters.

    Args:
        surface: A run's potential, or an engine.
        first: What comes before.
    """

    def __init__(self, surface: RunPotential | EngineSurface, first: Relaxer) -> None:
        self._surface, self._first = surface, first
        self.method = surface.method
        self.on_gpu = surface.device.type != "cpu"
        self.version = f"{surface.version if isinstance(surface, EngineSurface) else ''} fmax {FMAX}, {MOST_STEPS} steps, after {first.method}"
        self.rows_a_job = 64 if self.on_gpu else 1

    def load(self) -> None:
        """See `Relaxer`."""
        if isinstance(self._surface, EngineSurface):
            self._surface.engine.load()

    def __call__(self, molecules: Sequence[EmbeddedMolecule], positions: Sequence[np.ndarray]) -> list[Relaxation]:
        """See `Relaxer`."""
        from hooke.atoms.batch import atoms_batch
        from hooke.modalities.atoms.learning import pair_bound
        from hooke.nn.atoms.relaxation import relax

        begun = self._first(molecules, positions)
        frames = frames_of(molecules, [each.positions for each in begun])
        counts = [len(each.positions) for each in begun]
        if frames is None:
            return begun
        outcomes = [""] * len(frames)
        energies = np.full(len(frames), np.nan)
        moved = [np.array(frames.positions[slice(*frames.offsets[place : place + 2])]) for place in range(len(frames))]
        unknown = {} if isinstance(self._surface, EngineSurface) else self._surface.spec.unknown(frames)
        known = np.array([place for place in range(len(frames)) if place not in unknown], np.int64)
        for place, why in unknown.items():
            outcomes[place] = why
        if len(known):
            import torch

            batch = atoms_batch(frames.select(known), known, dtype=torch.float64).to(self._surface.device)
            costs = pair_bound(frames.select(known).counts)
            most = _PAIRS_ON_GPU if self.on_gpu else _PAIRS_ON_CPU
            for found in relax(self._surface, batch, costs, fmax=FMAX, steps=MOST_STEPS, most=most):
                place = int(known[found.place])
                moved[place], energies[place] = found.positions, found.energy
                outcomes[place] = (
                    f"{self.method} gives no energy" if np.isnan(found.energy) else found.problem or CONVERGED
                )
        edges = np.cumsum([0, *counts])
        return [
            Relaxation(
                np.array(moved[start:stop]).reshape(stop - start, -1, 3), energies[start:stop], tuple(outcomes[start:stop])
            )
            if stop > start else begun[number]
            for number, (start, stop) in enumerate(pairwise(edges))
        ]  # fmt: skip


class EngineSurface:
    """A quantum engine as a surface; see `nn.atoms.relaxation.Surface`. What it cannot label has no finite energy.

    Args:
        engine: It computes one system after the other.
    """

    cutoff = _ALONE

    def __init__(self, engine: Engine) -> None:
        self.engine, self.method, self.version = engine, engine.method, engine.version

    @property
    def device(self) -> Any:
        """The CPU."""
        import torch

        return torch.device("cpu")

    def __call__(self, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
        """Energies in eV and forces in eV/Å."""
        import torch

        energies = torch.full((batch.num_items,), torch.nan, dtype=torch.float64)
        forces = torch.full((len(batch.numbers), 3), torch.nan, dtype=torch.float64)
        for frame, (start, stop) in enumerate(
            zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True)
        ):
            system = (
                batch.numbers[start:stop].numpy(), batch.positions[start:stop].double().numpy(), int(batch.charge[frame]),
                int(batch.multiplicity[frame]) or 1,
            )  # fmt: skip
            try:
                refuse_impossible(*system)
                computed = self.engine.compute(*system)
            except UnlabelledError:
                continue
            energies[frame], forces[start:stop] = computed.energy, torch.from_numpy(computed.forces)
        return energies, forces


def frames_of(molecules: Sequence[EmbeddedMolecule], positions: Sequence[np.ndarray]) -> Frames | None:
    """All conformers of some molecules as frames in Å, in order; None where there are none."""
    collector = FrameCollector("conformers", 0, 0)
    for molecule, each in zip(molecules, positions, strict=True):
        if len(each):
            collector.add(
                molecule.numbers,
                each,
                charge=molecule.charge,
                multiplicity=molecule.multiplicity,
                smiles=molecule.smiles,
            )
    frames: Frames | None = collector.take()[0]
    return frames


def engine_relaxation(method: str, first: Relaxer) -> SurfaceRelaxation:
    """Relaxation on a semi-empirical method.

    Raises:
        UsageError: Its program is not installed.
        UnknownNameError: There is no such method.
    """
    return SurfaceRelaxation(EngineSurface(engine_of(method)), first)
