"""The page of a phased density: a density that one can turn, slices, PRTF and FSC, every start."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import affine_transform
from scipy.spatial.transform import Rotation

from hooke.core.runs import RunFolder
from hooke.diffraction.resolution import HALF_SETS, resolved_shell
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.provenance import reproduce
from hooke.report.schema import Curve, LearningCurves, Picture, Report, Summary
from hooke.report.wording import number

if TYPE_CHECKING:
    from hooke.workflows.phase import Intensity, PhasedVolume

_AROUND, _DOWN = 24, 5  # views of a density, and how far they reach above and below
_TILT = 60.0  # degrees
_LARGEST = 48  # voxels of an edge of a view
_SCALE = 4
_VIEW = 160  # screen pixels of a small view


def write_page(run: RunFolder, found: PhasedVolume, given: Intensity) -> Path:
    """`report.json` and `report.html` of a run.

    Args:
        run: Where they are written.
        found: What came of it.
        given: What was phased.
    """
    shell = resolved_shell(found.fsc, HALF_SETS)
    left_out = [
        f"Start {row['start']} was left out: its correlation with the others' centre is {number(row['correlation'])}."
        for row in found.starts.iter_rows(named=True)
        if not row["used"]
    ]
    size = given.values.shape[0] * found.voxel
    reach = f" ({number(size / shell)} Å)" if np.isfinite(size) and shell > 0 else ""
    report = Report(
        title=f"Density of {given.source}",
        subtitle=f"{len(found.starts)} starts from random phases, " + " x ".join(map(str, given.values.shape)),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=Summary(
            f"{found.verdict[0].upper()}{found.verdict[1:]}.", "none",
            (
                KeyNumber(f"{found.agreeing} of {len(found.starts)}", "starts averaged"),
                KeyNumber(number(float(np.nanmean(found.prtf))), "mean PRTF"),
                KeyNumber(f"{shell:.1f}{reach}", "shell where halves of the starts fall below FSC 0.143"),
            ),
            tuple(left_out),
        ),
        training=curves(found),
        pictures=pictures(found.density),
        items="starts",
        reproduce=reproduce(commands={"Command": run.info["command"]}, recipes={"options": run.recipe}, run=run.info, citations=[]),
    )  # fmt: skip
    report.write(run.path("report.json"))
    return write_report(run.path("report.json"), run.path("report.html"))


def add_density(run: RunFolder, found: PhasedVolume) -> Path:
    """Add the density of a reconstruction to its page, with PRTF and FSC, in place of what an earlier phasing found.

    Args:
        run: The reconstruction, whose report is there.
        found: Its phased intensity.
    """
    report = Report.read(run.path("report.json"))
    new, (first, *others) = curves(found), pictures(found.density)
    drawn = (replace(first, note=f"{found.verdict[0].upper()}{found.verdict[1:]}. {first.note}"), *others)
    curve_titles, picture_titles = {each.title for each in new}, {each.title for each in drawn}
    report = replace(
        report,
        training=(*(each for each in report.training if each.title not in curve_titles), *new),
        pictures=(*(each for each in report.pictures if each.title not in picture_titles), *drawn),
    )
    report.write(run.path("report.json"))
    return write_report(run.path("report.json"), run.path("report.html"))


def curves(found: PhasedVolume) -> tuple[LearningCurves, ...]:
    """PRTF and FSC of two halves of the starts, by shell."""
    return (
        _curve("Phase retrieval transfer function", found.prtf, "PRTF"),
        _curve("Two halves of the starts", found.fsc, "FSC"),
    )


def _curve(title: str, values: np.ndarray, axis: str) -> LearningCurves:
    known = tuple(float(each) if np.isfinite(each) else None for each in values)
    return LearningCurves(
        title,
        (Curve(axis, tuple(map(float, range(len(values)))), known),),
        "shell",
        axis,
        "By shell of |q|, in voxels.",
    )


def pictures(density: np.ndarray) -> tuple[Picture, ...]:
    """A density that one can turn, and slices through its middle; an image alone of two dimensions."""
    centred = in_the_middle(density)
    if density.ndim == 2:
        return (_grey("Density", centred, "Dark: dense."),)
    middle = [size // 2 for size in centred.shape]
    planes = [centred[middle[0]], centred[:, middle[1]], centred[:, :, middle[2]]]
    edge = max(max(plane.shape) for plane in planes)
    padded = [np.pad(plane, [(0, edge - plane.shape[0]), (0, edge - plane.shape[1] + 1)]) for plane in planes]
    return (
        turning(centred),
        _grey(
            "The density: slices across x, y and z",
            np.concatenate(padded, axis=1),
            "Through the centre of mass; dark: dense.",
        ),
    )


def in_the_middle(density: np.ndarray) -> np.ndarray:
    """A density on a cyclic grid, rolled so that its centre of mass is in the middle; cut to what holds it."""
    positive = np.maximum(density, 0)
    shift = []
    for axis, size in enumerate(density.shape):
        profile = positive.sum(axis=tuple(each for each in range(density.ndim) if each != axis))
        angle = np.angle((profile * np.exp(2j * np.pi * np.arange(size) / size)).sum())
        shift.append(size // 2 - round(angle / (2 * np.pi) * size))
    rolled = np.roll(positive, shift, tuple(range(density.ndim)))
    dense = np.argwhere(rolled > 0.05 * rolled.max())
    if not len(dense):
        return rolled
    reach = [int(np.abs(dense[:, axis] - size // 2).max()) + 2 for axis, size in enumerate(density.shape)]
    reach = [max(reach)] * density.ndim
    return rolled[
        tuple(slice(max(0, size // 2 - r), size // 2 + r + 1) for size, r in zip(rolled.shape, reach, strict=True))
    ]


def turning(density: np.ndarray) -> Picture:
    """Projections from all sides in one picture, of which the page shows one at a time."""
    step = max(1, -(-max(density.shape) // _LARGEST))
    small = density[::step, ::step, ::step]
    edge = int(np.ceil(np.sqrt(3) * max(small.shape)))
    rows = []
    for tilt in np.linspace(_TILT, -_TILT, _DOWN):
        views = []
        for turn in np.arange(_AROUND) * 360 / _AROUND:
            matrix = Rotation.from_euler("zx", [turn, tilt], degrees=True).as_matrix()
            offset = (np.array(small.shape) - 1) / 2 - matrix.T @ np.full(3, (edge - 1) / 2)
            views.append(affine_transform(small, matrix.T, offset, (edge,) * 3, order=1).sum(axis=1).T[::-1])
        rows.append(np.concatenate(views, axis=1))
    note = "Projections of the density; drag, or use the arrow keys, to turn it. Dark: dense."
    return _grey("The density", np.concatenate(rows), note, views=(_AROUND, _DOWN), scale=max(3, min(6, _VIEW // edge)))


def _grey(title: str, plane: np.ndarray, note: str, *, views: tuple[int, int] = (1, 1), scale: int = _SCALE) -> Picture:
    top = float(plane.max())
    grey = (255 - 235 * np.clip(plane / top if top > 0 else plane, 0, 1)).astype(np.uint8)
    return build.grey_picture(title, grey, note, scale=scale, views=views)
