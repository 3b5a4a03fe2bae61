"""Benchmarks pair every system on the same rows and continue after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hooke.core.recipe import Recipe
from hooke.studies import benchmark as module
from hooke.studies.benchmark import BenchmarkResult, BenchmarkRow, benchmark
from hooke.train.fit import fit


def test_all_systems_over_seeds_and_what_is_done_stays_done(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = recipe.with_changes(train={"ensemble": 1, "epochs": 2})
    pretrained = fit(single.with_changes(name="before"), runs=tmp_path, show_progress=False)
    result = benchmark(single, seeds=2, pretrained=pretrained.folder, runs=tmp_path, show_progress=False)
    assert result.systems == ["from scratch", "fine-tuned", "mean", "ridge", "forest"]
    assert len(result.rows) == 2 * 5 * 2
    assert "fine-tuned minus this" in result.table()
    assert json.dumps(result.to_json())
    [path] = tmp_path.glob("benchmark-small-*.jsonl")
    whole = path.read_text()
    path.write_text(whole + '{"split": "ran')  # a line that a kill cut off

    def never(*_: object) -> None:
        raise AssertionError("nothing is left to do")

    monkeypatch.setattr(module, "_one", never)
    again = benchmark(single, seeds=2, pretrained=pretrained.folder, runs=tmp_path, show_progress=False)
    assert again == result
    assert path.read_text() == whole


def test_differences_are_paired_over_seeds() -> None:
    rows = tuple(
        BenchmarkRow("random", seed, "y", "rmse", system, value + seed, 0.0)
        for system, value in {"from scratch": 1.0, "ridge": 1.5}.items()
        for seed in range(3)
    )
    found = BenchmarkResult("r", rows).differences("from scratch")["random", "y", "ridge"]
    assert found.value == pytest.approx(-0.5)
    assert found.high < 0
