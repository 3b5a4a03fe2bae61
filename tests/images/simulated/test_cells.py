from __future__ import annotations

import numpy as np
import pytest

from hooke.images.simulated.cells import STRUCTURES, draw_cells
from hooke.images.simulated.library import TRAITS


def _drawn(shifts: dict[str, float] | None = None, seed: int = 0, size: int = 96) -> np.ndarray:
    traits = np.zeros(len(TRAITS))
    for name, shift in (shifts or {}).items():
        traits[TRAITS.index(name)] = shift
    return draw_cells(traits, size, np.random.default_rng(seed))


def test_light_is_finite_positive_and_of_a_typical_cell() -> None:
    light = _drawn()
    assert light.shape == (len(STRUCTURES), 96, 96)
    assert light.dtype == np.float32
    assert np.isfinite(light).all()
    assert light.min() >= 0
    assert all(0.4 < np.percentile(plane, 99) < 8 for plane in light)


def test_the_same_generator_draws_the_same_cells() -> None:
    assert np.array_equal(_drawn(seed=3), _drawn(seed=3))
    assert not np.array_equal(_drawn(seed=3), _drawn(seed=4))


def _mean(structure: str, trait: str, shift: float) -> float:
    planes = [_drawn({trait: shift}, seed)[STRUCTURES.index(structure)] for seed in range(4)]
    return float(np.mean(planes))


@pytest.mark.parametrize(
    ("structure", "trait"),
    [
        ("DNA", "dna_intensity"),
        ("DNA", "nucleus_radius"),
        ("DNA", "density"),
        ("ER", "er_intensity"),
        ("ER", "er_spread"),
        ("Actin", "actin_fibres"),
        ("Actin", "actin_edge"),
        ("RNA", "rna_intensity"),
        ("RNA", "nucleoli_number"),
        ("RNA", "nucleoli_intensity"),
        ("Mito", "mito_intensity"),
        ("Mito", "mito_spread"),
        ("Golgi", "golgi_intensity"),
        ("Golgi", "vesicles"),
    ],
)
def test_each_trait_moves_its_structure(structure: str, trait: str) -> None:
    assert _mean(structure, trait, 3.0) > 1.05 * _mean(structure, trait, -3.0)


def _roughness(structure: str, trait: str, shift: float) -> float:
    planes = [_drawn({trait: shift}, seed)[STRUCTURES.index(structure)] for seed in range(4)]
    return float(np.mean([np.abs(np.diff(plane, axis=1)).mean() / plane.mean() for plane in planes]))


@pytest.mark.parametrize(
    ("structure", "trait"), [("DNA", "chromatin_texture"), ("ER", "er_texture"), ("Mito", "mito_fragmentation")]
)
def test_textures(structure: str, trait: str) -> None:
    assert _roughness(structure, trait, 3.0) > 1.03 * _roughness(structure, trait, -3.0)


def test_shapes_and_mitosis_change_the_picture() -> None:
    for trait in (
        "nucleus_elongation",
        "cell_radius",
        "cell_elongation",
        "cell_irregularity",
        "golgi_spread",
        "mitosis",
    ):
        assert not np.allclose(_drawn({trait: 3.0}), _drawn({trait: -3.0}))


def test_the_smallest_field() -> None:
    assert _drawn(size=32).shape == (6, 32, 32)
