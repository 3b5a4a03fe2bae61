"""Molecular dynamics of a user's systems with a trained potential, written as extended XYZ while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hooke.atoms.facts import Facts
from hooke.atoms.formats import stated_facts, xyz
from hooke.atoms.frames import FrameCollector, Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError
from hooke.core.options import chosen
from hooke.core.progress import progress
from hooke.inference.loaded import LoadedRun
from hooke.modalities import readable
from hooke.nn.atoms.dynamics import State, simulate
from hooke.workflows.relaxation import Systems
from hooke.workflows.run_potential import RunPotential

SUFFIXES = (".extxyz", ".xyz")
_TOGETHER = 64  # systems of a batch
_LISTED = 5  # systems that are left out
_KEYS = Keys(("energy",), ("forces",), properties=("system", "time", "kinetic_energy"), name="name")


@dataclass
class TrajectoryReport:
    """What a simulation did.

    Attributes:
        output: The file.
        systems: That were simulated.
        states: Written, of all systems together.
        left_out: Row of the source, from 1 → why it was not simulated.
        drift: Largest change of a system's total energy from its first state, eV an atom; in a heat bath it is no error.
        temperature: K, mean over systems and the later half of their states.
    """

    output: str
    systems: int = 0
    states: int = 0
    left_out: dict[int, str] = field(default_factory=dict)
    drift: float = 0.0
    temperature: float = float("nan")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def summary(self) -> str:
        """A few lines for people."""
        lines = [
            f"{self.systems + len(self.left_out):,} systems: {self.systems:,} moved, {len(self.left_out):,} left out"
        ]
        lines += [f"system {row}: {reason}" for row, reason in [*self.left_out.items()][:_LISTED]]
        if len(self.left_out) > _LISTED:
            lines.append(f"... and {len(self.left_out) - _LISTED:,} more")
        lines.append(f"{self.states:,} states written to {self.output}")
        lines.append(
            f"drift of the total energy {1000 * self.drift:.3g} meV an atom, temperature {self.temperature:.0f} K"
        )
        return "\n".join(lines)


def trajectories(
    run: LoadedRun,
    source: Any,
    output: Path,
    *,
    steps: int,
    timestep: float = 0.5,
    every: int = 10,
    temperature: float = 300.0,
    friction: float = 0.0,
    seed: int = 0,
    method: str | None = None,
    show_progress: bool = True,
    **options: Any,
) -> TrajectoryReport:
    """Simulate every system of a file or store at fixed cell; states are written one after another, of 64 systems at a time.

    A state's energy and forces belong to its positions; it names its system (row of the source, from 1), its time in fs and its kinetic energy
    in eV. With equal options the file has the same bytes.

    Args:
        run: A potential.
        source: A file of frames, or a store of them.
        output: .extxyz or .xyz; written anew.
        steps: Steps of the dynamics.
        timestep: fs.
        every: Steps between two states that are written.
        temperature: K, of the velocities at the start, and of the bath.
        friction: 1/fs, of the bath (Langevin dynamics); 0 for constant energy.
        seed: Of velocities and bath.
        method: Of the run, where it has several.
        show_progress: Show states, rate and time left.
        options: How the file is read; see `modalities.atoms.source.FrameOptions`.

    Raises:
        UsageError: The run is no potential, or a number is out of its range.
        DataError: The source cannot be read, or no system can be simulated.
    """
    potential, report = RunPotential(run, method), TrajectoryReport(str(output))
    systems = Systems(source, run.run_spec, chosen(readable("atoms", "dynamics"), options), _TOGETHER)
    later: list[float] = []

    def blocks() -> Iterator[Frames]:
        for job in systems.jobs():
            chunk = systems.chunk(systems.prepare(job))
            report.left_out |= {job.first + row + 1: why for row, why in chunk.reasons.items()}
            batches: list[Any] = list(chunk.batches)
            for batch in batches:
                rows = chunk.owners[0] + job.first + 1
                report.systems += len(rows)
                start = None
                states = simulate(
                    potential, batch.to(potential.device), timestep=timestep, steps=steps, every=every, temperature=temperature,
                    friction=friction, seed=seed,
                )  # fmt: skip
                for state in states:
                    total = ((state.energies + state.kinetic) / state.systems.offsets.diff()).cpu().numpy()
                    start = total if start is None else start
                    report.drift = max(report.drift, float(np.abs(total - start).max()))
                    if state.time >= steps * timestep / 2:
                        later.append(float(state.temperatures.mean()))
                    report.states += len(rows)
                    bar.advance(len(rows))
                    yield _frames(state, rows)

    methods = (potential.method,)
    facts = Facts("eV", "angstrom", "eV/angstrom", "force", run.run_spec.energy_kind, methods, methods)
    with progress(None, "simulating", "states", show=show_progress) as bar:
        xyz.write_blocks(output, blocks(), _KEYS, stated_facts(asdict(facts)))
    if not report.systems:
        first = next(iter(report.left_out.values()), "it holds none")
        raise DataError(f"{systems.name}: no system can be simulated, the first because {first}")
    report.temperature = float(np.mean(later))
    return report


def _frames(state: State, rows: np.ndarray) -> Frames:
    """A state's systems as frames."""
    systems = state.systems.to("cpu")
    energies, forces, kinetic = (each.cpu().double().numpy() for each in (state.energies, state.forces, state.kinetic))
    collector, offsets = FrameCollector("trajectory", 1, 1, 3), systems.offsets.tolist()
    for frame, row in enumerate(rows.tolist()):
        atoms = slice(offsets[frame], offsets[frame + 1])
        repeats = bool(systems.periodic[frame].any())
        collector.add(
            systems.numbers[atoms].numpy(), systems.positions[atoms].numpy()[None], [[energies[frame]]], forces[None, atoms, :, None],
            charge=int(systems.charge[frame]), multiplicity=int(systems.multiplicity[frame]),
            cell=systems.cell[frame].numpy()[None] if repeats else None,
            periodic=systems.periodic[frame].numpy()[None] if repeats else None,
            properties=[[row, state.time, kinetic[frame]]], name=f"system {row}",
        )  # fmt: skip
    found, malformed = collector.take()
    if found is None or malformed:
        raise DataError(f"{malformed[0].reason} after {state.time:g} fs; try a shorter time step")
    return found
