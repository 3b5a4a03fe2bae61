from __future__ import annotations

import gzip
import logging
from pathlib import Path

import polars as pl
import pytest

from hooke.core.errors import DataError
from hooke.core.text_tables import TextForm, decide, read_text_table, text_form

ROWS = [("A01", "ü, x", "1"), ("A02", "y", "2")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("before", ["", "sep=X\n", "# exported\n# by me\n", "Results of May\n"])
def test_every_form_gives_the_same_table(tmp_path: Path, delimiter: str, encoding: str, before: str) -> None:
    path = tmp_path / "a.csv"
    lines = [delimiter.join(("well", "note", "n")), *(delimiter.join(f'"{cell}"' for cell in row) for row in ROWS)]
    path.write_text(before.replace("X", delimiter) + "\n".join(lines) + "\n", encoding=encoding)
    table = read_text_table(path)
    assert table.columns == ["well", "note", "n"]
    assert table.rows() == ROWS
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read_text_table(tmp_path / "a.csv.gz").rows() == ROWS


def test_what_was_decided_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.csv"
    path.write_text("# by me\nwell;n\nA01;1\n", encoding="utf-16")
    assert text_form(path) == TextForm("utf-16", ";", 1)
    with caplog.at_level(logging.WARNING):
        read_text_table(path)
    assert caplog.messages == ["a.csv is read as UTF-16, 1 line before the header left out"]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["smiles;y\n", "CCO;1,5\n"], (";", 0)),
        (['"a,b";y\n', '"1,2";3\n'], (";", 0)),
        (["#smiles,y\n", "CCO,1\n"], (",", 0)),
        (["smiles\n", "CCO\n"], (",", 0)),
        (["smiles\n", "CCO,ethanol\n", "CC,ethane\n"], (",", 0)),
        (["Assay of May\n", "smiles,y\n", "CC,1\n", "C\n"], (",", 1)),
        (["a,b\n", "1,2\n", "3\n", "4,5\n"], (",", 0)),
    ],
)
def test_decide(lines: list[str], found: tuple[str, int]) -> None:
    assert decide(lines) == found


def test_what_is_no_text_table_is_named(tmp_path: Path) -> None:
    for content, message in (
        (gzip.compress(gzip.compress(b"a,b\n", mtime=0), mtime=0), "is gzip within another"), (b"a,b\n1,\0\0\0\0\0\n", "is a binary file"),
        (b"version https://git-lfs.github.com", "Git LFS pointer"), (b"", "is empty"), (b"a,b\n1,2,3\n", "more cells than its header"),
    ):  # fmt: skip
        (tmp_path / "a.csv").write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_text_table(tmp_path / "a.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_text_table(tmp_path)
    with pytest.raises(DataError, match="there is no table"):
        read_text_table(tmp_path / "none.csv")


def test_types(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("plate,x\n007,1.5\n1E10,NA\n")
    table = read_text_table(tmp_path / "a.csv", types={"plate": pl.String})
    assert table.rows() == [("007", 1.5), ("1E10", None)]
    assert read_text_table(tmp_path / "a.csv", 1).rows() == [("007", "1.5")]
