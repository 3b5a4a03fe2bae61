"""Pairs of genes with their single effects, in two replicates: models learn from replicate 1 and are scored on replicate 2.

    growth          every pair is predicted from the single effects; the quadratic is fitted to all pairs of replicate 1
    interaction     a share of the pairs is held out; what is predicted beyond the quadratic of replicate 1 against what replicate 2 has
                    beyond its own quadratic; the ceiling is that of replicate 1

Intervals are over the first genes of the pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError
from hooke.estimators.responses import response_model
from hooke.evaluate.metrics import pearson
from hooke.studies.response_tasks import Measured, gain_verdict, pooled_scores, prepared
from hooke.suites import ResponseTask

BASE, LINEAR = "quadratic_additive", "additive"
SHARES = (0.2, 0.5)  # of the pairs that are held out
REPEATS = 5


def measure(task: ResponseTask, show_progress: bool = True) -> Iterator[Measured]:
    """Growth, then interactions at each share."""
    yield from replicated(task, prepared(task, show_progress).profiles())


def replicated(task: ResponseTask, profiles: Profiles) -> Iterator[Measured]:
    """As `measure`.

    Args:
        task: Its models: "additive" and "quadratic_additive" on growth, the others on interactions.
        profiles: Genes ("A") and pairs ("A+B") in the column entity, two replicates as read-outs.

    Raises:
        DataError: A gene of a pair was not measured alone.
    """
    sets = [tuple(name.split("+")) for name in profiles.column("entity").tolist()]
    conditions = Conditions.of_genes(*sets)
    one, two = profiles.values.astype(np.float64).T
    pairs = np.flatnonzero([len(parts) == 2 for parts in sets])
    singles = np.flatnonzero([len(parts) == 1 for parts in sets])
    if absent := {name for row in pairs for name in sets[row]} - {sets[row][0] for row in singles}:
        raise DataError(f"{len(absent)} genes of pairs were not measured alone, such as {min(absent)}")
    groups = np.array([sets[row][0] for row in pairs])
    whole = {}
    for model in (LINEAR, BASE):
        fitted = response_model(model)
        fitted.fit(conditions, one[:, None])
        whole[model] = fitted.predict(conditions.take(pairs)).values[:, 0]
    scored = pooled_scores(whole, two[pairs], groups, "pearson", LINEAR)
    ceiling = _r(one[pairs], two[pairs])
    yield Measured(
        task.name,
        "growth",
        "pearson",
        "first genes",
        len(pairs),
        LINEAR,
        scored,
        gain_verdict(scored, LINEAR),
        {"replicate": ceiling},
    )
    fitted = response_model(BASE)
    fitted.fit(conditions, two[:, None])
    beyond = two[pairs] - fitted.predict(conditions.take(pairs)).values[:, 0]
    references = {"replicate": _r(one[pairs] - whole[BASE], beyond)}
    for share in SHARES:
        yield _interactions(task, conditions, one, pairs, singles, beyond, groups, share, references)


def _interactions(
    task: ResponseTask, conditions: Conditions, one: np.ndarray, pairs: np.ndarray, singles: np.ndarray, beyond: np.ndarray,
    groups: np.ndarray, share: float, references: dict[str, float],
) -> Measured:  # fmt: skip
    models = [model for model in task.models if model not in (LINEAR, BASE)]
    found: dict[str, list[np.ndarray]] = {model: [] for model in (BASE, *models)}
    held: list[np.ndarray] = []
    for repeat in range(REPEATS):
        order = np.random.default_rng(repeat).permutation(len(pairs))
        test, rest = np.sort(order[: round(share * len(pairs))]), np.sort(order[round(share * len(pairs)) :])
        train = np.concatenate([singles, pairs[rest]])
        base = response_model(BASE)
        base.fit(conditions.take(train), one[train, None])
        asked = conditions.take(pairs[test])
        plain = base.predict(asked).values[:, 0]
        found[BASE].append(np.zeros(len(test)))
        for model in models:
            fitted = response_model(model)
            fitted.fit(conditions.take(train), one[train, None], seed=repeat)
            found[model].append(fitted.predict(asked).values[:, 0] - plain)
        held.append(test)
    test = np.concatenate(held)
    values = {model: np.concatenate(parts) for model, parts in found.items()}
    scored = pooled_scores(values, beyond[test], groups[test], "pearson", BASE)
    return Measured(
        task.name, f"interaction, {share:.0%} of the pairs held out", "pearson", "first genes", len(test), BASE, scored,
        gain_verdict(scored, BASE), references,
    )  # fmt: skip


def _r(first: np.ndarray, second: np.ndarray) -> float:
    return float(pearson(first[:, None], second[:, None])[0])
