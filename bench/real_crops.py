"""Crops of real fields of cells, with measured labels that turns and flips leave unchanged; for the benches.

Eight fields with a nuclear stain: five wells of NF1 cells, a JUMP site, a 6-channel site, and ExampleHuman of CellProfiler. They
are shrunk until nuclei are about 13 pixels wide. A label is how many nuclei lie in a crop by their centres (`images.segment`),
counted on the whole field; the NF1 fields also have two other stains.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

NF1 = "cytodataframe/NF1_cellpainting_data_shrunken/Plate_2_images"
OTHERS = {
    "JUMP": ("cytodataframe/JUMP_plate_BR00117006/images/orig/r01c01f01p01-ch5sk1fk1fl1.tiff", 2),
    "6-channel": ("cytodataframe/pediatric_cancer_atlas_profiling/images/orig/r03c03f03p01-ch5sk1fk1fl1.tiff", 3),
    "ExampleHuman": ("cellprofiler_examples/ExampleHuman/images/AS_09125_050116030001_D03f00d0.tif", 1),
}
WELLS = "cellprofiler_examples/illum_AS_09047_72fields.npz"  # 24 wells, one stain that is not nuclear
SIDE, NUCLEUS_PX = 32, 12.0
COUNTS = ("no nucleus", "1 nucleus", "2 or more")
STAINS = ("DAPI", "GFP", "RFP")


@dataclass(frozen=True)
class Crops:
    """(N, 1, 32, 32) float32 pixels, and one entry a crop of the rest.

    Attributes:
        nuclei: Class of `COUNTS`; -1 where nuclei are not stained.
        stain: Class of `STAINS`; -1 outside the NF1 fields.
        field: Name of the field: planes of one field share it.
        overlapping: Whether the crop overlaps an earlier one of its plane.
    """

    pixels: np.ndarray
    nuclei: np.ndarray
    stain: np.ndarray
    field: np.ndarray
    overlapping: np.ndarray

    def rows(self, fields: np.ndarray, *, overlapping: bool) -> np.ndarray:
        """Crops of some fields; without `overlapping` every pixel once."""
        return np.flatnonzero(np.isin(self.field, fields) & (overlapping | ~self.overlapping))


def planes(mirror: Path, *, nuclear_only: bool) -> list[tuple[str, int, np.ndarray]]:
    """Name of the field, class of the stain (-1: none of them), plane; nuclear stains of other microscopes have stain 0."""
    from hooke.images.reading.planes import read_plane
    from hooke.images.tiles import shrink

    folder = mirror / "microscopy"
    found = []
    for path in sorted((folder / NF1).glob("*.tif")):
        well, stain = path.name.split("_")[0], STAINS.index(path.name.split("_")[4])
        if not (nuclear_only and stain):
            found.append((f"NF1 {well}", stain, shrink(read_plane(path), 4)))
    found += [(name, -1, shrink(read_plane(folder / path), factor)) for name, (path, factor) in OTHERS.items()]
    return found


def crops(mirror: Path, *, step: int, nuclear_only: bool = True, unlabelled: bool = False) -> Crops:
    """All crops, `step` pixels apart; `unlabelled` adds the 72 fields of 24 wells, 32 pixels apart."""
    from scipy.ndimage import center_of_mass

    from hooke.images.segment import nuclei
    from hooke.images.tiles import shrink

    parts: list[tuple[np.ndarray, int, int, str, bool]] = []
    for name, stain, plane in planes(mirror, nuclear_only=nuclear_only):
        nuclear = stain <= 0
        centres = np.empty((0, 2))
        if nuclear:
            labels = nuclei(plane, NUCLEUS_PX)
            centres = np.array(center_of_mass(labels > 0, labels, np.arange(1, labels.max() + 1))).reshape(-1, 2)
        for top, left in corners(plane.shape, step):
            inside = ((centres >= (top, left)) & (centres < (top + SIDE, left + SIDE))).all(1).sum()
            count = min(int(inside), len(COUNTS) - 1) if nuclear else -1
            crop = plane[top : top + SIDE, left : left + SIDE]
            parts.append((crop, count, stain, name, bool(top % SIDE or left % SIDE)))
    if unlabelled:
        archive = np.load(mirror / "microscopy" / WELLS)
        for name, image in zip(archive["names"], archive["images"], strict=True):
            plane, well = shrink(image, 4), str(name).rpartition("f")[0]  # ..._O01f00d2.TIF is field 0 of well O01
            for top, left in corners(plane.shape, SIDE):
                parts.append((plane[top : top + SIDE, left : left + SIDE], -1, -1, well, False))
    pixels, counts, stains, names, places = zip(*parts, strict=True)
    return Crops(
        np.stack(pixels)[:, None].astype(np.float32), np.array(counts), np.array(stains), np.array(names), np.array(places)
    )  # fmt: skip


def corners(shape: tuple[int, ...], step: int) -> list[tuple[int, int]]:
    tops, lefts = (range(0, side - SIDE + 1, step) for side in shape)
    return [(top, left) for top in tops for left in lefts]
