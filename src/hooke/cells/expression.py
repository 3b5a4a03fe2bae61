"""Matrices of cells and genes, read in blocks: AnnData files (.h5ad) in CSR and dense layout by cells, in CSC by genes; tables of wells.

Of an AnnData file nothing here holds more than a block, whatever its size. Tables of wells (`Profiles`) are in memory.

Source: the on-disk format of anndata (anndata.readthedocs.io, "On-disk format"), encoding versions 0.1 and 0.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hooke.cells.files import read_measured
from hooke.cells.long_scores import by_readout
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.reading import reading, refuse_larger

BLOCK_CELLS = 8192  # of a block of a matrix that is stored by cells
_BLOCK_VALUES = 1 << 21  # of a block, at most: dense, or of a matrix that is stored by genes
_CODES = {"csr_matrix": "csr", "csc_matrix": "csc", "array": "dense"}


@dataclass(frozen=True)
class Entries:
    """Values of a sparse block.

    Attributes:
        cells, genes: (m,) where they stand.
        values: (m,).
        span: The block's cells, or genes where the matrix is stored by genes.
    """

    cells: np.ndarray
    genes: np.ndarray
    values: np.ndarray
    span: range


@dataclass(frozen=True)
class Rows:
    """A dense block: (m, genes) values of the cells of `span`."""

    values: np.ndarray
    span: range


class Expression(Protocol):
    """A matrix that can be read in blocks, with the labels of its rows; see `open_expression`.

    Attributes:
        path: The file.
        shape: Cells, genes.
        layout: "csr", "csc" or "dense".
        says_log1p: Whether the file itself declares log1p (uns/log1p, as scanpy writes it).
    """

    path: Path
    shape: tuple[int, ...]
    layout: str
    says_log1p: bool

    def spans(self) -> list[range]:
        """The cells of each block, or the genes where the matrix is stored by genes."""
        ...

    def blocks(self, first: int = 0) -> Iterator[Entries | Rows]:
        """The blocks in order, from number `first`.

        Raises:
            DataError: The file is damaged.
        """
        ...

    def genes(self) -> list[str]:
        """Names of the columns."""
        ...

    def columns(self) -> list[str]:
        """Names of what is known of the rows."""
        ...

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A column as its different values, and which of them each row has (-1: none).

        Raises:
            UnknownNameError: No such column.
            DataError: Its length is not the number of rows.
        """
        ...


class AnnDataExpression:
    """The matrix X, or a layer, of an open AnnData file; see `Expression`."""

    def __init__(self, path: Path, file: Any, layer: str | None) -> None:
        self.path = path
        self.says_log1p = "log1p" in file.get("uns", {})
        if layer is None:
            if "X" not in file:
                raise DataError(f"{path} has no matrix X")
            node = file["X"]
        elif layer in file.get("layers", {}):
            node = file["layers"][layer]
        else:
            raise UnknownNameError("layer", layer, file.get("layers", {}))
        self._file, self._node = file, node
        group = hasattr(node, "keys")
        code = node.attrs.get("encoding-type", "" if group else "array")
        if code not in _CODES:
            raise DataError(
                f"{path}: a matrix stored as {code or 'an unknown encoding'!r} is not read; write it with anndata 0.8 or newer"
            )
        self.layout = _CODES[code]
        if group:
            self.shape = tuple(int(size) for size in node.attrs["shape"])
            self.dtype, stored = node["data"].dtype, node["data"]
            ends = node["indptr"].shape[0] - 1
            if ends != self.shape[self.layout == "csc"] or node["indices"].shape != stored.shape:
                raise DataError(f"{path}: the parts of its sparse matrix do not fit each other")
        else:
            self.shape, self.dtype, stored = tuple(node.shape), node.dtype, node
        if len(self.shape) != 2 or self.dtype.kind not in "fiu":
            raise DataError(f"{path}: X is not a matrix of numbers")
        refuse_larger(float(np.prod(stored.chunks or (1,))) * stored.dtype.itemsize, f"a chunk of {path}")
        for part, wanted in (("obs", self.shape[0]), ("var", self.shape[1])):
            length = _length(file, part, path)
            if length != wanted:
                raise DataError(f"{path}: {part} has {length:,} rows, the matrix {wanted:,}")

    def blocks(self, first: int = 0) -> Iterator[Entries | Rows]:
        """See `Expression`."""
        with reading(self.path, "AnnData"):
            spans = self.spans()
            pointers = self._node["indptr"][:].astype(np.int64) if self.layout != "dense" else None
            if pointers is not None and (
                pointers[0] != 0 or (np.diff(pointers) < 0).any() or pointers[-1] > len(self._node["data"])
            ):
                raise DataError(f"{self.path}: indptr of its sparse matrix is damaged")
            for span in spans[first:]:
                if pointers is None:
                    yield Rows(self._node[span.start : span.stop], span)
                    continue
                inside = slice(int(pointers[span.start]), int(pointers[span.stop]))
                minor, values = self._node["indices"][inside], self._node["data"][inside]
                limit = self.shape[self.layout == "csr"]
                if len(minor) and not 0 <= int(minor.min()) <= int(minor.max()) < limit:
                    raise DataError(f"{self.path}: an index of its sparse matrix is out of range")
                major = np.repeat(np.arange(span.start, span.stop), np.diff(pointers[span.start : span.stop + 1]))
                cells, genes = (major, minor) if self.layout == "csr" else (minor, major)
                yield Entries(cells, genes, values, span)

    def spans(self) -> list[range]:
        """See `Expression`."""
        cells, genes = self.shape
        total = genes if self.layout == "csc" else cells
        stored = cells * genes if self.layout == "dense" else len(self._node["data"])
        size = max(1, int(_BLOCK_VALUES // max(stored / max(total, 1), 1)))
        if self.layout != "csc":
            size = min(size, BLOCK_CELLS)
        return [range(start, min(start + size, total)) for start in range(0, total, size)]

    def genes(self) -> list[str]:
        """See `Expression`."""
        with reading(self.path, "AnnData"):
            return [str(name) for name in _values(self._file["var"], self._file["var"].attrs["_index"])[0]]

    def columns(self) -> list[str]:
        """See `Expression`."""
        obs = self._file["obs"]
        index = obs.attrs.get("_index", "")
        return [name for name in obs if name not in (index, "__categories")]

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """See `Expression`."""
        if name not in self.columns():
            raise UnknownNameError("column of obs", name, self.columns())
        with reading(self.path, "AnnData"):
            values, codes = _values(self._file["obs"], name)
        if len(codes) != self.shape[0]:
            raise DataError(f"{self.path}: column {name} of obs has {len(codes):,} rows, the matrix {self.shape[0]:,}")
        return values, codes


class TableExpression:
    """A table of wells, or of scores (`cells.long_scores`); see `Expression`.

    Rows whose column `control` is "negative" are controls, whatever they hold.
    """

    layout = "dense"
    says_log1p = False

    def __init__(self, path: Path, profiles: Profiles) -> None:
        profiles = by_readout(profiles, path.name)
        self.path, self._profiles = path, profiles
        self.shape = profiles.values.shape
        self._columns = {name: profiles.column(name) for name in profiles.metadata.columns}
        named = next((name for name in ("perturbation", "gene", "compound") if name in self._columns), None)
        if named is not None and "control" in self._columns:
            self._columns[named] = np.where(
                self._columns["control"] == "negative", "control", self._columns[named].astype(str)
            )

    def spans(self) -> list[range]:
        """See `Expression`."""
        return [
            range(start, min(start + BLOCK_CELLS, len(self._profiles)))
            for start in range(0, len(self._profiles), BLOCK_CELLS)
        ]

    def blocks(self, first: int = 0) -> Iterator[Entries | Rows]:
        """See `Expression`."""
        for span in self.spans()[first:]:
            yield Rows(self._profiles.values[span.start : span.stop], span)

    def genes(self) -> list[str]:
        """See `Expression`."""
        return list(self._profiles.features)

    def columns(self) -> list[str]:
        """See `Expression`."""
        return list(self._columns)

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """See `Expression`."""
        if name not in self._columns:
            raise UnknownNameError("column", name, self._columns)
        return _coded(self._columns[name])


@contextmanager
def open_expression(path: Path, layer: str | None = None) -> Iterator[Expression]:
    """An .h5ad file, open for reading in blocks, or a table of wells (.parquet, .csv, a store ...) in memory.

    Args:
        path: The file.
        layer: Of an .h5ad file, instead of X.

    Raises:
        UsageError: The package h5py is missing, or a layer of a table is asked for.
        DataError: It is missing, damaged, truncated, or its parts do not fit.
    """
    path = Path(path)
    if path.suffix != ".h5ad":
        if layer is not None:
            raise UsageError(f"{path.name} is a table: it has no layers")
        yield TableExpression(path, read_measured(path))
        return
    try:
        import h5py
    except ImportError as error:
        raise UsageError("AnnData files need the package h5py: pip install 'hooke-bio[cells]'") from error
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    with reading(path, "AnnData"):
        file = h5py.File(path, "r")
    with file:
        with reading(path, "AnnData"):
            expression = AnnDataExpression(path, file, layer)
        yield expression


def _length(file: Any, part: str, path: Path) -> int:
    if part not in file or not hasattr(file[part], "keys") or "_index" not in file[part].attrs:
        raise DataError(f"{path} has no table {part} as anndata 0.8 or newer writes it")
    return len(file[part][file[part].attrs["_index"]])


def _values(table: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Different values of a column, and the code of each row."""
    node = table[name]
    if hasattr(node, "keys"):
        if "codes" in node:
            return _text(node["categories"]), node["codes"][:].astype(np.int64)
        values, missing = node["values"], node["mask"][:].astype(bool)  # nullable integers, booleans and strings
        found, codes = np.unique(_text(values), return_inverse=True)
        return found, np.where(missing, -1, codes)
    data = _text(node)
    if name == table.attrs.get("_index"):
        return data, np.arange(len(data))
    return _coded(data)


def _coded(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found, codes = np.unique(data, return_inverse=True)
    codes = codes.reshape(-1).astype(np.int64)
    return found, np.where(np.isnan(data), -1, codes) if data.dtype.kind == "f" else codes


def _text(node: Any) -> np.ndarray:
    """The numbers, or the texts, of a data set."""
    if node.dtype.kind in "OS":
        return np.asarray(node.asstr()[:] if node.dtype.kind == "O" else np.char.decode(node[:], "utf-8")).astype(str)
    return np.asarray(node[:])
