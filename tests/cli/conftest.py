"""The command line, in this process."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from hooke.cli import main
from hooke.molecules.tables.twins import write_twin_table


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def hooke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["hooke", *map(str, arguments)])
        code = 0
        try:
            main.run()
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_twin_table(tmp_path / "assay.csv", seed=0, rows=60)


SMALL = ("model.width=16", "model.depth=2", "train.epochs=2", "train.ensemble=1", "train.threads=1")


def run_page(hooke: Run, text: str) -> list[Outcome]:
    """Run the commands and the Python of a page in their order; each command succeeds."""
    outcomes = []
    for kind, block in re.findall(r"```(console|python)\n(.*?)```", text, re.DOTALL):
        if kind == "python":
            exec(block, {})
            continue
        for line in block.strip().splitlines():
            program, *arguments = shlex.split(line)
            assert program == "hooke"
            outcomes.append(hooke(*arguments))
            assert outcomes[-1].code == 0, (line, outcomes[-1].err)
    return outcomes
