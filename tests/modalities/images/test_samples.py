from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from hooke.images.spec import LEVEL
from hooke.modalities.images.samples import SPEC, cells, image_batch, noise_for, sample


@pytest.mark.parametrize(
    ("kind", "dtype"), [("uint8", torch.uint8), ("uint16", torch.uint16), ("float32", torch.float32)]
)
def test_batches(kind: str, dtype: torch.dtype) -> None:
    batch = image_batch(7, channels=("a", "b"), size=(16, 24), kind=kind)
    assert batch.pixels.dtype == dtype
    assert batch.pixels.shape == (7, 2, 16, 24)
    assert batch.batch_index.max() == len(SPEC.batches) - 1
    targets = batch.targets[LEVEL]
    assert targets.shape == (7, len(SPEC.labels))
    for label, column in zip(SPEC.labels, targets.unbind(1), strict=True):
        known = column[~column.isnan()]
        if label.classes:
            assert known.long().tolist() == known.tolist()
            assert 0 <= int(known.min()) <= int(known.max()) < label.classes
    assert targets[:, 0].isnan().tolist() == [row == 4 for row in range(7)]
    assert not targets[:, 1].isnan().any()
    assert targets[:, 2:].isnan().all(1).tolist() == [row % 3 == 2 for row in range(7)]


def test_seeds_and_contrast() -> None:
    first, second, third = (image_batch(seed=seed).pixels for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    images = cells(3, 2, 32, 32, torch.Generator().manual_seed(0))
    assert 0 <= float(images.min()) < 0.1
    assert float(images.std()) > 0.05


def test_an_image_is_the_same_in_every_batch() -> None:
    made = sample(2)
    usual, odd = made.batch([4, 1], made.spec), made.batch([11, 9], made.spec)
    assert usual.rows.tolist() == [4, 1]
    assert torch.equal(usual.pixels[1:], made.batch([1], made.spec).pixels)
    assert odd.pixels.dtype == torch.uint16
    assert not odd.pixels[1].int().any()
    mask = SimpleNamespace(maskable=lambda batch: 5)
    assert torch.equal(noise_for(mask, usual)[1:], noise_for(mask, made.batch([1], made.spec)))
    assert not torch.equal(*noise_for(mask, usual))
