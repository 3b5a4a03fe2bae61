from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from hooke.core.archives import extract
from hooke.core.errors import DataError


def zipped(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return path


def test_one_file_is_taken_out_once(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", group__one__x="first", group__two__x="second", group__another_one__x="third")
    path = extract(archive, "one/x", tmp_path / "out")
    assert path == tmp_path / "out" / "one" / "x"
    assert path.read_text() == "first"
    path.write_text("kept")
    os.utime(archive, (0, 0))
    assert extract(archive, "one/x", tmp_path / "out").read_text() == "kept"
    os.utime(path, (0, 0))
    os.utime(archive, (10, 10))
    assert extract(archive, "one/x", tmp_path / "out").read_text() == "first"


def test_errors(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", a__b__x="1", c__b__x="2")
    with pytest.raises(DataError, match="holds 2 files named b/x"):
        extract(archive, "b/x", tmp_path)
    with pytest.raises(DataError, match="holds 0 files named x/y"):
        extract(archive, "x/y", tmp_path)
    (tmp_path / "b.zip").write_text("not a zip")
    with pytest.raises(DataError, match="cannot be read as a zip archive"):
        extract(tmp_path / "b.zip", "b/x", tmp_path)
