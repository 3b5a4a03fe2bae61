from __future__ import annotations

import numpy as np
import torch

from hooke.modalities.images.samples import image_batch
from hooke.modalities.images.symmetries import reordered


def test_the_same_images_with_other_channels_first() -> None:
    batch, seen = image_batch(), set()
    for seed in range(8):
        changed, follow = reordered(batch, np.random.default_rng(seed))
        seen.add(changed.channels)
        for name, plane in zip(changed.channels, changed.pixels.unbind(1), strict=True):
            assert torch.equal(plane, batch.pixels[:, batch.channels.index(name)])
        rows = torch.ones(2, 3)
        assert follow("field", rows) is rows
        assert follow("tokens", rows) is None
    assert seen == {("er", "actin", "dna"), ("actin", "dna", "er")}
