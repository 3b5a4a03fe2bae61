"""Row numbers in PyTorch's `.pt` files, without PyTorch and without unpickling.

Published splits are often `torch.save({"train": [...], "val": [...]}, path)`. Such a file is a zip archive whose
`data.pkl` is a program for Python's pickle machine, and running it could run anything. Here the program is only read:
the few instructions that build dictionaries, lists, integers, NumPy arrays and tensors of integers are followed on
plain values, and everything else is refused. No name that the file mentions is ever imported or called.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError
from hooke.core.files import write_durably
from hooke.core.reading import read_member, reading, refuse_larger

_STORAGES = {
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
}
_ARRAY_MAKERS = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
_INTEGER_DTYPES = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
_LARGEST_PROGRAM = 1 << 26  # bytes, each of which may become a Python object
_MARK = object()


def read_integer_lists(path: Path) -> dict[str, np.ndarray]:
    """The integer lists, arrays or tensors of a `.pt` file that holds a dictionary of them.

    Args:
        path: A file written by `torch.save` (the zip format, PyTorch 1.6 and later).

    Returns:
        Name -> (n,) int64.

    Raises:
        DataError: The file is no such archive, is damaged, or holds anything else than integers.
    """
    with reading(path, "a .pt file"), zipfile.ZipFile(path) as archive:
        found = _Reader(archive, path).read()
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise DataError(f"{path} holds no dictionary of lists")
    return {name: _integers(values, f"{path}, {name!r}") for name, values in found.items()}


def write_integer_lists(path: Path, lists: Mapping[str, Sequence[int]]) -> None:
    """Write a `.pt` file that `torch.load` and `read_integer_lists` read; equal lists give equal bytes."""
    plain = {name: [int(value) for value in values] for name, values in lists.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{path.stem}/data.pkl"), pickle.dumps(plain, protocol=2))
        archive.writestr(zipfile.ZipInfo(f"{path.stem}/version"), "3\n")
    write_durably(path, buffer.getvalue())


def _integers(values: object, where: str) -> np.ndarray:
    if isinstance(values, _Array) and values.data is not None:
        return values.data.astype(np.int64).ravel()
    if isinstance(values, list | tuple) and all(type(value) is int for value in values):
        return np.array(values, dtype=np.int64)
    raise DataError(f"{where} is no list of integers")


@dataclass(frozen=True)
class _Name:
    """A global that the file mentions: only its name."""

    text: str


@dataclass
class _Dtype:
    code: str
    order: str = "<"


@dataclass
class _Array:
    data: np.ndarray | None = None


class _Reader:
    """Follows the instructions of `data.pkl` on plain values."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        programs = [info for info in archive.infolist() if info.filename.split("/")[-1] == "data.pkl"]
        if len(programs) != 1:
            raise DataError(f"{path} is not a file of torch.save: it holds {len(programs)} data.pkl")
        refuse_larger(programs[0].file_size, f"the program of {path}", _LARGEST_PROGRAM)
        self.archive, self.path = archive, path
        self.folder = programs[0].filename.removesuffix("data.pkl")
        self.program = read_member(archive, programs[0], path)
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.steps: dict[str, Callable[[Any], None]] = {
            "EMPTY_DICT": lambda _: self.stack.append({}),
            "EMPTY_LIST": lambda _: self.stack.append([]),
            "EMPTY_TUPLE": lambda _: self.stack.append(()),
            "MARK": lambda _: self.stack.append(_MARK),
            "NONE": lambda _: self.stack.append(None),
            "NEWTRUE": lambda _: self.stack.append(True),
            "NEWFALSE": lambda _: self.stack.append(False),
            "GLOBAL": lambda name: self.stack.append(_Name(name.replace(" ", "."))),
            "STACK_GLOBAL": lambda _: self.stack.append(_Name(".".join(self._pop(2)))),
            "TUPLE": lambda _: self.stack.append(tuple(self._since_mark())),
            "TUPLE1": lambda _: self.stack.append(tuple(self._pop(1))),
            "TUPLE2": lambda _: self.stack.append(tuple(self._pop(2))),
            "TUPLE3": lambda _: self.stack.append(tuple(self._pop(3))),
            "APPEND": lambda _: self._extend(self._pop(1)),
            "APPENDS": lambda _: self._extend(self._since_mark()),
            "SETITEM": lambda _: self._set(self._pop(2)),
            "SETITEMS": lambda _: self._set(self._since_mark()),
            "REDUCE": lambda _: self._call(),
            "BUILD": lambda _: self._build(),
            "BINPERSID": lambda _: self.stack.append(self._storage(*self._pop(1))),
            **dict.fromkeys(("PROTO", "FRAME"), lambda _: None),
            **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda place: self.memo.update({place: self.stack[-1]})),
            **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda place: self.stack.append(self.memo[place])),
            "MEMOIZE": lambda _: self.memo.update({len(self.memo): self.stack[-1]}),
        }
        for literal in (
            "BININT",
            "BININT1",
            "BININT2",
            "LONG1",
            "BINUNICODE",
            "SHORT_BINUNICODE",
            "BINUNICODE8",
            "BINBYTES",
            "SHORT_BINBYTES",
            "BINBYTES8",
        ):
            self.steps[literal] = self.stack.append

    def read(self) -> Any:
        for opcode, argument, _ in pickletools.genops(self.program):
            if opcode.name == "STOP":
                break
            step = self.steps.get(opcode.name)
            if step is None:
                raise self._refused(f"the instruction {opcode.name}")
            step(argument)
        (value,) = self.stack
        return value

    def _refused(self, what: str) -> DataError:
        return DataError(f"{self.path} holds {what}: only lists, arrays and tensors of integers are read")

    def _pop(self, count: int) -> list[Any]:
        taken = self.stack[-count:]
        if len(taken) < count:
            raise ValueError("its program takes more than it has made")
        del self.stack[-count:]
        return taken

    def _since_mark(self) -> list[Any]:
        place = max(place for place, value in enumerate(self.stack) if value is _MARK)
        taken = self.stack[place + 1 :]
        del self.stack[place:]
        return taken

    def _extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise self._refused("an append to what is no list")
        self.stack[-1].extend(values)

    def _set(self, pairs: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise self._refused("an entry of what is no dictionary")
        self.stack[-1].update(zip(pairs[::2], pairs[1::2], strict=True))

    def _call(self) -> None:
        name, arguments = self._pop(2)
        if not isinstance(name, _Name):
            raise self._refused("a call")
        if name.text in _ARRAY_MAKERS and arguments[0] == _Name("numpy.ndarray"):
            self.stack.append(_Array())
        elif name.text == "numpy.dtype" and arguments[0] in _INTEGER_DTYPES:
            self.stack.append(_Dtype(arguments[0]))
        elif name.text == "_codecs.encode" and arguments[1] == "latin1":
            self.stack.append(arguments[0].encode("latin1"))
        elif name.text == "collections.OrderedDict" and not arguments:
            self.stack.append({})
        elif name.text == "torch._utils._rebuild_tensor_v2":
            self.stack.append(_Array(_view(*arguments[:4])))
        else:
            raise self._refused(f"a call of {name.text}")

    def _build(self) -> None:
        target, state = self._pop(2)
        if isinstance(target, _Dtype):
            target.order = "<" if state[1] == "|" else state[1]
        elif isinstance(target, _Array):
            _, shape, dtype, fortran, data = state
            values = np.frombuffer(data, dtype=np.dtype(dtype.order + dtype.code))
            target.data = values.reshape(shape, order="F" if fortran else "C")
        else:
            raise self._refused("an object with a state")
        self.stack.append(target)

    def _storage(self, identity: tuple[Any, ...]) -> np.ndarray:
        kind, storage, key, _, count = identity
        dtype = _STORAGES.get(storage.text.removeprefix("torch."))
        if kind != "storage" or dtype is None:
            raise self._refused(f"a {storage.text}")
        return np.frombuffer(
            read_member(self.archive, self.archive.getinfo(f"{self.folder}data/{key}"), self.path), dtype=dtype
        )[:count]


def _view(storage: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> np.ndarray:
    """A contiguous tensor of a storage."""
    count = math.prod(size)
    steps = tuple(math.prod(size[axis + 1 :]) for axis in range(len(size)))
    if count and (offset < 0 or offset + count > len(storage) or tuple(stride) != steps):
        raise ValueError("a tensor that does not lie in its storage as a whole")
    return storage[offset : offset + count].reshape(size)
