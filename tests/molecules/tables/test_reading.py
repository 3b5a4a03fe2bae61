"""Every kind of table, and every way in which a table can be broken."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.text_tables import read_text_table
from hooke.core.workbooks import workbook_of
from hooke.molecules.source import TableRows
from hooke.molecules.tables import reading as tables
from hooke.molecules.tables.description import LabelOptions, Table
from hooke.molecules.tables.reading import column_names, read_table, smiles_column
from hooke.molecules.tables.rows import find_columns


def rows_of(path: Path) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for chunk in read_table(path):
        for name, cells in chunk.columns.items():
            columns.setdefault(name, []).extend(cells)
    return columns


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_byte_order_mark(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"smiles{delimiter}y\nCC{delimiter}1\n".encode())
    assert rows_of(path) == {"smiles": ["CC"], "y": ["1"]}


def test_gzip_quotes_newlines_and_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        file.write('smiles,note,y\n"CC","a, ""b""\nc",1\n\nC,,2\n')
    assert rows_of(path) == {"smiles": ["CC", "", "C"], "note": ['a, "b"\nc', "", ""], "y": ["1", "", "2"]}


def test_a_million_characters_in_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\n" + "C" * 1_000_000 + ",1\nCC,2\n")
    assert [len(cell) for cell in rows_of(path)["smiles"]] == [1_000_000, 2]


def test_rows_with_too_many_or_too_few_cells_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\nCC,1\nC,2,3\nCCC\nCO,4\n")
    [chunk] = list(read_table(path))
    assert len(chunk) == 4
    assert set(chunk.broken) == {2, 3}
    assert "3 cells, the header has 2" in chunk.broken[2]


def test_chunks_count_rows_from_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 2)
    path = tmp_path / "t.csv"
    path.write_text("smiles\n" + "C\n" * 5)
    assert [(chunk.first_row, len(chunk)) for chunk in read_table(path)] == [(1, 2), (3, 2), (5, 1)]


def test_smiles_files_with_and_without_names(tmp_path: Path) -> None:
    path = tmp_path / "t.smi"
    path.write_text("CC ethane\nC\n\nCCO  ethyl alcohol\n")
    assert rows_of(path) == {"smiles": ["CC", "C", "", "CCO"], "name": ["ethane", "", "", "ethyl alcohol"]}
    headed = tmp_path / "h.smi"
    headed.write_text("smiles\tid\nCC\t1\n")
    assert rows_of(headed) == {"smiles": ["CC"], "id": ["1"]}


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"smiles": ["C", None], "y": [1.5, 2.0]}).write_parquet(path)
    assert rows_of(path) == {"smiles": ["C", ""], "y": ["1.5", "2.0"]}
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(DataError, match="cannot be read as a Parquet"):
        rows_of(path)


def test_sdf_with_a_broken_record(tmp_path: Path) -> None:
    path = tmp_path / "t.sdf"
    good = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    path.write_text(good + "> <y>\n1.5\n\n$$$$\nbroken\n\n\n  9  9\n$$$$\n" + good + "> <z>\n2\n\n$$$$\n")
    [chunk] = list(read_table(path))
    assert chunk.columns == {"smiles": ["CCO", "", "CCO"], "y": ["1.5", "", ""], "z": ["", "", "2"]}
    assert list(chunk.broken) == [2]
    zipped = tmp_path / "t.sdf.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    assert rows_of(zipped)["y"] == ["1.5", "", ""]


@pytest.mark.parametrize(
    ("tag", "name"),
    [(">  <logS>  (1)", "logS"), ("> <logS> (CPD-7)", "logS"), ("><logS>", "logS"), (">\t<logS>\t(1)", "logS"), ("> <logS> DT12", "logS"),
     ("> 25 <MELTING.POINT>", "MELTING.POINT"), ("> 25 <logS> (3) DT12", "logS"), ("> <logS> (CPD->7)", "logS"), ("> <a>b>", "a>b"),
     ("> <a<b>", "a<b"), ("> <IC50 (nM)>", "IC50 (nM)"), ("> <logS>  FROM ARCHIVES", "logS"), ("> <logS> note", "logS"), ("> DT12", "DT12"),
     ("> (CPD-7) <logS>", "logS"), ("> < logS >", "logS")],
)  # fmt: skip
def test_every_legal_tag_line_of_an_sdf(tmp_path: Path, tag: str, name: str) -> None:
    path = tmp_path / "t.sdf"
    good = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    path.write_text("".join(f"{good}{tag}\n{value}\n\n$$$$\n" for value in ("1.1", ">10")))
    assert rows_of(path) == {"smiles": ["CCO", "CCO"], name: ["1.1", ">10"]}


def test_values_of_sdf_tags(tmp_path: Path) -> None:
    path = tmp_path / "t.sdf"
    good = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    tags = "> <a>\none\ntwo\n\n> <b>\n\n> <c>  (1)\n> 5\n> <d>\r\n4\r\n\r\n> <smiles>\nC\n\n> \nnameless\n\n"
    path.write_bytes((good + tags + "$$$$\n" + good).encode())
    assert rows_of(path) == {
        "smiles": ["CCO", "CCO"], "a": ["one\ntwo", ""], "b": ["", ""], "c": ["> 5", ""], "d": ["4", ""],
    }  # fmt: skip


def test_a_writer_of_sdf_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "t.sdf"
    molecules = [Chem.MolFromSmiles(smiles) for smiles in ("CCO", "c1ccccc1", "CC(=O)O")]
    with Chem.SDWriter(str(path)) as writer:
        for number, molecule in enumerate(molecules):
            molecule.SetProp("logS", f"{number}.5")
            writer.write(molecule)
    assert "(2)" in path.read_text()
    assert rows_of(path) == {"smiles": ["CCO", "c1ccccc1", "CC(=O)O"], "logS": ["0.5", "1.5", "2.5"]}


@pytest.mark.parametrize(
    "kind", [pa.binary(), pa.large_binary(), pa.binary(4), pa.dictionary(pa.int32(), pa.binary()), pa.large_string()]
)
def test_parquet_whose_texts_are_not_marked_as_such(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "t.parquet"
    texts = [b"CCO\0" if pa.types.is_fixed_size_binary(kind) else b"CCO", b"C#CC", None]
    pq.write_table(
        pa.table(
            {"smiles": pa.array(texts, pa.binary(4) if pa.types.is_fixed_size_binary(kind) else pa.binary()).cast(kind)}
        ),
        path,
    )
    assert rows_of(path) == {"smiles": ["CCO", "C#CC", ""]}


def zipped(*names: str, data: bytes = b"smiles,y\nCCO,1\n") -> bytes:
    archived = io.BytesIO()
    with zipfile.ZipFile(archived, "w") as archive:
        for name in names:
            archive.writestr(name, data)
    return archived.getvalue()


def parquet() -> bytes:
    data = io.BytesIO()
    pl.DataFrame({"smiles": ["CCO"]}).write_parquet(data)
    return data.getvalue()


TEXT = "smiles,y\nCCO,1\nCCCCCC,2\n"


FOREIGN = {
    "pickle": pickle.dumps({"smiles": ["CCO"]}), "cannot be read as bzip2": b"BZh91AY", "cannot be read as xz": b"\xfd7zXZ\0",
    ".xls": b"\xd0\xcf\x11\xe0\xa1\xb1", "HDF5": b"\x89HDF\r\n", "zip archive of 2 files .a.csv, b.csv.": zipped("a.csv", "b.csv"),
    "cannot be read": zipped("xl/workbook.xml"), "binary file": bytes(range(1, 256)) + bytes(100),
}  # fmt: skip


@pytest.mark.parametrize("said", FOREIGN)
@pytest.mark.parametrize("name", ["t.csv", "t.smi", "t.sdf"])
def test_what_is_no_text_is_called_by_its_name(tmp_path: Path, said: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FOREIGN[said])
    with pytest.raises(DataError, match=said):
        list(read_table(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [(gzip.compress(TEXT.encode(), mtime=0), "is gzip within another"), (zipped("a.csv"), "zip archive"), (parquet(), "is Parquet"),
     (pickle.dumps([1]), "pickle"), (bytes(range(1, 256)) + bytes(100), "binary file")],
)  # fmt: skip
def test_what_is_no_text_within_gzip(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=said):
        list(read_table(path))


PACKED = {
    "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
    "zip": lambda data: zipped("__MACOSX/._a.csv", "a.csv", ".hidden", data=data), "": bytes,
}  # fmt: skip


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.csv.zip", "t.csv.xz"])
@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_what_a_text_is_packed_and_encoded_with_is_found(tmp_path: Path, name: str, kind: str, encoding: str) -> None:
    path = tmp_path / name
    path.write_bytes(PACKED[kind](TEXT.encode(encoding)))
    (tmp_path / "plain.csv").write_text(TEXT)
    assert rows_of(path) == rows_of(tmp_path / "plain.csv")
    assert read_text_table(path).rows() == [("CCO", "1"), ("CCCCCC", "2")]
    assert TableRows.open(path).row_count() == (None if kind else TEXT.encode(encoding).count(b"\n"))


def test_parquet_and_workbooks_under_other_names(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(parquet())
    assert rows_of(path)["smiles"] == ["CCO"]
    assert read_text_table(path).rows() == [("CCO",)]
    assert TableRows.open(path).row_count() == 1
    for name in ("t.csv", "t.sdf", "t.parquet.xls"):
        path = tmp_path / name
        path.write_bytes(workbook_of(["smiles", "y"], [["CCO", 1.0]]))
        assert rows_of(path)["smiles"] == ["CCO"]
        assert read_text_table(path).rows() == [("CCO", "1")]


def test_one_zero_byte_makes_no_binary_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"smiles,y\nC\0C,1\n" + b"CCO,2\n" * 20)
    assert rows_of(path)["smiles"][1:] == ["CCO"] * 20


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        list(read_table(tmp_path / "none.csv"))
    odd = tmp_path / "t.ods"
    odd.write_text("x")
    with pytest.raises(DataError, match="unknown kind"):
        list(read_table(odd))
    empty = tmp_path / "e.csv"
    empty.write_text("")
    with pytest.raises(DataError, match="empty"):
        list(read_table(empty))
    double = tmp_path / "d.csv"
    double.write_text("a,a\n1,2\n")
    with pytest.raises(DataError, match="repeat"):
        list(read_table(double))
    cut = tmp_path / "c.csv.gz"
    cut.write_bytes(gzip.compress(b"smiles\n" + b"C\n" * 5000)[:-9])
    with pytest.raises(DataError, match="truncated"):
        list(read_table(cut))
    header = tmp_path / "h.csv"
    header.write_text("smiles,y\n")
    with pytest.raises(DataError, match="no rows"):
        column_names(header)


def test_the_smiles_column() -> None:
    assert smiles_column(["id", "Canonical_SMILES"]) == "Canonical_SMILES"
    assert smiles_column(["a", "b"], "b") == "b"
    with pytest.raises(UnknownNameError, match="Did you mean 'smiles'"):
        smiles_column(["smiles", "y"], "smile")
    with pytest.raises(DataError, match="delimiter"):
        smiles_column(["smiles y"])


@pytest.mark.parametrize("line", ['CO,"5', 'CO,5" pipe', '"CO,5', 'CO,"a" b'])
def test_a_stray_quote_costs_its_own_line_at_most(tmp_path: Path, line: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"smiles,y\nCC,1\n{line}\nC,2\nCCC,3\n" + "CN,4\n" * 300)
    [chunk] = list(read_table(path))
    assert len(chunk) == 304
    assert chunk.columns["smiles"][0::2][:2] == ["CC", "C"]
    assert chunk.columns["y"][3] == "3"
    assert set(chunk.broken) <= {2}
    assert chunk.lines == list(range(2, 306))


def test_two_stray_quotes_swallow_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('smiles,y\nCC,"1\nC,2\nCO,"3\nCCC,4\n')
    [chunk] = list(read_table(path))
    assert chunk.columns["smiles"] == ["CC", "C", "CO", "CCC"]
    assert set(chunk.broken) == {1, 3}
    assert "not closed" in chunk.broken[1]


def test_lines_count_quoted_line_breaks_and_the_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'smiles,note\r\nCC,"a\r\nb"\r\nC,c\r\n')
    [chunk] = list(read_table(path))
    assert chunk.lines == [2, 4]
    assert chunk.columns["note"] == ["a\r\nb", "c"]
    smi = tmp_path / "t.smi"
    smi.write_text("CC\nC\n")
    assert next(iter(read_table(smi))).lines == [1, 2]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("smiles,IC50 (µM)\nCC,1\n".encode(encoding))
    assert rows_of(path) == {"smiles": ["CC"], "IC50 (µM)": ["1"]}


def test_quoted_delimiters_in_the_header_and_columns_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('"a, b, c";smiles;;\n1;CC;2;3\n')
    assert rows_of(path) == {"a, b, c": ["1"], "smiles": ["CC"], "Unnamed: 2": ["2"], "Unnamed: 3": ["3"]}


def test_smiles_files_with_a_header_between_spaces(tmp_path: Path) -> None:
    path = tmp_path / "t.smi"
    path.write_text("smiles zinc_id\nCC ZINC1\nC\n")
    assert rows_of(path) == {"smiles": ["CC", "C"], "zinc_id": ["ZINC1", ""]}


def test_a_header_without_rows_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        list(read_table(tmp_path))
    with pytest.raises(DataError, match="lacks a header"):
        smiles_column(["CCO", "1.5"])
    assert tables._shown(["x" * 100] * 30)[-1] == "..."


def test_a_damaged_gzip_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    data = bytearray(gzip.compress(("smiles\n" + "CCO\n" * 50_000).encode()))
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        list(read_table(path))


def test_a_damaged_parquet_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"smiles": [f"C{number}" for number in range(5000)]}).write_parquet(path)
    data = bytearray(path.read_bytes())
    data[4:2000] = bytes(1996)
    path.write_bytes(data)
    with pytest.raises(DataError, match="cannot be read as a Parquet"):
        list(read_table(path))


CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)


@given(rows=st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_whatever_a_csv_writer_writes_is_read_back(
    rows: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    import csv

    path = tmp_path_factory.mktemp("any") / "t.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["a", "b"])
        writer.writerows(rows)
    found = rows_of(path)
    assert found["a"] == [row[0].strip() for row in rows]
    assert found["b"] == [row[1].strip() for row in rows]


@given(text=st.text(st.sampled_from('CN,;"\n\r\t 1'), max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_line_by_line_and_nothing_is_lost(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "t.csv"
    path.write_bytes(("smiles,y\n" + text + "\nCCC,last\n").encode())
    chunks = list(read_table(path))
    columns = rows_of(path)
    assert columns["smiles"][-1] == "CCC"
    assert columns["y"][-1] == "last"
    lines = [line for chunk in chunks for line in chunk.lines]
    assert lines == sorted(set(lines))
    for symbol in "CN":
        assert sum(cell.count(symbol) for cells in columns.values() for cell in cells) <= text.count(symbol) + 3


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "hooke.molecules.tables.reading"
    monkeypatch.setattr(f"{module}.LONGEST_LINE", 200)
    monkeypatch.setattr(f"{module}.LONGEST_SKIPPED", 2000)
    monkeypatch.setattr(f"{module}.CHUNK_CHARACTERS", 1000)
    monkeypatch.setattr("hooke.core.reading.MOST_COLUMNS", 5)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "smi"])
def test_a_line_that_is_too_long_is_a_refused_row(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"

    def write(text: str) -> None:
        path.write_bytes(gzip.compress(text.encode()) if ending.endswith("gz") else text.encode())

    write(f"smiles,y\nC,1\n{'C' * 1500},2\nCC,3\n" if ending != "smi" else f"smiles\nC\n{'C' * 1500}\nCC\n")
    chunks = list(read_table(path))
    assert [cell for chunk in chunks for cell in chunk.columns["smiles"]] == ["C", "", "CC"]
    assert [chunk.broken for chunk in chunks] == [{2: "a line of more than 4,194,304 characters"}]
    assert [line for chunk in chunks for line in chunk.lines] == [2, 3, 4]
    write(f"smiles\nC\n{'C' * 3000}")
    with pytest.raises(DataError, match="has a line of more than 2,000 characters: it is not a table"):
        list(read_table(path))
    write("C" * 3000)
    with pytest.raises(DataError, match="it is not a table"):
        list(read_table(path))


@pytest.mark.usefixtures("small_limits")
def test_the_end_of_an_endless_record_is_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record beyond the limit is a refused row; one of four times as much ends the reading: a small gzip holds hours of lines."""
    path, sound = tmp_path / "t.sdf", Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + "$$$$\n"
    path.write_text("0\n" * 60 + "$$$$\n" + sound)
    assert rows_of(path)["smiles"] == ["", "CCO"]
    path.write_text("0\n" * 5000 + "$$$$\n" + sound)
    read = 0

    def counted(file: Any, path: Path) -> str:
        nonlocal read
        read += 1
        return next_line(file, path)

    module = "hooke.molecules.tables.reading"
    next_line = tables._next_line
    monkeypatch.setattr(f"{module}._next_line", counted)
    with pytest.raises(DataError, match="a record of more than"):
        list(read_table(path))
    assert read < 200


@pytest.mark.usefixtures("small_limits")
def test_chunks_of_long_rows_hold_fewer(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\n" + "".join(f"{'C' * 100},{number}\n" for number in range(50)))
    chunks = list(read_table(path))
    assert all(len(chunk) < 12 for chunk in chunks)
    assert [cell for chunk in chunks for cell in chunk.columns["y"]] == [str(number) for number in range(50)]
    assert [chunk.first_row for chunk in chunks] == np.cumsum([1, *map(len, chunks)])[:-1].tolist()


@pytest.mark.usefixtures("small_limits")
def test_a_quote_does_not_swallow_more_than_a_record(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('smiles,y\n"C,1\n' + f"{'C' * 90},2\n" * 8)
    broken = {row: reason for chunk in read_table(path) for row, reason in chunk.broken.items()}
    assert broken == {1: "a quote is opened and not closed"}


@pytest.mark.usefixtures("small_limits")
def test_too_many_columns_are_no_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,a,b,c,d,e\nC,1,2,3,4,5\n")
    with pytest.raises(DataError, match="has 6 columns, at most 5"):
        list(read_table(path))
    wide = tmp_path / "t.parquet"
    pl.DataFrame({name: [1] for name in "abcdef"}).write_parquet(wide)
    with pytest.raises(DataError, match="has 6 columns"):
        list(read_table(wide))


def test_names_that_no_file_can_have() -> None:
    with pytest.raises(DataError, match="cannot be read"):
        list(read_table(Path("x" * 5000 + ".csv")))
    with pytest.raises(DataError):
        list(read_table(Path("x\0y.csv")))


def test_groups_of_enhanced_stereo_in_sdf_are_read(tmp_path: Path) -> None:
    pure, mixture = (Chem.MolFromSmiles(f"C[C@H](F)Br{groups}") for groups in ("", " |&1:1|"))
    (tmp_path / "t.sdf").write_text("".join(f"{Chem.MolToV3KMolBlock(molecule)}$$$$\n" for molecule in (pure, mixture)))
    [chunk] = read_table(tmp_path / "t.sdf")
    assert chunk.columns["smiles"] == ["C[C@H](F)Br", "C[C@H](F)Br |&1:1|"]


@pytest.mark.usefixtures("small_limits")
def test_a_long_text_that_repeats_is_not_in_memory_as_often(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    texts = ["C" * 400, "O" * 3, None] * 20
    pl.DataFrame({"smiles": texts, "y": range(60)}).write_parquet(path)
    chunks = list(read_table(path))
    assert [cell for chunk in chunks for cell in chunk.columns["smiles"]] == [text or "" for text in texts]
    assert [cell for chunk in chunks for cell in chunk.columns["y"]] == list(map(str, range(60)))
    assert all(sum(map(len, chunk.columns["smiles"])) <= 1000 for chunk in chunks)
    assert [chunk.first_row for chunk in chunks] == np.cumsum([1, *map(len, chunks)])[:-1].tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("before", ["", "sep=;\n", "# from the lab\n#\n", "Assay of May\n"])
def test_every_form_of_a_text_table(tmp_path: Path, encoding: str, before: str) -> None:
    """Encoding, lines before the header, delimiter, and cells at the end of lines that are not written or empty."""
    path = tmp_path / "t.csv"
    path.write_text(before + 'smiles;"note, ü";y\nCCO;a;1,5\nCC;b\nC;;2;;\nCO\n', encoding=encoding)
    [chunk] = list(read_table(path))
    assert chunk.columns == {
        "smiles": ["CCO", "CC", "C", "CO"],
        "note, ü": ["a", "b", "", ""],
        "y": ["1,5", "", "2", ""],
    }
    assert chunk.broken == {4: "1 cell, the header has 3"}
    assert chunk.lines == [number + before.count("\n") for number in (2, 3, 4, 5)]
    path.write_text("smiles,x,y\nCCO,1,2\nCC,1")
    assert next(read_table(path)).broken == {2: "2 cells, the header has 3"}  # the file may end within a row


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_commas_in_numbers_are(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "t.csv"
    cells = [f'"{cell}"' for cell in ("1,234", "2,345", "0")]
    path.write_text(
        "\n".join([f"smiles{delimiter}y", *(f"{'C' * n}{delimiter}{cell}" for n, cell in enumerate(cells, 1))]) + "\n"
    )
    found = find_columns(Table(LabelOptions(), paths=(path,)), show_progress=False)
    assert found.commas == {"y": delimiter != ","}
