"""Molecules with labels of every level, written and read back; the first format stays readable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.label import Label
from hooke.core.store import Column, Schema, StoreWriter, check_store
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.prepare import prepare
from hooke.molecules.store import NO_SPLIT, GraphLabels, MoleculeBlock, MoleculeStore, MoleculeStoreWriter, take
from hooke.molecules.vocabulary import FEATURES

LABELS = (
    Label("y"),
    Label("active", kind="binary"),
    Label("charge", "node"),
    Label("order", "edge"),
    Label("distance", "pair"),
)
SMILES = ["CCO", "c1ccccc1", "C", "CC(=O)[O-].[Na+]"]
ENCODINGS = EncodingConfig(laplacian=2, random_walk=3)
GOLDEN = (
    Path(__file__).parent.parent / "golden" / "store_v1"
)  # the first format; written once by `written`, kept as it is


def block_of(smiles: list[str] = SMILES, features: int = FEATURES) -> MoleculeBlock:
    arrays = prepare(smiles, encodings=replace(ENCODINGS, features=features)).arrays
    count, atoms, bonds = len(arrays), len(arrays.atom_codes), len(arrays.bond_codes)
    values = np.array([[1.5, np.nan], [np.nan, 1.0], [np.nan, np.nan], [-2.0, 0.0]], np.float32)[:count]
    bounds = np.array([[1, 0], [0, 0], [0, 0], [0, 0]], np.int8)[:count]
    pairs = np.minimum(arrays.atom_counts, 2) - 1  # one pair for molecules of two atoms or more
    return MoleculeBlock(
        arrays, smiles, GraphLabels.from_dense(values, bounds), np.arange(1, count + 1), np.array([0, 1, 2, NO_SPLIT][:count], np.uint8),
        node_labels=np.arange(atoms, dtype=np.float32)[:, None] / 10, edge_labels=np.arange(bonds, dtype=np.float32)[:, None],
        pair_offsets=np.concatenate([[0], np.cumsum(pairs)]).astype(np.int64),
        pair_atoms=np.tile(np.array([[0, 1]], np.uint16), (int(pairs.sum()), 1)),
        pair_labels=np.ones((int(pairs.sum()), 1), np.float32),
    )  # fmt: skip


def written(folder: Path, **options: object) -> MoleculeStore:
    writer = MoleculeStoreWriter(folder, LABELS, ENCODINGS, **options)  # type: ignore[arg-type]
    writer.append(block_of())
    writer.close()
    return MoleculeStore.open(folder)


@pytest.mark.parametrize("codec", ["plain", "chunked"])
@pytest.mark.parametrize("shard_rows", [1, 100])
def test_round_trip_in_any_order(tmp_path: Path, codec: str, shard_rows: int) -> None:
    store = written(tmp_path / "s", codec=codec, shard_rows=shard_rows)
    rows = np.array([3, 0, 2])
    found, expected = store.read(rows), take(block_of(), rows)
    np.testing.assert_array_equal(found.arrays.atom_codes, expected.arrays.atom_codes)
    np.testing.assert_array_equal(found.arrays.bond_atoms, expected.arrays.bond_atoms)
    for name, values in expected.arrays.atom_encodings.items():
        np.testing.assert_array_equal(found.arrays.atom_encodings[name], values)
    values, bounds = expected.graph_labels.dense(2)
    np.testing.assert_array_equal(found.targets["graph"], values)
    np.testing.assert_array_equal(found.bounds["graph"], bounds)
    np.testing.assert_array_equal(found.targets["node"], expected.node_labels)
    np.testing.assert_array_equal(found.targets["edge"], expected.edge_labels)
    assert found.pair_index.tolist() == [[0, 5], [1, 6]]  # four heavy atoms of acetate and sodium come first
    assert store.smiles(rows) == ["CC(=O)[O-].[Na+]", "CCO", "C"]


def test_labels_by_name_and_the_rest(tmp_path: Path) -> None:
    store = written(tmp_path / "s")
    assert len(store) == 4
    assert store.labels == LABELS
    assert store.encodings == ENCODINGS
    assert store.level_labels("node") == (LABELS[2],)
    assert store.graph_labels(names=["active"])[0][:, 0].tolist()[1:2] == [1.0]
    assert store.split().tolist() == [0, 1, 2, 255]  # type: ignore[union-attr]
    assert store.source_rows().tolist() == [1, 2, 3, 4]
    assert store.atom_counts.tolist() == [3, 6, 1, 5]
    with pytest.raises(UnknownNameError, match="Did you mean 'active'"):
        store.graph_labels(names=["activ"])


def test_missing_labels_of_a_level_are_refused(tmp_path: Path) -> None:
    block = block_of()
    writer = MoleculeStoreWriter(tmp_path / "s", LABELS, ENCODINGS)
    with pytest.raises(ValueError, match="node_labels"):
        writer.append(MoleculeBlock(block.arrays, block.smiles, block.graph_labels, block.source_row, block.split))


def test_without_split_and_without_graph_labels(tmp_path: Path) -> None:
    writer = MoleculeStoreWriter(tmp_path / "s", (), EncodingConfig())
    arrays = prepare(["C"]).arrays
    writer.append(
        MoleculeBlock(
            arrays, ["C"], GraphLabels.from_dense(np.zeros((1, 0))), np.array([1]), np.array([NO_SPLIT], np.uint8)
        )
    )
    writer.close()
    store = MoleculeStore.open(tmp_path / "s")
    assert store.split() is None
    assert store.graph_labels()[0].shape == (1, 0)
    assert store.read(np.array([0])).targets == {}


def test_a_molecule_takes_less_than_650_bytes(tmp_path: Path) -> None:
    smiles = ["Cc1ccc(CNc2ncnc(N3C[C@@]4(C)C[C@@H]3CC(C)(C)C4)c2N)cc1"] * 50
    writer = MoleculeStoreWriter(tmp_path / "s", ())
    block = MoleculeBlock(
        prepare(smiles).arrays,
        smiles,
        GraphLabels.from_dense(np.zeros((50, 0))),
        np.arange(50),
        np.full(50, NO_SPLIT, np.uint8),
    )
    writer.append(block)
    writer.close()
    size = sum(path.stat().st_size for path in (tmp_path / "s").glob("shard-*/*"))
    assert size / 50 < 650


@pytest.mark.parametrize(
    ("codec", "content_hash"),
    [
        ("plain", "567e18b1020231f7789877295e90412eb99e1c69914aa1c0d87e906bf4c04b86"),
        ("chunked", "7e2b2a8463ef0ce1bc026be0e436bae6e2396d702edb5b3268bf33bc8879e3c5"),
    ],
)
def test_the_first_store_format_stays_readable(codec: str, content_hash: str) -> None:
    folder = GOLDEN if codec == "plain" else GOLDEN.with_name("store_v1_chunked")
    store = MoleculeStore.open(folder)
    assert store.labels == LABELS
    assert store.smiles() == SMILES
    assert store.encodings == replace(ENCODINGS, features=1)
    expected = block_of(features=1)
    found = store.read(np.arange(4))
    np.testing.assert_array_equal(found.arrays.atom_codes, expected.arrays.atom_codes)
    np.testing.assert_array_equal(found.targets["graph"], expected.graph_labels.dense(2)[0])
    np.testing.assert_array_equal(found.bounds["graph"], expected.graph_labels.dense(2)[1])
    np.testing.assert_array_equal(found.targets["node"], expected.node_labels)
    np.testing.assert_array_equal(found.targets["edge"], expected.edge_labels)
    np.testing.assert_array_equal(found.targets["pair"], expected.pair_labels)
    assert store.content_hash == content_hash
    assert check_store(folder) == []


def test_appending_needs_equal_labels_and_keeps_what_was_censored(tmp_path: Path) -> None:
    written(tmp_path / "s", metadata={"source": "a"})
    plain = replace(block_of(), graph_labels=GraphLabels.from_dense(np.ones((4, 2), np.float32)))
    writer = MoleculeStoreWriter(tmp_path / "s", LABELS, ENCODINGS, append=True)
    writer.append(plain)
    writer.close()
    store = MoleculeStore.open(tmp_path / "s")
    assert len(store) == 8
    assert store.metadata["source"] == "a"
    assert store.read(np.array([4, 0])).bounds["graph"][:, 0].tolist() == [0, 1]
    for labels, encodings in ((LABELS[1:], ENCODINGS), (LABELS, EncodingConfig())):
        with pytest.raises(DataError, match="other labels or encodings"):
            MoleculeStoreWriter(tmp_path / "s", labels, encodings, append=True)


def test_targets_without_molecules_are_those_of_read(tmp_path: Path) -> None:
    store = written(tmp_path / "s")
    rows = np.array([3, 1])
    read = store.read(rows).targets
    alone = store.targets(rows)
    assert read.keys() == alone.keys() == {"graph", "node", "edge", "pair"}
    for level, values in alone.items():
        np.testing.assert_array_equal(values, read[level])


def test_thousands_of_sparse_labels_cost_what_is_measured(tmp_path: Path) -> None:
    labels = tuple(Label(f"assay {number}", kind="binary") for number in range(3000))
    values = np.full((4, 3000), np.nan, np.float32)
    values[[0, 0, 3], [5, 2999, 7]] = [1, 0, 1]
    writer = MoleculeStoreWriter(tmp_path / "s", labels)
    block = block_of()
    arrays = prepare(SMILES).arrays
    writer.append(MoleculeBlock(arrays, SMILES, GraphLabels.from_dense(values), block.source_row, block.split))
    writer.close()
    store = MoleculeStore.open(tmp_path / "s")
    np.testing.assert_array_equal(store.read(np.arange(4)).targets["graph"], values)
    size = sum(path.stat().st_size for path in (tmp_path / "s").glob("shard-*/label_*.bin"))
    assert size == 3 * (2 + 4 + 1)


def test_another_kind_of_store_is_refused(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path, Schema((Column("x", "row", "int8"),)))
    writer.append(1, {"x": np.zeros(1, np.int8)}, {})
    writer.close()
    with pytest.raises(DataError, match="not one of molecules"):
        MoleculeStore.open(tmp_path)
