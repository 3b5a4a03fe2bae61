"""Channels by name: a batch in the order that an encoder of fixed channels wants.

The input of every image encoder: each channel of each image with mean 0 and variance 1 by itself.

    x̂ = (x - mean x) / √(var x + ε)

so an embedding does not change when a channel's brightness and contrast do. ε is (0.8 grey levels)² for integer pixels, which
for 8 bits is the usual 1e-5 on the scale 0 ... 1, and 1e-8 of the mean of x² for floating-point ones; a constant channel becomes 0.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional

from hooke.core.errors import UnknownNameError, UsageError
from hooke.images.batch import ImageBatch

INTEGER_EPSILON = 1e-5 * 255**2
RELATIVE_EPSILON = 1e-4


def standardise(
    pixels: Shaped[Tensor, "images channels height width"], dtype: torch.dtype = torch.float32
) -> Float[Tensor, "images channels height width"]:
    """Standardised pixels.

    Args:
        pixels: Integers or floats of any scale.
        dtype: Type of the result.
    """
    rows = pixels.to(dtype).flatten(2)
    if pixels.is_floating_point():
        size = torch.linalg.vector_norm(rows, dim=2, keepdim=True) / rows.shape[2] ** 0.5
        rows, epsilon = rows / size.clamp(min=torch.finfo(dtype).tiny), RELATIVE_EPSILON**2
    else:
        epsilon = INTEGER_EPSILON
    return functional.layer_norm(rows, rows.shape[2:], eps=epsilon).view(pixels.shape)


def in_order(batch: ImageBatch, channels: tuple[str, ...]) -> Shaped[Tensor, "images channels height width"]:
    """The pixels of the given channels, in their order.

    Raises:
        UsageError: The batch lacks one of them.
    """
    if batch.channels == channels:
        return batch.pixels
    missing = [name for name in channels if name not in batch.channels]
    if missing:
        raise UsageError(
            f"the images have the channels {', '.join(batch.channels)}, but this encoder was made for "
            f"{', '.join(channels)}: {', '.join(missing)} is missing. Use a channel-agnostic encoder (ca_mae), or name the "
            "channels alike"
        )
    return batch.pixels[:, [batch.channels.index(name) for name in channels]]


def positions(names: tuple[str, ...], channels: tuple[str, ...]) -> list[int]:
    """The place of each name among the channels.

    Raises:
        UnknownNameError: A name is not among them.
    """
    for name in names:
        if name not in channels:
            raise UnknownNameError("channel", name, channels)
    return [channels.index(name) for name in names]


def require_channels(channels: tuple[str, ...]) -> tuple[str, ...]:
    """The channel names, checked: at least one, no two alike.

    Raises:
        UsageError: They are not.
    """
    if not channels or len(set(channels)) < len(channels):
        raise UsageError(f"an image encoder needs one or more different channel names, got {list(channels)}")
    return tuple(channels)
