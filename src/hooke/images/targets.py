"""What is learnt of the images of a store: the spec with its labels, and their values as targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.core.label import Label
from hooke.core.recipe import Recipe
from hooke.images.feature_targets import measured_targets
from hooke.images.features import feature_names
from hooke.images.spec import LEVEL, ImageSpec
from hooke.images.store import ImageStore

MEASURED = "measured"  # source of the labels that are hand-crafted features


def spec_of(
    store: ImageStore, recipe: Recipe, *, target: str = "", features: bool = False, agnostic: bool = False
) -> ImageSpec:
    """The spec of a network that learns from a store.

    Args:
        store: The images.
        recipe: Its channels (none: all of the store's), crop, and the name of its objective.
        target: Metadata column of the classes; "" where the objective needs none.
        features: Whether the objective learns measured features.
        agnostic: Whether the encoder takes any channels.

    Raises:
        UnknownNameError: No such channel or column.
        UsageError: Fewer than two classes; or features, which are measured on all channels, but some were chosen.
    """
    section = recipe.sections["images"]
    store.channel_numbers(section.channels)
    channels, labels = section.channels or store.channels, []
    if target:
        names = store.classes(target)[1]
        if len(names) < 2:
            raise UsageError(
                f"the images carry {len(names)} kinds of {target!r}; {recipe.task.name} needs at least two"
            )
        labels.append(_classes(target, names))
    if features and channels != store.channels:
        raise UsageError("features are measured on all channels of the images; leave images.channels out")
    if features:
        labels += _features(channels)
    return ImageSpec(channels, store.batches, tuple(labels), section.crop, agnostic)


def released_spec(value: Mapping[str, Any], *, crop: int, agnostic: bool) -> ImageSpec:
    """The spec of a run of the first release.

    Args:
        value: Its `images.json`: channels, batches, target, classes, and the number of features where there are any.
        crop: Of its recipe.
        agnostic: Whether its encoder takes any channels.

    Raises:
        DataError: It learnt other features than are measured today.
    """
    channels, count = tuple(value["channels"]), int(value.get("features", 0))
    labels = [_classes(value["target"], tuple(value["classes"]))] if value["target"] else []
    if count:
        measured = _features(channels)
        if len(measured) != count:
            raise DataError(f"the run learnt {count} measured features; this Hooke measures {len(measured)}")
        labels += measured
    return ImageSpec(channels, tuple(value["batches"]), tuple(labels), crop, agnostic)


def _classes(name: str, names: tuple[str, ...]) -> Label:
    return Label(name, LEVEL, "multiclass", classes=len(names), names=names)


def _features(channels: tuple[str, ...]) -> list[Label]:
    return [Label(name, LEVEL, source=MEASURED) for name in feature_names(channels)]


def class_codes(store: ImageStore, label: Label) -> np.ndarray:
    """(fields,) int64: the class of each field as the label counts them, -1 for names that it does not know."""
    codes, names = store.classes(label.name)
    places = {name: place for place, name in enumerate(label.names)}
    order = np.array([places.get(name, -1) for name in names] + [-1], np.int64)
    return order[codes]


def target_values(store: ImageStore, spec: ImageSpec, *, measured_fields: int = 0) -> np.ndarray | None:
    """The values of all labels of the spec.

    Args:
        store: The images.
        spec: Whose labels are classes, or measured features of the store's channels.
        measured_fields: How many fields are measured, where features are among the labels.

    Returns:
        (fields of the store, labels) float32, NaN where nothing is known; None without labels.
    """
    if not spec.labels:
        return None
    found = np.full((len(store), len(spec.labels)), np.nan, np.float32)
    for place, label in enumerate(spec.labels):
        if label.classes:
            codes = class_codes(store, label)
            found[:, place] = np.where(codes < 0, np.nan, codes)
    features = [place for place, label in enumerate(spec.labels) if label.source == MEASURED]
    if features:
        names = feature_names(store.channels)
        values = measured_targets(store, measured_fields, show_progress=False)
        found[:, features] = values[:, [names.index(spec.labels[place].name) for place in features]]
    return found
