"""Using potentials: relaxation, dynamics, and a calculator for ASE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.api.data import given_source
from hooke.core.writable import check_output
from hooke.inference.shipped import refuse_missing, run_path

if TYPE_CHECKING:
    from hooke.inference.stream import StreamReport
    from hooke.workflows.trajectory import TrajectoryReport


def relax(
    source: Path | str,
    output: Path | str,
    *,
    run: Path | str,
    data: Sequence[str] = (),
    device: str = "auto",
    show_progress: bool = True,
    **options: Any,
) -> StreamReport:
    """Relax systems with a trained potential, streamed and resumable; every row has its output row.

        hooke.relax("ligands.sdf", "relaxed.sdf", run="runs/own_potential")

    Args:
        source: A file of frames (SDF, extended XYZ, Parquet ...), a store, or the name of a data set, which is then prepared.
        output: .parquet, .extxyz, .xyz or .sdf.
        run: A finished run.
        data: "key=value" options of a data set named as the source.
        device: "auto", "cpu" or "cuda".
        show_progress: Show systems, rate and time left.
        options: Those of `hooke.workflows.relaxation.relax_file`: fmax, steps, optimiser, method, workers, resume, length_unit ...

    Raises:
        UsageError: The run is no potential, or an option is none.
        DataError: The run, the source or the disk is at fault.
    """
    refuse_missing(run)
    from hooke.inference.loaded import LoadedRun
    from hooke.workflows.relaxation import SUFFIXES, relax_file, whole_file

    check_output(output, source, suffixes=SUFFIXES)
    check_output(whole_file(Path(output)), source)
    loaded = LoadedRun.open(run_path(run), device)
    given = given_source(source, data, "atoms", show_progress=show_progress)
    return relax_file(loaded, given, Path(output), show_progress=show_progress, **options)


def dynamics(
    source: Path | str,
    output: Path | str,
    *,
    run: Path | str,
    steps: int,
    data: Sequence[str] = (),
    device: str = "auto",
    **options: Any,
) -> TrajectoryReport:
    """Molecular dynamics of systems with a trained potential: at constant energy, or in a heat bath; states as extended XYZ.

        hooke.dynamics("ligand.xyz", "trajectory.extxyz", run="runs/own_potential", steps=2000, friction=0.01)

    Args:
        source: A file of frames, a store, or the name of a data set.
        output: .extxyz or .xyz; written anew.
        run: A finished run.
        steps: Steps of the dynamics.
        data: "key=value" options of a data set named as the source.
        device: "auto", "cpu" or "cuda".
        options: Those of `hooke.workflows.trajectory.trajectories`: timestep, every, temperature, friction, seed, method ...

    Raises:
        UsageError: The run is no potential, or an option is none.
        DataError: The run, the source or the disk is at fault, or no system can be simulated.
    """
    refuse_missing(run)
    from hooke.inference.loaded import LoadedRun
    from hooke.workflows.trajectory import SUFFIXES, trajectories

    check_output(output, source, suffixes=SUFFIXES)
    loaded = LoadedRun.open(run_path(run), device)
    show = bool(options.get("show_progress", True))
    given = given_source(source, data, "atoms", show_progress=show)
    return trajectories(loaded, given, Path(output), steps=steps, **options)


def calculator(run: Path | str, *, method: str | None = None, device: str = "auto", compile: bool = False) -> Any:
    """An ASE calculator of a trained potential: energy, forces, and stress of periodic systems.

        atoms.calc = hooke.calculator("runs/own_potential")

    Args:
        run: A finished run.
        method: Of the run, where it has several.
        device: "auto", "cpu" or "cuda".
        compile: Pass the networks through `torch.compile`.

    Raises:
        UsageError: ASE is not installed, or the run is no potential.
        UnknownNameError: The run has no such method.
    """
    refuse_missing(run)
    from hooke.inference.loaded import LoadedRun
    from hooke.workflows.calculator import calculator_of

    return calculator_of(LoadedRun.open(run_path(run), device), method, compiled=compile)
