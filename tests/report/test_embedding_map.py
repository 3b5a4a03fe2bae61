from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.report.drawing import MoleculePool
from hooke.report.embedding_map import embedding_map, layout


def clouds(count: int = 40, width: int = 6) -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.concatenate([generator.normal(size=(count // 2, width)), generator.normal(8, 1, (count // 2, width))])


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_two_clouds_stay_apart(method: str) -> None:
    points, how = layout(clouds(), method=method)
    assert points.shape == (40, 2)
    assert np.abs(points).max() == pytest.approx(1)
    first, second = points[:20], points[20:]
    within = np.linalg.norm(first - first.mean(axis=0), axis=1).mean()
    assert np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)) > 2 * within
    assert ("t-SNE" in how) == (method == "tsne")
    assert np.array_equal(points, layout(clouds(), method=method)[0])


@pytest.mark.parametrize("embeddings", [np.ones((5, 3)), np.zeros((1, 4)), np.zeros((0, 4)), np.arange(4.0)[:, None]])
def test_degenerate_embeddings(embeddings: np.ndarray) -> None:
    points, _ = layout(embeddings)
    assert points.shape == (len(embeddings), 2)
    assert np.isfinite(points).all()


def test_a_map_is_thinned_and_coloured() -> None:
    pool = MoleculePool()
    smiles = ["C" * (1 + place % 9) for place in range(40)]
    values = np.where(np.arange(40) % 4 == 0, np.nan, np.arange(40.0))
    words = [f"class {place % 12}" if place < 36 else "common" for place in range(40)]
    found = embedding_map(
        pool,
        "Map",
        clouds(),
        smiles,
        {"value": values, "word": words, "two": ["a", "b"] * 20},
        units={"value": "eV"},
        method="pca",
        limit=30,
    )
    assert len(found.x) == len(found.y) == len(found.molecules) == 30
    assert found.total == 40
    assert "30 of 40" in found.shown
    value, word, two = found.colourings
    assert value.unit == "eV"
    assert value.categories == ()
    assert any(entry is None for entry in value.values)
    assert len(word.categories) == 8
    assert word.categories[-1] == "other"
    assert set(two.categories) == {"a", "b"}
    assert set(two.values) == {0.0, 1.0}


def test_wrong_embeddings_are_refused() -> None:
    with pytest.raises(UsageError, match="one finite embedding"):
        embedding_map(MoleculePool(), "Map", np.full((2, 3), np.nan), ["C", "CC"], {})
    with pytest.raises(UsageError, match="for each of 3"):
        embedding_map(MoleculePool(), "Map", np.zeros((2, 3)), ["C", "CC", "CCC"], {})
