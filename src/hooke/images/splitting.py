"""Splitting the fields of an image store by its metadata; fields of one well never part."""

from __future__ import annotations

from hooke.core.recipe import SplitSection
from hooke.evaluate.metadata_split import KINDS, metadata_split
from hooke.evaluate.splits import Split
from hooke.images.store import ImageStore

__all__ = ["KINDS", "split_images"]


def split_images(store: ImageStore, section: SplitSection) -> Split:
    """Fields of train, valid and test; see `metadata_split`."""
    return metadata_split(store.metadata, section, item="field")
