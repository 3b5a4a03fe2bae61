"""Diffraction of single particles by X-rays: simulated patterns, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.core.errors import DataError
from hooke.core.runs import LATEST

if TYPE_CHECKING:
    from hooke.workflows._reconstruction_plan import Plan
    from hooke.workflows.diffraction_frames import Frames
    from hooke.workflows.phase import PhasedVolume
    from hooke.workflows.reconstruct import Reconstruction
    from hooke.workflows.reconstruction_scores import ReconstructionScores


def _refuse_missing(source: Path | str) -> None:
    """Before torch is loaded."""
    if not Path(source).exists() and Path(source).name != LATEST:
        raise DataError(f"{source} does not exist")


def simulate_patterns(
    structures: Sequence[Path | str] | Path | str, output: Path | str, *, frames: int = 2000, photons: float = 400.0, **options: Any
) -> Frames:  # fmt: skip
    """Simulate diffraction frames of structures, with their truth, from exact intensities.

        hooke.simulate_patterns("antibody.pdb", "frames.h5", frames=2000, photons=400, fluence_spread=0.4)

    Args:
        structures: A PDB or mmCIF file, or several, which are a mixture.
        output: .h5 (holds the truth), .emc, .cxi, .npy, or a folder (Hooke's store).
        frames: How many.
        photons: Expected of the particle in a frame.
        options: Those of `hooke.workflows.diffraction_frames.simulate_frames` (detector, side, wavelength, oversampling, beam_stop, assembly,
            alternates, waters, fractions, fluence_spread, background, seed, show_progress ...).

    Raises:
        UsageError: An option is none.
        DataError: A structure or the detector is at fault.
    """
    from hooke.workflows.diffraction_frames import simulate_frames

    given = [structures] if isinstance(structures, Path | str) else structures
    return simulate_frames(given, output, frames=frames, photons=photons, **options)


def convert_patterns(source: Path | str, output: Path | str, **options: Any) -> Frames:
    """Write diffraction frames in another format, or photons from detector units.

        hooke.convert_patterns("raw.npy", "frames.emc", gain=130, dark="dark.npy", mask="bad.npy")

    Args:
        source: Frames: .emc, .h5, .cxi, .npy, or a folder (Hooke's store).
        output: The same, by its ending.
        options: Those of `hooke.workflows.diffraction_frames.convert_frames` (gain, dark, mask, threshold, kind).

    Raises:
        UsageError: An option is none.
        DataError: A file is at fault.
    """
    from hooke.workflows.diffraction_frames import convert_frames

    return convert_frames(source, output, **options)


def phase(source: Path | str, runs: Path | str = Path("runs"), *, starts: int = 10, **options: Any) -> PhasedVolume:
    """Find the density behind an intensity, from several starts that are averaged where they agree.

        found = hooke.phase("runs/emc", starts=10)
        print(found.verdict, found.prtf)

    Args:
        source: A run of `hooke diffraction reconstruct`, or a file of intensities (.mrc, .cxi, .h5, .npy) of two or three dimensions.
        runs: Folder of the run folders.
        starts: From random phases.
        options: Those of `hooke.workflows.phase.phase_volume` (centre, corners, mask, voxel, model, seed, accelerator, new, show_progress)
            and of `hooke.diffraction.engine.phasing.Phasing` (algorithm, iterations, refine, beta, shrink_every ...).

    Raises:
        UsageError: An option is none.
        DataError: The source is at fault.
    """
    _refuse_missing(source)
    from hooke.workflows.phase import phase_volume

    return phase_volume(source, runs, starts=starts, **options)


def reconstruct(frames: Path | str, runs: Path | str = Path("runs"), **options: Any) -> Reconstruction:
    """Find the orientations of diffraction frames and the intensity that they are slices of; a stopped run continues.

        found = hooke.reconstruct("frames.h5", n=6, starts=3)
        print(found.verdict)

    Args:
        frames: .h5, .emc, .cxi, .npy or a folder (Hooke's store).
        runs: Folder of the run folders.
        options: Those of `hooke.workflows.reconstruct.reconstruct` (detector, speckles, accelerator, devices, new, show_progress) and of
            `ReconstructOptions` (n, in_plane, starts, iterations, annealing, models, merge, scaling, precision, seed).

    Raises:
        UsageError: An option is none.
        DataError: A file is at fault, or no frame can be used.
    """
    _refuse_missing(frames)
    from hooke.workflows.reconstruct import reconstruct as run

    return run(frames, runs, **options)


def plan_reconstruction(frames: Path | str, **options: Any) -> Plan:
    """What a reconstruction would cost, without running it: rotations, operations, memory, traffic, hours from stated rates.

        print(hooke.plan_reconstruction("frames.h5", n=12, count=10_000_000, devices=256, accelerator="cuda").hours)

    Args:
        frames: See `reconstruct`.
        options: Those of `reconstruct`, and count (frames to plan for) and rate (GFLOP/s of a device).

    Raises:
        UsageError: An option is none.
        DataError: A file is at fault.
    """
    from hooke.workflows.reconstruct import plan_reconstruction as plan

    return plan(frames, **options)


def evaluate_reconstruction(run: Path | str, truth: Path | str, **options: Any) -> ReconstructionScores:
    """Score a reconstruction against the structure that its frames were simulated from.

        found = hooke.evaluate_reconstruction("runs/emc", "antibody.pdb")
        print(found.symmetric.median, found.correlation)

    Args:
        run: The run folder, or the folder of runs.
        truth: PDB or mmCIF.
        options: Those of `hooke.workflows.reconstruction_scores.evaluate_reconstruction` (frames, model, assembly).

    Raises:
        DataError: The run or the structure is at fault, or the frames know no truth.
    """
    from hooke.workflows.reconstruction_scores import evaluate_reconstruction as evaluate

    return evaluate(run, truth, **options)
