"""The store of responses: what came in is what is there and what is listed with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import of_genes, parse_treatment
from hooke.cells.response_store import (
    NO_STRUCTURE,
    NOT_MEASURED,
    REJECTED,
    MeasuredResponses,
    ResponseStore,
    is_response_store,
    prepared,
)
from hooke.core.errors import DataError


def responses(**changed: object) -> MeasuredResponses:
    done = [
        of_genes("A"),
        of_genes("B", "A"),
        parse_treatment("drug", 500.0, "nM", 24.0),
        parse_treatment("lost"),
        of_genes("C"),
    ]
    changes = np.arange(15.0).reshape(5, 3)
    changes[4] = np.nan
    changes[1, 0] = np.nan
    found: dict[str, object] = {
        "conditions": Conditions.of(done, ["x", "y", "x", "x", "y"], [3, 4, 5, 6, 7]), "changes": changes, "readouts": ("p", "q", "r"),
        "contexts": ("x", "y"), "controls": np.ones((2, 3)), "scale": "log1p", "smiles": {"drug": "CCO"},
        "rejected": [("D", "y", "no controls in its batches")],
    }  # fmt: skip
    return MeasuredResponses(**{**found, **changed})  # type: ignore[arg-type]


def test_every_condition_is_there_or_listed(tmp_path: Path) -> None:
    store = prepared(tmp_path, "screen", 1, responses)
    assert len(store) == 3
    assert store.refused == 3
    rejected = pl.read_parquet(store.folder / REJECTED)
    assert rejected["reason"].to_list() == ["no controls in its batches", NO_STRUCTURE, NOT_MEASURED]
    assert [each.name for each in store.conditions.perturbations] == ["A", "A+B", "drug @ 0.5 uM, 24 h"]
    assert store.conditions.counts.tolist() == [3, 4, 5]
    assert store.smiles == ["", "", "CCO"]
    assert np.array_equal(store.changes(np.array([1, 0])), [[np.nan, 4, 5], [0, 1, 2]], equal_nan=True)
    assert store.contexts == ("x", "y")
    assert store.controls.shape == (2, 3)
    assert store.edges is None
    assert is_response_store(store.folder)
    assert not is_response_store(tmp_path)


def test_the_same_content_is_made_once(tmp_path: Path) -> None:
    def never() -> MeasuredResponses:
        raise AssertionError("it is there already")

    edges = pl.DataFrame({"entity1": ["A"], "entity2": ["B"]})
    store = prepared(tmp_path, "screen", 1, lambda: responses(edges=edges, controls=None))
    assert prepared(tmp_path, "screen", 1, never).content_hash == store.content_hash
    assert store.edges is not None
    assert store.edges.read_text() == "entity1,entity2\nA,B\n"
    assert not store.controls.any()


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of the 6 conditions"):
        prepared(tmp_path, "screen", 1, lambda: responses(changes=np.full((5, 3), np.nan)))
    with pytest.raises(DataError):
        ResponseStore.open(tmp_path)
