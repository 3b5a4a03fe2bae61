"""Crops of real fields of cells, with labels that turns and flips leave unchanged; for the benches.

`counted`: 72 fields of one stain, 24 wells (CellProfiler's ExampleIlluminationCorrection), halved. The label is measured: how many
bright regions (mostly cells) a crop shows above their surroundings, in classes of about equal size.
`stained`: fields of NF1 cells in five wells, three stains each (nuclei, endoplasmic reticulum, actin), shrunk fourfold. The label
is the stain.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

COUNTED = "microscopy/cellprofiler_examples/illum_AS_09047_72fields.npz"
STAINED = "microscopy/cytodataframe/NF1_cellpainting_data_shrunken/Plate_2_images"
SMALLEST_REGION = 20  # pixels


@dataclass(frozen=True)
class Crops:
    """(N, 1, side, side) float32 pixels, (N,) classes, (N,) numbers of wells, and whether a crop overlaps an earlier one."""

    pixels: np.ndarray
    labels: np.ndarray
    wells: np.ndarray
    overlapping: np.ndarray
    classes: tuple[str, ...]

    def rows(self, wells: np.ndarray, *, overlapping: bool) -> np.ndarray:
        """Crops of some wells; without `overlapping` every pixel once."""
        return np.flatnonzero(np.isin(self.wells, wells) & (overlapping | ~self.overlapping))


def count_regions(crop: np.ndarray, threshold: float) -> int:
    from scipy import ndimage

    labels, found = ndimage.label(crop > threshold)
    return int((np.bincount(labels.ravel(), minlength=found + 1)[1:] >= SMALLEST_REGION).sum())


def corners(shape: tuple[int, ...], side: int, step: int) -> list[tuple[int, int]]:
    return [
        (top, left)
        for top in range(0, shape[0] - side + 1, step)
        for left in range(0, shape[1] - side + 1, step)
    ]  # fmt: skip


def shrunk(field: np.ndarray, factor: int) -> np.ndarray:
    height, width = (side // factor * factor for side in field.shape)
    parts = field[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return parts.mean((1, 3)).astype(np.float32)


def counted(mirror: Path, *, side: int = 64, step: int = 16, classes: int = 4) -> Crops:
    from scipy.ndimage import gaussian_filter
    from skimage.filters import threshold_otsu

    archive = np.load(mirror / COUNTED)
    names = [str(name).rpartition("f")[0] for name in archive["names"]]  # ..._O01f00d2.TIF is field 0 of well O01
    numbers = np.unique(names, return_inverse=True)[1]
    pixels, counts, wells, places = [], [], [], []
    for number, image in zip(numbers.tolist(), archive["images"], strict=True):
        field = shrunk(image, 2)
        flat = gaussian_filter(field, 1.0) - gaussian_filter(field, side / 4)  # without the unevenness of the light
        threshold = float(threshold_otsu(flat))
        for top, left in corners(field.shape, side, step):
            pixels.append(field[top : top + side, left : left + side])
            counts.append(count_regions(flat[top : top + side, left : left + side], threshold))
            wells.append(number)
            places.append(bool(top % side or left % side))
    edges = np.unique(np.quantile(counts, np.arange(1, classes) / classes))
    bounds = [-1, *edges.astype(int).tolist(), max(counts)]
    named = tuple(f"{low + 1} to {high} regions" for low, high in zip(bounds, bounds[1:], strict=False))
    labels = np.digitize(counts, edges, right=True)
    return Crops(np.stack(pixels)[:, None], labels, np.array(wells), np.array(places), named)


def stained(mirror: Path, *, side: int = 64, step: int = 32) -> Crops:
    from hooke.images.planes import read_plane

    paths = sorted((mirror / STAINED).glob("*.tif"))
    wells = {name: number for number, name in enumerate(sorted({path.name.split("_")[0] for path in paths}))}
    stains = sorted({path.name.split("_")[4] for path in paths})
    pixels, labels, numbers, places = [], [], [], []
    for path in paths:
        field = shrunk(read_plane(path), 4)
        well, stain = path.name.split("_")[0], path.name.split("_")[4]
        for top, left in corners(field.shape, side, step):
            pixels.append(field[top : top + side, left : left + side])
            labels.append(stains.index(stain))
            numbers.append(wells[well])
            places.append(bool(top % side or left % side))
    return Crops(np.stack(pixels)[:, None], np.array(labels), np.array(numbers), np.array(places), tuple(stains))
