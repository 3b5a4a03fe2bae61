"""The columnar store: ragged columns, memory-mapped or compressed, in checksummed shards, the manifest written last."""

from hooke.core.store.integrity import Problem, check_store
from hooke.core.store.reader import Store
from hooke.core.store.schema import Column, Schema
from hooke.core.store.writer import StoreWriter

__all__ = ["Column", "Problem", "Schema", "Store", "StoreWriter", "check_store"]
