from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.images.features import feature_names, field_features, store_features
from hooke.images.reading.planes import MissingPackageError
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.screen import Screen, write_screen

pytest.importorskip("skimage")
SMALL = ScreenConfig(
    size=64,
    modules=2,
    genes_per_module=2,
    lone_genes=1,
    inactive_genes=1,
    compounds=0,
    experiments=2,
    controls=4,
    sites=1,
)


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    return Screen(SMALL).render(0)


def test_every_feature_has_a_name_and_a_finite_value(field: np.ndarray) -> None:
    found = field_features(field, SMALL.channels)
    assert np.isfinite(list(found.values())).all()
    for family in (
        "Mito_haralick_contrast_3",
        "DNA_ER_correlation",
        "nuclei_eccentricity_mean",
        "nuclei_Mito_near_mean",
        "AGP_grain_2",
    ):
        assert family in found


@pytest.mark.parametrize(
    "channels", [("DNA", "ER", "RNA", "AGP", "Mito"), ("a", "Hoechst 33342"), ("ER", "Mito"), ("x",)]
)
def test_names_without_measuring_are_those_of_measuring(field: np.ndarray, channels: tuple[str, ...]) -> None:
    assert feature_names(channels) == tuple(field_features(field[: len(channels)], channels))


def test_features_do_not_depend_on_order_of_channels_or_on_turning(field: np.ndarray) -> None:
    found = field_features(field, SMALL.channels)
    turned = field_features(np.rot90(field, 2, axes=(1, 2)).copy(), SMALL.channels)
    away = [name for name, value in found.items() if abs(turned[name] - value) > 0.05 * (1 + abs(value))]
    assert len(away) <= 4  # where two nuclei touch, a tie may fall the other way
    order = [2, 0, 4, 1, 3]
    moved = field_features(field[order], tuple(SMALL.channels[place] for place in order))
    assert moved["Mito_skewness"] == found["Mito_skewness"]
    assert moved["nuclei_area_mean"] == found["nuclei_area_mean"]


def test_fields_without_nuclei_or_nuclear_channel() -> None:
    noise = np.random.default_rng(0).normal(300, 9, (2, 64, 64)).astype(np.uint16)
    empty = field_features(noise, ("DNA", "ER"))
    assert empty["nuclei_density"] == empty["nuclei_area_mean"] == empty["nuclei_ER_near_mean"] == 0
    assert "nuclei_density" not in field_features(noise, ("ER", "Mito"))


def test_known_traits_are_seen() -> None:
    from hooke.images.simulated.cells import draw_cells
    from hooke.images.simulated.library import TRAITS
    from hooke.images.simulated.optics import photograph
    from hooke.images.simulated.plates import make_experiments

    conditions = make_experiments(SMALL)[0].conditions

    def mean(trait: str, shift: float, feature: str) -> float:
        traits = np.zeros(len(TRAITS))
        traits[TRAITS.index(trait)] = shift
        found = []
        for seed in range(4):
            light = draw_cells(traits, 96, np.random.default_rng(seed))
            pixels = photograph(light, SMALL.channels, conditions, "uint16", np.random.default_rng(seed))
            found.append(field_features(pixels, SMALL.channels)[feature])
        return float(np.mean(found))

    pairs = {
        "nucleus_radius": "nuclei_area_mean",
        "nucleus_elongation": "nuclei_eccentricity_mean",
        "density": "nuclei_density",
    }
    for trait, feature in {**pairs, "mito_intensity": "Mito_mean"}.items():
        assert mean(trait, 3.0, feature) > mean(trait, -3.0, feature), trait


def test_a_store_gives_a_matrix(tmp_path: Path, field: np.ndarray) -> None:
    store = write_screen(tmp_path / "store", SMALL, workers=0)
    values, names = store_features(store, np.array([1, 0]), workers=0)
    assert values.shape == (2, len(names))
    assert values.dtype == np.float32
    assert np.allclose(values[1], list(field_features(field, SMALL.channels).values()), rtol=1e-5)
    assert len(store_features(store, workers=0)[0]) == len(store)
    assert store_features(store, np.array([], int))[0].shape == (0, 0)


def test_without_scikit_image(monkeypatch: pytest.MonkeyPatch, field: np.ndarray) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(MissingPackageError, match="scikit-image"):
        field_features(field, SMALL.channels)
