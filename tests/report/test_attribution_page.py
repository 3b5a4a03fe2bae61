from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hooke.report.attribution_page import colour_limit, coloured, page, write_page
from hooke.report.drawing import draw_with_places


@dataclass(frozen=True)
class Shown:
    smiles: str
    prediction: float
    baseline: float
    atoms: np.ndarray


def strengths(svg: str) -> list[tuple[str, float]]:
    return [
        (name, float(value)) for name, value in re.findall(r'<circle class="(\w+)"[^>]*fill-opacity="([\d.]+)"', svg)
    ]


def test_signs_have_their_colours() -> None:
    (raises, strong), (lowers, half) = strengths(coloured("CO", np.array([1.0, -0.5]), 1.0))
    assert (raises, lowers) == ("raises", "lowers")
    assert strong == pytest.approx(2 * half)
    assert [value for _, value in strengths(coloured("CO", np.zeros(2), 1.0))] == [0, 0]
    assert strengths(coloured("CO", np.array([5.0, 1.0]), 1.0))[0][1] == strong  # beyond the scale's end


def test_one_scale_for_all_molecules() -> None:
    shown = [Shown("CO", 1.0, 0.0, np.array([2.0, 0.0])), Shown("CN", 1.0, 0.0, np.array([1.0, 0.0]))]
    assert colour_limit(shown) == 2.0
    (_, first), _, (_, second), _ = strengths(page("t", [], shown))
    assert first == pytest.approx(2 * second)
    assert ">−2</span>" in page("t", [], shown)
    assert colour_limit([Shown("C", 0.0, 0.0, np.zeros(1))]) == 1.0
    many = [Shown("C", 0.0, 0.0, np.array([value])) for value in (*np.ones(200), 1000.0)]
    assert colour_limit(many) == 1.0  # one outlier does not make all others pale
    assert ">≥ 1</span>" in page("t", [], many)


def test_discs_lie_below_their_atoms() -> None:
    drawing, places = draw_with_places("CCO")
    (x, y, size, _, _), *_ = drawing.texts
    assert len(places) == 3
    assert abs(places[2][0] - x) < size
    assert abs(places[2][1] - y) < size


def test_hydrogens_of_the_string_are_atoms() -> None:
    assert len(strengths(coloured("[H][H]", np.array([0.5, 0.5]), 1.0))) == 2
    with pytest.raises(ValueError, match="has 2 atoms, not 3"):
        coloured("CO", np.zeros(3), 1.0)
    with pytest.raises(ValueError, match="not a valid SMILES"):
        coloured("c1cc(", np.zeros(3), 1.0)


def test_page(tmp_path: Path) -> None:
    shown = [Shown("CCO", 1.5, 0.5, np.array([0.5, 0.25, 0.25])), Shown("C", -1.0, 0.0, np.array([-1.0]))]
    text = write_page(tmp_path / "pages" / "atoms.html", "A <title>", ["a note"], shown).read_text()
    assert text.count("<svg") == text.count("<figure") == text.count("Save SVG</button>") == 2
    assert "A &lt;title&gt;" in text
    assert "a note" in text
    assert "1.5 = 0.5 (bare graph) + 1 (atoms)" in text
    assert "−1 = 0 (bare graph) − 1 (atoms)" in text
