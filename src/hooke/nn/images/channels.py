"""Channels by name: a batch in the order that an encoder of fixed channels wants."""

from __future__ import annotations

from jaxtyping import Shaped
from torch import Tensor

from hooke.core.errors import UnknownNameError, UsageError
from hooke.images.batch import ImageBatch


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
