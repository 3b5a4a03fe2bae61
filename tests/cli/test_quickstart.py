"""`hooke quickstart` prints what the suite found."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import typer

from hooke.studies import quickstart as suite


def test_text_json_and_open(hooke, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    asked: list[tuple[Path, int]] = []
    opened: list[str] = []

    def fake(runs: Path, *, seeds: int) -> SimpleNamespace:
        asked.append((runs, seeds))
        return SimpleNamespace(
            summary=lambda: "the verdict", to_json=lambda: {"verdict": "v"}, report=Path("report.html")
        )

    monkeypatch.setattr(suite, "quickstart", fake)
    monkeypatch.setattr(typer, "launch", opened.append)
    assert "the verdict" in hooke("quickstart", "--seeds", "2", "--open").out
    assert json.loads(hooke("quickstart", "--json").out) == {"verdict": "v"}
    assert asked == [(Path("runs"), 2), (Path("runs"), 3)]
    assert opened == ["report.html"]


def test_cells(hooke, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from hooke.studies import quickstart_cells as cells

    result = SimpleNamespace(summary=lambda: "the verdict", to_json=dict, report=Path("report.html"))
    monkeypatch.setattr(cells, "quickstart_cells", lambda runs: result)
    assert "the verdict" in hooke("quickstart", "cells").out


def test_images_and_unknown_domains(hooke, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from hooke.studies import quickstart_images as images

    result = SimpleNamespace(summary=lambda: "the table", to_json=dict, report=Path("report.html"))
    monkeypatch.setattr(images, "quickstart_images", lambda runs, *, workers: result)
    assert "the table" in hooke("quickstart", "images").out
    assert "images" in hooke("quickstart", "imgaes").err
