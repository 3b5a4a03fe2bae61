from __future__ import annotations

import re

import pytest

from hooke.report.drawing import MAX_ATOMS, MAX_SMILES, MoleculePool, draw

PATH = re.compile(r"(?:[MLCQ](?:-?\d+ )*-?\d+|Z)+")


@pytest.mark.parametrize(
    "smiles", ["CC(=O)Oc1ccccc1C(=O)O", "C/C=C/[C@@H](F)Cl", "[Na+].[Cl-]", "C", "[13CH4]", "*CC", "[Fe]", "[CH3]"]
)
def test_drawings_are_whole_numbers_within_their_canvas(smiles: str) -> None:
    drawing = draw(smiles)
    assert drawing is not None
    assert drawing.lines or drawing.fills or drawing.texts or smiles == "C"
    for _, path in (*drawing.lines, *drawing.fills):
        assert PATH.fullmatch(path), path
        numbers = [int(number) for number in re.findall(r"-?\d+", path)]
        assert min(numbers) >= -2
        assert max(numbers) <= max(drawing.width, drawing.height) + 2
    for x, y, size, _, letters in drawing.texts:
        assert 0 <= x <= drawing.width
        assert 0 <= y <= drawing.height + size
        assert letters


def test_strokes_and_letters_carry_their_element() -> None:
    drawing = draw("C[C@H](N)C(=O)O")
    assert drawing is not None
    assert {element for element, _ in drawing.lines} == {"", "N", "O"}
    assert {(element, letters) for *_, element, letters in drawing.texts} >= {("N", "N"), ("O", "O")}
    assert drawing.fills or len(drawing.lines[0][1]) > 30  # the wedge


@pytest.mark.parametrize("smiles", ["", "c1ccc(", "C" * (MAX_ATOMS + 1), "C" * (MAX_SMILES + 1)])
def test_what_cannot_be_drawn_gives_none(smiles: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert draw(smiles) is None
    assert capfd.readouterr().err == ""


def test_a_pool_keeps_each_molecule_once() -> None:
    pool = MoleculePool()
    assert pool.indices(["CCO", "CCN", "CCO"]) == (0, 1, 0)
    assert pool.index("CCO", "ethanol") == 2
    assert pool.molecules[2].drawing is pool.molecules[0].drawing
    assert [one.name for one in pool.molecules] == ["", "", "ethanol"]
    place = pool.index("C" * 9000)
    long = pool.molecules[place]
    assert long.drawing is None
    assert long.smiles.endswith("… (9,000 characters)")
    assert pool.indices(["C"], ["methane"]) == (4,)
