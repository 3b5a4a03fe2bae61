from __future__ import annotations

import errno
import importlib
import json
import os
import threading
import time
from pathlib import Path

import pytest

from hooke.core import files
from hooke.core.errors import DataError, HookeError
from hooke.core.files import (
    append_lines,
    disk_full_explained,
    exclusive,
    is_disk_full,
    latest_entries,
    link_to,
    put_in_place,
    remove_folder,
    whole_lines,
    write_durably,
)


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


def test_no_two_processes_are_in_the_block_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bench for a second and a half: entries that wait and entries that are refused, some killed inside."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))
    lock_stress = importlib.import_module("lock_stress")
    monkeypatch.setattr(lock_stress, "KILL_EVERY", 50)
    found = lock_stress.stress(tmp_path, processes=3, seconds=1.5)
    assert found["overlaps"] == 0
    assert found["entries"] > 100
    assert found["kills"] >= 1
    assert [path.name for path in tmp_path.iterdir()] in ([], ["inside"], ["shared.lock"], ["inside", "shared.lock"])


def test_who_waits_gets_its_turn_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(files, "_SHORT_WAIT_S", 0.0)
    order: list[str] = []

    def second() -> None:
        with exclusive(tmp_path / "x", "is at work", wait=True):
            order.append("second")

    with exclusive(tmp_path / "x", "is at work"):
        thread = threading.Thread(target=second)
        thread.start()
        while "waiting: another process is at work" not in caplog.text:
            time.sleep(0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_lock_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "x", Path("/proc/x")):
        with pytest.raises(DataError, match=r"cannot be written: \w"), exclusive(path, "x"):
            pass


@pytest.mark.parametrize("name", ["x" * 250, "ä" * 120, "a[b]*?c"])
def test_long_and_odd_names(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with exclusive(path, "x"):
        write_durably(path, "text")
        left = tmp_path / files._temporary(path).name
        left.touch()
        (tmp_path / f"another{left.name}").touch()
    with exclusive(path, "x"):
        assert sorted(other.name for other in tmp_path.iterdir() if other.suffix == ".tmp") == [
            f"another{left.name}"[:255]
        ]
    assert path.read_text() == "text"


def test_what_a_killed_process_left_is_removed_with_the_next_lock(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    left = [files._temporary(place) for place in (folder, folder / "x", folder / "below" / "y", tmp_path / "also.json")]
    for path in left:
        path.touch()
    kept = [files._temporary(tmp_path / "folder.csv"), folder / "mine.tmp", folder / "z.12-abc.tmp"]
    for path in kept:
        path.touch()
    with exclusive(folder, "x", others=[tmp_path / "also.json"]):
        pass
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


def test_a_removed_folder_is_gone_whole(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    remove_folder(folder)
    write_durably(folder / "a" / "b", b"x")
    steps: list[str] = []
    files.watchers.append(lambda step, _: steps.append(f"{step} {folder.exists()}"))
    try:
        remove_folder(folder)
    finally:
        files.watchers.pop()
    assert steps == ["remove True", "clear False"]
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_durably(path, "old")

    def full(step: str, _: Path) -> None:
        if step == "place":
            raise OSError(errno.ENOSPC, "No space left on device")

    files.watchers.append(full)
    try:
        with pytest.raises(OSError, match="No space"):
            write_durably(path, "new")
    finally:
        files.watchers.pop()
    assert path.read_text() == "old"
    assert [other.name for other in tmp_path.iterdir()] == ["x"]


def test_lines_are_added_after_what_a_kill_tore(tmp_path: Path) -> None:
    path = tmp_path / "below" / "x.jsonl"
    append_lines(path, ["1", "2"])
    path.write_text("1\n2")
    append_lines(path, ["3"])
    assert whole_lines(path) == ["1", "3"]


def test_a_link_takes_the_place_of_another(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
        link_to(tmp_path / name, tmp_path / "link")
        assert (tmp_path / "link").read_text() == name


def test_the_latest_entry_of_each_key_counts(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    assert latest_entries(path, ("a", "b")) == {}
    append_lines(path, ['{"a": 1, "b": "x", "c": 1}', '{"a": 2, "b": "x", "c": 2}', '{"a": 1, "b": "x", "c": 3}'])
    with path.open("a") as file:
        file.write('{"a": 9, "b"')  # cut off by a kill
    assert latest_entries(path, ("a", "b")) == {
        (1, "x"): {"a": 1, "b": "x", "c": 3},
        (2, "x"): {"a": 2, "b": "x", "c": 2},
    }
