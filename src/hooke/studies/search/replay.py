"""Optimisers replayed on a table: hundreds of searches in seconds, compared by paired tests that allow for how many there are.

In repeat r every optimiser has the same seed r and sees the same noise: the validation scores of one of the table's seeds. Its choice after each
trial is the point with the lowest validation score so far, and what counts is that point's test score, averaged over the table's seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from hooke.studies.search.algorithms import Result, optimiser
from hooke.studies.search.tabular import Table


@dataclass(frozen=True)
class Replayed:
    """Anytime curves: (repeats, trials) lowest validation score, and test score of the point that has it."""

    valid: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Two optimisers after all trials, over paired repeats: mean difference of test scores (first minus second), p corrected by Holm."""

    first: str
    second: str
    difference: float
    p_value: float
    corrected: float

    @property
    def verdict(self) -> str:
        """In words, at 5%."""
        if self.corrected >= 0.05:
            return "undecided"
        return f"{self.first if self.difference < 0 else self.second} is better"


def replay(table: Table, name: str, *, trials: int, repeats: int, seed: int = 0) -> Replayed:
    """Run an optimiser on a table many times.

    Args:
        table: The scores.
        name: Of the optimiser.
        trials: A repeat.
        repeats: How many.
        seed: Of the first repeat.
    """
    valid, test = np.zeros((repeats, trials)), np.zeros((repeats, trials))
    tested = table.test.mean(axis=1)
    for repeat in range(repeats):
        seen = table.valid[:, repeat % table.valid.shape[1]]
        chosen = optimiser(name, table.space, seed + repeat)
        results: list[Result] = []
        lowest, place = np.inf, 0
        for number in range(trials):
            point = chosen.ask(number, results)
            row = table.row(point)
            results.append(Result(number, point, float(seen[row])))
            if seen[row] < lowest or number == 0:
                lowest, place = float(seen[row]), row
            valid[repeat, number], test[repeat, number] = lowest, tested[place]
    return Replayed(valid, test)


def compare(replayed: Mapping[str, Replayed]) -> list[Comparison]:
    """Every pair by the Wilcoxon signed-rank test over repeats, corrected by Holm for the number of pairs."""
    pairs = list(combinations(replayed, 2))
    differences = [replayed[first].test[:, -1] - replayed[second].test[:, -1] for first, second in pairs]
    values = [_signed_rank(difference) for difference in differences]
    return [
        Comparison(first, second, float(difference.mean()), value, corrected)
        for (first, second), difference, value, corrected in zip(pairs, differences, values, holm(values), strict=True)
    ]


def _signed_rank(differences: np.ndarray) -> float:
    if not differences.any():
        return 1.0
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences, zero_method="pratt", method="approx").pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Step-down corrected p-values (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    out, highest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order.tolist()):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        out[index] = highest
    return out


def summary(table: Table, replayed: Mapping[str, Replayed]) -> dict[str, Any]:
    """What a comparison says, as plain values; regret is the test score above the table's best."""
    best = float(table.test.mean(axis=1).min())
    shown = {
        name: {
            "test_mean": float(found.test[:, -1].mean()),
            "test_std": float(found.test[:, -1].std(ddof=1)) if len(found.test) > 1 else 0.0,
            "regret": float(found.test[:, -1].mean() - best),
            "anytime_valid": found.valid.mean(axis=0).tolist(),
            "anytime_test": found.test.mean(axis=0).tolist(),
        }
        for name, found in replayed.items()
    }
    pairs = [{**vars(found), "verdict": found.verdict} for found in compare(replayed)]
    return {"points": len(table.space), "best_test": best, "optimisers": shown, "pairs": pairs}
