from __future__ import annotations

import pytest
import torch

from hooke.testing.image_samples import CLASSES, DOMAINS, cells, image_batch


@pytest.mark.parametrize(
    ("kind", "dtype"), [("uint8", torch.uint8), ("uint16", torch.uint16), ("float32", torch.float32)]
)
def test_batches(kind: str, dtype: torch.dtype) -> None:
    batch = image_batch(7, channels=("a", "b"), size=(16, 24), kind=kind)
    assert batch.pixels.dtype == dtype
    assert batch.pixels.shape == (7, 2, 16, 24)
    assert batch.batch_index.max() == DOMAINS - 1
    for name in ("perturbation", "cell_type"):
        assert int(batch.targets[name].max()) < CLASSES[name]
    assert batch.targets["features"].shape == (7, CLASSES["features"])
    assert (batch.targets["perturbation"] == -1).tolist() == [row == 4 for row in range(7)]


def test_seeds_and_contrast() -> None:
    first, second, third = (image_batch(seed=seed).pixels for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    images = cells(3, 2, 32, 32, torch.Generator().manual_seed(0))
    assert 0 <= float(images.min()) < 0.1
    assert float(images.std()) > 0.05
