from __future__ import annotations

import polars as pl
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.screen_columns import (
    control_kind,
    is_control_name,
    is_feature_name,
    with_controls,
    with_standard_names,
    with_standard_types,
)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("negcon", "Negative", " negative control", "Neg_Ctrl", "DMSO", "vehicle", "Non-Targeting", "EMPTY_control", "negcon_1"), "negative"),
        (("poscon", "POSCON_DIVERSE", "poscon_cp", "Positive Control"), "positive"),
        (("control", "CTRL"), "control"),
        (("empty", "Untreated"), "untreated"),
        (("", None, "trt", "Treatment", "nan"), ""),
        (("maybe", "x"), None),
    ],
)  # fmt: skip
def test_words_of_controls(words: tuple[str | None, ...], kind: str | None) -> None:
    assert {control_kind(word) for word in words} == {kind}


@pytest.mark.parametrize("order", [("pert_type", "control_type"), ("control_type", "pert_type")])
def test_all_columns_of_controls_are_read_together(order: tuple[str, str]) -> None:
    """As in the pilot of JUMP: pert_type says control, control_type says which."""
    said = {"pert_type": ["control", "control", "trt", "control"], "control_type": ["negcon", "poscon_cp", None, None]}
    table = pl.DataFrame({f"Metadata_{name}": said[name] for name in order})
    assert with_controls(table)["control"].to_list() == ["negative", "positive", "", "negative"]
    with pytest.raises(DataError, match="row 1 is both a negative and a positive control"):
        with_controls(pl.DataFrame({"control": ["poscon"], "pert_type": ["negcon"]}))
    with pytest.raises(DataError, match=r"says 'possibly'.*\(2 rows\)\. Write negative"):
        with_controls(pl.DataFrame({"control": ["possibly", "possibly", "trt"]}))


def test_untreated_wells_are_controls_where_there_are_no_others() -> None:
    assert with_controls(pl.DataFrame({"control": ["empty", "trt"]}))["control"].to_list() == ["negative", ""]
    assert with_controls(pl.DataFrame({"control": ["empty", "DMSO", "trt"]}))["control"].to_list() == [
        "",
        "negative",
        "",
    ]


def test_names_of_controls_tell_where_no_column_does() -> None:
    table = with_controls(pl.DataFrame({"perturbation": ["EMPTY_control", "G1_guide_1"], "gene": ["control", "G1"]}))
    assert table["control"].to_list() == ["negative", ""]
    assert table["gene"].to_list() == [None, "G1"]  # a control has no gene
    assert table["perturbation"].to_list() == ["EMPTY_control", "G1_guide_1"]
    assert "control" not in with_controls(pl.DataFrame({"gene": ["TP53"]})).columns
    assert [is_control_name(name) for name in ("control", "DMSO", "TP53", "NT5E", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_names_of_publishers() -> None:
    table = pl.DataFrame(
        {
            "Metadata_Plate": [1],
            "address": ["A1"],
            "Treatment": ["x"],
            "Metadata_Name": ["y"],
            "name": ["z"],
            "Symbol": ["w"],
        }
    )
    assert with_standard_names(table).columns == ["plate", "well", "perturbation", "compound", "name", "gene"]
    assert with_standard_names(pl.DataFrame({"well": ["A1"], "address": ["street"]})).columns == ["well", "address"]
    with pytest.raises(UnknownNameError, match="Did you mean 'address'"):
        with_standard_names(table, {"adress": "well"})


def test_types_of_standard_columns() -> None:
    table = pl.DataFrame(
        {
            "plate": ["007", "1E10"],
            "site": ["1.0", "2"],
            "concentration_um": ["0.1", "nan"],
            "compound": [float("nan")] * 2,
        }
    )
    found = with_standard_types(table)
    assert found.to_dict(as_series=False) == {
        "plate": ["007", "1E10"], "site": [1, 2], "concentration_um": [0.1, None], "compound": [None, None],
    }  # fmt: skip
    assert with_standard_types(pl.DataFrame({"plate": [7.0, None]}))["plate"].to_list() == ["7", None]
    with pytest.raises(DataError, match="holds 1.5, which is not a whole number"):
        with_standard_types(pl.DataFrame({"site": [1.5]}))


def test_features_are_told_from_counts_and_identifiers() -> None:
    names = [
        "Cells_Area",
        "feature_0",
        "cell_count",
        "Metadata_Count_Cells",
        "well_id",
        "Unnamed: 0",
        "__index_level_0__",
        "concentration",
        "idx",
    ]
    assert [name for name in names if is_feature_name(name)] == ["Cells_Area", "feature_0", "idx"]
