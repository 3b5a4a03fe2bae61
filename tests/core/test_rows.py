"""Rows of a table as a source: formats, numbering, jobs, refusals."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from hooke.core.errors import DataError
from hooke.core.rows import RowsSource
from hooke.core.types import Chunk, Source

WORDS = ["one", "two", "three", "four", "five"]


def letters(table: pa.Table) -> Chunk:
    """A chunk whose items are the lengths of the words; an empty word is no item."""
    words = table["word"].to_pylist()
    kept = [position for position, word in enumerate(words) if word]
    reasons = {position: "empty" for position, word in enumerate(words) if not word}
    return Chunk(table, [np.array([len(words[position]) for position in kept])], (np.array(kept),), reasons=reasons)


def test_files_and_memory_give_the_same_rows(tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "b", "c", "d", "e"], "word": WORDS})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    text = "id,word\n" + "".join(f"{key},{word}\n" for key, word in zip("abcde", WORDS, strict=True))
    (tmp_path / "t.csv").write_text(text)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "t.txt").write_text("\n".join(WORDS))
    files = [RowsSource.of(tmp_path / name, letters, column="word") for name in ("t.parquet", "t.csv", "t.csv.gz")]
    assert [source.schema.names for source in files] == [["row", "id", "word"]] * 3
    assert len({source.content_hash() for source in files}) == 1
    short = [RowsSource.of(tmp_path / "t.txt", letters, column="word"), RowsSource.of(WORDS, letters, column="word")]
    assert short[0].content_hash() == short[1].content_hash() != files[0].content_hash()
    for source in [*files, *short]:
        assert isinstance(source, Source)
        assert (source.row_count(), source.table["row"].to_pylist()) == (5, [1, 2, 3, 4, 5])
        assert source.table["word"].to_pylist() == WORDS


def test_jobs_are_all_rows_once_and_travel() -> None:
    source = RowsSource.of([*WORDS, ""], letters, column="word", rows_a_job=4)
    jobs = [pickle.loads(pickle.dumps(job)) for job in source.jobs()]
    assert [job.num_rows for job in jobs] == [4, 2]
    assert [job["row"].to_pylist() for job in source.jobs(skip=1)] == [[5, 6]]
    chunk = source.chunk(source.prepare(jobs[1]))
    assert (chunk.rows.tolist(), chunk.reasons) == ([0], {1: "empty"})
    assert [batch.tolist() for batch in chunk.batches] == [[4]]


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,wrd\na,b\n")
    with pytest.raises(DataError, match="no column 'word'; it has id, wrd"):
        RowsSource.of(tmp_path / "t.csv", letters, column="word")
    (tmp_path / "t.csv").write_text("row,word\n1,b\n")
    with pytest.raises(DataError, match="'row' is the number of a row"):
        RowsSource.of(tmp_path / "t.csv", letters, column="word")
    (tmp_path / "t.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match=r"t.parquet cannot be read"):
        RowsSource.of(tmp_path / "t.parquet", letters, column="word")
    (tmp_path / "t.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=r"t.txt cannot be read"):
        RowsSource.of(tmp_path / "t.txt", letters, column="word")
