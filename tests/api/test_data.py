"""Data sets by name, and what may be given in their place."""

from __future__ import annotations

from pathlib import Path

import pytest

import hooke
from hooke.api.data import described, given_source, labelled_store
from hooke.core.errors import UsageError


def test_prepared_by_name(tmp_path: Path, table: Path) -> None:
    store = hooke.prepare_data("csv", [f"path={table}", 'targets=["log_p"]'], folder=tmp_path / "s", workers=1)
    assert len(store) == described("csv", store)["molecules"] == 60
    assert [label.name for label in store.labels] == ["log_p"]
    with pytest.raises(UsageError, match="form key=value"):
        hooke.prepare_data("csv", ["path"])
    with pytest.raises(UsageError, match="neither a list nor a table"):
        hooke.prepare_data("csv", ["targets=[1,"])


def test_a_file_or_a_data_set_by_name(table: Path) -> None:
    assert given_source(table, (), "molecules", show_progress=False) == table
    with pytest.raises(UsageError, match="takes no options such as 'a=1'"):
        given_source(table, ["a=1"], "molecules", show_progress=False)
    with pytest.raises(UsageError, match="is a data set of images; name one of molecules"):
        given_source("screen", (), "molecules", show_progress=False)


def test_a_table_with_labels(table: Path) -> None:
    store = labelled_store(table, (), "molecules", None, "log_p", show_progress=False)
    assert [label.name for label in store.labels] == ["log_p"]
