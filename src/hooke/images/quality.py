"""Quality of fields: focus, saturation, foreground, contrast, number of cells; and rules that flag bad ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.images.normalise import EPSILON
from hooke.images.segment import foreground, nuclear_channel, nuclei
from hooke.images.store import ImageStore
from hooke.images.wells import KEYS

MEASURES = ("mean", "median", "saturated", "foreground", "contrast", "focus", "slope")
_CHUNK = 32


@dataclass(frozen=True)
class QualityRules:
    """What makes a field suspicious.

    Attributes:
        saturated: More than this part of a channel's pixels at the highest value of its type.
        contrast: A channel's foreground less than this many times as bright as its background.
        cells: Fewer nuclei than this.
        deviations: A channel's focus more than this many robust standard deviations below the median of its batch.
    """

    saturated: float = 0.02
    contrast: float = 1.1
    cells: int = 1
    deviations: float = 5.0


def plane_quality(plane: np.ndarray) -> dict[str, float]:
    """Measures of one plane.

    - mean, median: In parts of what the type holds.
    - saturated: Part of the pixels at the highest value of the type.
    - foreground: Part of the pixels above Otsu's threshold on the logarithm.
    - contrast: Mean of the foreground over mean of the background; 1 for an empty plane.
    - focus: Variance of the Laplacian over the variance of the plane, without what noise alone would give: low when blurred.
    - slope: Of the logarithmic power spectrum over the logarithm of the frequency; blurred planes fall more steeply.

    Args:
        plane: (H, W) uint8 or uint16.
    """
    from scipy.ndimage import gaussian_laplace

    highest = np.iinfo(plane.dtype).max
    values = plane.astype(np.float32)
    mask = foreground(plane)
    inside = values[mask].mean() if mask.any() else 0.0
    outside = values[~mask].mean() if (~mask).any() else inside
    flat = plane.min() == plane.max()
    return {
        "mean": float(values.mean() / highest),
        "median": float(np.median(values) / highest),
        "saturated": float((plane == highest).mean()),
        "foreground": 0.0 if flat else float(mask.mean()),
        "contrast": 1.0 if flat else float(inside / max(float(outside), EPSILON)),
        "focus": 0.0 if flat else float(gaussian_laplace(values, 1.0).var() / values.var()),
        "slope": 0.0 if flat else _spectral_slope(values),
    }


def field_quality(pixels: np.ndarray, channels: tuple[str, ...], nucleus_diameter_px: float) -> dict[str, float]:
    """Measures of one field: `cells`, and every measure of `plane_quality` for every channel as `<measure>_<channel>`.

    Args:
        pixels: (C, H, W).
        channels: Their names.
        nucleus_diameter_px: Typical diameter of a nucleus; nuclei are counted if a channel is named after them.
    """
    found: dict[str, float] = {"cells": float(count_cells(pixels, channels, nucleus_diameter_px))}
    for plane, channel in zip(pixels, channels, strict=True):
        found |= {f"{name}_{channel}": value for name, value in plane_quality(plane).items()}
    return found


def count_cells(pixels: np.ndarray, channels: tuple[str, ...], nucleus_diameter_px: float) -> int:
    """The number of nuclei of a field (C, H, W)."""
    return int(nuclei(pixels[nuclear_channel(channels)], nucleus_diameter_px).max())


def store_quality(
    store: ImageStore, *, nucleus_diameter_px: float = 9.0, workers: int | None = None, show_progress: bool = True
) -> pl.DataFrame:
    """Measures of every field of a store, one row a field, in worker processes."""
    jobs = [
        (str(store.folder), start, min(start + _CHUNK, len(store)), nucleus_diameter_px)
        for start in range(0, len(store), _CHUNK)
    ]
    rows: list[dict[str, float]] = []
    with progress(len(store), "measuring quality", "fields", show=show_progress) as bar:
        for found in ordered_map(_measure, jobs, workers=workers if len(jobs) > 2 else 0):
            rows += found
            bar.advance(len(found))
    return pl.DataFrame(rows)


def well_quality(
    store: ImageStore, *, nucleus_diameter_px: float = 9.0, workers: int | None = None, show_progress: bool = True
) -> pl.DataFrame:
    """One row a well, under the names that `hooke map build` judges wells by (`cells.quality`).

    The columns are experiment, plate, well; `cell_count`, the mean over fields (left out without a stain of nuclei); `saturated_share`, of the
    worst channel, the mean over fields; `focus`, the geometric mean over channels and fields; `suspicious_fields` and `reason`, by `flags`.
    """
    measured = store_quality(
        store, nucleus_diameter_px=nucleus_diameter_px, workers=workers, show_progress=show_progress
    )
    reasons = flags(measured, store.batch_index)
    focus = [pl.col(f"focus_{channel}").clip(EPSILON).log() for channel in store.channels]
    fields = measured.select(
        *([pl.col("cells").cast(pl.Float64).alias("cell_count")] if "cells" in measured.columns else []),
        pl.max_horizontal(f"saturated_{channel}" for channel in store.channels).alias("saturated_share"),
        pl.mean_horizontal(focus).alias("focus"),
        pl.Series("reason", reasons),
    )
    wells = store.metadata.select(KEYS).hstack(fields).group_by(KEYS, maintain_order=True)
    numbers = [name for name in fields.columns if name != "reason"]
    return wells.agg(
        *(pl.col(name).mean() for name in numbers),
        (pl.col("reason") != "").sum().alias("suspicious_fields"),
        pl.col("reason").filter(pl.col("reason") != "").unique(maintain_order=True).str.join("; "),
    ).with_columns(pl.col("focus").exp())


def flags(quality: pl.DataFrame, batches: np.ndarray, rules: QualityRules = QualityRules()) -> list[str]:
    """Why each field is suspicious; "" for the others.

    Args:
        quality: As of `store_quality`.
        batches: (fields,) the batch of each; focus is compared within.
        rules: The limits.
    """
    channels = [name.removeprefix("focus_") for name in quality.columns if name.startswith("focus_")]
    reasons: list[list[str]] = [[] for _ in range(len(quality))]
    for row, count in enumerate(quality["cells"].to_list()):
        if count < rules.cells:
            reasons[row].append(f"{count:.0f} cells")
    for channel in channels:
        for row, part in enumerate(quality[f"saturated_{channel}"].to_list()):
            if part > rules.saturated:
                reasons[row].append(f"{channel}: {100 * part:.1f}% saturated")
        for row, contrast in enumerate(quality[f"contrast_{channel}"].to_list()):
            if contrast < rules.contrast:
                reasons[row].append(f"{channel}: empty")
        for row in _blurred(quality[f"focus_{channel}"].to_numpy(), batches, rules.deviations):
            reasons[row].append(f"{channel}: out of focus")
    return ["; ".join(reason) for reason in reasons]


def _blurred(focus: np.ndarray, batches: np.ndarray, deviations: float) -> Iterator[int]:
    values = np.log(np.maximum(focus, EPSILON))
    for batch in np.unique(batches):
        here = np.flatnonzero(batches == batch)
        centre = np.median(values[here])
        spread = 1.4826 * np.median(np.abs(values[here] - centre))
        yield from here[values[here] < centre - deviations * max(float(spread), 0.05)].tolist()


def _measure(job: tuple[str, int, int, float]) -> list[dict[str, float]]:
    """In a worker: some fields of a store."""
    from pathlib import Path

    folder, start, stop, diameter = job
    store = ImageStore.open(Path(folder))
    return [field_quality(store.read([row])[0], store.channels, diameter) for row in range(start, stop)]


def _spectral_slope(values: np.ndarray) -> float:
    """Least squares over rings of the power spectrum, without the lowest and highest frequencies."""
    height, width = values.shape
    window = np.hanning(height)[:, None] * np.hanning(width)[None, :]
    power = np.abs(np.fft.rfft2((values - values.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    rings = np.floor(frequency * 64).astype(int).ravel()
    sums, counts = np.bincount(rings, power.ravel(), 64)[3:26], np.bincount(rings, minlength=64)[3:26]
    used = counts > 0
    places = np.log(np.arange(3, 26)[used] + 0.5)
    levels = np.log(sums[used] / counts[used] + EPSILON)
    return float(np.polyfit(places, levels, 1)[0])
