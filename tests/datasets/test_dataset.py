"""What all data sets have in common."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from hooke.core import registry
from hooke.core.cards import RemoteFile
from hooke.core.errors import DataError, UsageError
from hooke.core.how import QUIET, How
from hooke.core.label import Label
from hooke.datasets import Dataset, TableDataset
from hooke.molecules.held_out import held_out
from hooke.molecules.tables.description import Table


class Made(Dataset[int]):
    def prepare(self, folder: Path, how: How = How()) -> int:
        return self.config

    def twin(self, folder: Path, seed: int = 0) -> int:
        return seed


def test_a_data_set_without_files() -> None:
    made = Made(3)
    assert (made.prepare(Path(".")), made.twin(Path("."), 4)) == (3, 4)
    with pytest.raises(UsageError, match="test_dataset has nothing to download"):
        made.files()


def test_a_data_set_prepares_and_has_a_twin() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Dataset(0)  # type: ignore[abstract]


@pytest.mark.parametrize("name", registry.names("datasets"))
def test_one_dialect(name: str) -> None:
    own = registry.module("datasets", name).Dataset
    assert issubclass(own, Dataset)
    assert list(inspect.signature(own.prepare).parameters) == ["self", "folder", "how"]
    assert list(inspect.signature(own.twin).parameters) == ["self", "folder", "seed"]
    assert list(inspect.signature(own.files).parameters) == ["self", "how"]


def _file(name: str) -> RemoteFile:
    return RemoteFile(name, mirror_path=f"m/{name}")


TABLES = {
    "plain": Table((("Y", Label("plain", unit="h")),), "Drug", (_file("a.csv"),)),
    "parts": Table(
        (("activity", Label("parts")),), "smiles", (_file("train.csv"), _file("test.csv")), ("train", "test")
    ),
    "column": Table((("y", Label("c")),), "smiles", (_file("b.csv"),), split_column="split", duplicates="keep_all"),
}


def dataset(*names: str) -> TableDataset[None]:
    return TableDataset(None, "x", {name: TABLES[name] for name in names})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mirror = tmp_path / "mirror" / "m"
    mirror.mkdir(parents=True)
    monkeypatch.setenv("HOOKE_MIRROR", str(mirror.parent))
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    (mirror / "a.csv").write_text("Drug_ID,Drug,Y\na,CCO,1\nb,OCC,3\nc,C(,4\nd,c1ccccc1,5\n")
    (mirror / "train.csv").write_text("smiles,activity\nCC,1\nCCC,2\n")
    (mirror / "test.csv").write_text("smiles,activity\nCCCC,3\n")
    (mirror / "b.csv").write_text("smiles,y,split\nCC,1,train\nCCN,2,test\nCC,3,train\n")
    return tmp_path


def test_a_table_without_parts(folder: Path) -> None:
    store = dataset("plain").prepare(folder, QUIET)
    assert store.folder.name.startswith("a-")
    assert store.smiles() == ["CCO", "c1ccccc1"]
    assert store.graph_labels()[0].ravel().tolist() == [2, 5]  # equal molecules are averaged
    assert store.labels[0] == Label("plain", unit="h") == dataset("plain").labels[0]
    assert store.split() is None
    [rejected] = pl.read_parquet(store.folder / "rejected.parquet").to_dicts()
    assert (rejected["row"], rejected["line"], rejected["column"]) == (3, 4, "Drug")
    smiles = ["CCO", "OCC", "C(", "c1ccccc1"]
    expected = [text for text, out in zip(smiles, held_out(smiles), strict=True) if out]
    assert dataset("plain").held_out(QUIET) == expected


@pytest.mark.parametrize(("name", "codes", "tested"), [("parts", [0, 0, 2], ["CCCC"]), ("column", [0, 2, 0], ["CCN"])])
def test_published_parts(folder: Path, name: str, codes: list[int], tested: list[str]) -> None:
    store = dataset(name).prepare(folder, QUIET)
    found = store.split()
    assert found is not None
    assert found.tolist() == codes
    assert store.source_rows().tolist() == [1, 2, 3]
    assert dataset(name).held_out(QUIET) == tested


def test_files_come_from_the_mirror_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = dataset("parts", "plain")
    assert [path.name for path in both.files(QUIET)] == ["train.csv", "test.csv", "a.csv"]
    parts, plain = both.at_hand(folder, QUIET)
    assert ([path.name for path in parts.paths], plain.paths[0].name) == (["train.csv", "test.csv"], "a.csv")
    monkeypatch.delenv("HOOKE_MIRROR")
    with pytest.raises(DataError, match=r"m/train\.csv"):
        both.files(QUIET)


@pytest.mark.parametrize("name", TABLES)
def test_twins(folder: Path, name: str) -> None:
    store = dataset(name).twin(folder / "twin", seed=1)
    assert len(store) == 60
    assert (store.split() is not None) == TABLES[name].published_split


def test_several_tables_are_a_mixture(folder: Path) -> None:
    named = {name: replace(table, name=name, by_columns=True) for name, table in TABLES.items()}
    mixture = TableDataset(None, "mix", named)
    store = mixture.prepare(folder, QUIET)
    assert store.folder.name.startswith("mix-")
    assert [label.name for label in store.labels] == ["plain/plain", "parts/parts", "column/c"]
    assert store.labels == mixture.labels == mixture.every_label
    assert store.metadata["tables"]["plain"] == {"rows_read": 4, "rows_kept": 3}  # equal molecules stay different rows
    assert len(mixture.twin(folder / "twin")) == 180
