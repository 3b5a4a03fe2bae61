"""Relaxation of a user's systems with a trained potential, streamed and resumable.

All rows are written as Parquet, in the schema of QM1B (z, pos, energy) with forces and what came of each row; extended XYZ and SD files are
made from it and hold the systems that have a geometry. Records of an SD file keep their bonds and tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hooke.atoms.batch import atoms_batch
from hooke.atoms.facts import Facts
from hooke.atoms.formats import format_of, sdf, stated_facts
from hooke.core.errors import UsageError
from hooke.core.options import chosen
from hooke.core.types import Chunk
from hooke.inference.loaded import LoadedRun
from hooke.inference.stream import StreamReport, stream
from hooke.modalities import readable
from hooke.modalities.atoms.export import SDF, XYZ, whole_file, write_results
from hooke.modalities.atoms.learning import pair_bound
from hooke.modalities.atoms.source import FrameOptions, FrameSource, Job
from hooke.nn.atoms.minimisers import minimiser
from hooke.nn.atoms.relaxation import COINCIDENT, NOT_FINITE, Relaxed, relax
from hooke.workflows.run_potential import RunPotential

SUFFIXES = (".parquet", *XYZ, *SDF)
FMAX = 0.05  # eV/Å
STEPS = 500
_PAIRS_ON_CPU, _PAIRS_ON_GPU = 6_000, 1_000_000  # of a batch: what stays in a cache, and what fills a GPU
_ROWS_ON_CPU, _ROWS_ON_GPU = 16, 2_048  # of a job: on a CPU processes share them out
CONVERGED = "converged"


def relax_file(
    run: LoadedRun,
    source: Any,
    output: Path,
    *,
    method: str | None = None,
    fmax: float = FMAX,
    steps: int = STEPS,
    optimiser: str = "lbfgs",
    workers: int | None = None,
    resume: bool = True,
    show_progress: bool = True,
    **options: Any,
) -> StreamReport:
    """Relax every system of a file or store at fixed cell; every row has its output row, in order.

    Args:
        run: A potential.
        source: A file of frames, or a store of them.
        output: .parquet; or .extxyz, .xyz or .sdf, which have all rows in `<output>.parquet` beside them.
        method: Of the run, where it has several.
        fmax: eV/Å: converged is a system without a longer force on any atom.
        steps: Most steps a system.
        optimiser: "lbfgs" or "fire".
        workers: Processes; None takes all cores. A GPU needs none.
        resume: Continue an output that was stopped, and keep a finished one; False starts afresh.
        show_progress: Show systems, rate and time left.
        options: How the file is read; see `modalities.atoms.source.FrameOptions`.

    Raises:
        UsageError: The run is no potential, or an option is none.
        DataError: The source or the disk is at fault.
    """
    if not fmax > 0:
        raise UsageError(f"fmax is above 0 eV/Å, got {fmax:g}")
    if steps < 0:
        raise UsageError(f"the number of steps is 0 or more, got {steps}")
    minimiser(optimiser)  # refuses an unknown one before files are read
    columns = RelaxationColumns(RunPotential(run, method), fmax, steps, optimiser)
    rows = _ROWS_ON_GPU if columns.on_gpu else _ROWS_ON_CPU
    systems = Systems(source, run.run_spec, chosen(readable("atoms", "relax"), options), rows)
    output, whole = Path(output), whole_file(Path(output))
    identity = {
        "verb": "relax",
        "method": columns.potential.method,
        "fmax": fmax,
        "steps": steps,
        "optimiser": optimiser,
    }
    report = stream(
        systems, whole, columns, {**run.stamp(), "frames": asdict(columns.numbers)}, identity, workers=workers, resume=resume,
        show_progress=show_progress, doing="relaxing", suffixes=(".parquet",),
    )  # fmt: skip
    if whole != output:
        write_results(whole, output, _records(source), ("max_force", "steps"), stated_facts(asdict(columns.numbers)))
        return replace(report, output=str(output), facts={**report.facts, "all rows": str(whole)})
    return report


class Systems(FrameSource):
    """A user's frames as jobs of systems in float64.

    Args:
        given, spec, options: See `FrameSource`.
        rows_a_job: Systems that are relaxed together.
    """

    parallel = True
    jobs_a_part = 4
    unit = "systems"

    def __init__(self, given: Any, spec: Any, options: FrameOptions, rows_a_job: int) -> None:
        super().__init__(given, spec, options, rows_a_job)
        self.rows_a_job = rows_a_job

    def chunk(self, prepared: Job) -> Chunk:
        """See `core.types.Source`: one batch, which holds all systems."""
        import torch

        table, frames, owners, reasons = self.readable(prepared)
        batches = [atoms_batch(frames, owners, dtype=torch.float64)] if frames is not None and len(frames) else []
        return Chunk(table, batches, (owners,), reasons=reasons)


class RelaxationColumns:
    """Relaxed geometries with their energies and forces; see `inference.stream.Columns`.

    Args:
        potential: The surface.
        fmax, steps, optimiser: See `relax_file`.
    """

    counted: Sequence[str] = ("outcome",)
    schema = pa.schema(
        [
            ("outcome", pa.string()),
            ("energy", pa.float64()),
            ("max_force", pa.float64()),
            ("steps", pa.int32()),
            ("z", pa.list_(pa.int64())),
            ("pos", pa.list_(pa.float64())),
            ("forces", pa.list_(pa.float64())),
            ("multiplicity", pa.int32()),
            ("cell", pa.list_(pa.float64())),
            ("periodic", pa.list_(pa.bool_())),
        ]
    )

    def __init__(self, potential: RunPotential, fmax: float, steps: int, optimiser: str) -> None:
        self.potential, self._fmax, self._steps, self._optimiser = potential, fmax, steps, optimiser

    @property
    def on_gpu(self) -> bool:
        """See `Columns`."""
        return self.potential.device.type != "cpu"

    @property
    def numbers(self) -> Facts:
        """What energies and forces are."""
        methods = (self.potential.method,)
        return Facts("eV", "angstrom", "eV/angstrom", "force", self.potential.spec.energy_kind, methods, methods)

    @property
    def facts(self) -> Mapping[str, Any]:
        """See `Columns`."""
        return {"method": self.potential.method, "fmax": self._fmax}

    def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
        """The columns of the systems that could be read, and which of them have no finite energy at all."""
        batches: list[Any] = list(chunk.batches)
        if not batches:
            return [pa.array([], field.type) for field in self.schema], {}
        [systems] = batches
        costs = pair_bound(systems.offsets.diff().numpy())
        leaving = relax(
            self.potential, systems.to(self.potential.device), costs, fmax=self._fmax, steps=self._steps, optimiser=self._optimiser,
            most=_PAIRS_ON_GPU if self.on_gpu else _PAIRS_ON_CPU,
        )  # fmt: skip
        rows, failed = [], {}
        for found in sorted(leaving, key=lambda each: each.place):
            if not np.isfinite(found.energy):
                failed[found.place] = found.problem
            atoms = slice(*systems.offsets[found.place : found.place + 2].tolist())
            repeats = bool(systems.periodic[found.place].any())
            rows.append(
                (
                    _outcome(found), found.energy, found.largest, found.steps, systems.numbers[atoms].numpy(), found.positions.ravel(),
                    found.forces.ravel(), int(systems.multiplicity[found.place]),
                    systems.cell[found.place].numpy().ravel() if repeats else None,
                    systems.periodic[found.place].tolist() if repeats else None,
                )
            )  # fmt: skip
        return [
            pa.array(list(values), field.type)
            for values, field in zip(zip(*rows, strict=True), self.schema, strict=True)
        ], failed


def _outcome(found: Relaxed) -> str:
    if not found.problem:
        return CONVERGED
    if found.problem in (NOT_FINITE, COINCIDENT):
        return f"stopped after {found.steps} steps: {found.problem}"
    return found.problem


def _records(source: Any) -> Path | None:
    """The source, if it is an SD file, packed or not."""
    if not isinstance(source, str | Path) or Path(source).is_dir():
        return None
    return Path(source) if format_of(Path(source)) is sdf else None
