from __future__ import annotations

import numpy as np
import torch

from hooke.cells.batch import profile_batch
from hooke.cells.targets import LEVEL
from hooke.core.types import Batch


def test_what_a_batch_carries() -> None:
    values, targets = np.arange(12.0).reshape(4, 3), np.array([[0.0], [np.nan], [1.0], [2.0]])
    batch = profile_batch(values, np.array([7, 3, 5, 1]), targets, np.array([0, 1, -1, 0]))
    assert isinstance(batch, Batch)
    assert batch.num_items == 4
    assert batch.values.dtype == torch.float32
    keys, within = batch.item_keys("profiles")
    assert keys.tolist() == [7, 3, 5, 1]
    assert within is None
    some = batch.select(torch.tensor([2, 0]))
    assert some.values.tolist() == [[6, 7, 8], [0, 1, 2]]
    assert some.rows.tolist() == [5, 7]
    assert some.targets[LEVEL].tolist() == [[1.0], [0.0]]
    assert some.batch_index is not None
    assert some.batch_index.tolist() == [-1, 0]
    moved = batch.to("meta")
    assert {moved.values.device.type, moved.rows.device.type, moved.targets[LEVEL].device.type} == {"meta"}
    assert moved.batch_index is not None
    assert moved.batch_index.is_meta


def test_profiles_of_which_nothing_is_known() -> None:
    batch = profile_batch(np.zeros((2, 3)), np.arange(2))
    assert batch.targets == {}
    assert batch.batch_index is None
    assert batch.to("cpu").select(slice(0, 1)).batch_index is None
