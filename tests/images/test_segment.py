from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError
from hooke.images.segment import foreground, nuclear_channel, nuclei, otsu_threshold


def discs(centres: list[tuple[float, float]], radius: float = 4.5, size: int = 64, seed: int = 0) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    plane = np.full((size, size), 300.0)
    for number, (down, right) in enumerate(centres):
        plane += (2000 + 800 * (number % 3)) * (np.hypot(y - down, x - right) < radius)
    return (plane + np.random.default_rng(seed).normal(0, 20, plane.shape)).astype(np.uint16)


def test_nuclei_are_counted_where_they_are() -> None:
    centres = [(10, 10), (10, 40), (40, 12), (50, 50), (30, 30)]
    labels = nuclei(discs(centres))
    assert labels.max() == 5
    assert sorted({labels[place] for place in centres}) == [1, 2, 3, 4, 5]
    sizes = np.bincount(labels.ravel())[1:]
    assert np.all(np.abs(sizes - np.pi * 4.5**2) < 25)


def test_touching_nuclei_are_parted() -> None:
    assert nuclei(discs([(30, 26), (30, 35)])).max() == 2


def test_one_bright_nucleus_does_not_hide_the_others() -> None:
    plane = discs([(10, 10), (10, 40), (40, 12)])
    plane[48:54, 48:54] = 40000
    assert nuclei(plane).max() == 4


def test_nothing_is_found_in_nothing() -> None:
    generator = np.random.default_rng(0)
    assert nuclei(generator.normal(300, 20, (64, 64)).astype(np.uint16)).max() == 0
    assert nuclei(np.zeros((64, 64), np.uint16)).max() == 0
    assert nuclei(discs([(30, 30)], radius=1.2)).max() == 0


def test_otsu_parts_two_classes() -> None:
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(0, 1, 500), generator.normal(10, 1, 200)])
    assert 2 < otsu_threshold(values) < 8
    assert otsu_threshold(np.ones(5)) == 1


def test_foreground() -> None:
    mask = foreground(discs([(30, 30)], radius=12))
    assert mask[30, 30]
    assert not mask[5, 5]
    assert mask.mean() == pytest.approx(np.pi * 144 / 64**2, abs=0.05)


def test_the_nuclear_channel_is_known_by_its_name() -> None:
    assert nuclear_channel(("ER", "Hoechst 33342")) == 1
    with pytest.raises(UnknownNameError, match="nuclear channel"):
        nuclear_channel(("ER", "Mito"))


@pytest.mark.mirror
def test_real_nuclei_agree_with_the_published_masks(mirror: Path) -> None:
    from scipy.ndimage import label

    from hooke.images.reading.planes import read_plane

    folder = mirror / "microscopy" / "cytodataframe" / "NF1_cellpainting_data_shrunken"
    for path in sorted(folder.glob("Plate_2_images/*DAPI*.tif")):
        published = read_plane(folder / "Plate_2_masks" / f"{path.stem}_MaskNuclei.tiff") > 0
        found = nuclei(read_plane(path), 60.0)
        overlap = 2 * (published & (found > 0)).sum() / (published.sum() + (found > 0).sum())
        assert overlap > 0.85
        assert abs(int(found.max()) - label(published)[1]) <= 0.35 * label(published)[1] + 2
