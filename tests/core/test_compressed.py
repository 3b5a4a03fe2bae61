"""What files are compressed with; reading them as tables is tested in tests/molecules/tables/test_reading.py."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from hooke.core.compressed import compression, is_workbook, open_compressed, plain_name
from hooke.core.errors import DataError


def test_the_first_bytes_say_what_a_file_is_compressed_with(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(b"a"))
    assert compression(path) == "gzip"
    with open_compressed(path, "gzip") as file:
        assert file.read() == b"a"
    path.write_bytes(b"a,b")
    assert compression(path) == ""
    empty = tmp_path / "a.csv.gz"
    empty.write_bytes(b"")
    assert compression(empty) == "gzip"
    assert [plain_name(Path(name)) for name in ("A.CSV.GZ", "a.sdf.zst", "a.smi")] == ["a.csv", "a.sdf", "a.smi"]


@pytest.mark.parametrize("names", [(), ("a.csv", "b.csv"), ("folder/",)])
def test_an_archive_holds_one_table(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in (*names, ".hidden"):
            archive.writestr(name, "")
    assert (compression(path), is_workbook(path)) == ("zip", False)
    with pytest.raises(DataError, match="unpack it and name one of them"):
        open_compressed(path, "zip")
