"""Classes that are written as words keep their names from the table to the predictions."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import hooke
from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.molecules.tables.classes import are_known, ordered, place_of
from hooke.molecules.tables.description import LabelOptions
from hooke.molecules.tables.twins import twin_smiles
from hooke.molecules.tables.values import ColumnProfile, stored_cell

AUTO = LabelOptions()


def profile(*cells: str) -> ColumnProfile:
    found = ColumnProfile("y")
    found.add(cells)
    return found


@pytest.mark.parametrize(
    ("cells", "label"),
    [
        (("high", "Low", "medium", "low", "HIGH", "medium"), Label("y", kind="multiclass", classes=3, names=("Low", "medium", "high"))),
        (("pos", "neg", "neg", "pos"), Label("y", kind="binary", names=("neg", "pos"))),
        (("non-toxic", "toxic", "", "toxic", "non-toxic"), Label("y", kind="binary", names=("non-toxic", "toxic"))),
        (("yes", "no", "maybe", "no", "yes", "maybe"), Label("y", kind="multiclass", classes=3, names=("no", "maybe", "yes"))),
        (("Active", "inactive", "active"), Label("y", kind="binary", names=("inactive", "Active"))),
    ],
)  # fmt: skip
def test_scales_are_labels_in_their_order(cells: tuple[str, ...], label: Label) -> None:
    found = profile(*cells)
    assert found.no_label() == ""
    assert found.label(AUTO) == label
    values = [stored_cell(cell, label).value for cell in cells if cell]
    assert [label.names[int(value)].lower() for value in values] == [cell.lower() for cell in cells if cell]


def test_other_words_are_learnt_when_they_are_asked_for() -> None:
    found = profile("kinase", "GPCR", "kinase", "gpcr", "ion channel", "ion channel")
    assert found.no_label() == "text: 3 different (GPCR, ion channel, kinase); --targets y learns them as classes"
    label = found.label(AUTO)
    assert (label.kind, label.names) == ("multiclass", ("GPCR", "ion channel", "kinase"))
    cell = stored_cell("protease", label)
    assert cell.problem == "'protease' is none of the classes GPCR, ion channel, kinase"
    with pytest.raises(DataError, match="holds 3 classes .* not regression values"):
        found.label(LabelOptions(kind="regression"))
    assert found.label(LabelOptions(kind="ordinal")).kind == "ordinal"


@pytest.mark.parametrize(
    "cells", [tuple(f"CPD-{number}" for number in range(60)), ("a", "b", "c"), ("one", "one"), ("2020-01-01", "2020-01-02") * 3]
)  # fmt: skip
def test_names_comments_and_dates_are_no_classes(cells: tuple[str, ...]) -> None:
    found = profile(*cells)
    assert found.text_classes == ()
    assert found.no_label()
    with pytest.raises(DataError, match="holds no number"):
        found.label(AUTO)


def test_numbers_beside_words_stay_numbers() -> None:
    found = profile(*map(str, range(1, 40)), "n.t.", "low", "low", "low")
    assert found.text_classes == ()
    assert found.label(AUTO).kind == "regression"


def test_words() -> None:
    assert are_known(["Low", "HIGH"])
    assert not are_known(["low", "blue"])
    assert ordered({"b": "B", "a": "a"}) == ("a", "B")
    assert place_of(" b ", ("a", "B")) == 1
    assert place_of("", ("a", "B")) is None


def test_names_stay_from_fit_to_predict(tmp_path: Path) -> None:
    smiles = twin_smiles(45, seed=0)
    words = [("high", "medium", "Low")[number % 3] for number in range(len(smiles))]
    path = tmp_path / "t.csv"
    pl.DataFrame(
        {"compound_id": [f"CPD-{number}" for number in range(len(smiles))], "smiles": smiles, "y": words}
    ).write_csv(path)
    run = hooke.fit(csv=path, model="mean", report=False, runs=tmp_path / "runs", workers=0, show_progress=False)
    found = hooke.load(run.folder).predict(pl.read_csv(path))
    assert set(found["y"]) <= {"Low", "medium", "high"}
    assert [name for name in found.columns if name.startswith("y[")][::2] == ["y[Low]", "y[medium]", "y[high]"]
    assert found["compound_id"].to_list()[:2] == ["CPD-0", "CPD-1"]
