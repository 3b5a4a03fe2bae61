"""Order statistics agree with sorting all cosines, also where they tie."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate import pair_cosines as module
from hooke.evaluate.pair_cosines import order_statistics, pair_cosines, unit_rows


def all_cosines(unit: np.ndarray) -> np.ndarray:
    return np.sort(pair_cosines(unit, *np.triu_indices(len(unit), 1)))


@pytest.mark.parametrize(
    ("count", "dim", "kind"), [(30, 5, "normal"), (300, 1, "normal"), (400, 64, "normal"), (300, 3, "signs")]
)
def test_exact(count: int, dim: int, kind: str) -> None:
    values = np.random.default_rng(0).normal(size=(count, dim))
    unit = unit_rows(np.sign(values) if kind == "signs" else values)
    everything = all_cosines(unit)
    ranks = [0, 7, len(everything) // 20, len(everything) // 2, len(everything) - 1]
    np.testing.assert_allclose(order_statistics(unit, ranks), everything[ranks], rtol=0, atol=1e-15)


@pytest.mark.parametrize("sample", [16, 1 << 20])
def test_a_bad_sample_costs_time_and_nothing_else(sample: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SAMPLE", sample)
    monkeypatch.setattr(module, "_BLOCK_BYTES", 1 << 12)  # many blocks
    unit = unit_rows(np.random.default_rng(1).normal(size=(150, 8)))
    everything = all_cosines(unit)
    ranks = list(range(0, len(everything), 1500))
    np.testing.assert_allclose(order_statistics(unit, ranks), everything[ranks], rtol=0, atol=1e-15)


@pytest.mark.parametrize("kind", ["signs", "normal", "equal"])
def test_crowded_windows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CROWDED", 5)
    values = np.random.default_rng(2).normal(size=(60, 2))
    unit = unit_rows({"signs": np.sign(values), "normal": values, "equal": np.ones((60, 2))}[kind])
    everything = all_cosines(unit)
    ranks = [0, 88, 885, 1769]
    assert np.allclose(order_statistics(unit, ranks), everything[ranks], rtol=0, atol=1e-12)


def test_rows() -> None:
    unit = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert unit.tolist() == [[0.6, 0.8], [0, 0]]
    with pytest.raises(DataError, match=r"1 profiles hold NaN or infinity \(first row 1\)"):
        unit_rows(np.array([[1.0], [np.nan]]))
    with pytest.raises(ValueError, match="between 0 and 0"):
        order_statistics(unit, [1])
