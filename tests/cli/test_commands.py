"""Help that can be copied, and earlier spellings."""

from __future__ import annotations

import re
import shutil

import pytest

from hooke.cli import benchmark, embed, finetune, fit, label, predict, relax, search


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize("verb", [benchmark, embed, finetune, fit, label, predict, relax, search])
def test_examples_stand_in_a_line_each(hooke, monkeypatch: pytest.MonkeyPatch, verb, columns: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", columns)
    assert shutil.get_terminal_size().columns == int(columns)
    lines = hooke(verb.__name__.rpartition(".")[2], "--help").out.splitlines()
    examples = re.findall(r"`([^`]+)`", verb.EXAMPLES)
    assert examples
    for example in examples:
        assert f"   {example}" in lines


def test_help_is_grouped_by_what_one_has(hooke) -> None:  # type: ignore[no-untyped-def]
    out = hooke("--help").out
    places = [
        out.index(title) for title in ("Start, data", "Models of", "Molecules and", "Plates of", "Diffraction patterns")
    ]
    assert places == sorted(places)


def test_one_name_for_outputs(hooke) -> None:  # type: ignore[no-untyped-def]
    for verb in (("map", "build"), ("map", "evaluate"), ("predict",), ("discover", "next"), ("response", "predict")):
        shown = hooke(*verb, "--help").out
        assert "--output" in shown
        assert "--out " not in shown
    for spelling in (("--out", "m.csv"), ("--out=m.csv",), ("--output", "m.csv"), ("-o", "m.csv")):
        found = hooke("map", "build", "none.csv", *spelling)
        assert "No such option" not in found.err
        assert "m.csv" in found.err or "none.csv" in found.err
