from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from hooke.cells import entities as maps
from hooke.cells.entities import build_map, entities_of, from_controls, hierarchical_order, layout
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UnknownNameError, UsageError


def test_guides_are_averaged_before_genes() -> None:
    metadata = pl.DataFrame({"gene": ["A", "A", "A", "B"], "guide": ["1", "1", "2", "1"]})
    found = build_map(Profiles.of_embeddings(np.array([[0.0], [2], [5], [7]]), metadata))
    assert found.column("entity").tolist() == ["A", "B"]
    assert found.values.ravel().tolist() == [3, 7]  # (mean(0, 2) + 5) / 2, not the mean of the three
    assert found.column("replicates").tolist() == [3, 1]
    assert found.column("guides").tolist() == [2, 1]
    assert build_map(Profiles.of_embeddings(np.zeros((4, 1)), metadata), least_replicates=2).column(
        "entity"
    ).tolist() == ["A"]


def test_compounds_by_dose_and_names_of_their_own() -> None:
    metadata = pl.DataFrame(
        {
            "perturbation": ["x", "x", "x", "TP53", "", "y"], "perturbation_type": ["compound"] * 3 + ["gene", "none", "compound"],
            "concentration_um": [1.0, 10.0, 10.0, None, None, None], "control": ["", "", "", "", "negative", ""],
        }
    )  # fmt: skip
    table = entities_of(metadata)
    assert table["entity"].to_list() == ["x @ 1 uM", "x @ 10 uM", "x @ 10 uM", "TP53", "", "y"]
    assert table["kind"].to_list()[:4] == ["compound"] * 3 + ["gene"]
    found = build_map(Profiles.of_embeddings(np.arange(6.0)[:, None], metadata), origin="zero")
    assert dict(zip(found.column("entity"), found.values[:, 0].tolist(), strict=True)) == {
        "TP53": 3.0, "x @ 1 uM": 0.0, "x @ 10 uM": 1.5, "y": 5.0,
    }  # fmt: skip
    measured = build_map(Profiles.of_embeddings(np.arange(6.0)[:, None], metadata))
    assert sorted(measured.values[:, 0].tolist()) == [-4.0, -2.5, -1.0, 1.0]  # from the control, which is at 4


def test_controls_are_the_origin_where_there_are_any(wells: Profiles) -> None:
    moved = from_controls(wells)
    assert np.abs(moved[wells.column("control") == "negative"].mean(axis=0)).max() < 1e-5
    without = wells.take(wells.column("control") == "")
    assert from_controls(without) is without.values
    assert len(build_map(wells)) == 24
    assert build_map(wells, how="median").column("replicates").tolist() == [8] * 24


def test_what_cannot_be_mapped(wells: Profiles) -> None:
    with pytest.raises(UsageError, match="needs a column gene"):
        entities_of(pl.DataFrame({"well": ["A01"]}))
    with pytest.raises(DataError, match="nothing to map"):
        build_map(wells.take(wells.column("control") == "negative"))
    for options in ({"how": "mode"}, {"origin": "moon"}):
        with pytest.raises(UnknownNameError):
            build_map(wells, **options)


def test_the_order_puts_alike_rows_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    groups = np.tile(np.arange(6), 40)
    values = generator.normal(size=(6, 10))[groups] + 0.05 * generator.normal(size=(240, 10))
    for whole in (4000, 50):
        monkeypatch.setattr(maps, "_WHOLE", whole)
        order = hierarchical_order(values)
        assert sorted(order) == list(range(240))
        assert np.count_nonzero(np.diff(groups[order])) == 5
    assert hierarchical_order(values[:2]).tolist() == [0, 1]


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_layouts(method: str) -> None:
    generator = np.random.default_rng(1)
    values = np.repeat(np.eye(2, 5), 20, axis=0) + 0.1 * generator.normal(size=(40, 5))
    places, name = layout(values, method=method)
    assert name == method
    assert places.shape == (40, 2)
    apart = np.linalg.norm(places[:20].mean(axis=0) - places[20:].mean(axis=0))
    assert apart > 2 * places[:20].std(axis=0).max()


def test_layout_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).normal(size=(30, 4))
    assert layout(values[:5], method="tsne")[1] == "pca"  # too few rows for anything else
    with pytest.raises(UnknownNameError):
        layout(values, method="som")
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(UsageError, match="umap-learn"):
        layout(values, method="umap")
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    assert layout(values)[1] == "tsne"


def test_doses_that_are_equal_within_rounding_are_one() -> None:
    doses = [1.0, 1.0 + 1e-7, 0.333333, 0.3333331, 10.0, 10.00002]
    table = entities_of(pl.DataFrame({"compound": ["a"] * 6, "concentration_um": doses}))
    assert table["entity"].to_list() == [
        "a @ 1 uM", "a @ 1 uM", "a @ 0.333333 uM", "a @ 0.333333 uM", "a @ 10.0 uM", "a @ 10.00002 uM",
    ]  # fmt: skip


def test_a_compound_that_is_called_like_a_gene_is_another_entity() -> None:
    table = entities_of(pl.DataFrame({"gene": ["MDM2", None, None], "compound": [None, "MDM2", "b"]}))
    assert table.select("entity", "kind").rows() == [
        ("MDM2", "gene"),
        ("MDM2 (compound)", "compound"),
        ("b", "compound"),
    ]


def test_control_is_no_gene() -> None:
    table = entities_of(pl.DataFrame({"perturbation": ["control", "DMSO", "TP53"]}))
    assert table["entity"].to_list() == ["", "", "TP53"]
