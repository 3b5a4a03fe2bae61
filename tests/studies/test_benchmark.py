"""Benchmarks pair every system on the same rows and continue after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hooke.core.errors import UsageError
from hooke.core.recipe import Recipe, load_recipe
from hooke.images.store import ImageStore
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


def test_images_beside_their_baselines(screen: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "prepare", lambda *_, **__: screen)
    images = load_recipe("tiny_wsl", ["train.epochs=1", "train.threads=1", "data.split.fractions=[0.4,0.3,0.3]"])
    result = benchmark(images, seeds=2, runs=tmp_path, show_progress=False)
    assert result.systems == ["from scratch", "mean", "nearest", "forest", "random weights"]
    assert {(row.split, row.label, row.metric) for row in result.rows} == {("well", "perturbation", "accuracy")}
    assert all(0 <= row.value <= 1 for row in result.rows)
    assert {key[2] for key in result.differences("from scratch")} == set(result.systems) - {"from scratch"}
    table = result.table()
    assert "accuracy (higher is better)" in table
    assert table.count("from scratch minus this") == 4


def test_nothing_to_compare_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'tiny_mae' learns without labels"):
        benchmark(load_recipe("tiny_mae"), runs=tmp_path, show_progress=False)
    assert not list(tmp_path.glob("benchmark-*"))
