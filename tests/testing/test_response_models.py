"""The kit finds models of responses that are wrong in one way each."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hooke.cells.conditions import Conditions
from hooke.estimators.responses import global_mean, graph_kernel_ridge, nearest_neighbours
from hooke.nn.contract import ContractError
from hooke.testing import check_response_model
from hooke.testing.response_models import GENES, asked, made_knowledge, made_screen


def file(model: type, config: type = global_mean.Config) -> SimpleNamespace:
    return SimpleNamespace(__name__="broken", Config=config, ResponseModel=model)


def test_sound_models_pass() -> None:
    check_response_model(file(global_mean.ResponseModel))
    check_response_model("nearest_neighbours", nearest_neighbours.Config(pull=0.0))


def test_the_screen_has_what_models_meet() -> None:
    conditions, values = made_screen()
    assert {len(parts) for parts in conditions.parts} == {1, 2}
    assert np.isnan(values).sum() == 1
    assert {*asked().names} - {*conditions.names} == {"ELSEWHERE"}
    assert {*conditions.names} == {*GENES}
    assert made_knowledge().hash == made_knowledge().hash != made_knowledge(1).hash


class Foreign:
    modality = "cells"


class Nowhere(global_mean.ResponseModel):
    modality = "nowhere"


class Silent(global_mean.ResponseModel):
    def _predict(self, conditions: Conditions) -> Any:
        return self._means(len(conditions)) + 1, ["no reason"] * len(conditions)

    def predict(self, conditions: Conditions) -> Any:
        found = super().predict(conditions)
        return type(found)(found.values + 1, found.fallbacks)


class Greedy(global_mean.ResponseModel):
    def _predict(self, conditions: Conditions) -> Any:
        return self._means(len(conditions)) + np.arange(len(conditions))[:, None], [""] * len(conditions)


class Forgetful(global_mean.ResponseModel):
    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> Any:
        self.shift = 1.0
        return {}

    def _predict(self, conditions: Conditions) -> Any:
        return self._means(len(conditions)) + getattr(self, "shift", 0.0), [""] * len(conditions)


class Careless(graph_kernel_ridge.ResponseModel):
    def __init__(self, config: Any, knowledge: Any = None) -> None:
        super().__init__(
            config, knowledge if knowledge is not None and knowledge.graph is not None else made_knowledge()
        )


@pytest.mark.parametrize(
    ("model", "config", "message"),
    [
        (Foreign, global_mean.Config, "does not extend"),
        (Nowhere, global_mean.Config, "modality"),
        (Silent, global_mean.Config, "is not the mean"),
        (Greedy, global_mean.Config, "order of rows"),
        (Forgetful, global_mean.Config, "predicts something else"),
        (Careless, graph_kernel_ridge.Config, "nothing of what it uses"),
    ],
)
def test_broken_models_are_found(model: type, config: type, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_response_model(file(model, config))
