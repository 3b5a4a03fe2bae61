"""What a notebook shows: results as tables, escaped, and one line of progress in a cell."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hooke.api.training import FittedRun
from hooke.cells.profiles import Profiles
from hooke.core.notebook import card, in_notebook
from hooke.core.progress import _Cell, progress
from hooke.core.runs import RunFolder
from hooke.inference.loaded import LoadedRun
from hooke.inference.stream import StreamReport
from hooke.maps.construction import build
from hooke.maps.evaluation import Evaluation
from hooke.studies.benchmark import BenchmarkResult, BenchmarkRow


def test_a_card_is_escaped_and_short() -> None:
    text = card("<b>", {"a&b": "<i>", "none": None, "empty": ""}, ("x",), [(k / 7,) for k in range(25)])
    assert "<b>" not in text
    assert "<i>" not in text
    assert "a&amp;b" in text
    assert "none" not in text
    assert text.count("<tr>") == 1 + 1 + 20
    assert "and 5 more rows" in text
    assert "0.1429" in text


def test_results_show_their_numbers(run: Path, wells: Profiles, tmp_path: Path) -> None:
    loaded = LoadedRun.open(run, "cpu")
    assert "gine on molecules" in loaded._repr_html_()
    assert "log_p" in loaded._repr_html_()
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    (copy / "metrics.json").write_text(json.dumps({"test": {"graph": {"log_p": {"rmse": 0.123456}}}}))
    fitted = FittedRun(RunFolder(copy), Path("report.html"))._repr_html_()
    assert "gine on molecules" in fitted
    assert "0.1235" in fitted
    assert "report.html" in fitted
    report = StreamReport("out.parquet", 3, 2, 1, {"empty <row>": 1}, 0.5, 0, "hash", unit="molecules")
    assert "empty &lt;row&gt;" in report._repr_html_()
    assert f"{len(wells):,} profiles of {wells.dim} features" in wells._repr_html_()
    made = build(wells, layout_method="none")
    assert f"Map of {len(made.map):,} entities" in made._repr_html_()
    assert "perturbations" in Evaluation({"perturbations": 7})._repr_html_()
    rows = tuple(BenchmarkRow("random", seed, "log_p", "rmse", "model", 0.5 + seed, 1.0) for seed in range(2))
    assert "log_p" in BenchmarkResult("csv", rows)._repr_html_()


def test_progress_is_one_line_of_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    handle = SimpleNamespace(update=lambda content, raw: shown.append(content["text/plain"]))

    def display(content: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        shown.append(content["text/plain"])
        return handle

    monkeypatch.delenv("HOOKE_PROGRESS", raising=False)
    monkeypatch.setattr(_Cell, "EVERY_S", 0.0)
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))  # type: ignore[arg-type]
    assert not in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))  # type: ignore[arg-type]
    assert in_notebook()
    with progress(2, "training", "molecules") as bar:
        bar.advance(loss=0.5)
        bar.advance(loss=0.25)
    assert len(shown) == 3
    assert shown[0].startswith("training: 1/2 molecules")
    assert "loss 0.25" in shown[1]
    assert shown[2].startswith("training: 2 molecules in")
