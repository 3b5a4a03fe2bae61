"""Verdicts: planted truths are supported, their opposites falsified, what was not measured untestable."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.evaluate.known_pairs import unique_pairs
from hooke.workflows.response_claims import (
    FALSIFIED,
    SUPPORTED,
    UNTESTABLE,
    interactions,
    pathway_changes,
    readout_changes,
    similar_responses,
)

GENES = [f"G{number}" for number in range(400)]


def test_read_outs_are_held_against_their_measured_rank() -> None:
    generator = np.random.default_rng(0)
    predicted, measured = generator.normal(scale=0.01, size=400), generator.normal(scale=0.1, size=400)
    predicted[:3], measured[:3] = [3.0, -3.0, 2.0], [1.0, 1.5, 0.0]
    up, down, chance = readout_changes("P", GENES, predicted, measured, 3, "")
    assert (up.object, up.direction, up.verdict) == ("G0", "up", SUPPORTED)
    assert (down.object, down.direction, down.verdict) == ("G1", "down", FALSIFIED)
    assert chance.verdict == UNTESTABLE
    assert "not told from chance" in chance.evidence
    assert up.q <= 0.05 < chance.q
    unmeasured = readout_changes("P", GENES, predicted, None, 3, "P was not measured")
    assert {each.verdict for each in unmeasured} == {UNTESTABLE}
    assert {each.evidence for each in unmeasured} == {"P was not measured"}
    assert unmeasured[0].to_json()["q"] is None


def test_similar_responses_by_rank_among_pairs() -> None:
    every = np.linspace(-0.5, 0.5, 500)
    like, unlike, absent = similar_responses("P", {"A": 0.5, "B": 0.3, "C": 0.2}, {"A": 0.9, "B": -0.9}, every, "")
    assert (like.verdict, unlike.verdict, absent.verdict) == (SUPPORTED, FALSIFIED, UNTESTABLE)
    assert absent.evidence == "C was not measured"
    assert "adds 50% of the prediction" in like.statement


def test_pathways_by_rank_sums() -> None:
    same, other, nothing = pathway_changes(
        "P", ["a", "b", "c"], np.array([5.0, -4.0, 3.0]), np.array([4.0, 4.0, 0.1]), ""
    )
    assert (same.verdict, other.verdict, nothing.verdict) == (SUPPORTED, FALSIFIED, UNTESTABLE)
    assert pathway_changes("P", ["a"], np.array([5.0]), None, "why")[0].evidence == "why"
    assert pathway_changes("P", [], np.empty(0), np.empty(0), "") == []


def test_interactions_by_sources_outside_the_graph() -> None:
    names = [f"G{number}" for number in range(100)]
    known = unique_pairs("Outside", names[:-1], names[1:])
    listed, unlisted, unknown = interactions(
        [("G0", "G1", ["graph"]), ("G0", "G2", ["graph"]), ("G0", "X", ["graph"])], {"Outside": known}
    )
    assert (listed.verdict, unlisted.verdict, unknown.verdict) == (SUPPORTED, UNTESTABLE, UNTESTABLE)
    assert listed.q == pytest.approx(1 * 2 / (2 * 99))
    assert "no evidence against it" in unlisted.evidence
    [alone] = interactions([("G0", "G1", ["graph"])], {})
    assert (alone.verdict, alone.evidence) == (UNTESTABLE, "no source outside the graph is at hand")
