from __future__ import annotations

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import parse_treatment
from hooke.estimators.responses import Knowledge, Named, response_model


def made(seed: int = 0) -> tuple[Knowledge, np.ndarray, list[str], list[str]]:
    generator = np.random.default_rng(seed)
    compounds, lines = [f"c{number}" for number in range(20)], [f"l{number}" for number in range(15)]
    one, two = generator.normal(size=(20, 3)), generator.normal(size=(15, 3))
    first, second = (np.exp(-np.square(rows[:, None] - rows).sum(axis=2) / 6) for rows in (one, two))
    values = 3 + one[:, :1] + two[:, 0] + one[:, 1:2] * two[:, 1] + 0.05 * generator.normal(size=(20, 15))
    return (
        Knowledge(kernel=Named(tuple(compounds), first), context_kernel=Named(tuple(lines), second)),
        values,
        compounds,
        lines,
    )


def cells(compounds: list[str], lines: list[str]) -> Conditions:
    return Conditions.of(
        [parse_treatment(compound) for compound in compounds for _ in lines], [*lines] * len(compounds)
    )


def test_the_closed_form_is_that_of_the_whole_kernel() -> None:
    """On a complete table, with one lambda: the direct solution of (K1 x K2 + lambda I) on the residuals, and ridges of main effects."""
    knowledge, values, compounds, lines = made()
    assert knowledge.kernel is not None
    assert knowledge.context_kernel is not None
    model = response_model("kronecker_ridge", {"ridges": (0.5,)}, knowledge)
    model.fit(cells(compounds[:15], lines[:12]), values[:15, :12].reshape(-1, 1))
    train = values[:15, :12]
    mean = train.mean()
    a, b = train.mean(axis=1) - mean, train.mean(axis=0) - mean
    left = train - mean - a[:, None] - b
    first, second = knowledge.kernel.values, knowledge.context_kernel.values
    whole = np.kron(first[:15, :15], second[:12, :12]) + 0.5 * np.eye(180)
    dual = np.linalg.solve(whole, left.ravel()).reshape(15, 12)
    new_a = first[15:, :15] @ np.linalg.solve(first[:15, :15] + 0.5 * np.eye(15), a)
    new_b = second[12:, :12] @ np.linalg.solve(second[:12, :12] + 0.5 * np.eye(12), b)
    both = mean + new_a[:, None] + new_b + first[15:, :15] @ dual @ second[:12, 12:]
    assert np.allclose(model.predict(cells(compounds[15:], lines[12:])).values.reshape(5, 3), both, atol=1e-8)
    old = mean + new_a[:, None] + b + first[15:, :15] @ dual @ second[:12, :12]
    assert np.allclose(model.predict(cells(compounds[15:], lines[:12])).values.reshape(5, 12), old, atol=1e-8)


def test_gaps_and_unseen_compounds_and_lines() -> None:
    knowledge, values, compounds, lines = made(1)
    holes = values.copy()
    holes[np.random.default_rng(0).random(values.shape) < 0.2] = np.nan
    model = response_model("kronecker_ridge", knowledge=knowledge)
    model.fit(cells(compounds[:15], lines[:12]), holes[:15, :12].reshape(-1, 1))
    for rows, columns in ((slice(15, 20), slice(0, 12)), (slice(0, 15), slice(12, 15)), (slice(15, 20), slice(12, 15))):
        found = model.predict(cells(compounds[rows], lines[columns])).values.ravel()
        true = values[rows, columns].ravel()
        assert np.mean((found - true) ** 2) < 0.8 * np.mean((np.nanmean(holes[:15, :12]) - true) ** 2)
    found = model.predict(cells(["c0", "unknown"], ["l0", "elsewhere"]))
    assert found.fallbacks == ("", "", *["unknown: not in the kernel"] * 2)


def test_read_outs_do_not_depend_on_each_other() -> None:
    knowledge, values, compounds, lines = made(2)
    holes = values.copy()
    holes[np.random.default_rng(0).random(values.shape) < 0.2] = np.nan
    noise = np.random.default_rng(1).normal(size=values.shape)
    together = np.stack([each.ravel() for each in (values, holes, noise, holes**2)], axis=1)
    conditions = cells(compounds, lines)
    model = response_model("kronecker_ridge", knowledge=knowledge)
    model.fit(conditions, together)
    found = model.predict(conditions).values
    for column in range(together.shape[1]):
        alone = response_model("kronecker_ridge", knowledge=knowledge)
        alone.fit(conditions, together[:, [column]])
        assert np.allclose(alone.predict(conditions).values[:, 0], found[:, column], atol=1e-9)
