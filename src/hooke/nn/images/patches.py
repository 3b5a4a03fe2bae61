"""Images to square patches and back.

The pixels of a patch lie in the order (channel, row, column), so that a convolution whose stride is its kernel is a linear map
of a patch with the flattened kernel as its weights.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from hooke.core.errors import UsageError


def patch_grid(size: Sequence[int], patch: int) -> tuple[int, int]:
    """Patches down and across an image of (height, width) pixels.

    Raises:
        UsageError: The patches do not tile the image.
    """
    height, width = size
    if height % patch or width % patch or not height or not width:
        raise UsageError(
            f"images of {height} x {width} pixels cannot be cut into patches of {patch} x {patch}; crop, tile or pad them "
            f"to multiples of {patch}"
        )
    return height // patch, width // patch


def patchify(
    images: Float[Tensor, "images channels height width"], patch: int
) -> Float[Tensor, "images patches pixels"]:
    """(B, C, H, W) → (B, N, C P²), patches row by row."""
    items, channels = images.shape[:2]
    down, across = patch_grid(images.shape[2:], patch)
    cut = images.reshape(items, channels, down, patch, across, patch).permute(0, 2, 4, 1, 3, 5)
    return cut.reshape(items, down * across, channels * patch * patch)


def unpatchify(
    patches: Float[Tensor, "images patches pixels"], grid: tuple[int, int], patch: int
) -> Float[Tensor, "images channels height width"]:
    """The reverse of `patchify`.

    Raises:
        UsageError: The patches do not fill the grid, or their pixels are no whole channels.
    """
    items, count, pixels = patches.shape
    down, across = grid
    if count != down * across or pixels % patch**2:
        raise UsageError(
            f"{count} patches of {pixels} values do not fill a {down} x {across} grid of {patch} x {patch} pixels"
        )
    laid = patches.reshape(items, down, across, -1, patch, patch).permute(0, 3, 1, 4, 2, 5)
    return laid.reshape(items, -1, down * patch, across * patch)


def channel_patches(
    images: Float[Tensor, "images channels height width"], patch: int
) -> Float[Tensor, "images tokens pixels"]:
    """(B, C, H, W) → (B, C N, P²): the patches of one channel after those of another."""
    return patchify(images.flatten(0, 1)[:, None], patch).reshape(len(images), -1, patch * patch)


def channel_images(
    tokens: Float[Tensor, "images tokens pixels"], channels: int, grid: tuple[int, int], patch: int
) -> Float[Tensor, "images channels height width"]:
    """The reverse of `channel_patches`."""
    items, pixels = tokens.shape[0], tokens.shape[2]
    single = unpatchify(tokens.reshape(items * channels, -1, pixels), grid, patch)
    return single.reshape(items, channels, *single.shape[2:])
