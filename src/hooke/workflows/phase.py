"""Phasing of an intensity: many starts from random phases, aligned, averaged where they agree, and written as a density.

A run folder holds `starts/K.npz` (what each start ended with; the same command goes on after the last whole one), `starts.parquet` (error,
agreement, shift and hand of each), `density.mrc` and `density.cxi` (average of the starts that agree), `curves.json` and the page.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core.checked import read_arrays, write_arrays, write_parquet
from hooke.core.errors import DamagedError, DataError, UnknownNameError, UsageError
from hooke.core.hashing import content_hash
from hooke.core.progress import progress
from hooke.core.runs import RunFolder
from hooke.diffraction.align import Alignment, aligned, grid_correlations
from hooke.diffraction.detector import read_detector
from hooke.diffraction.engine.phasing import ALGORITHMS, Phasing, Projector, phase
from hooke.diffraction.resolution import (
    HALF_SETS,
    coefficients,
    density_shell_correlation,
    phase_retrieval_transfer,
    resolved_shell,
)
from hooke.diffraction.volumes import read_volume, write_cxi, write_mrc
from hooke.workflows.phasing_page import write_page

NAME = "phase"
AGREES = 0.7  # correlation with the start that all others are nearest to
_INTENSITY = "intensity.npz"


@dataclass(frozen=True)
class Intensity:
    """What is phased.

    Attributes:
        values: Two or three dimensions, q = 0 in the middle.
        known: bool: where it was measured.
        voxel: Å⁻¹; NaN where it is not known.
        source: For the page.
    """

    values: np.ndarray
    known: np.ndarray
    voxel: float
    source: str


@dataclass(frozen=True)
class PhasedVolume:
    """A finished run.

    Attributes:
        run: Its folder.
        density: The average of the starts that agree.
        starts: A row a start: seed, error, correlation, inverted, shift, used.
        prtf, fsc: By shell: what the average keeps of the measured amplitudes; the mean correlation of two starts' halves.
        voxel: Å of the density's voxel; NaN where it is not known.
    """

    run: RunFolder
    density: np.ndarray
    starts: pl.DataFrame
    prtf: np.ndarray
    fsc: np.ndarray
    voxel: float

    @property
    def agreeing(self) -> int:
        """Starts that were averaged."""
        return int(self.starts["used"].sum())

    @property
    def verdict(self) -> str:
        """How far the starts can be trusted."""
        count, all_of = self.agreeing, len(self.starts)
        if count < 2:
            return f"no two of {all_of} starts agree: the density cannot be trusted"
        if count * 2 <= all_of:
            return f"only {count} of {all_of} starts agree: the density may be wrong"
        return f"{count} of {all_of} starts agree"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "run": str(self.run.folder), "verdict": self.verdict, "agreeing": self.agreeing, "starts": self.starts.to_dicts(),
            "prtf": self.prtf, "fsc": self.fsc, "resolved_shell": resolved_shell(self.fsc, HALF_SETS), "voxel": self.voxel,
            "density": [str(self.run.path(f"density.{ending}")) for ending in ("mrc", "cxi")], "report": str(self.run.path("report.html")),
        }  # fmt: skip


def phase_volume(
    source: Path | str, runs: Path | str = Path("runs"), *, starts: int = 10, centre: float | None = None, corners: bool = False,
    mask: Path | str | None = None, voxel: float | None = None, model: int = 0, seed: int = 0, accelerator: str = "cpu", new: bool = False,
    show_progress: bool = True, **options: Any,
) -> PhasedVolume:  # fmt: skip
    """Phase an intensity, from several starts.

    Args:
        source: A run of `hooke diffraction reconstruct`, or a file of intensities (.mrc, .cxi, .h5, .npy) of two or three dimensions.
        runs: Folder of the run folders.
        starts: How many.
        centre: Radius in voxels within which nothing was measured; without, what the source says.
        corners: Believe what lies outside the inscribed circle or sphere.
        mask: A file of the same shape: voxels that are not 0 were not measured.
        voxel: Å⁻¹ of a voxel, where the source does not say.
        model: Of a run with several.
        seed: Of the first start; the others count on.
        accelerator: "cpu" or "cuda".
        new: Start afresh rather than continue or return an earlier run of the same intensity and options.
        show_progress: Show iterations, rate and time left.
        options: Those of `diffraction.engine.phasing.Phasing` (algorithm, iterations, refine, beta, shrink_every, threshold, blur, last_blur,
            positive).

    Raises:
        UsageError: An option is none.
        DataError: The source is at fault.
    """
    if starts < 1:
        raise UsageError(f"starts: 1 or more, got {starts}")
    how = checked(options)
    if accelerator not in ("cpu", "cuda"):
        raise UnknownNameError("accelerator", accelerator, ("cpu", "cuda"))
    given = read_intensity(Path(source), centre=centre, corners=corners, mask=mask, voxel=voxel, model=model)
    asked = {"name": NAME, "options": {**asdict(how), "starts": starts, "seed": seed}}
    digest = content_hash(
        {"values": np.where(given.known, given.values, 0.0), "known": given.known, "voxel": given.voxel}
    )
    with RunFolder.starting(Path(runs), NAME, asked, digest):
        run = None if new else RunFolder.find_finished(Path(runs), NAME, asked, digest)
        if run is not None:
            return _read(RunFolder.open(run.folder))
        run = None if new else RunFolder.find_unfinished(Path(runs), NAME, asked, digest)
        run = run or RunFolder.create(Path(runs), NAME, asked, digest)
    with run.locked():
        projector = Projector(given.values, given.known, accelerator)
        with progress(starts * how.iterations, "phasing", "iterations", show=show_progress) as bar:
            ended = [_start(run, number, projector, how, seed + number, bar.advance) for number in range(starts)]
        _finish(run, given, projector, ended, seed)
    return _read(run)


def checked(options: dict[str, Any]) -> Phasing:
    """Options of a start.

    Raises:
        UsageError: One is none.
    """
    valid = list(Phasing.__dataclass_fields__)
    for name in options:
        if name not in valid:
            raise UnknownNameError("option", name, valid)
    how = Phasing(**options)
    if how.algorithm not in ALGORITHMS:
        raise UnknownNameError("algorithm", how.algorithm, ALGORITHMS)
    if not 0 <= how.refine <= how.iterations or how.iterations < 1:
        raise UsageError(f"iterations are 1 or more, of which 0 or more refine, got {how.iterations} and {how.refine}")
    for name, value, most in (("beta", how.beta, 1.0), ("threshold", how.threshold, 1.0)):
        if not 0 < value <= most:
            raise UsageError(f"{name} is above 0 and at most {most:g}, got {value:g}")
    if how.shrink_every < 0 or not (how.blur >= 0 and how.last_blur >= 0):
        raise UsageError("shrink_every, blur and last_blur are 0 or more")
    return how


def read_intensity(
    source: Path, *, centre: float | None = None, corners: bool = False, mask: Path | str | None = None, voxel: float | None = None,
    model: int = 0,
) -> Intensity:  # fmt: skip
    """What is phased, and where it is known; see `phase_volume`.

    Raises:
        UsageError: An option is none.
        DataError: The source is at fault, or nothing of it is known.
    """
    if source.is_dir():
        run = RunFolder.open(source)
        if not run.path(_INTENSITY).exists():
            raise DataError(f"{run.folder} is not a run of `hooke diffraction reconstruct`: it lacks {_INTENSITY}")
        arrays = read_arrays(run.path(_INTENSITY), "models", "seen")
        if not 0 <= model < len(arrays["models"]):
            raise UsageError(f"{run.folder} has {len(arrays['models'])} models, there is no model {model}")
        values, known = arrays["models"][model].astype(np.float64), arrays["seen"][model].astype(bool)
        detector = Path(str(run.info.get("detector", "")))
        stated = read_detector(detector).voxel if detector.is_file() else np.nan
    else:
        values = read_volume(source).astype(np.float64)
        known, stated = np.ones(values.shape, bool), np.nan
    if min(values.shape) < 8:
        raise DataError(f"{source} has the shape {values.shape}; 8 voxels an edge are the least that is phased")
    known &= np.isfinite(values) & (values >= 0)
    radius = np.sqrt(
        sum(axis.astype(float) ** 2 for axis in np.ogrid[tuple(slice(-(n // 2), n - n // 2) for n in values.shape)])
    )
    if centre is not None:
        if not centre >= 0:
            raise UsageError(f"the radius of the unknown centre is 0 or more voxels, got {centre:g}")
        known &= radius >= centre
    if not corners:
        known &= radius < (min(values.shape) + 1) // 2
    if mask is not None:
        masked = read_volume(mask) if not isinstance(mask, np.ndarray) else mask
        if masked.shape != values.shape:
            raise DataError(f"{mask} has the shape {masked.shape}, {source} {values.shape}")
        known &= masked == 0
    if not known.any() or not values[known].any():
        raise DataError(f"{source}: nothing is known of it: every voxel is masked, not finite, negative or 0")
    return Intensity(values, known, float(stated if voxel is None else voxel), source.name)


def _start(
    run: RunFolder, number: int, projector: Projector, how: Phasing, seed: int, advance: Any
) -> dict[str, np.ndarray]:  # fmt: skip
    """What a start ended with: read where it is whole, else computed and kept."""
    path = run.path(f"starts/{number}.npz")
    if path.exists():
        try:
            ended = read_arrays(path, "density", "support", "error")
            advance(how.iterations)
            return ended
        except DamagedError:
            pass  # a disk that lost it: the same seed gives the same start
    found = phase(projector, how, seed, advance)
    write_arrays(path, {"density": found.density, "support": found.support, "error": np.array(found.error)})
    return read_arrays(path)


def _finish(
    run: RunFolder, given: Intensity, projector: Projector, ended: list[dict[str, np.ndarray]], seed: int
) -> None:
    densities = [each["density"].astype(np.float64) for each in ended]
    reference = int(np.argmax(grid_correlations(densities).sum(axis=1)))
    moved = [aligned(densities[reference], each) for each in densities]
    used = np.array([each.correlation >= AGREES for each in moved])
    agreeing = [each.density for each, is_used in zip(moved, used, strict=True) if is_used]
    density = np.mean(agreeing, axis=0)
    voxel = 1 / (given.voxel * given.values.shape[0])
    prtf = phase_retrieval_transfer(coefficients(density), projector.amplitudes_centred, projector.known_centred)
    halves = (
        [np.mean(agreeing[part::2], axis=0) for part in range(2)]
        if len(agreeing) > 1
        else [density, np.zeros_like(density)]
    )
    write_parquet(_table(ended, moved, used, seed), run.path("starts.parquet"))
    run.write_json("curves.json", {"prtf": prtf, "fsc": density_shell_correlation(*halves), "voxel": voxel})
    write_mrc(run.path("density.mrc"), density, voxel)
    write_cxi(
        run.path("density.cxi"), density, voxel, support=np.mean([each["support"] for each in ended], axis=0) > 0.5
    )
    write_page(run, _read(run), given)
    run.finish()


def _table(ended: list[dict[str, np.ndarray]], moved: list[Alignment], used: np.ndarray, seed: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "start": np.arange(len(ended)), "seed": seed + np.arange(len(ended)), "error": [float(each["error"]) for each in ended],
            "support": [float(each["support"].mean()) for each in ended], "correlation": [each.correlation for each in moved],
            "inverted": [each.inverted for each in moved], "shift": [each.shift.tolist() for each in moved], "used": used,
        }
    )  # fmt: skip


def _read(run: RunFolder) -> PhasedVolume:
    curves = run.read_json("curves.json")
    prtf, fsc = (
        np.array([np.nan if each is None else each for each in curves[name]], float) for name in ("prtf", "fsc")
    )
    voxel = np.nan if curves["voxel"] is None else float(curves["voxel"])
    return PhasedVolume(
        run, read_volume(run.path("density.mrc")), pl.read_parquet(run.path("starts.parquet")), prtf, fsc, voxel
    )
