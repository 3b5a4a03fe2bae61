"""What a finished image run is worth: the mean losses over valid and test fields, and, with classes, the predicted ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import nn

from hooke.core.label import Label
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.evaluate.splits import Split
from hooke.images.batch import ImageBatch
from hooke.images.spec import LEVEL, ImageSpec
from hooke.images.store import ImageStore
from hooke.images.targets import class_codes
from hooke.train.image_member import image_loader

WELL = ("experiment", "plate", "well")


def measure_images(
    run: RunFolder, recipe: Recipe, store: ImageStore, split: Split, network: nn.Module, task: Any, spec: ImageSpec
) -> None:
    """Write metrics.json (part → "image" → target → metric → value) and, with classes, predictions_PART.parquet.

    Fields are covered by crops; the probabilities of a field are the means over its crops, those of a well the means over
    its fields.
    """
    metrics: dict[str, Any] = {}
    label = spec.classes
    device = next(network.parameters()).device
    for part in ("valid", "test"):
        rows = getattr(split, part)
        if not len(rows):
            continue
        losses, probabilities = _evaluated(_batches(store, rows, recipe, spec), network.eval(), task, spec, device)
        if label is not None:
            fields, mean = _by_key(probabilities)
            table, scores = _scored(store, fields, mean, label)
            table.write_parquet(run.path(f"predictions_{part}.parquet"))
            losses |= scores
        metrics[part] = {"image": {recipe.task.name if label is None else label.name: losses}}
    run.write_json("metrics.json", metrics)


def _batches(store: ImageStore, rows: np.ndarray, recipe: Recipe, spec: ImageSpec) -> Iterator[ImageBatch]:
    loader = image_loader(store, rows, recipe, spec, seed=None)
    return loader.tiles() if recipe.images.crop else loader.epoch(0)


@torch.no_grad()
def _evaluated(
    batches: Iterator[ImageBatch], network: nn.Module, task: Any, spec: ImageSpec, device: torch.device
) -> tuple[dict[str, float], list[tuple[np.ndarray, np.ndarray]]]:
    """Mean losses by name; and rows and probabilities of every batch."""
    sums: dict[str, float] = {}
    count = 0
    found = []
    generator = torch.Generator().manual_seed(0)
    for batch in batches:
        batch = batch.to(device)
        for name, value in task.losses(network, batch, 0, generator).items():
            sums[name] = sums.get(name, 0.0) + float(value) * batch.num_items
        count += batch.num_items
        if spec.classes is not None:  # the first label
            probabilities = task.predict(network, batch)[LEVEL][:, : spec.classes.columns]
            found.append((batch.rows.cpu().numpy(), probabilities.cpu().numpy()))
    return {name: value / count for name, value in sums.items()}, found


def _by_key(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The keys, each once, and the means of their rows."""
    keys, place = np.unique(np.concatenate([rows for rows, _ in parts]), return_inverse=True)
    values = np.concatenate([rows for _, rows in parts]).astype(np.float64)
    sums = np.zeros((len(keys), values.shape[1]))
    np.add.at(sums, place, values)
    return keys, sums / np.bincount(place)[:, None]


def _scored(
    store: ImageStore, rows: np.ndarray, probabilities: np.ndarray, label: Label
) -> tuple[pl.DataFrame, dict[str, float]]:
    """One row a field, and the accuracies by field and by well beside that of chance."""
    truth = class_codes(store, label)[rows]
    names = np.array([*label.names, ""])
    table = (
        store.metadata[rows]
        .select(*WELL, "site")
        .with_columns(
            pl.Series("row", rows),
            pl.Series("predicted", names[probabilities.argmax(1)]),
            pl.Series("probability", probabilities.max(1)),
            pl.Series("measured", names[truth]),
        )
    )
    wells = np.unique(
        table.select(pl.concat_str(WELL, separator="/", ignore_nulls=True)).to_series().to_numpy(), return_inverse=True
    )[1]
    _, by_well = _by_key([(wells, probabilities)])
    first = np.unique(wells, return_index=True)[1]
    known, known_wells = truth >= 0, truth[first] >= 0
    return table, {
        "field_accuracy": float((probabilities.argmax(1) == truth)[known].mean()) if known.any() else float("nan"),
        "well_accuracy": float((by_well.argmax(1) == truth[first])[known_wells].mean())
        if known_wells.any()
        else float("nan"),
        "chance": 1 / label.classes,
    }
