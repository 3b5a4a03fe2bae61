"""Row numbers from `.pt` files: what torch writes is read, anything else is refused and never run."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hooke.core.errors import DataError
from hooke.core.pt_files import read_integer_lists, write_integer_lists


def test_lists_arrays_and_tensors_are_read(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    many, long = generator.permutation(70_000), generator.integers(0, 1 << 40, 9)
    torch.save(
        {
            "train": many.tolist(),
            "val": long,
            "test": torch.arange(5),
            "test_seen": (1, 2, 3),
            "small": np.array([3, 4], dtype=">i2"),
            "slice": torch.arange(10, dtype=torch.int32)[4:7],
            "empty": [],
            "negative": [-1, -70_000, 1 << 45],
        },
        tmp_path / "splits.pt",
    )
    found = read_integer_lists(tmp_path / "splits.pt")
    np.testing.assert_array_equal(found["train"], many)
    np.testing.assert_array_equal(found["val"], long)
    assert {name: values.tolist() for name, values in found.items() if len(values) < 9} == {
        "test": [0, 1, 2, 3, 4],
        "test_seen": [1, 2, 3],
        "small": [3, 4],
        "slice": [4, 5, 6],
        "empty": [],
        "negative": [-1, -70_000, 1 << 45],
    }
    assert all(values.dtype == np.int64 for values in found.values())


def test_what_graphium_makes_is_read(tmp_path: Path) -> None:
    rows = np.concatenate((list(range(40)), [50, 51]))
    for protocol in (2, 3, 4):
        path = tmp_path / f"{protocol}.pt"
        torch.save({"train": rows, "val": [41], "test": [42]}, path, pickle_protocol=protocol)
        assert read_integer_lists(path)["train"].tolist() == rows.tolist()


@given(st.dictionaries(st.text(max_size=8), st.lists(st.integers(-(1 << 62), 1 << 62), max_size=30), max_size=5))
def test_any_dictionary_of_integer_lists_survives(lists: dict[str, list[int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.pt"
        torch.save(lists, path)
        assert {name: values.tolist() for name, values in read_integer_lists(path).items()} == lists


def test_written_files_are_read_by_torch_and_by_us(tmp_path: Path) -> None:
    write_integer_lists(tmp_path / "a.pt", {"train": np.arange(3), "val": [7], "test": []})
    assert torch.load(tmp_path / "a.pt", weights_only=True) == {"train": [0, 1, 2], "val": [7], "test": []}
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:  # no time of writing
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert {name: values.tolist() for name, values in read_integer_lists(tmp_path / "a.pt").items()} == {
        "train": [0, 1, 2],
        "val": [7],
        "test": [],
    }


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"train": _Bomb(tmp_path / "ran")}, tmp_path / "evil.pt")
    with pytest.raises(DataError, match=r"a call of posix\.mkdir"):
        read_integer_lists(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"train": [1.5]}, "the instruction BINFLOAT"),
        ({"train": ["a"]}, "no list of integers"),
        ({"train": [True]}, "no list of integers"),
        ({"train": 3}, "no list of integers"),
        ([1, 2], "no dictionary"),
        ({1: [1]}, "no dictionary"),
        ({"train": torch.zeros(3)}, "torch.FloatStorage"),
        ({"train": np.zeros(3)}, "a call of numpy.dtype"),
        ({"train": torch.arange(9).reshape(3, 3).T}, "as a whole"),
        ({"train": Path("a")}, "holds a call"),
        ({"train": torch.nn.Linear(1, 1)}, "holds"),
    ],
    ids=str,
)
def test_other_content_is_refused(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(DataError, match=message):
        read_integer_lists(tmp_path / "other.pt")


def _archive(path: Path, program: bytes, name: str = "archive/data.pkl") -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, program)
    return path


@pytest.mark.parametrize(
    "program",
    [
        pickle.PROTO + b"\x02" + b"a.",  # append with an empty stack
        pickle.PROTO + b"\x02" + b"K\x01K\x02a.",  # append to a number
        pickle.PROTO + b"\x02" + b"K\x01K\x02K\x03s.",  # entry of a number
        pickle.PROTO + b"\x02" + b"K\x01K\x02R.",  # call of a number
        pickle.PROTO + b"\x02" + b"K\x01K\x02b.",  # state of a number
        pickle.PROTO + b"\x02" + b"K\x01K\x02.",  # two results
        pickle.PROTO + b"\x02" + b"h\x07.",  # memo that was never put
        pickle.PROTO + b"\x02" + b"e.",  # no mark
        pickle.PROTO + b"\x02" + b"}(X\x01\x00\x00\x00a",  # cut short
        b"\xff\xff",
        b"",
    ],
)
def test_damaged_programs_are_refused(tmp_path: Path, program: bytes) -> None:
    with pytest.raises(DataError):
        read_integer_lists(_archive(tmp_path / "damaged.pt", program))


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("no archive")
    plain = tmp_path / "plain.pt"
    plain.write_bytes(pickle.dumps({"train": [1]}))
    for path in (
        tmp_path / "text.pt",
        plain,
        tmp_path / "missing.pt",
        _archive(tmp_path / "zip.pt", b"x", "other.txt"),
    ):
        with pytest.raises(DataError):
            read_integer_lists(path)


def test_no_instruction_of_pickle_can_import_or_call() -> None:
    from hooke.core.pt_files import _Reader

    allowed = {"GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "BINPERSID"}  # handled symbolically
    dangerous = {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID"}
    names = {opcode.name for opcode in pickletools.opcodes}
    assert (allowed | dangerous) <= names

    class Empty:
        def infolist(self) -> list[zipfile.ZipInfo]:
            return [zipfile.ZipInfo("a/data.pkl")]

        def open(self, _: object) -> io.BytesIO:
            return io.BytesIO()

    assert not dangerous & set(_Reader(Empty(), Path("a")).steps)  # type: ignore[arg-type]
