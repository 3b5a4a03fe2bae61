"""What all data sets have in common."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.how import How
from hooke.datasets import Dataset


class Made(Dataset[int]):
    def prepare(self, folder: Path, how: How = How()) -> int:
        return self.config

    def twin(self, folder: Path, seed: int = 0) -> int:
        return seed


def test_a_data_set_without_files() -> None:
    made = Made(3)
    assert (made.prepare(Path(".")), made.twin(Path("."), 4)) == (3, 4)
    with pytest.raises(UsageError, match="test_dataset has nothing to download"):
        made.files()


def test_a_data_set_prepares_and_has_a_twin() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Dataset(0)  # type: ignore[abstract]


@pytest.mark.parametrize("name", registry.names("datasets"))
def test_one_dialect(name: str) -> None:
    own = registry.module("datasets", name).Dataset
    assert issubclass(own, Dataset)
    assert list(inspect.signature(own.prepare).parameters) == ["self", "folder", "how"]
    assert list(inspect.signature(own.twin).parameters) == ["self", "folder", "seed"]
    assert list(inspect.signature(own.files).parameters) == ["self", "how"]
