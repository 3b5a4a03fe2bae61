from __future__ import annotations

import io
import sys

import pytest

from hooke.core import progress as module
from hooke.core.progress import Progress, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOKE_PROGRESS", raising=False)


def test_lines_at_most_every_ten_seconds_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with progress(1000, "training", "molecules") as bar:
        for _ in range(50):
            now[0] += 1.0
            bar.advance(10, loss=0.123456, epoch=2)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 5
    assert lines[0] == "training: 100/1,000 molecules, 10 molecules/s, 90 s left, loss 0.1235, epoch 2"


def test_unknown_totals_and_bytes() -> None:
    bar = Progress(None, "reading", "rows")
    bar._start -= 10
    bar.done = 50
    assert bar.line().startswith("50 rows, 5.0 rows/s")
    assert "left" not in bar.line()
    download = Progress(3_000_000_000, "downloading", "B")
    download._start -= 10
    download.done = 1_000_000_000
    assert download.line().startswith("1,000/3,000 MB, 100 MB/s, 20 s left")


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress(10, "embedding", "molecules") as bar:
        bar.advance(4)
        bar.advance(6, loss=0.5)
    assert bar.done == 10
    assert "embedding" in terminal.getvalue()
    assert "loss 0.5" in terminal.getvalue()


@pytest.mark.parametrize("silent", ["environment", "argument"])
def test_quiet(silent: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "LINE_EVERY_S", 0.0)
    if silent == "environment":
        monkeypatch.setenv("HOOKE_PROGRESS", "0")
    with progress(10, "x", show=silent != "argument") as bar:
        bar.advance(3)
        bar.advance()
    assert bar.done == 4
    assert capsys.readouterr().err == ""
