"""LargeMix over HTTP: four file formats and two levels in one store, with the published splits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rdkit import Chem

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.how import QUIET, How
from hooke.core.pt_files import read_integer_lists
from hooke.datasets import largemix
from hooke.datasets.largemix import CARD, Config, Dataset
from hooke.molecules.parse import StandardiseConfig


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    twins = Dataset(Config(test="test_seen")).twins(tmp_path_factory.mktemp("made"), seed=2)
    return [path for table in twins for path in (*table.paths, table.split_path) if path]


@pytest.fixture
def published(made: list[Path], archive: Any, serve: Callable[[Any], None]) -> dict[str, Path]:
    placed = {}
    for path, file in zip(made, CARD.files, strict=True):
        placed[file.name] = archive.path(file.url)
        placed[file.name].write_bytes(path.read_bytes())
    serve(largemix)
    return placed


def test_the_card_states_what_graphium_publishes() -> None:
    address = "https://storage.valencelabs.com/graphium/datasets/neurips_2023/Large-dataset/"
    assert all(file.url == address + file.name and not file.sha256 for file in CARD.files)
    assert len(CARD.files) == 8
    assert CARD.levels == ("graph", "node")
    kinds = {label.name: (label.level, label.kind, label.classes) for label in Dataset(Config()).labels}
    assert kinds == {
        "l1000_vcap/geneID-*": ("graph", "ordinal", 5),
        "l1000_mcf7/geneID-*": ("graph", "ordinal", 5),
        "pcba_1328/assayID-*": ("graph", "binary", 0),
        "pcqm4m_g25_n4/graph_*": ("graph", "regression", 0),
        "pcqm4m_g25_n4/node_*": ("node", "regression", 0),
    }
    with pytest.raises(UnknownNameError):
        Config(tables="l1000")


@pytest.mark.parametrize("test", ["test", "test_seen"])
def test_what_is_published_is_what_is_stored(published: dict[str, Path], tmp_path: Path, test: Any) -> None:
    store = Dataset(Config(test=test)).prepare(tmp_path / "stores", QUIET)
    assert len(store) == 240
    graph = [label.name for label in store.level_labels("graph")]
    assert len(graph) == 16
    assert [label.name for label in store.level_labels("node")] == [
        f"pcqm4m_g25_n4/node_{number}" for number in range(4)
    ]
    assert [label.kind for label in store.labels[::4]] == ["ordinal", "ordinal", "binary", "regression", "regression"]
    values, _ = store.graph_labels()
    table = pl.read_parquet(published["PCBA_1328_1564k.parquet"])
    for number in range(4):
        np.testing.assert_array_equal(
            values[120:180, graph.index(f"pcba_1328/assayID-{number}")],
            table[f"assayID-{number}"].cast(pl.Float32).to_numpy(),
        )
    codes = store.split()
    assert codes is not None
    parts = read_integer_lists(published["pcba_1328_random_splits.pt"])
    assert set(np.flatnonzero(codes[120:180] == 2)) == set(parts[test])
    assert (codes[120:180] == 255).sum() == len(parts["test" if test == "test_seen" else "test_seen"])
    quantum = read_integer_lists(published["pcqm4m_g25_n4_random_splits.pt"])
    assert set(np.flatnonzero(codes[180:] == 2)) == set(quantum["test"])


def test_labels_of_atoms_go_to_their_atoms(published: dict[str, Path], tmp_path: Path) -> None:
    store = Dataset(Config(tables="pcqm4m_g25_n4")).prepare(tmp_path / "stores", QUIET)
    slice_ = store.read(np.arange(len(store)))
    numbers = np.array(
        [atom.GetAtomicNum() for smiles in store.smiles() for atom in Chem.MolFromSmiles(smiles).GetAtoms()]
    )
    labels = slice_.targets["node"]
    measured = ~np.isnan(labels)
    assert 0.8 < measured.mean() < 0.97
    expected = np.broadcast_to(numbers[:, None] / 10, labels.shape)  # what the twin's labels are, up to noise
    assert np.abs(labels - expected)[measured].max() < 0.06
    assert not any(":" in smiles for smiles in store.smiles())


def test_rows_that_do_not_parse_are_counted(published: dict[str, Path], tmp_path: Path) -> None:
    path = published["PCBA_1328_1564k.parquet"]
    table = pl.read_parquet(path)
    table[3, "SMILES"] = "restricted"
    table[4, "SMILES"] = None
    table.write_parquet(path)
    store = Dataset(Config(tables="pcba_1328")).prepare(tmp_path / "stores", QUIET)
    assert len(store) == 58
    assert store.metadata["ingest"]["rows_rejected"] == 2
    assert store.metadata["tables"] == {"pcba_1328": {"rows_read": 60, "rows_kept": 58}}
    rejected = pl.read_parquet(store.folder / "rejected.parquet")
    assert rejected["row"].to_list() == [4, 5]
    assert [reason[:12] for reason in rejected["reason"]] == ["SMILES does ", "empty SMILES"]
    assert store.source_rows()[3] == 6


def test_a_file_that_is_not_what_the_card_says_is_refused(published: dict[str, Path], tmp_path: Path) -> None:
    path = published["PCBA_1328_1564k.parquet"]
    table = pl.read_parquet(path)
    table.with_columns(pl.lit(2.0).alias("assayID-1")).write_parquet(path)
    with pytest.raises(DataError, match=r"PCBA_1328_1564k\.parquet, row 1, 'assayID-1': 2 is not a class of 0 to 1"):
        Dataset(Config(tables="pcba_1328")).prepare(tmp_path / "stores", QUIET)


def test_atoms_with_labels_cannot_be_standardised_away(published: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="standardise"):
        Dataset(Config()).prepare(tmp_path, How(sections={"standardise": StandardiseConfig(salts="largest")}))


def test_the_twin_needs_no_network(tmp_path: Path) -> None:
    twin = Dataset(Config(tables="l1000_vcap,pcqm4m_g25_n4")).twin(tmp_path, seed=1)
    assert len(twin) == 120
    assert {label.source for label in twin.labels} == {"l1000_vcap", "pcqm4m_g25_n4"}
    assert twin.split() is not None
