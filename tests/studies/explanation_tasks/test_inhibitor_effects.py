from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.datasets.sachs import INHIBITORS, PROTEINS, STIMULUS
from hooke.studies.explanation_tasks.inhibitor_effects import measure, ranked_children
from hooke.suites import suite

EDGES = [("akt", "erk"), ("pkc", "raf"), ("pkc", "jnk"), ("mek", "erk"), ("erk", "p38"), ("pip2", "pkc")]


def test_planted_children_are_ranked_first() -> None:
    generator = np.random.default_rng(0)
    conditions = np.repeat([STIMULUS, *(f"{STIMULUS}+{name}" for name in INHIBITORS)], 80)
    levels = generator.normal(size=(len(conditions), len(PROTEINS)))
    for inhibitor, target in INHIBITORS.items():
        for parent, child in EDGES:
            if parent == target:
                levels[conditions == f"{STIMULUS}+{inhibitor}", PROTEINS.index(child)] -= 1.0
    children, within, descendants, _ = ranked_children("made", levels, conditions, EDGES)
    assert children.value.value == 1.0
    assert (children.count, descendants.count) == (5, 9)
    assert within.verdict == "above its null"
    assert descendants.value.value < 1.0


@pytest.mark.mirror
def test_the_real_inhibitors(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    [task] = [task for task in suite("explanations").tasks if task.name == "sachs"]
    children, within, *_ = measure(task, (), False, False)
    assert children.value.value >= 0.8
    assert (children.count, children.verdict) == (7, "above its null")
    assert within.verdict.startswith("null result")
