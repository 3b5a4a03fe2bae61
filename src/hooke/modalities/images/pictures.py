"""Fields and reconstructions of them as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import torch
from torch import Tensor

from hooke.core.label import Label
from hooke.images.batch import image_batch
from hooke.images.store import ImageStore
from hooke.images.tiles import centre_corners
from hooke.nn.images.encoder import MaskedEncoder
from hooke.nn.images.output import Reconstruction
from hooke.nn.images.patches import channel_images, unpatchify
from hooke.report import build
from hooke.report.schema import Picture

_GAP = 4  # pixels between tiles
_ZOOM = 2
_WELLS = 4  # at either end of a picture of predictions
_LARGEST = 128  # side of what is shown of a field, in pixels


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
    assert found.image is not None
    assert found.target_image is not None
    hidden = _as_images(found, found.target_image, encoder.patch)
    true, predicted = found.target_image.cpu().numpy(), found.image.cpu().numpy()
    shown = np.where(hidden, 0.0, true)
    mixed = np.where(hidden, predicted, true)
    columns = [part[item] for item in range(len(rows)) for part in (shown, mixed, true)]
    note = (
        f"For each field: what the encoder sees ({1 - ratio:.0%} of the patches), the reconstruction, the truth. Rows: "
    )
    return picture("Reconstructions", columns, f"{note}{', '.join(channels)}.")


def predictions_picture(
    store: ImageStore, predictions: pl.DataFrame, label: Label, *, channels: Sequence[str]
) -> Picture | None:
    """The wells whose true class a model finds least and most probable, the first field of each; None where no class is known.

    Args:
        store: The images.
        predictions: Of wells, as a run writes them.
        label: Of classes.
        channels: One a row of the picture.
    """
    known = predictions.filter(pl.col(f"{label.name}_measured").is_not_nan())
    if not len(known):
        return None
    true = known[f"{label.name}_measured"].to_numpy().astype(np.int64)
    probabilities = known.select(label.column_names).to_numpy()
    of_truth = probabilities[np.arange(len(true)), true]
    order = np.argsort(of_truth, kind="stable")
    count = min(_WELLS, max(1, len(order) // 2))
    chosen = [*order[:count].tolist(), *order[::-1][:count].tolist()][: len(order)]
    rows = known["row"].to_numpy()[chosen].tolist()
    side = min(_LARGEST, int(store.sizes[rows].min()))
    corners = centre_corners(store.sizes[rows], side)
    pixels = store.read_crops(rows, corners[:, 0], corners[:, 1], (side, side), channels)
    names = label.names or [str(number) for number in range(label.classes)]
    wells = [
        f"{plate} {well}: {names[true[place]]} ({of_truth[place]:.0%})"
        + (f", taken for {names[best]}" if (best := int(probabilities[place].argmax())) != true[place] else "")
        for place, plate, well in zip(chosen, known["plate"][chosen], known["well"][chosen], strict=True)
    ]
    note = (
        f"The middle of a field of each of {count} test wells whose {label.name.replace('_', ' ')} the model finds least probable, then "
        f"most probable; in brackets the probability of the truth. Left to right: {'; '.join(wells)}. Rows: {', '.join(channels)}."
    )
    return picture("Worst and best wells", list(pixels), note)


def _as_images(found: Reconstruction, image: Tensor, patch: int) -> np.ndarray:
    """(B, C, H, W) bool: which pixels were hidden."""
    count, channels, height, width = image.shape
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
    return build.grey_picture(title, (255 * sheet).astype(np.uint8), note, scale=_ZOOM)
