"""Blends of predictors by hand: weights by column, logarithms, what they read, and damaged files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.inference.blend import BLEND, Blend, Part, as_logarithms, as_values, blend_of
from hooke.inference.ensemble import Members, Predictor

FLOORS = np.array([0.5, np.nan])


class Stated(Predictor):
    """Says what it was given."""

    device, states_spread, count, parameters = torch.device("cpu"), True, 1, 7

    def __init__(self, name: str, mean: list[list[float]], std: list[list[float]]) -> None:
        self.name, self.found = name, Members(np.array([mean]), np.array([std]))

    def members(self, batch: Any) -> dict[str, Members]:
        return {"graph": self.found}

    def columns(self, level: str) -> list[str]:
        return ["y", "b"]

    def carried(self, spec: Any) -> Any:
        return [*spec, self.name]


def test_weighted_mean_by_column_of_logarithms_and_values() -> None:
    first = Stated("first", [[0.0, 0.2], [1.0, 0.4]], [[0.1, 0.0], [0.2, 0.0]])  # logarithms of 1 and e
    second = Stated(
        "second", [[np.e**2, 0.6], [0.1, 0.8]], [[np.e, 0.0], [0.0, 0.0]]
    )  # values; the second is below the floor
    blend = Blend(
        [Part("first", first, np.array([0.25, 1.0]), True), Part("second", second, np.array([0.75, 0.0]), False)],
        "graph", ["y", "b"], FLOORS,
    )  # fmt: skip
    found = blend.predict(SimpleNamespace())["graph"]
    np.testing.assert_allclose(found.mean[:, 0], np.exp([0.75 * 2, 0.25 + 0.75 * np.log(0.5)]))
    np.testing.assert_allclose(found.mean[:, 1], [0.2, 0.4])
    logarithms = np.sqrt(0.25 * (0.01 + 1.5**2) + 0.75 * (np.exp(-2) + 0.5**2))
    np.testing.assert_allclose(found.std[0, 0], logarithms * np.exp(1.5))
    assert blend.parameters == 14
    assert blend.carried(["spec"]) == ["spec", "first", "second"]
    assert (blend.columns("graph"), blend.columns("node")) == (["y", "b"], [])
    np.testing.assert_allclose(blend.each(SimpleNamespace())["second"][0][1], [np.log(0.5), 0.8])


def test_logarithms_and_back() -> None:
    mean, std = np.array([[2.0, -3.0]]), np.array([[0.5, 0.25]])
    there = as_logarithms(mean, std, FLOORS)
    np.testing.assert_allclose(there[0], [[np.log(2), -3.0]])
    np.testing.assert_allclose(there[1], [[0.25, 0.25]])
    for found, before in zip(as_values(*there, FLOORS), (mean, std), strict=True):
        np.testing.assert_allclose(found, before)


def test_a_blend_of_nothing_is_damaged(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_json(BLEND, {"floors": [None], "candidates": [{"name": "ridge", "used": False}]})
    spec, modality = SimpleNamespace(labels=(Label("y"),)), SimpleNamespace(levels=("graph",))
    with pytest.raises(DataError, match="names no candidate that is used"):
        blend_of(run, SimpleNamespace(), spec, modality)
    entry = {"name": "ridge", "used": True, "weights": [1.0], "model": {"name": "ridge"}, "blocks": []}
    run.write_json(BLEND, {"floors": [None], "candidates": [entry]})
    with pytest.raises(DataError, match=r"ridge/estimator.safetensors"):
        blend_of(run, SimpleNamespace(), spec, modality)
