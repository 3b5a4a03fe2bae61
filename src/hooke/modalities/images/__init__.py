"""Images of cells: fields of plates in channels, with classes and measured features as labels; `predict` and `embed` answer for wells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import polars as pl
import pyarrow as pa

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.options import plain
from hooke.core.recipe import Named, Recipe, at_least
from hooke.core.runs import RunFolder
from hooke.core.types import Chunk, group_starts
from hooke.evaluate.metadata_split import MEANINGS
from hooke.evaluate.splits import Split
from hooke.images.feature_targets import measured_fields
from hooke.images.features import field_features
from hooke.images.field_array import FieldArray
from hooke.images.quality import well_quality
from hooke.images.spec import LEVEL, ImageSpec
from hooke.images.splitting import KINDS, split_images
from hooke.images.store import ImageStore
from hooke.images.targets import MEASURED, released_spec, spec_of, target_values
from hooke.images.tiles import Symmetry as Turns
from hooke.images.wells import KEYS, Wells
from hooke.modalities import Checks, Description, Readable, Sample, Symmetry, Trainable
from hooke.report.data_schema import DataSummary

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from hooke.images.batch import ImageBatch
    from hooke.images.loader import ImageLoader
    from hooke.nn.images.encoder import ImageEncoder

GridShape = Literal["cover"] | tuple[int, int]
PART_WELLS = 48
REFERENCE_FIELDS = 256  # of an experimental batch, evenly spread, whose batch-norm statistics are taken
PLANNED_CHANNELS, PLANNED_CROP = 6, 256  # where neither recipe nor options say it
PLANNED_ITEMS = 6
_DECODER = "decoder."
_PICTURED = 4  # fields


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
        channels: Which of the store's; none takes all that the encoder can read. Of an array: the names of its channels, in their order.
        block: Of the encoder: 1 ..., or negative from the end.
        symmetry: Mean over each crop as it is ("none"), its four flips ("flips"), or its eight turns and flips ("dihedral").
        fork: Stage of the encoder from which on the copies of `symmetry` are computed apart (`nn.images.fork`); 0: from the image on.
        adapt: Batch-norm statistics of each experimental batch from its own images (AdaBN, `nn.images.batch_statistics`).
    """

    crop: int | None = None
    grid: GridShape = "cover"
    channels: tuple[str, ...] = ()
    block: int = -1
    symmetry: Turns = "none"
    fork: int = 0
    adapt: bool = False

    def __post_init__(self) -> None:
        at_least(self, fork=0)
        if self.symmetry not in get_args(Turns):
            raise UnknownNameError("symmetry", self.symmetry, get_args(Turns))
        if self.fork and self.block != -1:
            raise UsageError("the copies of a fork are averaged after the last block: leave out block, or fork")


@dataclass(frozen=True)
class _Tiles:
    """The crops that cover each field (or whole fields), field after field, as a loader of one epoch."""

    loader: ImageLoader
    cropped: bool
    grid: GridShape = "cover"
    reference: _Tiles | None = None  # of fields that stand for the experimental batch
    key: tuple[Any, ...] = ()  # of such fields: of which store and batch, and how they are shown

    def __len__(self) -> int:
        return self.loader.tile_batches(self.grid) if self.cropped else len(self.loader)

    def epoch(self, number: int, start: int = 0) -> Iterator[ImageBatch]:
        """All there is of each field."""
        return self.loader.tiles(self.grid, start) if self.cropped else self.loader.epoch(0, start)

    def __iter__(self) -> Iterator[ImageBatch]:
        return self.epoch(0)


@dataclass(frozen=True)
class _Job:
    """Some wells: the fields of each, and the rows of the table."""

    rows: tuple[np.ndarray, ...]
    table: pa.Table


class WellSource:
    """The wells of a store as jobs; see `core.types.Source`.

    Args:
        store: The images.
        spec: Of the encoder.
        view: How fields are shown to it.
        batch_size: Crops a batch.
        workers: Processes that read; 0 reads in a thread.
        chosen: Numbers of wells, in their order; None takes all.
    """

    parallel = False
    jobs_a_part = 1
    unit = "wells"

    def __init__(
        self,
        store: ImageStore | FieldArray,
        spec: ImageSpec,
        view: View,
        batch_size: int,
        workers: int,
        chosen: np.ndarray | None = None,
    ) -> None:
        channels = view.channels or (store.channels if spec.agnostic else spec.channels)
        store.channel_numbers(channels)
        crop = spec.crop if view.crop is None else view.crop
        self._store: ImageStore | FieldArray | None = store
        self._chosen = chosen
        self.schema = self.wells.table.to_arrow().schema
        self.folder, self.view = store.folder.absolute(), replace(view, crop=crop, channels=channels)
        self._batch_size, self._workers = batch_size, workers

    def __getstate__(self) -> dict[str, Any]:
        """For a worker, which opens the store itself, and reads in a thread."""
        kept = {name: value for name, value in vars(self).items() if name != "wells"}
        return {**kept, "_store": None, "_workers": 0}

    @property
    def store(self) -> ImageStore | FieldArray:
        """The store, opened at need."""
        if self._store is None:
            self._store = ImageStore.open(self.folder)
        return self._store

    @property
    def name(self) -> str:
        """See `Source`."""
        return self.folder.name

    @property
    def rows_a_job(self) -> int:
        """See `Source`."""
        return PART_WELLS

    @property
    def facts(self) -> dict[str, Any]:
        """Fields, the view, and what of the store was left out."""
        store, view = self.store, plain(self.view) | {"channels": list(self.view.channels)}
        return {"fields": len(store), **view, "simulated": store.simulated, "left_out": store.left_out}

    def content_hash(self) -> str:
        """See `Source`."""
        return self.store.content_hash

    def row_count(self) -> int:
        """See `Source`."""
        return len(self.wells)

    @cached_property
    def wells(self) -> Wells:
        """All that are asked for, one a row."""
        assert isinstance(self.store, ImageStore)
        wells = Wells.of(self.store)
        return wells if self._chosen is None else wells.taken(self._chosen)

    def jobs(self, *, skip: int = 0) -> Iterator[_Job]:
        """See `Source`."""
        wells = self.wells
        table = wells.table.to_arrow()
        for start, end in pairwise(self._bounds()[skip:]):
            yield _Job(wells.rows[start:end], table[start:end])

    def _bounds(self) -> list[int]:
        """Where jobs begin, and the end: adaptation asks for the wells of one experimental batch in each."""
        wells, runs = self.wells, [0]
        if self.view.adapt:
            batches = self.store.batch_index[[rows[0] for rows in wells.rows]] if len(wells) else np.zeros(0, np.int64)
            runs = group_starts(batches).tolist()
        edges = pairwise([*runs, len(wells)])
        return [*(start for first, last in edges for start in range(first, last, PART_WELLS)), len(wells)]

    def prepare(self, job: _Job) -> _Job:
        """Nothing is to be done ahead: images are read as batches are made."""
        return job

    def chunk(self, prepared: _Job) -> Chunk:
        """See `Source`."""
        rows, view, reference = np.concatenate(prepared.rows), self.view, None
        if view.adapt:
            [own_batch] = np.unique(self.store.batch_index[rows])
            fields_of_batch = np.flatnonzero(self.store.batch_index == own_batch)
            places = np.linspace(0, len(fields_of_batch) - 1, min(len(fields_of_batch), REFERENCE_FIELDS)).astype(int)
            shown_as = view.crop, view.channels, view.grid, self._batch_size
            key = self.store.content_hash, int(own_batch), *shown_as
            reference = replace(self._tiles(fields_of_batch[places]), key=key)
        shown = self._tiles(rows, reference)
        tiles = shown.loader.tile_counts(view.grid) if view.crop else np.ones(len(rows), np.int64)
        fields = [len(own) for own in prepared.rows]
        return Chunk(
            prepared.table,
            shown,
            (np.repeat(np.arange(len(rows)), tiles), np.repeat(np.arange(len(fields)), fields)),
        )

    def _tiles(self, rows: np.ndarray, reference: _Tiles | None = None) -> _Tiles:
        from hooke.images.loader import ImageLoader

        view = self.view
        loader = ImageLoader(
            self.store, rows, self._batch_size, seed=None, crop=view.crop or None, channels=view.channels,
            workers=self._workers,
        )  # fmt: skip
        return _Tiles(loader, bool(view.crop), view.grid, reference)


class FieldSource(WellSource):
    """Fields in memory as jobs: each is a row of its own, which the column `row` numbers."""

    def __getstate__(self) -> dict[str, Any]:
        return vars(self)

    @cached_property
    def wells(self) -> Wells:
        """One row a field."""
        rows = np.arange(len(self.store))
        return Wells(pl.DataFrame({"row": rows}), tuple(rows[:, None]))


class Images(Trainable, Readable):
    """See `hooke.modalities`."""

    name = "images"
    items = "fields"
    unit = "crops"
    spec_type = ImageSpec
    sections = {"images": ImageSection}  # noqa: RUF012
    levels = (LEVEL,)
    several_items = True
    group = "well"
    splits = dict.fromkeys(KINDS, split_images)
    split_meanings = MEANINGS
    estimators = ("mean", "nearest", "forest")
    example = {  # noqa: RUF012
        "data": {"name": "screen"},
        "model": {"name": "vit", "preset": "tiny", "depth": 2},
        "task": {"name": "perturbation_classification"},
        "images": {"crop": 32},
        "train": {"batch_size": 8},
    }
    untrained_baseline = True
    most_baseline_rows = 3_000  # a core measures 30 fields a second
    plan_options = ("channels",)
    options = View
    of_embeddings = ("block", "symmetry", "fork")
    batch_size = 32

    @property
    def base(self) -> type[ImageEncoder]:
        """See `Modality.base`."""
        from hooke.nn.images.encoder import ImageEncoder

        return ImageEncoder

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Channels in another order."""
        from hooke.modalities.images.symmetries import reordered

        return (Symmetry("order of the channels", reordered),)

    def open(self, folder: Path) -> ImageStore:
        """See `Modality.open`."""
        return ImageStore.open(folder)

    def describe(self, store: ImageStore) -> Description:
        """Fields, channels, batches, and whether the images are simulated."""
        ignored = store.description.get("ignored")
        fields = {
            "store": store.folder, **store.description["counts"],
            **({"ignored": ", ".join(f"{count} x {rule}" for rule, count in ignored.items())} if ignored else {}),
            "channels": ",".join(store.channels),
            "pixels": store.dtype.name, "batches": len(store.batches),
            "controls": int(store.control.sum()), "simulated": store.simulated,
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

    def quality(self, store: ImageStore, *, workers: int | None = None, show_progress: bool = True) -> pl.DataFrame:
        """Cells, saturation and focus of each well; see `images.quality.well_quality`."""
        return well_quality(store, workers=workers, show_progress=show_progress)

    def sample(self, seed: int = 0) -> Sample:
        """Small images of cells in three channels, with classes and features."""
        from hooke.modalities.images.samples import sample

        return sample(seed)

    def outputs(self, model: Any, batch: ImageBatch) -> dict[str, Tensor]:
        """Embedding, tokens, and what a masked encoder reconstructs of a batch with patches hidden."""
        from hooke.modalities.images.samples import MASKED, noise_for
        from hooke.nn.images.encoder import MaskedEncoder

        output = model(batch)
        found = {LEVEL: output.embedding, "tokens": output.tokens}
        if not isinstance(model, MaskedEncoder):
            return found
        return {**found, "reconstruction": model.reconstruct(batch, noise_for(model, batch), MASKED).prediction}

    def checks(self) -> Checks:
        """Blocks, channels, reconstructions, and the fields of stores."""
        from hooke.modalities.images.checks import CHECKS

        return CHECKS

    def spec(self, store: ImageStore, rows: np.ndarray, recipe: Recipe) -> ImageSpec:
        """Channels, batches, classes and measured features; features are measured here, before there are several processes."""
        features = _learns_features(recipe)
        found = spec_of(store, recipe, target=_target(recipe), features=features, agnostic=_agnostic(recipe.model))
        if features:
            measured_fields(store, recipe.task.config.measured_fields)
        return found

    def released_identity(self, run: RunFolder, members: Sequence[str]) -> Any:
        """Of runs of one member: model, task and images.json; the first release used no other member."""
        if len(members) > 1 or run.path("spec.json").exists():
            return None
        return [{name: run.recipe[name] for name in ("model", "task")}, run.read_json("images.json"), members[0]]

    def read_spec(self, run: RunFolder) -> ImageSpec:
        """From spec.json, or from images.json of the first release."""
        if run.path("spec.json").exists():
            return ImageSpec.from_json(run.read_json("spec.json"))
        agnostic = registry.module("models", run.recipe["model"]["name"]).Model.agnostic
        return released_spec(run.read_json("images.json"), crop=int(run.recipe["images"]["crop"]), agnostic=agnostic)

    def usable(self, store: ImageStore, rows: np.ndarray, recipe: Recipe) -> np.ndarray:
        """Without fields of unknown class, where classes are learnt."""
        target = _target(recipe)
        return rows[store.classes(target)[0][rows] >= 0] if target else rows

    def configure(self, network: nn.Module, recipe: Recipe) -> None:
        """Whether activations are recomputed."""
        from hooke.nn.transformer import Transformer

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

    def epoch_items(self, rows: np.ndarray, recipe: Recipe, store: ImageStore) -> int:
        """Crops."""
        return len(rows) * recipe.sections["images"].crops_per_field

    def loader(
        self, store: ImageStore, rows: np.ndarray, spec: ImageSpec, recipe: Recipe, *, part: str,
        seed: int | None = None, rank: int = 0, world: int = 1,
    ) -> ImageLoader | _Tiles:  # fmt: skip
        """Random crops to train on, one crop from the middle of each field to compare epochs, all of it to predict."""
        from hooke.images.loader import ImageLoader

        section, training = recipe.sections["images"], part == "train"
        loader = ImageLoader(
            store, rows, recipe.train.batch_size, seed=seed if training else None, crop=spec.crop or None,
            crops_per_field=section.crops_per_field if training else 1, single_batch=section.single_batch,
            channels=spec.channels, targets=_targets(store, spec, recipe), rank=rank, world=world, workers=section.workers,
        )  # fmt: skip
        return _Tiles(loader, bool(spec.crop)) if part == "predict" else loader

    def facts(self, store: ImageStore, spec: ImageSpec, split: Split, recipe: Recipe) -> dict[str, Any]:
        """Channels, classes, wells, and whether the images are simulated."""
        classes = [label.classes for label in spec.labels if label.classes]
        return {
            "channels": list(spec.channels), "classes": classes[0] if classes else 0, "simulated": store.simulated,
            "wells": len(Wells.of(store)),
        }  # fmt: skip

    def identify(self, store: ImageStore, rows: np.ndarray) -> dict[str, Any]:
        """Experiment, plate and well."""
        return store.metadata[rows].select(KEYS).to_dict()

    def compared(self, spec: ImageSpec) -> tuple[Label, ...]:
        """The classes; measured features are learnt for the sake of the encoder."""
        return tuple(label for label in spec.labels if label.source != MEASURED)

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

    def report(self, loaded: Any, store: ImageStore) -> dict[str, Any]:
        """Reconstructions, where the encoder makes them; wells that were predicted worst and best, where classes are learnt."""
        from hooke.modalities.images.pictures import predictions_picture, reconstruction_picture
        from hooke.nn.images.encoder import MaskedEncoder

        spec: ImageSpec = loaded.spec
        channels = store.channels if spec.agnostic else spec.channels
        predicted = loaded.run.path("predictions_test.parquet")
        if spec.classes is not None and predicted.exists():
            made = predictions_picture(store, pl.read_parquet(predicted), spec.classes, channels=channels)
            return {"pictures": (made,)} if made else {}
        ratio = loaded.run.recipe["task"].get("mask_ratio")
        if loaded.recipe.has_estimator or ratio is None or not isinstance(loaded.network.encoder, MaskedEncoder):
            return {}
        rows = np.linspace(0, len(store) - 1, _PICTURED).astype(int).tolist()
        return {
            "pictures": (
                reconstruction_picture(
                    loaded.network.encoder, store, rows, ratio=float(ratio), channels=channels, crop=spec.crop
                ),
            )
        }

    def plan_sample(self, recipe: Recipe, data: str, options: Mapping[str, int]) -> Sample:
        """Simulated crops; the recipe or the options say how large and of how many channels."""
        import torch

        from hooke.modalities.images.samples import SPEC, image_batch

        section, target = recipe.sections["images"], _target(recipe)
        count = options.get("channels") or len(section.channels) or PLANNED_CHANNELS
        channels, size = tuple(f"channel_{number + 1}" for number in range(count)), section.crop or PLANNED_CROP
        first, *others = SPEC.labels
        labels = (replace(first, name=target), *others) if target else ()
        spec = replace(SPEC, channels=channels, labels=labels, crop=size, agnostic=_agnostic(recipe.model))

        def batch(places: Sequence[int], spec: ImageSpec) -> ImageBatch:
            return image_batch(PLANNED_ITEMS, channels=channels, size=(size, size)).select(torch.tensor(places))

        return Sample(spec, PLANNED_ITEMS, batch)

    def plan_tokens(self, recipe: Recipe, encoder: Any, batch: ImageBatch) -> tuple[int, int]:
        """Patches or places of the last map; those of a channel count where each has its own."""
        from hooke.nn.images.encoder import MaskedEncoder, PatchTokenEncoder
        from hooke.nn.masking import visible_count

        output = encoder(batch)
        tokens = output.tokens.shape[1] - output.class_tokens
        masked = isinstance(encoder, MaskedEncoder) and isinstance(encoder, PatchTokenEncoder)
        ratio = getattr(recipe.task.config, "mask_ratio", 0.0)
        return tokens, visible_count(tokens, ratio) if masked and ratio else tokens

    def next_step(self, run: RunFolder, *, learns_labels: bool) -> tuple[str, str]:
        """Predict or embed the wells of its own store."""
        verb = "predict" if learns_labels else "embed"
        return f"{verb.capitalize()} wells", f"hooke {verb} {run.folder} {run.info['store']} -o wells.parquet"

    def source(self, given: Any, spec: ImageSpec, options: View, *, batch_size: int, workers: int = 0) -> WellSource:
        """The wells of a store, or the fields of an array, whose channels are those named in the options, else the encoder's."""
        if hasattr(given, "__array__"):
            fields = FieldArray(given, options.channels or spec.channels)
            return FieldSource(fields, spec, replace(options, channels=()), batch_size, 0)
        store = given if isinstance(given, ImageStore) else ImageStore.open(Path(given))
        return WellSource(store, spec, options, batch_size, workers)

    def following(self, output: Path) -> str:
        """Correction of batch effects."""
        return f"hooke map correct {output} -o corrected.parquet"

    def width(self, network: Any, source: WellSource) -> int:  # type: ignore[override]
        """Of the channels that the source shows."""
        return int(network.encoder.width_of(source.view.channels))

    def vectors(self, network: Any, batch: ImageBatch, options: View) -> Tensor:
        """The mean over the symmetry, after the chosen block."""
        from hooke.nn.images.classification import SYMMETRIES
        from hooke.nn.images.dihedral import symmetric_embedding
        from hooke.nn.images.fork import Branch, fork

        elements = SYMMETRIES[options.symmetry]
        if options.fork:
            return fork(network.encoder, batch, [Branch(element) for element in elements], options.fork).mean(0)
        return symmetric_embedding(network, batch, elements, block=options.block)

    @contextmanager
    def adapting(self, networks: Sequence[Any], device: torch.device, chunk: Chunk, options: View) -> Iterator[None]:
        """Batch-norm statistics of the chunk's experimental batch, from at most `REFERENCE_FIELDS` of its fields, once a batch."""
        from hooke.nn.images.batch_statistics import adapted

        with ExitStack() as stack:
            if options.adapt:
                if not networks:
                    raise UsageError("adapt replaces batch-norm statistics, and this is not a network")
                assert isinstance(chunk.batches, _Tiles)
                reference = chunk.batches.reference
                assert reference is not None
                for network in networks:
                    batches = (batch.to(device) for batch in reference)
                    stack.enter_context(adapted(network, batches, key=reference.key))
            yield


def _targets(store: ImageStore, spec: ImageSpec, recipe: Recipe) -> np.ndarray | None:
    measured = recipe.task.config.measured_fields if _learns_features(recipe) else 0
    return target_values(store, spec, measured_fields=measured)


def _task(recipe: Recipe) -> type[Any]:
    return registry.module("tasks", recipe.task.name).Task


def _target(recipe: Recipe) -> str:
    """Metadata column of the classes that are learnt; "" for none."""
    from hooke.nn.images.classification import ClassificationTask

    return recipe.task.config.target if issubclass(_task(recipe), ClassificationTask) else ""


def _learns_features(recipe: Recipe) -> bool:
    from hooke.nn.images.classification import ClassificationTask

    task = _task(recipe)
    return issubclass(task, ClassificationTask) and task.measures_features and not recipe.has_estimator


def _agnostic(model: Named) -> bool:
    return model.kind == "models" and registry.module("models", model.name).Model.agnostic


MODALITY = Images()
