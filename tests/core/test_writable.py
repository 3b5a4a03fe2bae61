"""Outputs that cannot be written, or would overwrite an input, are refused before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hooke.core.errors import DataError, UsageError
from hooke.core.writable import check_output, check_output_folder


def test_what_can_be_written_leaves_no_trace(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("a\n")
    check_output(tmp_path / "new" / "out.csv", source, None, "pocketmix", suffixes=(".csv",))
    check_output(tmp_path / "new" / "OUT.CSV", source, suffixes=(".csv",))
    check_output_folder(tmp_path / "runs" / "deep")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["in.csv", "new"]


def test_an_input_is_no_output_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "in.csv"
    source.write_text("a\n")
    os.symlink(source, tmp_path / "link.csv")
    os.link(source, tmp_path / "hard.csv")
    (tmp_path / "sub").mkdir()
    for name in ("in.csv", "./in.csv", "sub/../in.csv", str(source), "link.csv", "hard.csv"):
        with pytest.raises(UsageError, match="is also an input"):
            check_output(name, "other.csv", source)
    assert source.read_text() == "a\n"


def test_folders_devices_and_wrong_endings(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder: name a file"):
        check_output(tmp_path)
    with pytest.raises(UsageError, match="no regular file"):
        check_output("/dev/null")
    with pytest.raises(UsageError, match=r"must end in \.csv or \.parquet, got out\.txt"):
        check_output("out.txt", suffixes=(".csv", ".parquet"))
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file: name a folder"):
        check_output_folder(tmp_path / "file")


def test_places_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for check in (check_output, check_output_folder):
        with pytest.raises(DataError, match=r"cannot write .*: (not a directory|file exists)"):
            check(tmp_path / "file" / "out.csv")
        with pytest.raises(DataError, match=r"cannot write .*/proc/.*: "):
            check("/proc/nowhere/out.csv")
    with pytest.raises(DataError, match=r"cannot write .{100,200}: file name too long"):
        check_output(tmp_path / f"{'x' * 245}.csv")
