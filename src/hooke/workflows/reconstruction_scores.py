"""A reconstruction against the truth: errors of orientations, and the intensity shell by shell.

Errors of orientations are those that one common rotation leaves. What no pattern can tell is counted apart: near-symmetries of the particle,
which are found from the true intensity alone, and half a turn about the beam, which a flat detector does not see. The agreement of
intensities is that of log(1 + λ), λ the expected photons of a pixel, so that voxels that are dark in truth do not count beyond their
photons; the Fourier shell correlation of I is the correlation within shells, about their means.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.ndimage import map_coordinates

from hooke.core.checked import read_arrays
from hooke.core.errors import DataError
from hooke.core.runs import RunFolder
from hooke.diffraction.detector import read_detector
from hooke.diffraction.orientations import agreement, near_symmetries
from hooke.diffraction.rotations import (
    IDENTITY,
    angle_between,
    in_plane_rotations,
    inverse,
    rotation_matrices,
    sample_rotations,
)
from hooke.diffraction.simulate import FINER, fine_side
from hooke.diffraction.structure import intensities, read_structure
from hooke.diffraction.truth import read_truth
from hooke.workflows.reconstruction_page import add_scores


@dataclass(frozen=True)
class Errors:
    """Of orientations: median in degrees, and the share within two spacings."""

    median: float
    within: float


@dataclass(frozen=True)
class ReconstructionScores:
    """A reconstruction against the truth.

    Attributes:
        frames: Used, with a known true orientation.
        spacing: Degrees; 0.91 / n rad.
        naive: Errors after one common rotation.
        symmetric: After the particle's near-symmetries as well.
        flips: Share of frames that only half a turn about the beam brings within two spacings.
        symmetries: Of the particle: angle in degrees, correlation of the intensity.
        correlation: Of log(1 + λ) over seen voxels outside of the beam stop.
        shells: Voxels, 1/Å, correlation of I about the means of the shell.
        fluence: Correlation of φ with its truth; NaN where either is constant.
    """

    frames: int
    spacing: float
    naive: Errors
    symmetric: Errors
    flips: float
    symmetries: tuple[tuple[float, float], ...]
    correlation: float
    shells: tuple[tuple[int, float, float], ...]
    fluence: float

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def evaluate_reconstruction(
    run: Path | str, truth: Path | str, *, frames: Path | str | None = None, model: int = 0, assembly: str = ""
) -> ReconstructionScores:
    """Compare a finished reconstruction with the structure that its frames were simulated from, and add what is found to its page.

    Args:
        run: The run folder.
        truth: PDB or mmCIF.
        frames: What knows the true orientations; None takes the frames of the run.
        model: Which of several.
        assembly: Of the structure.

    Raises:
        DataError: The run or the structure is at fault, or the frames know no truth.
    """
    folder = RunFolder.open(Path(run))
    info = folder.info
    if "detector" not in info:
        raise DataError(f"{folder.folder} is not a run of `hooke diffraction reconstruct`")
    detector = read_detector(info["detector"])
    known = read_truth(Path(frames or info["frames"]))
    if known is None:
        raise DataError(
            f"{frames or info['frames']} does not know the true orientations of its frames: simulated frames do"
        )
    table = pl.read_parquet(folder.path("orientations.parquet"))
    if len(table) != len(known.quaternions):
        raise DataError(f"the run has {len(table)} frames, the truth {len(known.quaternions)}")
    volumes = read_arrays(folder.path("intensity.npz"))
    options = folder.recipe["options"]
    rotations = in_plane_rotations(options["in_plane"]) if options["in_plane"] else sample_rotations(options["n"])
    used = table.filter((pl.col("reason") == "") & (pl.col("model") == model))
    places = used["frame"].to_numpy()
    structure = read_structure(truth, assembly=assembly)
    fine = intensities(structure, fine_side(detector), detector.voxel / FINER)
    radius = np.linalg.norm(detector.q[detector.used], axis=1)
    inner, outer = float(radius.min()) + 0.5, float(radius.max()) - 0.5
    scale = _scale(volumes["models"][model], fine, inner, outer)
    peaks = near_symmetries(np.log1p(scale * fine[::FINER, ::FINER, ::FINER]), inner, outer)
    symmetries = np.array([IDENTITY, *(peak for peak, _ in peaks)])
    reach = 2 * rotations.spacing
    found = agreement(used.select("w", "x", "y", "z").to_numpy(), known.quaternions[places], reach, symmetries)
    true = _turned(fine, found.common, detector.side)
    scores = ReconstructionScores(
        len(used), float(np.degrees(rotations.spacing)), _errors(found.errors, reach), _errors(found.symmetric, reach),
        float(((found.flipped < reach) & (found.symmetric >= reach)).mean()),
        tuple((float(np.degrees(angle_between(peak, IDENTITY))), value) for peak, value in peaks),
        *_volumes(volumes["models"][model], volumes["seen"][model], true, detector.voxel, inner, outer),
        _correlation(used["fluence"].to_numpy(), known.fluences[places]),
    )  # fmt: skip
    compared = volumes["seen"][model]
    scale = volumes["models"][model][compared].sum() / true[compared].sum()
    add_scores(folder, scores, true * scale, model)
    return scores


def _errors(angles: np.ndarray, reach: float) -> Errors:
    return Errors(float(np.degrees(np.median(angles))), float((angles < reach).mean()))


def _radius(side: int) -> np.ndarray:
    axis = np.arange(side) - side // 2
    return np.sqrt(sum(np.meshgrid(*[axis**2] * 3, indexing="ij")))


def _scale(model: np.ndarray, fine: np.ndarray, inner: float, outer: float) -> float:
    """Photons a pixel per unit of the true intensity."""
    coarse, radius = fine[::FINER, ::FINER, ::FINER], _radius(len(model))
    between = (radius >= inner) & (radius <= outer)
    return float(model[between].mean() / coarse[between].mean())


def _turned(fine: np.ndarray, common: np.ndarray, side: int) -> np.ndarray:
    """(side, side, side) true intensity on the axes of the reconstruction: I(Gᵀ x)."""
    axis = np.arange(side) - side // 2
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    places = grid @ rotation_matrices(inverse(common)).T * FINER + fine.shape[0] // 2
    return np.maximum(map_coordinates(fine, np.moveaxis(places, -1, 0), order=3, mode="nearest"), 0)


def _volumes(
    model: np.ndarray, seen: np.ndarray, true: np.ndarray, voxel: float, inner: float, outer: float
) -> tuple[float, tuple[tuple[int, float, float], ...]]:
    radius = _radius(len(model))
    compared = seen & (radius >= inner) & (radius <= outer)
    true = true * (model[compared].sum() / true[compared].sum())
    shells = np.rint(radius).astype(int)
    found = []
    for shell in range(int(np.ceil(inner)), int(outer) + 1):
        within = seen & (shells == shell)
        found.append((shell, shell * voxel, _correlation(model[within], true[within])))
    return _correlation(np.log1p(model[compared]), np.log1p(true[compared])), tuple(found)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
