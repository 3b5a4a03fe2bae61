from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from hooke.core.errors import DataError, HookeError
from hooke.core.files import disk_full_explained, exclusive, is_disk_full, put_in_place, whole_lines, write_durably


def test_one_at_a_time(tmp_path: Path) -> None:
    path, lock = tmp_path / "x", tmp_path / "x.lock"
    refused = f"another process is writing x \\(number {os.getpid()}\\); wait for it"
    with exclusive(path, "is writing x"):
        with pytest.raises(HookeError, match=refused), exclusive(path, "is writing x"):
            pass
        assert lock.exists()
    assert not lock.exists()
    lock.write_text("left behind by a killed process")
    with exclusive(path, "is writing x"):
        pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_explained(number: int) -> None:
    with pytest.raises(DataError, match=r"disk of .*out is full; the parts are kept"):  # noqa: SIM117
        with disk_full_explained(Path("out"), "the parts are kept"):
            raise OSError(number, "no room")


@pytest.mark.parametrize(
    "text",
    ["File out of specification: underlying IO error: No space left on device (os error 28)", "write: (os error 28)"],
)
def test_writers_that_do_not_say_it_in_numbers_are_understood(text: str) -> None:
    assert is_disk_full(RuntimeError(text))
    assert not is_disk_full(RuntimeError("error 28"))
    assert not is_disk_full(OSError(errno.EACCES, text))
    assert not is_disk_full(DataError(text))  # has its own words already


def test_other_trouble_is_not_hidden() -> None:
    with pytest.raises(PermissionError), disk_full_explained(Path("out"), "nothing is kept"):
        raise PermissionError(errno.EACCES, "denied")


def test_a_file_takes_the_place_of_another_whole(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    put_in_place(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "new"
    assert not (tmp_path / "new").exists()


def test_bytes_are_written_whole(tmp_path: Path) -> None:
    for text in (b"first", b"second"):
        write_durably(tmp_path / "x", text)
        assert (tmp_path / "x").read_bytes() == text
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_cut_line_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    assert whole_lines(path) == []
    path.write_text(json.dumps({"a": 1}) + "\n{")
    assert whole_lines(path) == ['{"a": 1}']
    assert path.read_text().endswith("}\n")
