from __future__ import annotations

import gzip
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.how import How
from hooke.core.parallel import ordered_map
from hooke.molecules import source as module
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.source import (
    MemoryRows,
    MoleculeRows,
    Preparation,
    PreparedChunk,
    StoreRows,
    TableRows,
    first_smiles,
    open_source,
    prepare_job,
)
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.tables import reading as tables
from hooke.molecules.tables.description import LabelOptions, Table
from hooke.molecules.tables.ingest import ingest

PLAIN = MoleculeSpec()
ENCODED = MoleculeSpec(encodings=EncodingConfig(random_walk=4))


@pytest.fixture
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 10)
    monkeypatch.setattr(module, "CHUNK_ROWS", 10)


def chunks_of(rows: MoleculeRows, how: Preparation, *, skip: int = 0, workers: int = 0) -> list[PreparedChunk]:
    return list(ordered_map(prepare_job, rows.jobs(how, skip=skip), workers=workers))


def smiles_of(chunks: list[PreparedChunk]) -> list[str]:
    return [text for chunk in chunks for text in chunk.columns["smiles"]]


def test_workers_do_not_load_torch() -> None:
    code = "import sys, hooke.molecules.source; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.usefixtures("_small_chunks")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_table_comes_in_chunks_and_any_chunks_can_be_skipped(table: Path, smiles: list[str], workers: int) -> None:
    source = open_source(str(table))
    assert isinstance(source, TableRows)
    assert (source.name, source.columns, source.row_count()) == ("molecules.csv", ["name", "smiles"], 66)
    chunks = chunks_of(source, PLAIN, workers=workers)
    assert smiles_of(chunks) == smiles
    assert [len(chunk.kept) for chunk in chunks] == [10] * 6 + [5]
    later = chunks_of(source, PLAIN, skip=5, workers=workers)
    assert smiles_of(later) == smiles[50:]
    assert later[0].rows.tolist() == list(range(51, 61))


def test_refused_and_broken_rows_keep_their_place(tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    table.write_text(f"id,smiles\na,CCO\nb,bad\nc,\nd\n\nf,{'C' * 1_000_000}\ng,N,extra\nh,[Na+].[Cl-]\n")
    assert open_source(table).parallel(PLAIN)
    [chunk] = chunks_of(open_source(table), PLAIN)
    assert chunk.rows.tolist() == list(range(1, 9))
    assert chunk.kept.tolist() == [0, 7]
    assert len(chunk.arrays) == 2
    assert sorted(chunk.reasons) == [1, 2, 3, 4, 5, 6]
    assert "1 cell, the header has 2" in chunk.reasons[3]
    assert "1000000 characters" in chunk.reasons[5]
    assert "3 cells" in chunk.reasons[6]
    assert len(chunk.columns["smiles"][5]) < 300  # a huge cell is not carried through


def test_a_store_is_read_as_it_is_when_it_fits_and_parsed_when_not(
    table: Path, smiles: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 40)
    store = ingest(
        [Table(LabelOptions(()), paths=(table,))], tmp_path / "s", How(0, False, {"encodings": ENCODED.encodings})
    )
    source = open_source(store)
    assert isinstance(open_source(store.folder), StoreRows)
    assert (source.columns, source.row_count(), source.name) == (["smiles"], len(store), "s")
    assert source.content_hash() == store.content_hash
    fitting = chunks_of(source, ENCODED)
    assert (source.parallel(ENCODED), source.parallel(PLAIN)) == (False, True)
    assert smiles_of(fitting) == store.smiles()
    assert [chunk.rows[0] for chunk in chunks_of(source, ENCODED, skip=1)] == [41]
    monkeypatch.setattr(module.MoleculeStore, "arrays", None)  # not used when the encodings differ
    parsed = chunks_of(source, PLAIN)
    assert smiles_of(parsed) == smiles_of(fitting)
    for stored, anew in zip(fitting, parsed, strict=True):
        np.testing.assert_array_equal(stored.arrays.atom_counts, anew.arrays.atom_counts)
    assert not parsed[0].arrays.atom_encodings
    assert [len(chunk.rows) for chunk in chunks_of(source, PLAIN, skip=1, workers=2)] == [len(store) - 40]


def test_packed_tables_do_not_know_their_length(table: Path, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "x.csv.gz", "wb") as file:
        file.write(table.read_bytes())
    source = open_source(tmp_path / "x.csv.gz")
    assert source.row_count() is None
    assert smiles_of(chunks_of(source, PLAIN)) == smiles_of(chunks_of(open_source(table), PLAIN))


def test_parquet_knows_its_rows_and_other_columns_can_be_named(tmp_path: Path) -> None:
    pl.DataFrame({"what": ["C", "CC", None], "n": [1, None, 3]}).write_parquet(tmp_path / "x.parquet")
    source = open_source(tmp_path / "x.parquet", "what")
    assert source.row_count() == 3
    [chunk] = chunks_of(source, PLAIN)
    assert chunk.reasons == {2: "empty SMILES"}
    with pytest.raises(UnknownNameError, match="Did you mean 'what'"):
        open_source(tmp_path / "x.parquet", "wat")
    with pytest.raises(DataError, match="does not exist"):
        open_source(tmp_path / "none.csv")
    with pytest.raises(DataError, match="not a finished store"):
        open_source(tmp_path)


def test_first_smiles_of_a_table(table: Path, smiles: list[str]) -> None:
    source = TableRows.open(table)
    assert first_smiles(source, 7) == smiles[:7]
    assert first_smiles(source, 10_000) == smiles


def test_strings_in_memory() -> None:
    [chunk] = chunks_of(MemoryRows.of(("CCO", "bad", "")), PLAIN)
    np.testing.assert_array_equal(chunk.kept, [0])
    assert set(chunk.reasons) == {1, 2}
    assert chunk.columns == {"smiles": ["CCO", "bad", ""]}
    few, none = MemoryRows.of(("CCO",)), MemoryRows.of(())
    assert (few.row_count(), few.parallel(PLAIN), none.row_count()) == (1, False, 0)
    assert few.content_hash() != none.content_hash()
    [empty] = chunks_of(none, PLAIN)
    assert (len(empty.rows), len(empty.arrays)) == (0, 0)


@pytest.mark.usefixtures("_small_chunks")
def test_many_strings_come_in_chunks(smiles: list[str]) -> None:
    chunks = chunks_of(MemoryRows.of(smiles), PLAIN, skip=2)
    assert smiles_of(chunks) == smiles[20:]
    assert chunks[0].rows.tolist() == list(range(21, 31))


def test_an_open_store_travels_as_its_folder(table: Path, tmp_path: Path) -> None:
    store = ingest([Table(LabelOptions(()), paths=(table,))], tmp_path / "s", How(0, False))
    there = pickle.loads(pickle.dumps(open_source(store)))
    assert there.store is not store
    assert there.content_hash() == store.content_hash
