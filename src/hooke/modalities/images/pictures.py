"""Fields and reconstructions of them as pictures."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from hooke.core.png import encode_png
from hooke.images.batch import image_batch
from hooke.images.store import ImageStore
from hooke.images.tiles import centre_corners
from hooke.nn.images.encoder import MaskedEncoder
from hooke.nn.images.patches import channel_images, unpatchify
from hooke.report.schema import Picture

_GAP = 4  # pixels between tiles
_ZOOM = 2


def reconstruction_picture(
    encoder: MaskedEncoder, store: ImageStore, rows: Sequence[int], *, ratio: float, channels: Sequence[str], crop: int,
    seed: int = 0,
) -> Picture:  # fmt: skip
    """Hidden, predicted and true patches of some fields, one channel a row: three columns a field.

    Args:
        encoder: A masked one, in evaluation mode.
        store: The images.
        rows: Which fields.
        ratio: Share of hidden patches.
        channels: That the encoder reads.
        crop: Side of the crops; 0 for whole fields.
        seed: Of what is hidden.
    """
    device = next(encoder.parameters()).device
    side = crop or int(store.sizes[list(rows)].min())
    corners = centre_corners(store.sizes[list(rows)], side)
    pixels = store.read_crops(rows, corners[:, 0], corners[:, 1], (side, side), channels)
    batch = image_batch(pixels, channels, np.asarray(rows)).to(device)
    noise = torch.rand(len(pixels), encoder.maskable(batch), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        found = encoder.reconstruct(batch, noise.to(device), ratio)
    assert found.image is not None and found.target_image is not None  # all patches are predicted
    hidden = _as_images(found, encoder.patch)
    true, predicted = found.target_image.cpu().numpy(), found.image.cpu().numpy()
    shown = np.where(hidden, 0.0, true)
    mixed = np.where(hidden, predicted, true)
    columns = [part[item] for item in range(len(rows)) for part in (shown, mixed, true)]
    note = (
        f"For each field: what the encoder sees ({1 - ratio:.0%} of the patches), the reconstruction, the truth. Rows: "
    )
    return picture("Reconstructions", columns, f"{note}{', '.join(channels)}.")


def _as_images(found: Any, patch: int) -> np.ndarray:
    """(B, C, H, W) bool: which pixels were hidden."""
    count, channels, height, width = found.target_image.shape
    grid = (height // patch, width // patch)
    mask = found.hidden.float()[:, :, None].expand(-1, -1, found.target.shape[2])
    joint = found.hidden.shape[1] == grid[0] * grid[1]
    images = unpatchify(mask, grid, patch) if joint else channel_images(mask, channels, grid, patch)
    return images.cpu().numpy().reshape(count, channels, height, width) > 0.5


def picture(title: str, columns: Sequence[np.ndarray], note: str) -> Picture:
    """Columns of planes (C, H, W), each row of planes scaled alike from its 1st to its 99.7th percentile."""
    stacked = np.stack(columns).astype(np.float64)
    low, high = np.percentile(stacked, [1, 99.7], axis=(0, 2, 3))
    scaled = np.clip((stacked - low[:, None, None]) / np.maximum(high - low, 1e-9)[:, None, None], 0, 1)
    padded = np.pad(scaled, ((0, 0), (0, 0), (0, _GAP), (0, _GAP)), constant_values=1.0)
    count, channels, height, width = padded.shape
    sheet = padded.transpose(1, 2, 0, 3).reshape(channels * height, count * width)
    grey = (255 * sheet.repeat(_ZOOM, 0).repeat(_ZOOM, 1)).astype(np.uint8)
    return Picture(title, base64.b64encode(encode_png(np.repeat(grey[:, :, None], 3, axis=2))).decode(), note)
