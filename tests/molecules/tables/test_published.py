"""Published tables: their files are fetched in order, and the store is made of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hooke.core.cards import RemoteFile
from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.core.label import Label
from hooke.molecules.tables.published import (
    PublishedTable,
    columns_of,
    every_label,
    fetch_tables,
    prepare_tables,
    twin_files,
)

TABLES = {
    name: PublishedTable(
        RemoteFile(f"{name}.csv.gz", mirror_path=f"m/{name}.csv.gz"),
        RemoteFile(f"{name}.pt", mirror_path=f"m/{name}.pt"),
        "smiles",
        (("y", Label("y")),),
    )
    for name in ("one", "two")
}


def test_files_come_from_the_mirror_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = twin_files(TABLES, tmp_path / "twin", seed=0)
    (tmp_path / "mirror" / "m").mkdir(parents=True)
    for path in made:
        (tmp_path / "mirror" / "m" / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("HOOKE_MIRROR", str(tmp_path / "mirror"))
    paths = fetch_tables("mix", TABLES, QUIET)
    assert [path.name for path in paths] == ["one.csv.gz", "one.pt", "two.csv.gz", "two.pt"]
    store = prepare_tables("mix", TABLES, paths, tmp_path, QUIET)
    assert [label.name for label in store.labels] == ["one/y", "two/y"]
    assert len(store) == 120


def test_without_mirror_and_address_the_wanted_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOKE_MIRROR", raising=False)
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"m/one\.csv\.gz"):
        fetch_tables("mix", TABLES, QUIET)


def test_patterns_written_out(tmp_path: Path) -> None:
    assert columns_of("y", 3) == ["y"]
    tables = {"wide": replace(TABLES["one"], columns=(("gene-*", Label("g")), ("y", Label("y"))), counts={"gene-*": 7})}
    names = [label.name for label in every_label(tables)]
    assert names == [*(f"wide/gene-{number}" for number in range(7)), "wide/y"]
    paths = twin_files(tables, tmp_path, 0, every_column=True)
    store = prepare_tables("wide", tables, paths, tmp_path / "stores", QUIET)
    assert [label.name for label in store.labels] == names
