"""Data sets: one file for each name in the literature, with `CARD`, `Config` and `Dataset(config)`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, TypeVar

from hooke.core.errors import UsageError
from hooke.core.how import How

Config = TypeVar("Config")


class Dataset(ABC, Generic[Config]):
    """What every data set can do. A store is whatever its modality keeps: molecules, fields of images, profiles of cells."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def prepare(self, folder: Path, how: How = How()) -> Any:
        """Make the store below `folder`, or open the one made of the same content; missing files are downloaded first."""

    @abstractmethod
    def twin(self, folder: Path, seed: int = 0) -> Any:
        """A small store of the same form below `folder`, made without network; the same seed gives the same content."""

    def files(self, how: How = How()) -> list[Path]:
        """The raw files, from the mirror or downloaded with checksum and resume.

        Raises:
            UsageError: The data set has no files of its own: it is computed, lies in the package, or is the user's.
            DataError: A file cannot be had; see `core.download.fetch`.
        """
        raise UsageError(f"{type(self).__module__.rpartition('.')[2]} has nothing to download")
