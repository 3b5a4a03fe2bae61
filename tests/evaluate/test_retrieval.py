from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate import retrieval
from hooke.evaluate.retrieval import average_precisions, mean_average_precision


def naive(values: np.ndarray, labels: np.ndarray, others: np.ndarray, exclude: np.ndarray) -> np.ndarray:
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    out = np.full(len(values), np.nan)
    for row in range(len(values)):
        if labels[row] == "":
            continue
        kept = [other for other in range(len(values)) if exclude[other] != exclude[row]]
        kept = [other for other in kept if labels[other] == labels[row] or others[other]]
        ranked = sorted(kept, key=lambda other: -unit[row] @ unit[other])
        relevant = np.array([labels[other] == labels[row] for other in ranked])
        if relevant.any():
            out[row] = (np.cumsum(relevant) / np.arange(1, len(relevant) + 1))[relevant].mean()
    return out


def test_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "_BLOCK_BYTES", 2000)  # several blocks
    generator = np.random.default_rng(0)
    values = generator.normal(size=(60, 5))
    labels = np.array(["", "a", "b", "c", "d", "lonely"])[np.r_[generator.integers(0, 5, 59), 5]]
    others, exclude = labels == "", generator.integers(0, 4, 60)
    found = average_precisions(values, labels, others=others, exclude=exclude)
    assert np.allclose(found, naive(values, labels, others, exclude), equal_nan=True)
    assert np.isnan(found[59])
    plain = average_precisions(values, labels)
    assert np.allclose(plain, naive(values, labels, np.ones(60, bool), np.arange(60)), equal_nan=True)


def test_perfect_tied_and_impossible() -> None:
    values = np.repeat(np.eye(3), 2, axis=0)
    labels = np.repeat(["a", "b", "c"], 2)
    assert mean_average_precision(values, labels) == 1
    assert mean_average_precision(np.ones((6, 2)), labels) == pytest.approx(1 / 5)  # ties count as the worst order
    assert np.isnan(mean_average_precision(values, np.array(list("abcdef"))))
    with pytest.raises(DataError, match="6 profiles for 2 labels"):
        average_precisions(values, np.array(["a", "b"]))
