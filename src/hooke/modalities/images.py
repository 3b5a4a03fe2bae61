"""Images of cells: fields of plates in channels, with classes and measured features as labels; `predict` and `embed` answer for wells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import torch
from torch import Tensor, nn

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.recipe import Recipe, at_least
from hooke.core.runs import RunFolder
from hooke.core.types import Chunk
from hooke.images.batch import ImageBatch
from hooke.images.by_well import KEYS, Wells
from hooke.images.features import field_features
from hooke.images.loader import ImageLoader
from hooke.images.measured import feature_names, measured_fields, measured_targets
from hooke.images.spec import LEVEL, ImageSpec
from hooke.images.splitting import KINDS, split_images
from hooke.images.store import ImageStore
from hooke.modalities import Readable, Trainable
from hooke.nn.images.classification import SYMMETRIES, ClassificationConfig, MeasuringConfig
from hooke.nn.images.classification import Symmetry as Turns
from hooke.nn.images.dihedral import turn_each
from hooke.nn.images.encoder import ImageEncoder
from hooke.nn.transformer import Transformer
from hooke.report.schema import DataSummary

GridShape = Literal["cover"] | tuple[int, int]
PART_WELLS = 48
_DECODER = "decoder."


@dataclass(frozen=True)
class ImageSection:
    """How fields of images become batches.

    Attributes:
        crop: Side of the random crops in pixels; 0 takes whole fields.
        crops_per_field: Crops of each field in an epoch.
        channels: Which channels, in which order; none takes all.
        single_batch: Each batch of crops comes from one experimental batch.
        workers: Processes that read; 0 reads in a thread.
        recompute: Recompute each transformer block in the backward pass instead of keeping its activations.
    """

    crop: int = 0
    crops_per_field: int = 1
    channels: tuple[str, ...] = ()
    single_batch: bool = False
    workers: int = 0
    recompute: bool = False

    def __post_init__(self) -> None:
        at_least(self, crop=0, crops_per_field=1, workers=0)


@dataclass(frozen=True)
class View:
    """How fields are shown to an encoder.

    Attributes:
        crop: Side of the crops; None takes those that the run was trained on, 0 whole fields.
        grid: (rows, columns) of crops over a field, or "cover" for as few as cover it.
        channels: Which of the store's; none takes all that the encoder can read.
        block: Of the encoder: 1 ..., or negative from the end.
        symmetry: Mean over each crop as it is ("none"), its four flips ("flips"), or its eight turns and flips ("dihedral").
    """

    crop: int | None = None
    grid: GridShape = "cover"
    channels: tuple[str, ...] = ()
    block: int = -1
    symmetry: Turns = "none"

    def __post_init__(self) -> None:
        if self.symmetry not in SYMMETRIES:
            raise UnknownNameError("symmetry", self.symmetry, SYMMETRIES)


@dataclass(frozen=True)
class _Tiles:
    """The crops that cover each field (or whole fields), field after field, as a loader of one epoch."""

    loader: ImageLoader
    cropped: bool
    grid: GridShape = "cover"

    def __len__(self) -> int:
        return len(self.loader)

    def epoch(self, number: int, start: int = 0) -> Iterator[ImageBatch]:
        """All there is of each field."""
        return self.loader.tiles(self.grid) if self.cropped else self.loader.epoch(0)

    def __iter__(self) -> Iterator[ImageBatch]:
        return self.epoch(0)


@dataclass(frozen=True)
class _Job:
    """Some wells: the fields of each, and the rows of the table."""

    rows: tuple[np.ndarray, ...]
    table: pa.Table


class WellSource:
    """The wells of a store as jobs; see `core.types.Source`."""

    parallel = False
    jobs_a_part = 1
    unit = "wells"

    def __init__(self, store: ImageStore, spec: ImageSpec, view: View, batch_size: int, workers: int) -> None:
        channels = view.channels or (store.channels if spec.agnostic else spec.channels)
        store.channel_numbers(channels)
        crop = spec.crop if view.crop is None else view.crop
        self._store: ImageStore | None = store
        self.folder, self.view = store.folder.absolute(), replace(view, crop=crop, channels=channels)
        self._batch_size, self._workers = batch_size, workers

    def __getstate__(self) -> dict[str, Any]:
        """For a worker, which opens the store itself and reads in a thread."""
        return {**vars(self), "_store": None, "_workers": 0}

    @property
    def store(self) -> ImageStore:
        """The store, opened at need."""
        if self._store is None:
            self._store = ImageStore.open(self.folder)
        return self._store

    @property
    def name(self) -> str:
        """See `Source`."""
        return self.folder.name

    @property
    def schema(self) -> pa.Schema:
        """What is known about a well, and its number of fields."""
        return Wells.of(self.store).table.to_arrow().schema

    @property
    def facts(self) -> dict[str, Any]:
        """Fields, channels, crops, and what of the store was left out."""
        channels, crop = list(self.view.channels), self.view.crop
        return {
            "fields": len(self.store), "channels": channels, "crop": crop, "simulated": self.store.simulated,
            "left_out": self.store.left_out,
        }  # fmt: skip

    def content_hash(self) -> str:
        """See `Source`."""
        return self.store.content_hash

    def row_count(self) -> int:
        """See `Source`."""
        return len(Wells.of(self.store))

    def jobs(self, *, skip: int = 0) -> Iterator[_Job]:
        """See `Source`."""
        wells = Wells.of(self.store)
        table = wells.table.to_arrow()
        for start in range(skip * PART_WELLS, len(wells), PART_WELLS):
            yield _Job(wells.rows[start : start + PART_WELLS], table[start : start + PART_WELLS])

    def prepare(self, job: _Job) -> _Job:
        """Nothing is to be done ahead: images are read as batches are made."""
        return job

    def chunk(self, prepared: _Job) -> Chunk:
        """See `Source`."""
        rows, view = np.concatenate(prepared.rows), self.view
        loader = ImageLoader(
            self.store, rows, self._batch_size, seed=None, crop=view.crop or None, channels=view.channels,
            workers=self._workers,
        )  # fmt: skip
        tiles = loader.tile_counts(view.grid) if view.crop else np.ones(len(rows), np.int64)
        fields = [len(own) for own in prepared.rows]
        return Chunk(
            prepared.table,
            _Tiles(loader, bool(view.crop), view.grid),
            (np.repeat(np.arange(len(rows)), tiles), np.repeat(np.arange(len(fields)), fields)),
        )


class Images(Trainable, Readable):
    """See `hooke.modalities`."""

    name = "images"
    items = "fields"
    unit = "crops"
    sections = {"images": ImageSection}  # noqa: RUF012
    levels = (LEVEL,)
    several_items = True
    group = "well"
    splits = dict.fromkeys(KINDS, split_images)
    estimators = ("mean", "nearest", "forest")
    options = View
    batch_size = 32

    def open(self, folder: Path) -> ImageStore:
        """See `Modality.open`."""
        return ImageStore.open(folder)

    def describe(self, store: ImageStore) -> Description:
        """Fields, channels, batches, and whether the images are simulated."""
        fields = {
            "store": store.folder, **store.description["counts"], "channels": ",".join(store.channels),
            "pixels": store.dtype.name, "batches": len(store.batches), "simulated": store.simulated,
            "hash": store.content_hash, "ingest": store.description.get("counts"),
        }  # fmt: skip
        heights = f"{int(store.sizes[:, 0].min())} to {int(store.sizes[:, 0].max())} pixels high"
        notes = [
            f"{len(store.channels)} channels: {', '.join(store.channels)}; {store.dtype}; {heights}",
            f"{len(store.batches)} experimental batches, {int(store.control.sum()):,} fields of negative controls",
        ]
        if store.simulated:
            notes.insert(0, "These images are simulated: numbers compare methods, and say nothing about biology.")
        section = DataSummary(
            store.folder.name, rows_read=len(store) + store.refused, rows_kept=len(store), rows_rejected=store.refused,
            notes=tuple(notes),
        )  # fmt: skip
        return Description(fields, store.left_out, section)

    def spec(self, store: ImageStore, rows: np.ndarray, recipe: Recipe) -> ImageSpec:
        """Channels, batches, classes and measured features.

        Raises:
            UnknownNameError: No such channel or column.
            UsageError: Fewer than two classes, or features of only some channels.
        """
        section, config = recipe.sections["images"], recipe.task.config
        store.channel_numbers(section.channels)
        channels = tuple(section.channels) or store.channels
        labels: list[Label] = []
        if target := _target(recipe):
            classes = store.classes(target)[1]
            if len(classes) < 2:
                raise UsageError(
                    f"the images carry {len(classes)} kinds of {target!r}; {recipe.task.name} needs at least two"
                )
            labels.append(Label(target, LEVEL, "multiclass", len(classes), names=classes))
        if isinstance(config, MeasuringConfig) and not recipe.has_estimator:
            if channels != store.channels:
                raise UsageError("features are measured on all channels of the images; leave images.channels out")
            measured_fields(store, config.measured_fields)  # once, before there are several processes
            labels += [Label(name, LEVEL, source="measured") for name in feature_names(channels)]
        return ImageSpec(channels, store.batches, tuple(labels), section.crop, _agnostic(recipe.model))

    def read_spec(self, run: RunFolder) -> ImageSpec:
        """From spec.json, or from images.json of the first release."""
        if run.path("spec.json").exists():
            return ImageSpec.from_json(run.read_json("spec.json"))
        return ImageSpec.from_first_release(
            run.read_json("images.json"),
            crop=int(run.recipe["images"]["crop"]),
            agnostic=registry.module("models", run.recipe["model"]["name"]).Model.agnostic,
        )

    def usable(self, store: ImageStore, rows: np.ndarray, recipe: Recipe) -> np.ndarray:
        """Without fields of unknown class, where classes are learnt."""
        target = _target(recipe)
        return rows[store.classes(target)[0][rows] >= 0] if target else rows

    def configure(self, network: nn.Module, recipe: Recipe) -> None:
        """Whether activations are recomputed."""
        for part in network.modules():
            if isinstance(part, Transformer):
                part.checkpointing = recipe.sections["images"].recompute

    def start(self, network: Any, weights: dict[str, Tensor] | None, recipe: Recipe, number: int) -> None:
        """The pretrained encoder; a decoder is taken over where it was made for the same channels, else it starts anew."""
        if weights is None:
            return
        fresh = network.encoder.state_dict()
        same = all(name in weights and weights[name].shape == value.shape for name, value in fresh.items())
        if not same:
            weights = {name: value for name, value in weights.items() if not name.startswith(_DECODER)}
            weights |= {name: value for name, value in fresh.items() if name.startswith(_DECODER)}
        network.encoder.load_state_dict(weights)

    def inherit(self, recipe: Recipe, pretrained: RunFolder) -> Recipe:
        """Nothing but the model."""
        return recipe

    def epoch_items(self, rows: np.ndarray, recipe: Recipe) -> int:
        """Crops."""
        return len(rows) * recipe.sections["images"].crops_per_field

    def loader(
        self, store: ImageStore, rows: np.ndarray, spec: ImageSpec, recipe: Recipe, *, part: str,
        seed: int | None = None, rank: int = 0, world: int = 1,
    ) -> ImageLoader | _Tiles:  # fmt: skip
        """Random crops to train on, one crop from the middle of each field to compare epochs, all of it to predict."""
        section, training = recipe.sections["images"], part == "train"
        loader = ImageLoader(
            store, rows, recipe.train.batch_size, seed=seed if training else None, crop=spec.crop or None,
            crops_per_field=section.crops_per_field if training else 1, single_batch=section.single_batch,
            channels=spec.channels, targets=targets(store, spec, recipe), rank=rank, world=world, workers=section.workers,
        )  # fmt: skip
        return _Tiles(loader, bool(spec.crop)) if part == "predict" else loader

    def facts(self, store: ImageStore, spec: ImageSpec) -> dict[str, Any]:
        """Channels, classes, wells, and whether the images are simulated."""
        classes = [label.classes for label in spec.labels if label.classes]
        return {
            "channels": list(spec.channels), "classes": classes[0] if classes else 0, "simulated": store.simulated,
            "wells": len(Wells.of(store)),
        }  # fmt: skip

    def identify(self, store: ImageStore, rows: np.ndarray) -> dict[str, Any]:
        """Experiment, plate and well."""
        return store.metadata[rows].select(KEYS).to_dict()

    def groups(self, store: ImageStore, rows: np.ndarray) -> np.ndarray:
        """Fields of one well belong together."""
        keys = store.metadata[rows].select(pl.struct(KEYS).rank("dense") - 1).to_series()
        return keys.to_numpy().astype(np.int64)

    def features(self, batch: ImageBatch) -> np.ndarray:
        """Hand-crafted: intensity, texture, shape and correlation."""
        return np.array([
            list(field_features(pixels, batch.channels).values()) for pixels in batch.pixels.cpu().numpy()
        ])  # fmt: skip

    def with_features(self, spec: ImageSpec) -> ImageSpec:
        """Whole fields: they are what is measured."""
        return replace(spec, crop=0)

    def next_step(self, run: RunFolder, *, learns_labels: bool) -> tuple[str, str]:
        """Embed the wells of its own store."""
        return "Embed wells", f"hooke embed {run.folder} {run.info['store']} -o wells.parquet"

    def source(self, given: Any, spec: ImageSpec, options: View, *, batch_size: int, workers: int = 0) -> WellSource:
        """The wells of a store."""
        store = given if isinstance(given, ImageStore) else ImageStore.open(Path(given))
        return WellSource(store, spec, options, batch_size, workers)

    def vectors(self, network: Any, batch: ImageBatch, options: View) -> Tensor:
        """The mean over the symmetry, after the chosen block."""
        turned = (
            replace(batch, pixels=turn_each(batch.pixels, torch.full((batch.num_items,), element)))
            for element in SYMMETRIES[options.symmetry]
        )
        return torch.stack([network.embed(one, block=options.block) for one in turned]).mean(0)


def targets(store: ImageStore, spec: ImageSpec, recipe: Recipe) -> np.ndarray | None:
    """(fields of the store, labels) float32: classes as the head counts them, NaN for names that it does not know; measured features."""
    columns = []
    for label in spec.labels:
        if not label.classes:
            continue
        codes, names = store.classes(label.name)
        places = {name: place for place, name in enumerate(label.names)}
        order = np.array([places.get(name, np.nan) for name in names] + [np.nan], np.float32)
        columns.append(order[codes][:, None])
    if len(spec.labels) > len(columns):
        columns.append(measured_targets(store, recipe.task.config.measured_fields, show_progress=False))
    return np.hstack(columns) if columns else None


def _target(recipe: Recipe) -> str:
    """Metadata column of the classes that are learnt; "" for none."""
    return recipe.task.config.target if isinstance(recipe.task.config, ClassificationConfig) else ""


def _agnostic(model: Any) -> bool:
    if model.kind == "estimators":
        return False
    encoder: type[ImageEncoder] = registry.module("models", model.name).Model
    return encoder.agnostic


MODALITY = Images()
