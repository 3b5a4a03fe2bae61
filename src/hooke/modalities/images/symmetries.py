"""What images may undergo without meaning anything else; see `hooke.modalities.Symmetry`."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from hooke.images.batch import ImageBatch
from hooke.images.spec import LEVEL
from hooke.modalities import Follow


def reordered(batch: ImageBatch, generator: np.random.Generator) -> tuple[ImageBatch, Follow]:
    """The channels in another order: nothing changes of the image, while what is said of its places may follow the channels."""
    first = int(generator.integers(1, len(batch.channels)))

    def follow(level: str, values: Tensor) -> Tensor | None:
        return values if level == LEVEL else None

    return batch.select_channels(batch.channels[first:] + batch.channels[:first]), follow
