"""HDF5 at the border: files that a user hands over, without links out of them and without sizes that they only declare."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.core.reading import reading, refuse_expansion, refuse_larger

INSTALL = "pip install 'hooke-bio[diffraction]'"
MAGIC = b"\x89HDF\r\n\x1a\n"
_MOST_LINKS = 16  # from a name to its data set


@contextmanager
def opened(path: Path, mode: str = "r") -> Iterator[Any]:
    """An open HDF5 file; what goes wrong inside while it is read becomes a `DataError` that names it.

    Raises:
        UsageError: The package h5py is missing.
        DataError: It is no HDF5 file.
    """
    try:
        import h5py
    except ImportError as error:
        raise UsageError(f"HDF5 files need h5py: {INSTALL}") from error
    if mode != "r":
        with h5py.File(path, mode) as file:
            yield file
        return
    with reading(path, "an HDF5 file"), h5py.File(path, "r", locking=False) as file:
        yield file


def found(file: Any, name: str, path: Path) -> Any:
    """The data set or group of a name ("entry_1/data_1/data"); None where there is none.

    Raises:
        DataError: A link leads out of the file, or in a circle, or the data lie in other files.
    """
    import h5py

    parts, here, followed = [part for part in name.split("/") if part], file, 0
    while parts:
        part = parts.pop(0)
        if not isinstance(here, h5py.Group):
            return None
        link = here.get(part, getlink=True) if part in _names(here) else None
        if link is None:
            return None
        if isinstance(link, h5py.ExternalLink):
            raise DataError(
                f"{path}: {here.name.rstrip('/')}/{part} is a link to another file ({link.filename[:100]}); such links are not followed"
            )
        if isinstance(link, h5py.SoftLink):
            followed += 1
            if followed > _MOST_LINKS:
                raise DataError(f"{path}: the links of {name} lead in a circle")
            parts = [*(each for each in link.path.split("/") if each), *parts]
            here = file if link.path.startswith("/") else here
            continue
        here = here.get(part)
    if isinstance(here, h5py.Dataset) and (here.is_virtual or here.external):
        raise DataError(f"{path}: the data of {name} lie in other files; such data sets are not read")
    return here


def _names(group: Any) -> set[str]:
    return set(group)


def dataset(file: Any, name: str, path: Path) -> Any:
    """A data set of a name.

    Raises:
        DataError: There is none, it lies elsewhere, or it declares a size out of proportion to its file.
    """
    import h5py

    there = found(file, name, path)
    if not isinstance(there, h5py.Dataset):
        raise DataError(f"{path}: it lacks the data set {name!r}")
    refuse_larger(math.prod(there.chunks or ()) * there.dtype.itemsize, f"a chunk of {path}, {name}")
    refuse_expansion(path, float(there.size or 0) * there.dtype.itemsize)
    return there


def numbers(file: Any, name: str, path: Path, dtype: type) -> np.ndarray:
    """All of a data set of plain numbers, converted.

    Raises:
        DataError: There is none, or it holds none.
    """
    there = dataset(file, name, path)
    if there.dtype.kind not in "iufb":
        raise DataError(f"{path}: {name!r} holds no numbers, but {there.dtype}")
    values = np.asarray(there[()])
    if not values.size:
        raise DataError(f"{path}: {name!r} is empty")
    if np.dtype(dtype).kind == "i" and values.dtype.kind == "f" and not (values == np.rint(values)).all():
        raise DataError(f"{path}: {name!r} holds numbers that are not whole")
    return values.astype(dtype)


def text(value: str) -> Any:
    """A text as HDF5 keeps it, of fixed length."""
    return np.bytes_(value.encode())
