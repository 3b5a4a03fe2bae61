from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from hooke.cells.profiles import Profiles
from hooke.cli.main import app
from hooke.evaluate.known_pairs import unique_pairs
from hooke.maps import correction as map_correct
from hooke.maps import known_relations as map_recall

RUN = CliRunner()


@pytest.fixture(autouse=True)
def _few_known_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = {"CORUM": unique_pairs("CORUM", ["GENE00"], ["GENE01"])}
    for module in (map_correct, map_recall):
        monkeypatch.setattr(module, "known_pairs", lambda *_, **__: pairs)
    monkeypatch.setenv("HOOKE_PROGRESS", "0")


def call(*words: object) -> str:
    result = RUN.invoke(app, ["map", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_from_wells_to_recall(wells: Profiles, tmp_path: Path) -> None:
    source = wells.write(tmp_path / "wells.parquet")
    corrected, made = tmp_path / "corrected.parquet", tmp_path / "map.parquet"
    assert "tvn" in call("correct", source, "-o", corrected, "--save", tmp_path / "tvn.npz")
    assert (
        json.loads(call("correct", source, "-o", corrected, "--apply", tmp_path / "tvn.npz", "--json"))["method"]
        == "tvn"
    )
    assert "written" in call("build", corrected, "-o", made, "--layout", "none")
    assert json.loads(call("build", corrected, "-o", made, "--layout", "pca", "--json"))["entities"] == {"gene": 24}
    text = call("recall", made, "--raw-only")
    assert "chance" in text
    assert "CC BY-NC" in text
    assert len(json.loads(call("recall", made, "--json"))) == 4


def test_comparison(wells: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = wells.write(tmp_path / "wells.parquet")
    original = map_correct.compare_corrections
    monkeypatch.setattr(
        map_correct,
        "compare_corrections",
        lambda *given, **options: original(*given, methods=("none", "centre"), **options),
    )
    assert "mAP" in call("correct", source, "--compare")
    assert [row["method"] for row in json.loads(call("correct", source, "--compare", "--json"))] == ["none", "centre"]


def test_evaluation(wells: Profiles, tmp_path: Path) -> None:
    source = wells.write(tmp_path / "wells.parquet")
    found = json.loads(call("evaluate", source, "-o", tmp_path / "out", "--json"))
    assert found["perturbations"] == 24
    assert "k_means" in call("evaluate", source, "-o", tmp_path / "out")


def test_explore_serves_until_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    server = SimpleNamespace(
        server_address=("127.0.0.1", 4321),
        serve_forever=lambda: done.append("served"),
        server_close=lambda: done.append("closed"),
    )
    monkeypatch.setattr("hooke.serve.explore.explore", lambda *_, **__: server)
    assert "http://127.0.0.1:4321" in call("explore", tmp_path / "map.parquet")
    assert done == ["served", "closed"]
