"""Sections of reports on images: where the fields came from, what a network learnt, fields and reconstructions as pictures."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from hooke.core import registry
from hooke.core.citations import CITATIONS
from hooke.core.png import encode_png
from hooke.core.runs import RunFolder
from hooke.images.batch import image_batch
from hooke.images.store import ImageStore
from hooke.images.tiles import centre_corners
from hooke.inference.image_run import LoadedImageRun
from hooke.report.schema import Count, DataSummary, Picture

_GAP = 4  # pixels between tiles
_ZOOM = 2


def image_data_section(run: RunFolder, store: ImageStore) -> DataSummary:
    """Source, licence, channels, split, and whether the images are simulated."""
    card = registry.card(run.recipe["data"]["name"])
    section = run.recipe["data"]["split"]
    heights = f"{int(store.sizes[:, 0].min())} to {int(store.sizes[:, 0].max())} pixels high"
    notes = [
        f"{len(store.channels)} channels: {', '.join(store.channels)}; {store.dtype}; {heights}",
        f"{len(store.batches)} experimental batches, {int(store.control.sum()):,} fields of negative controls",
    ]
    if store.simulated:
        notes.insert(0, "These images are simulated: numbers compare methods, and say nothing about biology.")
    parts = tuple(Count(name, int(value)) for name, value in run.info["rows"].items())
    return DataSummary(
        store.folder.name, title=card.title, source=card.source, licence=card.licence, rows_read=len(store) + store.refused,
        rows_kept=len(store), rows_rejected=store.refused, split=f"{section['kind']}, seed {section['seed']}", parts=parts,
        notes=tuple(notes),
    )  # fmt: skip


def citations_of_images(run: RunFolder) -> list[str]:
    """Names in `core.citations` that an image run stands on."""
    recipe = run.recipe
    names = [recipe["model"]["name"], recipe["task"]["name"], recipe["data"]["name"], recipe["train"]["optimiser"]]
    return [name for name in names if name in CITATIONS]


def reconstruction_picture(run: LoadedImageRun, store: ImageStore, rows: Sequence[int], *, seed: int = 0) -> Picture:
    """Hidden, predicted and true patches of some fields, one channel a row: three columns a field."""
    ratio = float(run.run.recipe["task"]["mask_ratio"])
    channels = run.channels_of(store)
    side = run.crop or int(store.sizes[list(rows)].min())
    corners = centre_corners(store.sizes[list(rows)], side)
    pixels = store.read_crops(rows, corners[:, 0], corners[:, 1], (side, side), channels)
    batch = image_batch(pixels, channels, np.asarray(rows)).to(run.device)
    encoder = run.network.encoder
    noise = torch.rand(len(pixels), encoder.maskable(batch), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        found = encoder.reconstruct(batch, noise.to(run.device), ratio)
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
    from hooke.nn.images.patches import channel_images, unpatchify

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
