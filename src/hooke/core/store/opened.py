"""`OpenedStore`: what the stores of all kinds of things have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from hooke.core.errors import DataError
from hooke.core.reading import reading
from hooke.core.store.reader import Store


class OpenedStore:
    """A finished columnar store of one kind of thing, opened for reading.

    Attributes:
        kind: What its manifest says that it is.
        items: What its rows are called in sentences.
    """

    kind: ClassVar[str]
    items: ClassVar[str]

    def __init__(self, store: Store) -> None:
        if store.metadata.get("kind") != self.kind:
            raise DataError(f"{store.folder} is a store of something else, not of {self.items}")
        self.store = store

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a store.

        Raises:
            DataError: The folder holds no finished store, a damaged one, or one of something else.
        """
        with reading(folder, f"a store of {cls.items}"):
            return cls(Store.open(Path(folder)))

    def __len__(self) -> int:
        """Number of rows."""
        return self.store.rows

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.store.folder

    @property
    def content_hash(self) -> str:
        """Hash of everything in it."""
        return self.store.content_hash

    @property
    def description(self) -> Mapping[str, Any]:
        """What the writer recorded."""
        return self.store.metadata

    @property
    def simulated(self) -> bool:
        """Whether its rows were made by a simulator, or measured on what one made, rather than taken from nature."""
        return bool(self.description.get("simulated"))

    @property
    def refused(self) -> int:
        """Rows, or problems of images, for which something was left out; `rejected.parquet` lists them."""
        return int(self.description.get("counts", {}).get("refused", 0))
