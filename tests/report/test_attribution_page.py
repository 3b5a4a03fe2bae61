from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hooke.report.attribution_page import coloured, write_page


@dataclass(frozen=True)
class Shown:
    smiles: str
    prediction: float
    baseline: float
    atoms: np.ndarray


def test_signs_have_their_colours() -> None:
    svg = coloured("CO", np.array([1.0, -1.0])).upper()
    assert "#D630" in svg  # rounded down here and there
    assert "#216" in svg
    assert "<SVG" in svg
    pale = coloured("CO", np.zeros(2)).upper()
    assert "#D630" not in pale


def test_hydrogens_of_the_string_are_atoms() -> None:
    assert "<svg" in coloured("[H][H]", np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="has 2 atoms, not 3"):
        coloured("CO", np.zeros(3))


def test_page(tmp_path: Path) -> None:
    shown = [Shown("CCO", 1.5, 0.5, np.array([0.5, 0.25, 0.25])), Shown("C", -1.0, 0.0, np.array([-1.0]))]
    text = write_page(tmp_path / "pages" / "atoms.html", "A <title>", ["a note"], shown).read_text()
    assert text.count("<svg") == text.count("<figure>") == 2
    assert "A &lt;title&gt;" in text
    assert "a note" in text
    assert "1.5 = 0.5 (bare graph) + 1 (atoms)" in text
    assert "−1 = 0 (bare graph) − 1 (atoms)" in text
