from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.cells import acquisition
from hooke.cells.acquisition import (
    POLICIES,
    Library,
    Measured,
    Prior,
    arms,
    as_prior,
    earned,
    neighbour_scores,
    picks,
    policy_scores,
)
from hooke.cells.graph import EdgeSource, graph_of
from hooke.core.errors import UnknownNameError, UsageError

GENES = tuple(f"G{number:03d}" for number in range(120))


def library(*, priors: bool = True) -> tuple[Library, np.ndarray]:
    """Groups of six genes; two groups are strong."""
    generator = np.random.default_rng(0)
    group = np.arange(120) // 6
    first, second = np.triu_indices(120, 1)
    kept = group[first] == group[second]
    edges = pl.DataFrame({"first": [GENES[a] for a in first[kept]], "second": [GENES[b] for b in second[kept]]})
    graph = graph_of({EdgeSource("made", "CC0"): edges.with_columns(weight=pl.lit(1.0))}).over(GENES)
    scores = np.where(group < 2, -3.0, 0.0) + 0.5 * generator.normal(size=120)
    earlier = scores + generator.normal(size=120)
    known = (as_prior("earlier", GENES, dict(zip(GENES, earlier, strict=True)), same_study=True),) if priors else ()
    return Library(GENES, graph, known), scores


def measured(scores: np.ndarray, places: list[int], policy: str = "random") -> Measured:
    where = np.array(places, np.int64)
    return Measured(where, scores[where], np.abs(scores[where]) > 2, (policy,) * len(places))


def test_the_formula_of_neighbours() -> None:
    made, scores = library()
    known = measured(scores, [0, 3, 40, 70, 71])
    found, count = neighbour_scores(made, known)
    strength = np.abs(scores[known.places])
    z = (strength - strength.mean()) / strength.std()
    assert found[1] == pytest.approx((z[0] + z[1]) / (2 + 5))
    assert found[69] == pytest.approx((z[3] + z[4]) / (2 + 5))
    assert (count[1], count[100], found[100]) == (2, 0, 0)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("start", [[], [0, 20, 40, 60, 61, 90, 7]])
def test_every_policy_picks_new_genes_and_the_same_again(policy: str, start: list[int]) -> None:
    made, scores = library()
    known = measured(scores, start) if start else Measured.nothing()
    allowed = np.arange(120) != 5
    found = picks(policy, made, known, 15, np.random.default_rng(3), allowed)
    places = [pick.place for pick in found]
    assert len({*places}) == 15
    assert not {*places} & {*start, 5}
    assert found == picks(policy, made, known, 15, np.random.default_rng(3), allowed)
    assert all(pick.uncertainty > 0 for pick in found)
    everything = picks(policy, made, known, 500, np.random.default_rng(3))
    assert len(everything) == 120 - len(start)


@pytest.mark.parametrize("policy", ["graph", "combined", "greedy", "transfer"])
def test_what_is_strong_is_picked_first(policy: str) -> None:
    made, scores = library()
    found = picks(policy, made, measured(scores, [0, 6, 30, 60, 90, 100]), 10, np.random.default_rng(0))
    assert np.mean([pick.place < 12 for pick in found]) >= 0.7


def test_core_set_and_diverse_spread() -> None:
    made, scores = library()
    known = measured(scores, [0, 6, 30, 60])
    groups = [pick.place // 6 for pick in picks("core_set", made, known, 8, np.random.default_rng(0))]
    assert len({*groups}) >= 6
    plain = [pick.place // 6 for pick in picks("graph", made, known, 8, np.random.default_rng(0))]
    spread = [pick.place // 6 for pick in picks("diverse", made, known, 8, np.random.default_rng(0))]
    assert len({*spread}) >= len({*plain})


def test_the_bandit_keeps_what_earns() -> None:
    made, scores = library()
    first = picks("auto", made, Measured.nothing(), 20, np.random.default_rng(0))
    assert sorted(pick.policy for pick in first) == ["random"] * 5 + ["transfer"] * 15
    assert arms(made, Measured.nothing()) == ["transfer", "combined", "random"]
    where = np.arange(60)
    record = Measured(where, scores[where], np.arange(60) < 28, ("graph",) * 30 + ("random",) * 30)
    assert earned(record) == {"transfer": (0, 0), "graph": (28, 30), "combined": (0, 0), "random": (0, 30)}
    later = [pick.policy for pick in picks("auto", made, record, 40, np.random.default_rng(0))]
    assert later.count("graph") > 30
    assert {"transfer", "combined", "random"} & {*later} or acquisition.EVEN * 40 < 4
    alone, _ = library(priors=False)
    assert {pick.policy for pick in picks("auto", alone, Measured.nothing(), 20, np.random.default_rng(0))} == {
        "random"
    }


def test_thompson_draws_around_the_mean_of_the_regression() -> None:
    made, scores = library()
    known = measured(scores, list(range(0, 120, 5)))
    mean = policy_scores("greedy", made, known, np.random.default_rng(0))
    draws = np.mean(
        [policy_scores("thompson", made, known, np.random.default_rng(seed)) for seed in range(400)], axis=0
    )
    upper = policy_scores("ucb", made, known, np.random.default_rng(0))
    assert np.abs(draws - mean).max() < 6 * (upper - mean).max() / np.sqrt(400)
    assert (upper > mean).all()


def test_refusals_and_earlier_screens() -> None:
    alone, _ = library(priors=False)
    with pytest.raises(UsageError, match="needs earlier screens"):
        picks("transfer", alone, Measured.nothing(), 3, np.random.default_rng(0))
    with pytest.raises(UnknownNameError, match="policy"):
        picks("grpah", alone, Measured.nothing(), 3, np.random.default_rng(0))
    prior = as_prior("some", GENES, {"G000": -9.0, "G001": 1.0, "G002": 2.0, "ELSE": 99.0})
    strengths = np.array([9.0, 1.0, 2.0])
    assert np.allclose(prior.strengths[:3], (strengths - 4) / strengths.std())
    assert not prior.strengths[3:].any()
    two = Library(GENES, alone.graph, (prior, Prior("other", np.ones(120), same_study=True)))
    assert two.prior_weights.tolist() == [0.2, 0.8]
    assert two.transfer is not None
    assert two.transfer[50] == pytest.approx(0.8)
