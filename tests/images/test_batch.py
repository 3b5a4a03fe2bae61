from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.images.batch import ImageBatch, image_batch
from hooke.images.spec import LEVEL


def _batch(**changes: object) -> ImageBatch:
    arrays = {
        "pixels": np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5),
        "channels": ("DNA", "ER", "Mito"),
        "rows": np.array([7, 9]),
        "targets": np.array([[1, 0.5], [np.nan, np.nan]]),
        "batch_index": np.array([0, 1], np.uint8),
        "control": np.array([True, False]),
    }
    return image_batch(**{**arrays, **changes})  # type: ignore[arg-type]


def test_arrays_become_tensors_of_the_stated_types() -> None:
    batch = _batch()
    assert batch.num_items == 2
    assert batch.pixels.dtype == torch.uint16
    assert batch.targets[LEVEL].dtype == torch.float32
    assert batch.targets[LEVEL].shape == (2, 2)
    assert _batch(targets=None).targets == {}
    assert batch.batch_index is not None
    assert batch.batch_index.dtype == batch.rows.dtype == torch.int64
    assert batch.control is not None
    assert batch.control.tolist() == [True, False]


def test_to_moves_everything_and_keeps_what_is_absent() -> None:
    moved = _batch(batch_index=None, control=None).to("meta")
    assert moved.pixels.device.type == moved.rows.device.type == moved.targets[LEVEL].device.type == "meta"
    assert moved.batch_index is None
    assert moved.control is None
    assert moved.channels == ("DNA", "ER", "Mito")


def test_some_images_keep_all_that_is_known_about_them() -> None:
    part = _batch().select(torch.tensor([1]))
    assert part.rows.tolist() == [9]
    assert part.targets[LEVEL].shape == (1, 2)
    assert part.targets[LEVEL].isnan().all()
    assert _batch().select(slice(1)).targets[LEVEL].tolist() == [[1, 0.5]]
    assert part.batch_index is not None
    assert part.batch_index.tolist() == [1]
    assert part.control is not None
    assert part.control.tolist() == [False]
    assert torch.equal(part.pixels, _batch().pixels[1:])
    assert _batch(batch_index=None, control=None).select(slice(1)).control is None


def test_select_channels_reorders() -> None:
    batch = _batch()
    chosen = batch.select_channels(["Mito", "DNA"])
    assert chosen.channels == ("Mito", "DNA")
    assert torch.equal(chosen.pixels.long(), batch.pixels.long()[:, [2, 0]])
    with pytest.raises(ValueError, match="no channel 'AGP'"):
        batch.select_channels(["AGP"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": ("DNA", "ER")}, "2 channel names for 3 channels"),
        ({"channels": ("DNA", "ER", "DNA")}, "repeat"),
        ({"pixels": np.zeros((2, 3, 4, 5), np.int32)}, "uint8, uint16 or floats"),
    ],
)
def test_wrong_batches_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _batch(**changes)
