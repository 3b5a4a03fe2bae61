"""Several candidates of one run as one predictor: the weighted mean of what estimators and networks predict, label by label.

A label that is learnt as logarithms is blended as logarithms; its prediction is the exponential of the blend, and its standard deviation that
of the logarithm times the prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hooke.core.errors import DataError
from hooke.core.recipe import Recipe, named_thing
from hooke.core.runs import RunFolder
from hooke.core.types import Batch, Spec, labels_of
from hooke.evaluate.blending import blended
from hooke.inference.blocks import Blocks
from hooke.inference.ensemble import Ensemble, Estimates, Members, Predictor
from hooke.inference.network import ARRAYS, build_network, build_task, device_of, estimator_of
from hooke.modalities import Trainable
from hooke.nn.weights import load_weights

BLEND = "blend.json"


@dataclass(frozen=True)
class Part:
    """One candidate of a blend.

    Attributes:
        name: Of the candidate.
        predictor: What predicts.
        weights: (columns,) of its predictions in the blend.
        learns_logarithms: Whether it predicts the logarithms that it was given, of the labels that are learnt so; else it predicts values.
    """

    name: str
    predictor: Predictor
    weights: np.ndarray
    learns_logarithms: bool


class Blend(Predictor):
    """The weighted mean of its parts.

    Args:
        parts: With weights that sum to one in each column.
        level: Of the labels.
        columns: Names of the predicted columns.
        floors: (columns,) least positive value of the labels that are blended as logarithms; NaN for the others.
    """

    def __init__(self, parts: Sequence[Part], level: str, columns: Sequence[str], floors: np.ndarray) -> None:
        self.parts, self._level, self._columns, self.floors = list(parts), level, list(columns), floors
        self.device = next(
            (part.predictor.device for part in parts if part.predictor.device.type != "cpu"), torch.device("cpu")
        )
        self.count, self.states_spread = 1, True
        self.parameters = sum(part.predictor.parameters * part.predictor.count for part in parts)

    def columns(self, level: str) -> list[str]:
        """See `Predictor.columns`."""
        return self._columns if level == self._level else []

    def carried(self, spec: Any) -> Any:
        """See `Predictor.carried`."""
        for part in self.parts:
            spec = part.predictor.carried(spec)
        return spec

    def each(self, batch: Batch) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Name of the part → (items, columns) predictions and their standard deviations, as logarithms where these are blended."""
        found = {}
        for part in self.parts:
            prediction = part.predictor.predict(batch)[self._level]
            pair = prediction.mean, prediction.std
            found[part.name] = pair if part.learns_logarithms else as_logarithms(*pair, self.floors)
        return found

    def members(self, batch: Batch) -> dict[str, Members]:
        """See `Predictor.members`."""
        mean, std = self.blended(self.each(batch))
        return {self._level: Members(mean[None], std[None])}

    def blended(self, found: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        """(items, columns) predictions and their standard deviations from what `each` gave."""
        means, stds = zip(*(found[part.name] for part in self.parts), strict=True)
        weights = np.stack([part.weights for part in self.parts])
        return as_values(*blended(np.stack(means), np.stack(stds), weights), self.floors)


def as_logarithms(mean: np.ndarray, std: np.ndarray, floors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of values as those of logarithms, in the columns that have a least positive value, below which none falls."""
    positive = np.maximum(mean, np.where(np.isnan(floors), -np.inf, floors))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isnan(floors), mean, np.log(positive)), np.where(np.isnan(floors), std, std / positive)


def as_values(mean: np.ndarray, std: np.ndarray, floors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The reverse of `as_logarithms`."""
    values = np.exp(np.where(np.isnan(floors), 0.0, mean))
    return np.where(np.isnan(floors), mean, values), np.where(np.isnan(floors), std, std * values)


def blend_of(run: RunFolder, recipe: Recipe, spec: Spec, modality: Trainable, device: str = "auto") -> Blend:
    """The blend of a run.

    Raises:
        DataError: A file of it is missing or damaged.
    """
    described, level = run.read_json(BLEND), modality.levels[0]
    labels = labels_of(spec, level)
    widths = [label.columns for label in labels]
    floors = np.repeat([np.nan if floor is None else floor for floor in described["floors"]], widths)
    parts = []
    for entry in described["candidates"]:
        if not entry["used"]:
            continue
        weights = np.repeat(np.array(entry["weights"], np.float64), widths)
        predictor = predictor_of(run, entry, recipe, spec, modality, device)
        parts.append(Part(entry["name"], predictor, weights, isinstance(predictor, Estimates)))
    if not parts:
        raise DataError(f"{run.path(BLEND)} names no candidate that is used")
    names = [name for label in labels for name in label.column_names]
    return Blend(parts, level, names, floors)


def predictor_of(
    run: RunFolder, entry: Mapping[str, Any], recipe: Recipe, spec: Spec, modality: Trainable, device: str
) -> Predictor:
    """What a candidate of `blend.json` predicts with: networks, or an estimator.

    Raises:
        DataError: Its weights or arrays are missing or damaged.
    """
    chosen = named_thing("models", entry["model"], "model", "")
    if chosen.kind == "models":
        task = build_task(recipe.task, spec)
        networks = [build_network(modality, chosen, spec, task) for _ in range(entry["members"])]
        for number, network in enumerate(networks):
            load_weights(network, run.path(f"members/{entry['name']}/{number}/best.safetensors"))
        return Ensemble(networks, task, device_of(device))
    level = modality.levels[0]
    estimator = estimator_of(member_file(run, entry["name"]), chosen, spec, level)
    columns = [name for label in labels_of(spec, level) for name in label.column_names]
    return Estimates([estimator], level, Blocks(modality, tuple(entry["blocks"])), columns)


def member_file(run: RunFolder, name: str) -> Path:
    """Where the arrays of a candidate are."""
    return run.path(f"members/{name}/{ARRAYS}")
