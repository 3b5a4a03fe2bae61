from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.graph import EdgeSource, graph_of
from hooke.studies.explanation_tasks.regulator_effects import causal_edges, measure
from hooke.suites import suite

GENES = [f"GENE{number:02d}" for number in range(30)]


def test_planted_edges_are_ranked() -> None:
    generator = np.random.default_rng(0)
    group = np.arange(30) // 5
    first, second = np.triu_indices(30, 1)
    kept = group[first] == group[second]
    edges = pl.DataFrame({"first": np.array(GENES)[first[kept]], "second": np.array(GENES)[second[kept]]})
    graph = graph_of({EdgeSource("made", "CC0"): edges.with_columns(weight=pl.lit(1.0))}).over(GENES)
    effects = 0.3 * generator.normal(size=(30, 30))
    effects[group[:, None] == group] += 2.0
    np.fill_diagonal(effects, np.nan)
    evidence = {"beta": effects, "PIP": (np.nan_to_num(effects) > 1).astype(float)}
    relations, mean, kernel = causal_edges("made", GENES, evidence, graph)
    assert relations.value.value > 0.95
    assert relations.count == kept.sum()
    assert kernel.value.value > mean.value.value
    assert kernel.verdict == "above its null"


@pytest.mark.mirror
def test_the_real_regulators(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    monkeypatch.setattr("hooke.studies.explanation_tasks.regulator_effects.MODELS", ("global_mean",))
    [task] = [task for task in suite("explanations").tasks if task.name == "regulators"]
    relations, unseen = measure(task, (), False, False)
    assert relations.value.value > 0.55
    assert unseen.count == 46
