"""`check_response_model`: what every model of responses must do, on a made-up screen of single genes, pairs and contexts.

A file of `estimators.responses` has `Config` (frozen dataclass) and `ResponseModel(config, knowledge)`, a subclass of
`hooke.estimators.responses.ResponseModel`.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
from safetensors.numpy import load, save

from hooke.cells.conditions import Conditions
from hooke.cells.graph import EdgeSource, graph_of
from hooke.cells.perturbations import of_genes
from hooke.estimators.responses import Knowledge, Named, ResponseModel
from hooke.nn.contract import require, require_refusal
from hooke.testing.contract import require_frozen_config, resolve_module, stated_modality

GENES = tuple(f"GENE{number:02d}" for number in range(24))
CONTEXTS = ("left", "right")
UNKNOWN = "ELSEWHERE"
DTYPES = ("uint8", "float32", "float64", "int32", "int64")


def made_knowledge(seed: int = 0) -> Knowledge:
    """A graph of eight groups of three genes, and an embedding and kernels that know the groups too."""
    generator = np.random.default_rng(seed)
    group = np.arange(24) // 3
    first, second = np.triu_indices(24, 1)
    kept = (group[first] == group[second]) | (generator.random(len(first)) < 0.03)
    edges = pl.DataFrame(
        {"first": [GENES[place] for place in first[kept]], "second": [GENES[place] for place in second[kept]]}
    )
    graph = graph_of({EdgeSource("made", "CC0"): edges.with_columns(weight=pl.lit(1.0))}).over(GENES)
    embedding = generator.normal(size=(8, 5))[group] + 0.3 * generator.normal(size=(24, 5))
    distances = np.square(embedding[:, None] - embedding).sum(axis=2)
    contexts = np.array([[1.0, 0.4], [0.4, 1.0]])
    return Knowledge(graph, Named(GENES, embedding), Named(GENES, np.exp(-distances / 8)), Named(CONTEXTS, contexts))


def made_screen(seed: int = 0) -> tuple[Conditions, np.ndarray]:
    """All single genes in two contexts and 100 pairs in one, and (148, 6) responses: groups add up, with noise; one is not measured."""
    generator = np.random.default_rng(seed)
    effects = np.repeat(generator.normal(size=(8, 6)), 3, axis=0)
    first, second = np.triu_indices(24, 1)
    drawn = generator.choice(len(first), 100, replace=False)
    sets = [(gene,) for gene in GENES] * 2 + [(GENES[first[place]], GENES[second[place]]) for place in drawn]
    contexts = [CONTEXTS[0]] * 24 + [CONTEXTS[1]] * 24 + [CONTEXTS[0]] * 100
    conditions = Conditions.of((of_genes(*genes) for genes in sets), contexts, generator.integers(20, 90, len(sets)))
    values = conditions.incidence(GENES) @ effects + 0.2 * generator.normal(size=(len(sets), 6))
    values[24:48] *= 0.5
    values[5, 2] = np.nan
    return conditions, values


def asked() -> Conditions:
    """Seen singles and pairs, an unseen pair, one in the other context, and an unknown gene alone."""
    sets = [GENES[:1], GENES[3:5], GENES[7:9], GENES[20:22], (GENES[2], GENES[11]), (UNKNOWN,)]
    return Conditions.of(
        (of_genes(*genes) for genes in sets), [*CONTEXTS, CONTEXTS[0], CONTEXTS[0], CONTEXTS[1], CONTEXTS[0]]
    )


def check_response_model(module: ModuleType | str, config: Any = None) -> None:
    """Check a model of responses: statements, shapes, fallbacks, rows on their own, arrays, seed and refusals.

    Args:
        module: File of a model or registered name.
        config: Config to check with; the default one when None.

    Raises:
        ContractError: The first promise that is broken.
    """
    module = resolve_module("response_models", module)
    require_frozen_config(module)
    config = module.Config() if config is None else config
    model = module.ResponseModel
    require(
        issubclass(model, ResponseModel),
        f"{module.__name__}: ResponseModel does not extend hooke.estimators.responses.ResponseModel",
    )
    stated_modality(model, module.__name__)
    known = {field.name for field in fields(Knowledge)}
    require({*model.uses, *model.may_use} <= known, f"{module.__name__}: uses is none of {', '.join(sorted(known))}")
    if model.uses:
        require_refusal(lambda: model(config, Knowledge()), "nothing of what it uses")
    knowledge, (conditions, values) = made_knowledge(), made_screen()
    fitted = _fitted(model, config, knowledge, conditions, values)
    predicted = fitted.predict(asked())
    count = len(asked())
    require(predicted.values.shape == (count, 6), f"predictions of shape {predicted.values.shape}")
    require(predicted.values.dtype == np.float64, f"predictions are {predicted.values.dtype}, not float64")
    require(len(predicted.fallbacks) == count, "not one reason a row")
    require(bool(np.isfinite(predicted.values).all()), "predictions are not finite")
    for row, reason in enumerate(predicted.fallbacks):
        mean = np.array_equal(predicted.values[row], fitted.mean)
        require(not reason or mean, f"row {row} falls back ({reason}) and is not the mean")
    _check_rows(fitted, predicted.values)
    _check_arrays(model, config, knowledge, fitted)
    again = _fitted(model, config, knowledge, conditions, values).predict(asked())
    require(np.array_equal(again.values, predicted.values), "the same seed gives other predictions")
    order = np.random.default_rng(3).permutation(len(conditions))
    shuffled = _fitted(model, config, knowledge, conditions.take(order), values[order]).predict(asked())
    require(_close(shuffled.values, predicted.values), "predictions depend on the order of training rows")
    for wrong, what in (
        (values[1:], "too few responses"),
        (np.full_like(values, np.nan), "no response"),
        (values + np.inf, "infinite responses"),
    ):
        require_refusal(lambda wrong=wrong: model(config, knowledge).fit(conditions, wrong), what)  # type: ignore[misc]
    with_control = Conditions.of([*conditions.perturbations[1:], of_genes()], conditions.contexts)
    require_refusal(lambda: model(config, knowledge).fit(with_control, values), "a control")


def _fitted(model: Any, config: Any, knowledge: Knowledge, conditions: Conditions, values: np.ndarray) -> ResponseModel:
    made = model(config, knowledge)
    before = values.copy(), conditions.counts.copy(), asdict(config)
    made.fit(conditions, values, seed=0)
    same = np.array_equal(values, before[0], equal_nan=True) and np.array_equal(conditions.counts, before[1])
    require(same and asdict(config) == before[2], "fit changes what it is given")
    return made


def _check_rows(fitted: ResponseModel, values: np.ndarray) -> None:
    order = np.random.default_rng(2).permutation(len(values))
    require(
        _close(fitted.predict(asked().take(order)).values, values[order]), "predictions depend on the order of rows"
    )
    require(
        _close(fitted.predict(asked().take(np.array([3]))).values, values[3:4]), "predictions depend on the other rows"
    )
    none = fitted.predict(asked().take(np.zeros(0, np.int64)))
    require(none.values.shape == (0, values.shape[1]) and none.fallbacks == (), "no row gives no empty prediction")


def _check_arrays(model: Any, config: Any, knowledge: Knowledge, fitted: ResponseModel) -> None:
    arrays = fitted.arrays()
    for name, array in arrays.items():
        require(isinstance(array, np.ndarray) and str(array.dtype) in DTYPES, f"arrays: {name} is no array of {DTYPES}")
        require(array.flags.c_contiguous, f"arrays: {name} is not contiguous")
    back = model.from_arrays(config, knowledge, load(save(arrays)))
    require(
        np.array_equal(back.predict(asked()).values, fitted.predict(asked()).values),
        "from_arrays predicts something else",
    )
    kept = back.arrays()
    require(set(kept) == set(arrays), f"arrays after from_arrays: {sorted(kept)} instead of {sorted(arrays)}")
    if model.uses or model.may_use:
        other = made_knowledge(seed=1)
        require_refusal(lambda: model.from_arrays(config, other, arrays), "arrays of other knowledge")
    require_refusal(lambda: model.from_arrays(config, knowledge, {}), "no arrays")


def _close(given: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.allclose(given, expected, rtol=1e-7, atol=1e-9))
