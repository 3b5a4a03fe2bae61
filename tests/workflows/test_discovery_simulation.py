from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from tests.cells.test_acquisition import GENES, library

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.workflows import discovery_simulation
from hooke.workflows.discovery_simulation import Loop, SimulatedScreen, screen_of, simulate, simulated

AGENT = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    known = {each["gene"] for each in asked["measured"]}
    free = [gene for gene in asked["library"] if gene not in known]
    print(json.dumps({"picks": ANSWER}), flush=True)
"""


@pytest.fixture
def screen() -> SimulatedScreen:
    made, scores = library()
    earlier = dict(zip(GENES, made.priors[0].strengths, strict=True))
    return screen_of(
        "made", {**dict(zip(GENES, scores, strict=True)), "LOST": np.nan}, made.graph, {"earlier": earlier}, ["earlier"]
    )


def test_curves_chance_and_oracle(screen: SimulatedScreen, tmp_path: Path) -> None:
    assert len(screen.library) == 120
    loop = Loop(batch=6, rounds=4, seeds=4, hit_share=0.1, policies=("random", "graph", "transfer", "auto"))
    found = simulate(screen, loop, tmp_path, show_progress=False)
    assert found.chance == pytest.approx([0.05, 0.1, 0.15, 0.2])
    assert found.oracle == pytest.approx([0.5, 1.0, 1.0, 1.0])
    for policy in loop.policies:
        curves = found.found(policy)
        assert curves.shape == (4, 4)
        assert (np.diff(curves, axis=1) >= 0).all()
        assert (curves <= found.oracle).all()
    assert found.ratio("graph") > 1.2
    assert found.ratio("transfer") > 3
    assert found.hindsight == pytest.approx(found.ratio("auto") / found.ratio("transfer"))
    heads, rows = found.table()
    assert [row[0] for row in rows] == [*loop.policies, "chance", "oracle"]
    assert {len(row) for row in rows} == {len(heads)}
    assert found.to_json()["priors"] == [{"screen": "earlier", "same_study": True}]


def test_hidden_scores_are_not_seen(screen: SimulatedScreen) -> None:
    """Scores of genes that are never revealed change no pick: hits are given, the others are poisoned."""
    loop = Loop(batch=6, rounds=3, seeds=1, hit_share=0.1)
    seen: list[np.ndarray] = []
    usual = discovery_simulation.picks

    def spying(policy, made, measured, *rest):  # type: ignore[no-untyped-def]
        seen.append(measured.scores)
        assert np.array_equal(measured.scores, screen.scores[measured.places])
        return usual(policy, made, measured, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discovery_simulation, "picks", spying)
        simulated(screen, loop, "auto", 0)
    assert [len(scores) for scores in seen] == [0, 6, 12]


def test_a_killed_simulation_goes_on(screen: SimulatedScreen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(batch=6, rounds=2, seeds=2, policies=("random", "graph"))
    whole = simulate(screen, loop, tmp_path / "whole", show_progress=False)
    usual, calls = discovery_simulation.simulated, []

    def stopping(*given):  # type: ignore[no-untyped-def]
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return usual(*given)

    monkeypatch.setattr(discovery_simulation, "simulated", stopping)
    with pytest.raises(KeyboardInterrupt):
        simulate(screen, loop, tmp_path / "killed", show_progress=False)
    again = simulate(screen, loop, tmp_path / "killed", show_progress=False)
    assert len(calls) == 3 + 2
    assert again.curves == whole.curves


def test_an_agent_picks(screen: SimulatedScreen, tmp_path: Path) -> None:
    script = tmp_path / "agent.py"
    script.write_text(AGENT.replace("ANSWER", "free[:asked['batch']]"))
    loop = Loop(batch=6, rounds=2, seeds=1, hit_share=0.1, policies=("agent",), agent=f"{sys.executable} {script}")
    found = simulate(screen, loop, tmp_path, show_progress=False)
    assert found.curves[0].found == (0.5, 1.0)  # the strong genes come first by name
    for answer in ("free[:99]", "['NOBODY']", "[free[0], free[0]]", "7"):
        script.write_text(AGENT.replace("ANSWER", answer))
        with pytest.raises(DataError, match="round 1: the agent"):
            simulate(
                screen,
                Loop(batch=7, rounds=1, seeds=1, policies=("agent",), agent=f"{sys.executable} {script}"),
                tmp_path / answer[:3],
            )
    with pytest.raises(UsageError, match="does not start"):
        simulate(screen, Loop(policies=("agent",), batch=5, agent="/no/such/program"), tmp_path)


def test_refusals(screen: SimulatedScreen) -> None:
    for loop, message in (
        (Loop(batch=500), "larger than the library"),
        (Loop(batch=5, seeds=0), "at least 1"),
        (Loop(batch=5, policies=("agent",)), "needs a command"),
    ):
        with pytest.raises(UsageError, match=message):
            loop.check(screen.library)
    with pytest.raises(UnknownNameError, match="policy"):
        Loop(batch=5, policies=("best",)).check(screen.library)
    alone, _ = library(priors=False)
    with pytest.raises(UsageError, match="transfer needs earlier"):
        Loop(batch=5).check(alone)
    with pytest.raises(DataError, match="has 1 genes"):
        screen_of("few", {"A": 1.0, "B": np.nan}, alone.graph, {})
