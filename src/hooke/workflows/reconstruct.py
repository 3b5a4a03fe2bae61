"""From snapshots of single particles to their intensity in three dimensions: several starts, resumable, on one process or several.

A run folder holds `starts/K/` (model and orientations of each start), `intensity.npz` (the model of the likeliest start, and which voxels a
pixel ever fell on), the same as `intensity.mrc` and `intensity.cxi`, `orientations.parquet` (a row for every frame, also for those that were not
used, with the reason), `metrics.jsonl` and the report. The same command continues an unfinished run, with the same bits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core.checked import read_arrays, write_arrays, write_parquet
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.hashing import content_hash
from hooke.core.recipe import TrainSection
from hooke.core.runs import RunFolder
from hooke.core.writable import check_output_folder
from hooke.diffraction.detector import Detector, read_detector
from hooke.diffraction.engine.annealing import Annealing
from hooke.diffraction.engine.em import MERGES
from hooke.diffraction.orientations import agreement
from hooke.diffraction.patterns import EMPTY, MASKED, Patterns, read_patterns
from hooke.diffraction.point_groups import check_symmetry, find_axes, group_rotations
from hooke.diffraction.rotations import Rotations
from hooke.diffraction.volumes import write_cxi, write_mrc
from hooke.train.devices import check_can_start, launch, make_fabric
from hooke.workflows._reconstruction_job import (
    FRIEDEL,
    HALVES,
    Job,
    finals,
    finished_start,
    likeliest,
    read_background,
    reconstruct_share,
    rotations_of,
)
from hooke.workflows._reconstruction_plan import Plan, plan
from hooke.workflows.reconstruction_page import write_page

NAME = "emc"  # of the folder of such runs
PRECISIONS = ("single", "double")
_AGREE = 0.5  # share of frames within two spacings from which two starts agree
_TABLE_BYTES = 1 << 32  # bytes that tables of all rotations may take


@dataclass(frozen=True)
class ReconstructOptions:
    """What a run is made of, beside its frames.

    Attributes:
        n: Division of the 600-cell: 10 (5 n³ + n) rotations. About the number of speckles from the centre to the edge.
        in_plane: Rotations about the beam alone (2D), so many; 0 for all rotations.
        iterations: Of a start.
        annealing: "adaptive" or "fixed" (`diffraction.engine.annealing`).
        schedule: Options of `Annealing`, where they are not the default ones.
        refine: Iterations that follow on the likeliest start, of each frame on rotations of 2n near its best one (`engine.local`).
        starts: From different random models; the likeliest is kept.
        models: Intensities that frames are divided among.
        symmetry: Of the particle: "friedel" (every intensity's), or a point group as well: C2, C3 ..., D2 ..., T, O, I, on the axes of
            `diffraction.point_groups`. A group costs one start more, without it, whose halves say whether they support it.
        merge: "counts" or "normalised" (`diffraction.engine.em`).
        scaling: Whether fluences are estimated.
        background: .npy, expected counts of a frame in every pixel that are not the particle's; "" for none (`engine.background`).
        precision: "single" or "double".
        seed: Of the first models.

    Raises:
        UsageError, UnknownNameError: An option is none.
    """

    n: int = 0
    in_plane: int = 0
    iterations: int = 20
    annealing: str = "adaptive"
    schedule: dict[str, float] = field(default_factory=dict)
    refine: int = 0
    starts: int = 3
    models: int = 1
    symmetry: str = FRIEDEL
    merge: str = "counts"
    scaling: bool = True
    background: str = ""
    precision: str = "single"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("starts", "models"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for what, given, valid in (("merge", self.merge, MERGES), ("precision", self.precision, PRECISIONS)):
            if given not in valid:
                raise UnknownNameError(what, given, valid)
        Annealing(self.annealing, self.iterations, **self.schedule)  # type: ignore[arg-type]
        if self.refine < 0:
            raise UsageError(f"refine is 0 or more iterations, got {self.refine}")
        if self.refine and (self.background or self.merge != "counts"):
            raise UsageError("refine goes with merge counts, and not with a background")
        group = self.symmetry.strip()
        group = FRIEDEL if group.lower() in (FRIEDEL, "c1") else group.upper()
        object.__setattr__(self, "symmetry", group)
        if group != FRIEDEL:
            group_rotations(group)
            if self.in_plane:
                raise UsageError("a symmetry in three dimensions does not go with rotations in the plane (in_plane)")

    @property
    def rotations(self) -> Rotations:
        """The rotations that are tried."""
        return rotations_of(asdict(self))


@dataclass(frozen=True)
class Reconstruction:
    """A finished run.

    Attributes:
        run: Its folder.
        likelihoods: Of each start: log-likelihood of a frame at β = 1.
        agreements: Of each start with the likeliest: share of frames within two spacings after one common rotation.
        best: The likeliest start.
        information: Nats that a frame gives about its rotation, at β = 1.
        frames, used: How many there are, and were used.
        left_out: Reason → frames.
        rotations: How many were tried.
        symmetry: The point group, or "friedel".
        support: What disjoint halves of the frames say of the group, without it (`diffraction.point_groups.check_symmetry`): gain, expected,
            axes (correlation of log I with its turned copies), warning ("" where they support it); empty without a group.
    """

    run: RunFolder
    likelihoods: tuple[float, ...]
    agreements: tuple[float, ...]
    best: int
    information: float
    frames: int
    used: int
    left_out: dict[str, int]
    rotations: int
    symmetry: str
    support: dict[str, Any]

    @property
    def verdict(self) -> str:
        """One line: which start was taken, whether others say the same, and whether halves support the symmetry."""
        if not self.support:
            return self._starts
        return (
            f"{self._starts}; {self.symmetry}: {self.support['warning'] or 'halves of the frames support the symmetry'}"
        )

    @property
    def _starts(self) -> str:
        others = [share for start, share in enumerate(self.agreements) if start != self.best]
        taken = f"start {self.best + 1} of {len(self.likelihoods)} is the likeliest ({self.likelihoods[self.best]:.2f} a frame)"
        if not others:
            return f"one start alone ({self.likelihoods[0]:.2f} a frame): nothing to compare it with"
        agreeing = sum(share >= _AGREE for share in others)
        if agreeing == len(others):
            return f"{taken}; all starts agree"
        if agreeing:
            return f"{taken}; {agreeing} of {len(others)} other starts agree with it, the rest found other orientations"
        return f"{taken}, but NO other start agrees with it: more starts, slower annealing or more photons are needed"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            **{name: value for name, value in vars(self).items() if name != "run"},
            "folder": str(self.run.folder),
            "report": str(self.run.path("report.html")),
            "verdict": self.verdict,
        }


def reconstruct(
    frames: Path | str, runs: Path | str = Path("runs"), *, detector: Path | str | None = None, speckles: float | None = None,
    accelerator: str = "cpu", devices: int = 1, new: bool = False, show_progress: bool = True, **options: Any,
) -> Reconstruction:  # fmt: skip
    """Find the orientations of frames and the intensity that they are slices of.

    Args:
        frames: .h5, .emc, .cxi, .npy or a store.
        runs: Folder of the run folders; this one lies in runs/emc.
        detector: Its file; None takes FRAMES.detector.h5 beside the frames.
        speckles: From the centre to the edge, which n is set to; without n and it, the detector's oversampling tells them.
        accelerator: "cpu", "cuda" or "auto".
        devices: Processes, among which frames are divided.
        new: Start afresh rather than continue or return an earlier run of the same frames and options.
        show_progress: Show starts, iterations, rate and time left.
        options: Those of `ReconstructOptions`.

    Raises:
        UsageError: An option is none.
        DataError: A file is at fault, or no frame can be used.
    """
    given = _Given(Path(frames), detector, speckles, options)
    section = _section(accelerator, devices)
    check_can_start(section)
    check_output_folder(runs)
    identity = {"frames": content_hash(vars(given.patterns)), "detector": content_hash(given.detector)}
    asked = {"name": NAME, "options": asdict(given.options)}
    if given.background is not None:
        identity["background"] = content_hash(given.background)
    digest = content_hash(identity)
    with RunFolder.starting(Path(runs), NAME, asked, digest):
        run = None if new else RunFolder.find_finished(Path(runs), NAME, asked, digest)
        if run is not None:
            return _read(run, given)
        run = None if new else RunFolder.find_unfinished(Path(runs), NAME, asked, digest)
        run = run or RunFolder.create(Path(runs), NAME, asked, digest)
        run.update(frames=str(given.frames.resolve()), detector=str(given.detector_path.resolve()))
    with run.locked():
        if run.info["status"] != "finished":
            job = Job(run.folder, given.frames, given.detector_path, asdict(given.options), _TABLE_BYTES, show_progress)
            launch(make_fabric(section), reconstruct_share, job)
            _finish(run, given)
    return _read(run, given)


def plan_reconstruction(
    frames: Path | str, *, detector: Path | str | None = None, speckles: float | None = None, accelerator: str = "cpu", devices: int = 1,
    count: int | None = None, rate: float | None = None, **options: Any,
) -> Plan:  # fmt: skip
    """What a reconstruction would cost; nothing is run.

    Args:
        frames, detector, speckles, accelerator, options: See `reconstruct`.
        devices: Any number.
        count: Frames to plan for, instead of those of the file.
        rate: GFLOP/s of float32 products of a device.
    """
    given = _Given(Path(frames), detector, speckles, options)
    chosen = given.options
    return plan(
        given.detector, count or len(given.patterns), float(given.patterns.photons.mean()), n=chosen.n, in_plane=chosen.in_plane,
        models=chosen.models, starts=chosen.starts + (chosen.symmetry != FRIEDEL), iterations=chosen.iterations, devices=devices,
        accelerator=accelerator, table_bytes=_TABLE_BYTES, rate=rate,
    )  # fmt: skip


class _Given:
    """Frames, detector and options that fit each other."""

    def __init__(
        self, frames: Path, detector: Path | str | None, speckles: float | None, options: dict[str, Any]
    ) -> None:
        valid = list(ReconstructOptions.__dataclass_fields__)
        for name in options:
            if name not in valid:
                raise UnknownNameError("option", name, valid)
        self.frames, self.detector_path = frames, detector_of(frames, detector)
        self.detector = read_detector(self.detector_path)
        self.patterns = read_patterns(frames)
        if self.patterns.number_of_pixels != self.detector.pixels:
            raise DataError(
                f"{frames} has {self.patterns.number_of_pixels} pixels a frame, the detector {self.detector_path} has {self.detector.pixels}"
            )
        self.options = _with_n(ReconstructOptions(**options), speckles, self.detector)
        self.background = read_background(self.options.background, self.detector.pixels)
        if self.background is not None and self.options.merge != "counts":
            raise UsageError("a background needs merge counts: views without their background are not normalised")
        self.reasons = unused_frames(self.patterns, self.detector)
        if len(self.reasons) == len(self.patterns):
            raise DataError(f"{frames}: no frame holds a photon on a pixel that orients ({self.detector_path})")


def unused_frames(patterns: Patterns, detector: Detector) -> dict[int, str]:
    """Frames that cannot be oriented → why."""
    orients = (detector.mask == 0)[patterns.pixels]
    sums = np.concatenate([[0], np.cumsum(patterns.counts * orients, dtype=np.int64)])
    photons, entries = sums[patterns.starts[1:]] - sums[patterns.starts[:-1]], np.diff(patterns.starts)
    return {
        int(frame): patterns.reasons.get(int(frame)) or (EMPTY if entries[frame] == 0 else MASKED)
        for frame in np.flatnonzero(photons == 0)
    }


def detector_of(frames: Path, detector: Path | str | None) -> Path:
    """The detector's file: the one that is given, or the one beside the frames.

    Raises:
        UsageError: There is none.
    """
    if detector is not None:
        return Path(detector)
    beside = frames.with_name(f"{frames.stem}.detector.h5")
    if not beside.exists():
        raise UsageError(f"there is no {beside} beside the frames: name the detector's file (--detector)")
    return beside


def _with_n(options: ReconstructOptions, speckles: float | None, detector: Detector) -> ReconstructOptions:
    if options.in_plane:
        if options.n or speckles is not None:
            raise UsageError("in_plane counts the rotations itself: leave out n and speckles")
        return options
    if options.n:
        if speckles is not None:
            raise UsageError("give n or speckles, which n is set to, not both")
        return options
    if speckles is None:
        if not np.isfinite(detector.oversampling):
            raise UsageError(
                "the detector does not state its oversampling: give --speckles (from the centre to the edge) or --n"
            )
        speckles = float(np.linalg.norm(detector.q[detector.used], axis=1).max()) / detector.oversampling
    if not speckles > 0:
        raise UsageError(f"speckles from the centre to the edge must be above 0, got {speckles:g}")
    return replace(options, n=max(1, round(speckles)))


def _section(accelerator: str, devices: int) -> TrainSection:
    if accelerator not in ("cpu", "cuda", "auto"):
        raise UnknownNameError("accelerator", accelerator, ("cpu", "cuda", "auto"))
    if devices < 1:
        raise UsageError(f"devices must be 1 or more, got {devices}")
    return TrainSection(accelerator=accelerator, devices=devices)  # type: ignore[arg-type]


def _finish(run: RunFolder, given: _Given) -> None:
    """Choose a start, write its results, the page, and mark the run finished."""
    best = likeliest(run, given.options.starts)
    ended = [finished_start(run, start) for start in range(given.options.starts)]
    rotations = given.options.rotations
    used = np.flatnonzero(ended[best]["rotation"] >= 0)
    found = [rotations.quaternions[each["rotation"][used]] for each in ended]
    shares = [
        float((agreement(each, found[best], 2 * rotations.spacing).flipped < 2 * rotations.spacing).mean())
        for each in found
    ]
    chosen = ended[best]
    if given.options.refine:
        chosen = finished_start(run, max(line["start"] for line in run.metrics()))
        rotations = rotations_of(asdict(given.options), 2)
    write_arrays(run.path("intensity.npz"), {"models": chosen["models"], "seen": chosen["seen"]})
    for number, volume in enumerate(chosen["models"]):
        stem = "intensity" if len(chosen["models"]) == 1 else f"intensity-{number + 1}"
        write_mrc(run.path(f"{stem}.mrc"), volume, given.detector.voxel)
        write_cxi(
            run.path(f"{stem}.cxi"), volume, given.detector.voxel, space="diffraction", support=chosen["seen"][number]
        )
    write_parquet(orientations(chosen, rotations, given.reasons), run.path("orientations.parquet"))
    run.write_json("starts.json", {"best": best, "agreements": shares, "support": _support(run, given)})
    summary = _summary(run, given)
    run.update(verdict=summary.verdict)
    write_page(run, summary, given.patterns, given.detector, rotations)
    run.finish()


def orientations(ended: dict[str, np.ndarray], rotations: Rotations, reasons: dict[int, str]) -> pl.DataFrame:
    """A row a frame: quaternion (scalar first), model, probability, log-likelihood, fluence, level of a background, why it was not used."""
    unused = ended["rotation"] < 0
    places = np.where(unused, 0, ended["rotation"])
    quaternions = np.where(unused[:, None], np.nan, rotations.quaternions[places])
    return pl.DataFrame(
        {
            "frame": np.arange(len(unused)), **{name: quaternions[:, column] for column, name in enumerate("wxyz")},
            "model": ended["model"], "probability": ended["probability"], "log_likelihood": ended["likelihood"],
            "fluence": ended["fluences"], **({"background": ended["levels"]} if "levels" in ended else {}),
            "reason": [reasons.get(frame, "") for frame in range(len(unused))],
        }
    )  # fmt: skip


def _support(run: RunFolder, given: _Given) -> dict[str, Any]:
    """See `Reconstruction`."""
    if given.options.symmetry == FRIEDEL:
        return {}
    halves = read_arrays(run.path(HALVES), "models", "exposures")
    values, weights = halves["models"].astype(float), halves["exposures"].astype(float)
    radius = np.linalg.norm(given.detector.q[given.detector.used], axis=1)
    inner, outer = int(np.ceil(radius.min())) + 1, float(radius.max()) - 1
    axes, correlation = find_axes(
        (values * weights).sum(0) / np.maximum(weights.sum(0), 1e-300), given.options.symmetry, inner=inner, outer=outer
    )
    group = axes @ group_rotations(given.options.symmetry) @ axes.T
    first, second = (np.maximum(each, 1e-6 * each.max()) for each in weights)
    found = check_symmetry(values[0], values[1], group, inner=inner, weights=(first, second))
    return {"gain": found.gain, "expected": found.expected, "axes": correlation, "warning": found.warning}


def _summary(run: RunFolder, given: _Given) -> Reconstruction:
    ended = finals(run, given.options.starts)
    starts = run.read_json("starts.json")
    count = len(given.patterns)
    return Reconstruction(
        run, tuple(line["log_likelihood"] for line in ended), tuple(starts["agreements"]), starts["best"],
        ended[starts["best"]]["information"], count, count - len(given.reasons), dict(Counter(given.reasons.values())),
        len(given.options.rotations), given.options.symmetry, starts["support"],
    )  # fmt: skip


def _read(run: RunFolder, given: _Given) -> Reconstruction:
    return _summary(RunFolder.open(run.folder), given)
