from __future__ import annotations

import gzip
import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from hooke.core.errors import DataError
from hooke.core.piped import PIPE, kept_source, piped_output, piped_source


@pytest.mark.parametrize(
    ("data", "ending"),
    [
        (b"smiles,y\nC,1\n", ".csv"), (b"C methane\nCC ethane\n", ".smi"), (b"PAR1...", ".parquet"), (gzip.compress(b"x,y", mtime=0), ".csv"),
        (gzip.compress(b"M  END\n$$$$\n", mtime=0), ".sdf"), ("smiles;y\n".encode("utf-16"), ".csv"),
        (b"\n  RDKit\n\nM  END\n$$$$\n", ".sdf"), (b"name\ty\nC\t1\n", ".csv"),
    ],
)  # fmt: skip
def test_what_stdin_holds(monkeypatch: pytest.MonkeyPatch, data: bytes, ending: str) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    with piped_source("-") as path:
        assert isinstance(path, Path)
        assert path.name == f"stdin{ending}"
        assert path.read_bytes() == data
    assert not path.exists()


def test_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=out))
    with piped_output(PIPE) as path:
        path.parent.mkdir(parents=True)
        path.write_text("a\n")
    assert out.getvalue() == b"a\n"
    assert not path.exists()


def test_files_are_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    with piped_source("a.csv") as source, piped_output(Path("b.csv")) as output:
        assert (source, output) == ("a.csv", Path("b.csv"))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"\n")))
    with pytest.raises(DataError, match="standard input is empty"), piped_source(PIPE):
        pass


def test_kept_input_is_named_by_its_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"smiles,y\nC,1\n")))
        found.append(kept_source(Path("-"), tmp_path / "tables"))
    assert found[0] == found[1]
    assert found[0].read_bytes() == b"smiles,y\nC,1\n"
    assert [path.suffix for path in (tmp_path / "tables").iterdir()] == [".csv"]
    assert kept_source(tmp_path / "a.csv", tmp_path) == tmp_path / "a.csv"
