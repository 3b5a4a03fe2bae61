from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("anndata")

from hooke.cells.simulated_response import SimulationConfig
from hooke.core.json_text import json_text
from hooke.studies.quickstart_cells import GRAPH, REWIRED, quickstart_cells


def test_the_chain_finds_what_was_planted_and_nothing_where_nothing_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    config = SimulationConfig(modules=7, readouts=100, cells=30, controls=120, pairs=20)
    found = quickstart_cells(tmp_path / "runs", config=config, show_progress=False)
    verdicts = {each.name: each.verdict for each in found.check.contexts}
    assert verdicts["strong"].startswith("evaluable")
    assert verdicts["weak"].startswith("not evaluable")
    assert found.run.choices[0].model in {"graph_kernel_ridge", "kronecker_ridge"}
    assert found.truth[GRAPH] > 0.5
    assert found.truth[REWIRED] < found.truth[GRAPH] - 0.2
    assert found.difference.low > 0
    assert found.scores.ranking("pearson_delta")[0] == GRAPH
    text = found.report.read_text(encoding="utf-8")
    assert "The screen is simulated" in text
    assert "rewired graph" in text
    assert json.loads(json_text(found.to_json()))["verdict"] == found.verdict
    for wanted in ("held-out genes", "ceiling", "hooke response check screen.h5ad", str(found.report)):
        assert wanted in found.summary()
    again = quickstart_cells(tmp_path / "runs", config=config, show_progress=False)
    assert again.run.folder == found.run.folder
    assert again.truth == found.truth
