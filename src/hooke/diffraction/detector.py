"""A detector seen from the particle: where on the Ewald sphere each pixel measures, how much of the light it sees, and what it is used for.

Laboratory frame: x along the columns, y along the rows of the detector, z along the beam. A pixel in direction u (unit) with the beam along z
measures q = R (u − z), R the radius of the Ewald sphere in voxels of the volume, so that |q| = 2 R sin(θ / 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.core.files import replacing
from hooke.diffraction._hdf5 import numbers, opened, text

ORIENT, MERGE, IGNORE = 0, 1, 2  # what a pixel is used for: orienting and merging, merging alone, nothing
POLARISATIONS = ("x", "y", "none")
_MARGIN = 1  # voxels around the farthest pixel: those that interpolation reads


@dataclass(frozen=True)
class Detector:
    """Pixels in row-major order.

    Attributes:
        q: (pixels, 3) float64, voxels.
        weights: (pixels,) float64 solid angle times polarisation, mean 1 over the pixels that are not ignored.
        mask: (pixels,) uint8: `ORIENT`, `MERGE` or `IGNORE`.
        shape: Rows and columns.
        wavelength: Å; NaN where it is not known.
        distance_pixels: From particle to detector, in pixels.
        ewald_radius: Voxels.
        oversampling: Voxels of a speckle's width; NaN where it is not known.
    """

    q: np.ndarray
    weights: np.ndarray
    mask: np.ndarray
    shape: tuple[int, int]
    wavelength: float
    distance_pixels: float
    ewald_radius: float
    oversampling: float = math.nan

    def __post_init__(self) -> None:
        pixels = self.shape[0] * self.shape[1]
        arrays = {"q": (self.q, (pixels, 3)), "weights": (self.weights, (pixels,)), "mask": (self.mask, (pixels,))}
        for name, (array, shape) in arrays.items():
            if array.shape != shape:
                raise DataError(
                    f"a detector of {self.shape[0]} x {self.shape[1]} pixels has {name} of the shape {array.shape}"
                )
        if bad := np.flatnonzero(~np.isfinite(self.q).all(axis=1) | ~np.isfinite(self.weights)).tolist():
            raise DataError(f"pixel {bad[0]} of the detector has no finite position or weight ({len(bad)} such pixels)")
        if (self.mask > IGNORE).any():
            pixel = int(np.flatnonzero(self.mask > IGNORE)[0])
            raise DataError(f"pixel {pixel} of the detector has the mask {self.mask[pixel]}; it is 0, 1 or 2")
        if not (self.mask != IGNORE).any():
            raise DataError("all pixels of the detector are masked")
        if (self.weights[self.mask != IGNORE] <= 0).any():
            pixel = int(np.flatnonzero((self.weights <= 0) & (self.mask != IGNORE))[0])
            raise DataError(f"pixel {pixel} of the detector has the weight {self.weights[pixel]:g}; it is above 0")
        if not (math.isfinite(self.ewald_radius) and self.ewald_radius > 0):
            raise DataError(f"the radius of the Ewald sphere is {self.ewald_radius:g} voxels; it is above 0")

    @classmethod
    def square(
        cls, side: int = 41, *, diameter: float, wavelength: float = 3.0, oversampling: float = 2.5, beam_stop: float = 3.0,
        polarisation: str = "x", corners: bool = False,
    ) -> Detector:  # fmt: skip
        """A flat square detector with the beam in its middle, one voxel a pixel there.

        Args:
            side: Pixels of an edge.
            diameter: Å, of the particle: a speckle is 1 / diameter wide, a voxel 1 / (diameter · oversampling).
            wavelength: Å.
            oversampling: Voxels of a speckle's width; 2 is what intensities need.
            beam_stop: Radius in pixels, ignored.
            polarisation: Of the beam: "x", "y", or "none", which leaves the factor out.
            corners: Use what lies outside the inscribed circle.

        Raises:
            UsageError: An option is none.
        """
        if side < 3:
            raise UsageError(f"a detector has at least 3 x 3 pixels, got {side}")
        for name, value in (("diameter", diameter), ("wavelength", wavelength), ("oversampling", oversampling)):
            if not (math.isfinite(value) and value > 0):
                raise UsageError(f"the {name} must be above 0, got {value:g}")
        if not beam_stop >= 0:
            raise UsageError(f"the radius of the beam stop is 0 or more pixels, got {beam_stop:g}")
        if polarisation not in POLARISATIONS:
            raise UsageError(f"the polarisation is x, y or none, got {polarisation!r}")
        radius = diameter * oversampling / wavelength
        y, x = np.meshgrid(*[np.arange(side) - (side - 1) / 2] * 2, indexing="ij")
        positions = np.stack([x.ravel(), y.ravel(), np.full(side * side, radius)], axis=1)
        u = positions / np.linalg.norm(positions, axis=1, keepdims=True)
        q = radius * (u - np.array([0.0, 0.0, 1.0]))
        light = u[:, 2] ** 3  # a pixel that is farther, and seen at an angle
        if polarisation != "none":
            light = light * (1 - u[:, "xy".index(polarisation)] ** 2)
        away = np.hypot(x, y).ravel()
        ignored = (away < beam_stop) | (False if corners else away > (side - 1) / 2)
        if ignored.all():
            raise UsageError(f"a beam stop of {beam_stop:g} pixels covers the whole detector of {side} x {side}")
        return cls(
            q, light / light[~ignored].mean(), np.where(ignored, IGNORE, ORIENT).astype(np.uint8), (side, side),
            wavelength, radius, radius, oversampling,
        )  # fmt: skip

    @property
    def pixels(self) -> int:
        """How many, ignored ones included."""
        return len(self.mask)

    @property
    def used(self) -> np.ndarray:
        """(pixels,) bool: those that are not ignored."""
        return self.mask != IGNORE

    @property
    def side(self) -> int:
        """Voxels of an edge of the volume that holds every rotation of q, with a margin for interpolation; odd."""
        return 2 * (math.ceil(np.linalg.norm(self.q[self.used], axis=1).max()) + _MARGIN) + 1

    @property
    def voxel(self) -> float:
        """Å⁻¹ of a voxel's edge; NaN where the wavelength is not known."""
        return 1 / (self.wavelength * self.ewald_radius)

    @property
    def resolution(self) -> float:
        """Å of the farthest pixel that is not ignored."""
        return 1 / (self.voxel * float(np.linalg.norm(self.q[self.used], axis=1).max()))


def read_detector(path: Path | str) -> Detector:
    """A detector file of Dragonfly (HDF5: qx, qy, qz, corr, mask, detd, ewald_rad), with the additions that Hooke writes, if it has them.

    Without them the wavelength is not known, and the pixels are a square, or one row.

    Raises:
        DataError: It is none, or its geometry is not finite.
    """
    path = Path(path)
    with opened(path) as file:
        q = np.stack([numbers(file, name, path, np.float64).ravel() for name in ("qx", "qy", "qz")], axis=1)
        weights = numbers(file, "corr", path, np.float64).ravel()
        given = numbers(file, "mask", path, np.int64).ravel()
        single = {
            name: float(numbers(file, name, path, np.float64).ravel()[0])
            for name in ("detd", "ewald_rad", "wavelength", "oversampling")
            if name in file
        }
        shape = tuple(numbers(file, "shape", path, np.int64).ravel().tolist()) if "shape" in file else ()
    for name in ("detd", "ewald_rad"):
        if name not in single:
            raise DataError(f"{path}: it lacks {name!r}")
    if len(weights) != len(q) or len(given) != len(q):
        raise DataError(f"{path}: {len(q)} positions, {len(weights)} weights (corr) and {len(given)} masks")
    edge = math.isqrt(len(q))
    if not shape:
        shape = (edge, edge) if edge * edge == len(q) else (1, len(q))
    if len(shape) != 2 or shape[0] * shape[1] != len(q):
        raise DataError(f"{path}: 'shape' says {shape}, there are {len(q)} pixels")
    if ((given < 0) | (given > IGNORE)).any():
        pixel = int(np.flatnonzero((given < 0) | (given > IGNORE))[0])
        raise DataError(f"{path}: pixel {pixel} has the mask {given[pixel]}; it is 0, 1 or 2")
    mean = weights[given != IGNORE].mean() if (given != IGNORE).any() else 1.0
    try:
        return Detector(
            q, weights / mean if mean > 0 else weights, given.astype(np.uint8), (shape[0], shape[1]), single.get("wavelength", math.nan),
            single["detd"], single["ewald_rad"], single.get("oversampling", math.nan),
        )  # fmt: skip
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def write_detector(path: Path | str, detector: Detector) -> None:
    """Write a detector file that Dragonfly reads too; `shape`, `wavelength` and `oversampling` are additions."""
    with replacing(Path(path)) as temporary, opened(temporary, "w") as file:
        for place, name in enumerate(("qx", "qy", "qz")):
            file[name] = detector.q[:, place]
        file["corr"] = detector.weights
        file["mask"] = detector.mask
        file["detd"] = detector.distance_pixels
        file["ewald_rad"] = detector.ewald_radius
        file["shape"] = np.array(detector.shape, np.int64)
        file["wavelength"] = detector.wavelength
        file["oversampling"] = detector.oversampling
        file.attrs["units"] = text("q, detd, ewald_rad: voxels and pixels; wavelength: angstrom")
