"""The page of a reconstruction: slices of the intensity, measured beside expected frames, directions, likelihood and information."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.ndimage import map_coordinates

from hooke.core.checked import read_arrays
from hooke.core.runs import RunFolder
from hooke.diffraction.detector import Detector
from hooke.diffraction.patterns import Patterns
from hooke.diffraction.rotations import Rotations, rotation_matrices
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.provenance import reproduce
from hooke.report.schema import Curve, LearningCurves, Picture, Report, Summary
from hooke.report.wording import number

if TYPE_CHECKING:
    from hooke.workflows.reconstruct import Reconstruction
    from hooke.workflows.reconstruction_scores import ReconstructionScores

FSC, TRUTH = "FSC of I", "Truth: slices across x, y and z"
_SCALE = 5  # screen pixels a voxel or detector pixel
_WIDTH = 361  # of the map of directions


def write_page(
    run: RunFolder, found: Reconstruction, patterns: Patterns, detector: Detector, rotations: Rotations
) -> Path:  # fmt: skip
    """`report.json` and `report.html` of a run.

    Args:
        run: Where they are written; holds intensity.npz and orientations.parquet.
        found: The run in numbers.
        patterns, detector: What was measured.
        rotations: That were tried.
    """
    volumes = read_arrays(run.path("intensity.npz"))
    table = pl.read_parquet(run.path("orientations.parquet"))
    lines: dict[str, list[dict[str, float]]] = {}
    for line in run.metrics():
        if not line["final"]:
            beyond = line["start"] - len(found.likelihoods)
            name = f"start {line['start'] + 1}"
            if beyond >= 0:
                name = f"without {found.symmetry}" if found.support and beyond == 0 else "refinement"
            lines.setdefault(name, []).append(line)
    left_out = [f"{count:,} frames were not used: {reason}." for reason, count in found.left_out.items()]
    report = Report(
        title="Reconstruction of single particles",
        subtitle=f"orientations of {found.used:,} snapshots among {found.rotations:,} rotations",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=Summary(
            f"{found.verdict[0].upper()}{found.verdict[1:]}.",
            "none",
            (
                KeyNumber(f"{found.used:,}", "frames used"),
                KeyNumber(number(float(patterns.photons.mean())), "photons a frame"),
                KeyNumber(number(found.information), "nats of information a frame"),
                KeyNumber(number(found.likelihoods[found.best]), "log-likelihood a frame"),
            ),
            (*([f"{found.symmetry}: {found.support['warning']}."] if found.support.get("warning") else []), *left_out),
        ),
        training=(
            _curves("Log-likelihood of a frame at β = 1", lines, "log_likelihood", "log-likelihood"),
            _curves("Information of a frame", lines, "information", "nats"),
            _curves("Power of the posteriors", lines, "beta", "β"),
        ),
        pictures=(
            *(picture for model in range(len(volumes["models"])) for picture in slices(volumes, model)),
            *compared(volumes["models"], table, patterns, detector),
            directions(table),
        ),
        items="frames",
        reproduce=reproduce(commands={"Command": run.info["command"]}, recipes={"options": run.recipe}, run=run.info, citations=["emc"]),
    )  # fmt: skip
    report.write(run.path("report.json"))
    return write_report(run.path("report.json"), run.path("report.html"))


def add_scores(run: RunFolder, scores: ReconstructionScores, true: np.ndarray, model: int) -> Path:
    """Add what a comparison with the truth found to the page of a run, in place of what an earlier one found.

    Args:
        run: Whose report is there.
        scores: Of a model.
        true: (side, side, side) true intensity on the model's axes and scale.
        model: Which.
    """
    report = Report.read(run.path("report.json"))
    volumes = read_arrays(run.path("intensity.npz"))
    shells = tuple(q for _, q, _ in scores.shells)
    curve = Curve("against the truth", shells, tuple(value for *_, value in scores.shells))
    fsc = LearningCurves(
        FSC, (curve,), "1/Å", "FSC", "Correlation of intensities within shells, about the shell's mean."
    )
    seen = volumes["seen"][model : model + 1]
    truth = replace(slices({"models": np.maximum(true, 1e-9)[None], "seen": seen}, 0)[0], title=TRUTH)
    numbers = (
        KeyNumber(f"{scores.symmetric.median:.1f}°", "median angle error"),
        KeyNumber(f"{scores.symmetric.within:.1%}", "within two spacings"),
        KeyNumber(number(scores.correlation), "correlation of log(1 + I)"),
    )
    names = {each.label for each in numbers}
    kept = tuple(each for each in report.summary.key_numbers if each.label not in names)
    first, *others = [each for each in report.pictures if each.title != TRUTH]
    report = replace(
        report,
        summary=replace(report.summary, key_numbers=(*numbers, *kept)[:6]),
        training=(*(each for each in report.training if each.title != FSC), fsc),
        pictures=(first, truth, *others),
    )
    report.write(run.path("report.json"))
    return write_report(run.path("report.json"), run.path("report.html"))


def _curves(title: str, lines: dict[str, list[dict[str, float]]], field: str, axis: str) -> LearningCurves:
    return build.learning_curves(title, lines, step="iteration", train=field, valid="", loss_name=axis)


def slices(volumes: dict[str, np.ndarray], model: int) -> list[Picture]:
    """Log I through the centre of a model, across each axis; voxels that no pixel fell on are blank."""
    values, seen = volumes["models"][model], volumes["seen"][model]
    middle = values.shape[0] // 2
    logs = np.where(seen, np.log(values), np.nan)
    planes = [logs[middle], logs[:, middle], logs[:, :, middle]]
    name = f"log I of model {model + 1}" if len(volumes["models"]) > 1 else "log I"
    return [picture(f"{name}: slices across x, y and z", _beside(planes), "White: no pixel fell on the voxel.")]


def compared(models: np.ndarray, table: pl.DataFrame, patterns: Patterns, detector: Detector) -> list[Picture]:
    """The best, the median and the worst frame by likelihood a photon: what was measured beside what the model expects."""
    used = table.filter(pl.col("reason") == "")
    photons = patterns.photons[used["frame"].to_numpy()]
    order = np.argsort(-used["log_likelihood"].to_numpy() / photons)
    pictures = []
    for name, place in (("best", 0), ("median", len(order) // 2), ("worst", len(order) - 1)):
        row = used.row(int(order[place]), named=True)
        measured = patterns.dense(row["frame"], row["frame"] + 1)[0].astype(float)
        matrix = rotation_matrices(np.array([row[axis] for axis in "wxyz"]))
        places = (detector.q @ matrix.T + models.shape[1] // 2).T
        expected = map_coordinates(models[row["model"]], places, order=1) * detector.weights * row["fluence"]
        planes = [
            np.where(detector.used, np.log1p(each), np.nan).reshape(detector.shape) for each in (measured, expected)
        ]
        note = f"Frame {row['frame']}, {int(measured.sum())} photons, φ {row['fluence']:.2f}; left measured, right expected; log(1 + photons)."
        pictures.append(picture(f"Measured and expected: the {name} frame", _beside(planes), note))
    return pictures


def directions(table: pl.DataFrame) -> Picture:
    """Where the beam came from in the particle's frame: a map of the sphere of equal area, one dot a frame."""
    used = table.filter(pl.col("reason") == "")
    beam = rotation_matrices(used.select("w", "x", "y", "z").to_numpy())[:, :, 2]
    longitude, height = np.arctan2(beam[:, 1], beam[:, 0]), beam[:, 2]
    counts, _, _ = np.histogram2d(-height, longitude, bins=(_WIDTH // 4, _WIDTH), range=((-1, 1), (-np.pi, np.pi)))
    note = "Across: longitude, −180° to 180°; up: cosine of the polar angle (equal areas). Even where particles lie at random."
    return picture("Directions of the beam in the particle's frame", np.minimum(counts, 3), note, scale=2)


def picture(title: str, plane: np.ndarray, note: str, *, scale: int = _SCALE) -> Picture:
    """Values as grey, dark for high; NaN is white."""
    known = np.isfinite(plane)
    low, high = (np.nanpercentile(plane, part) for part in (1, 99.8)) if known.any() else (0.0, 1.0)
    grey = 235 - 235 * np.clip((np.where(known, plane, low) - low) / max(high - low, 1e-9), 0, 1)
    return build.grey_picture(title, np.where(known, grey, 255).astype(np.uint8), note, scale=scale)


def _beside(planes: Sequence[np.ndarray]) -> np.ndarray:
    """Planes from left to right, with a blank column between."""
    blank = np.full((planes[0].shape[0], 1), np.nan)
    parts = [part for plane in planes for part in (plane, blank)]
    return np.concatenate(parts[:-1], axis=1)
