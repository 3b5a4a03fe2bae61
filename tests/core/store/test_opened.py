"""What the stores of all kinds of things have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.store import Column, Schema, Store, StoreWriter
from hooke.core.store.opened import OpenedStore


class Stones(OpenedStore):
    kind, items = "stones", "stones"


def written(folder: Path, kind: str) -> Path:
    writer = StoreWriter(
        folder, Schema((Column("weight", "row", "float32"),)), metadata={"kind": kind, "river": "Ouse"}
    )
    writer.append(3, {"weight": np.arange(3, dtype=np.float32)}, {})
    writer.close()
    return folder


def test_it_says_what_it_holds(tmp_path: Path) -> None:
    stones = Stones.open(written(tmp_path / "a", "stones"))
    assert isinstance(stones, Stones)
    assert (len(stones), stones.folder, stones.description["river"]) == (3, tmp_path / "a", "Ouse")
    assert stones.content_hash == Store.open(tmp_path / "a").content_hash


def test_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a store of something else, not of stones"):
        Stones.open(written(tmp_path / "a", "shells"))
    with pytest.raises(DataError, match="not a finished store"):
        Stones.open(tmp_path)
