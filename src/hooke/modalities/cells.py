"""States of cells: profiles of wells, cells or perturbations, with columns of their metadata as labels."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from hooke.cells.files import file_hash, join_metadata, read_profiles
from hooke.cells.profiles import Profiles, feature_places
from hooke.cells.quality import quality_control
from hooke.cells.spec import ProfileSpec, feature_statistics
from hooke.cells.store import EMPTY, ProfileStore, is_store
from hooke.cells.targets import LEVEL
from hooke.core.hashing import content_hash
from hooke.core.label import Label
from hooke.core.loader import RowLoader
from hooke.core.recipe import Recipe, SplitSection
from hooke.core.runs import RunFolder
from hooke.core.types import Chunk, LabelStatistics
from hooke.evaluate.metadata_split import KINDS, MEANINGS, metadata_split
from hooke.evaluate.moments import Moments
from hooke.evaluate.splits import Split
from hooke.modalities import Checks, Description, Readable, Sample, Trainable
from hooke.report.data import label_summary
from hooke.report.data_schema import DataSummary

if TYPE_CHECKING:
    from hooke.cells.batch import ProfileBatch

_PLACE = ("experiment", "plate", "well", "site")
_TREATMENT = ("entity", "gene", "guide", "compound", "perturbation")
PLANNED_FEATURES = 1024  # of a plan, where the recipe names none
_LABELS = (
    Label("perturbation", LEVEL, "multiclass", classes=4, names=("a", "b", "c", "d")),
    Label("alive", LEVEL, "binary"),
    Label("viability", LEVEL),
)


@dataclass(frozen=True)
class ProfileSection:
    """Which numbers of a profile are used.

    Attributes:
        features: Names, in the order of the weights; none takes all.
    """

    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableOptions:
    """How a table of profiles is read.

    Attributes:
        metadata: A table that is joined by the columns that both have.
    """

    metadata: str | None = None


class ProfileSource:
    """A table or store of profiles as jobs; see `core.types.Source`.

    Args:
        given: A path, an open store, or profiles in memory.
        spec: Its features are read, by name.
        options: How a table is read.
        batch_size: Profiles a batch.

    Raises:
        DataError: It cannot be read, or lacks features.
    """

    parallel = False
    rows_a_job = 4096
    jobs_a_part = 16
    unit = "profiles"

    def __init__(self, given: Any, spec: ProfileSpec, options: TableOptions, batch_size: int) -> None:
        self._metadata, self._batch_size = Path(options.metadata) if options.metadata else None, batch_size
        self._path: Path | None = None
        self._opened: ProfileStore | Profiles | None = None
        if isinstance(given, Profiles):
            self._opened = given if self._metadata is None else join_metadata(given, self._metadata)
        else:
            self._path = given.folder if isinstance(given, ProfileStore) else Path(given)
        self._places = feature_places(self.opened.features, spec.features)

    def __getstate__(self) -> dict[str, Any]:
        """For a worker, which opens the file itself."""
        return {**vars(self), "_opened": None if self._path is not None else self._opened}

    @property
    def opened(self) -> ProfileStore | Profiles:
        """What is read, opened at need."""
        if self._opened is None:
            assert self._path is not None
            store = is_store(self._path) and self._metadata is None
            self._opened = ProfileStore.open(self._path) if store else read_profiles(self._path, self._metadata)
        return self._opened

    @property
    def name(self) -> str:
        """See `Source`."""
        return "profiles" if self._path is None else self._path.name

    @property
    def schema(self) -> pa.Schema:
        """The metadata."""
        return self.opened.metadata.to_arrow().schema

    @property
    def facts(self) -> dict[str, Any]:
        """Features, and whether the profiles are of simulated images."""
        simulated = {"simulated": True} if isinstance(self.opened, ProfileStore) and self.opened.simulated else {}
        return {"features": len(self._places), **simulated}

    def content_hash(self) -> str:
        """See `Source`."""
        if isinstance(self.opened, ProfileStore):
            return self.opened.content_hash
        if self._path is not None:
            return content_hash([file_hash(path) for path in (self._path, self._metadata) if path])
        buffer = io.BytesIO()
        self.opened.metadata.write_ipc(buffer)
        return content_hash([self.opened.values, self.opened.features, hashlib.sha256(buffer.getvalue()).hexdigest()])

    def row_count(self) -> int:
        """See `Source`."""
        return len(self.opened)

    def jobs(self, *, skip: int = 0) -> Iterator[int]:
        """The first rows of the jobs."""
        yield from range(skip * self.rows_a_job, len(self.opened), self.rows_a_job)

    def prepare(self, job: int) -> int:
        """Nothing is to be done ahead."""
        return job

    def chunk(self, prepared: int) -> Chunk:
        """See `Source`."""
        from hooke.cells.batch import profile_batch

        opened, rows = self.opened, np.arange(prepared, min(prepared + self.rows_a_job, len(self.opened)))
        values = opened.values(rows) if isinstance(opened, ProfileStore) else opened.values[rows]
        values = values[:, self._places]
        full = np.isfinite(values).any(axis=1)
        kept = np.flatnonzero(full)
        cuts = [kept[start : start + self._batch_size] for start in range(0, len(kept), self._batch_size)]
        batches = [profile_batch(values[some], rows[some]) for some in cuts]
        table = opened.metadata[rows].to_arrow()
        return Chunk(table, batches, (kept,), reasons=dict.fromkeys(np.flatnonzero(~full).tolist(), EMPTY))


def _split(store: ProfileStore, section: SplitSection) -> Split:
    return metadata_split(store.metadata, section, item="profile")


def _sample(features: tuple[str, ...], seed: int) -> Sample:
    import torch

    from hooke.cells.batch import profile_batch

    generator = np.random.default_rng(seed)
    width = len(features)
    spec = ProfileSpec(
        _LABELS,
        {LEVEL: LabelStatistics(np.full(3, 40.0), np.array([1.5, 0.5, 10.0]), np.array([1.0, 0.5, 3.0]))},
        features,
        LabelStatistics(np.full(width, 40.0), np.linspace(-1, 1, width), np.linspace(0.5, 2, width)),
        ("first", "second", "third"),
    )
    values = generator.normal(size=(8, width))
    values[2, -1] = values[5, 0] = np.nan
    targets = np.stack(
        [generator.integers(4, size=8), generator.integers(2, size=8), generator.normal(10, 3, size=8)], axis=1
    )
    targets[1, 0] = targets[3, 1] = targets[4, 2] = np.nan
    whole = profile_batch(values, np.arange(8), targets, np.arange(8) % 3)

    def batch(places: Sequence[int], wanted: ProfileSpec) -> ProfileBatch:
        columns, known = feature_places(features, wanted.features), [_LABELS.index(label) for label in wanted.labels]
        chosen = whole.select(torch.tensor(list(places)))
        targets = {LEVEL: chosen.targets[LEVEL][:, known]} if known else {}
        return replace(chosen, values=chosen.values[:, columns], targets=targets)

    return Sample(spec, 8, batch)


def _check_store(store: ProfileStore) -> None:
    """Finite, of features that vary and labels that are known, and somebody did something to the cells."""
    from hooke.nn.contract import require

    require(isinstance(store, ProfileStore), f"the twin is {type(store).__name__}, not cells.store.ProfileStore")
    values = store.values()
    require(bool(np.isfinite(values).all()), "the twin holds NaN or infinity")
    require(bool((values.std(axis=0) > 0).all()), "a feature of the twin is constant")
    named = {"gene", "compound", "perturbation"} & set(store.metadata.columns)
    require(bool(named), "the twin says nothing about its perturbations: no column gene, compound or perturbation")
    known = (~np.isnan(store.targets)).any(axis=0)
    unknown = [label.name for label, found in zip(store.labels, known, strict=True) if not found]
    require(not unknown, f"of no profile of the twin is known {', '.join(unknown)}")


class Cells(Trainable, Readable):
    """See `hooke.modalities`."""

    name = "cells"
    items = "profiles"
    spec_type = ProfileSpec
    unit = "profiles"
    sections = {"profiles": ProfileSection}  # noqa: RUF012
    levels = (LEVEL,)
    draws_by_item = True
    example = {  # noqa: RUF012
        "data": {"name": "screen_profiles"},
        "model": {"name": "mlp_profiles", "preset": "tiny"},
        "task": {"name": "multitask_profiles"},
        "train": {"batch_size": 8},
    }
    splits = dict.fromkeys(KINDS, _split)
    split_meanings = MEANINGS
    estimators = ("mean", "nearest", "ridge")
    options = TableOptions

    def open(self, folder: Path) -> ProfileStore:
        """See `Modality.open`."""
        return ProfileStore.open(folder)

    def describe(self, store: ProfileStore) -> Description:
        """Profiles, features, batches, controls and labels, and whether the images behind them are simulated."""
        batches = 0 if store.batch_names is None else len(np.unique(store.batch_names))
        controls = int(store.control.sum())
        fields = {
            "store": store.folder, "profiles": len(store), "features": len(store.features), "batches": batches,
            "controls": controls, "labels": len(store.labels), "simulated": store.simulated, "hash": store.content_hash,
            "ingest": dict(store.description["counts"]),
        }  # fmt: skip
        notes = [
            f"{len(store.features):,} features; metadata: {', '.join(store.metadata.columns)}",
            f"{batches} experimental batches, {controls:,} negative controls",
        ]
        if store.simulated:
            notes.insert(
                0,
                "The images behind these profiles are simulated: numbers compare methods, and say nothing about biology.",
            )
        notes += [f"{label.name}: {label.offset_note}" for label in store.labels if label.offset]
        section = DataSummary(
            store.folder.name, rows_read=len(store) + store.refused, rows_kept=len(store), rows_rejected=store.refused,
            labels=tuple(label_summary(label, store.targets[:, place]) for place, label in enumerate(store.labels)),
            notes=tuple(notes),
        )  # fmt: skip
        return Description(fields, store.left_out, section)

    def sample(self, seed: int = 0) -> Sample:
        """Eight profiles of seven features with missing numbers and labels of all kinds."""
        return _sample(tuple(f"feature_{number}" for number in range(7)), seed)

    def checks(self) -> Checks:
        """What stores of profiles hold."""
        return Checks(stores={"profiles": _check_store})

    def quality(self, store: ProfileStore, *, workers: int | None = None, show_progress: bool = True) -> pl.DataFrame:
        """Wells (or cells) by the rules of `cells.quality`, from columns such as cell_count."""
        return store.metadata.select(name for name in _PLACE if name in store.metadata.columns).hstack(
            quality_control(store.profiles())
        )

    def spec(self, store: ProfileStore, rows: np.ndarray, recipe: Recipe) -> ProfileSpec:
        """Features, batches, and labels with their statistics over the training rows."""
        features = recipe.sections["profiles"].features or store.features
        return ProfileSpec(
            store.labels,
            {LEVEL: Moments.of(store.targets[rows].astype(np.float64)).statistics()} if store.labels else {},
            features,
            feature_statistics(store, rows, feature_places(store.features, features)),
            () if store.batch_names is None else tuple(np.unique(store.batch_names).tolist()),
        )

    def usable(self, store: ProfileStore, rows: np.ndarray, recipe: Recipe) -> np.ndarray:
        """Without profiles of which no label is known, where labels are learnt."""
        if not recipe.learns_labels or not store.labels:
            return rows
        return rows[~np.isnan(store.targets[rows]).all(axis=1)]

    def inherit(self, recipe: Recipe, pretrained: RunFolder) -> Recipe:
        """The features that the pretrained encoder reads."""
        return recipe.with_section("profiles", features=self.read_spec(pretrained).features)

    def loader(
        self, store: ProfileStore, rows: np.ndarray, spec: ProfileSpec, recipe: Recipe, *, part: str,
        seed: int | None = None, rank: int = 0, world: int = 1,
    ) -> RowLoader[ProfileBatch]:  # fmt: skip
        """Shuffled profiles to train on; profiles in the order of `rows` otherwise."""
        from hooke.cells.batch import profile_batch

        places = feature_places(store.features, spec.features)
        columns = [store.labels.index(label) for label in spec.labels]
        index = None
        if spec.batches and store.batch_names is not None:
            index = np.searchsorted(spec.batches, store.batch_names)
            index = np.where(np.isin(store.batch_names, spec.batches), index, -1)

        def load(chosen: np.ndarray) -> ProfileBatch:
            targets = store.targets[chosen][:, columns] if columns else None
            return profile_batch(
                store.values(chosen)[:, places], chosen, targets, None if index is None else index[chosen]
            )

        size, training = recipe.train.batch_size, part == "train"
        most = size if training else max(size, self.batch_size)
        return RowLoader(load, rows, most, seed=seed if training else None, rank=rank, world=world)

    def facts(self, store: ProfileStore, spec: ProfileSpec, split: Split, recipe: Recipe) -> dict[str, Any]:
        """Features, batches, labels, and whether the images behind them are simulated."""
        return {
            "features": len(spec.features), "batches": len(spec.batches), "labels": len(spec.labels),
            "simulated": store.simulated,
        }  # fmt: skip

    def identify(self, store: ProfileStore, rows: np.ndarray) -> dict[str, Any]:
        """The well, or else what was done to the cells and is no label, or else the number of the profile."""
        columns = store.metadata.columns
        known = _PLACE if "well" in columns else (*_PLACE, *_TREATMENT)
        labels = {label.name for label in store.labels}
        names = [name for name in known if name in columns and name not in labels]
        if not names:
            return {"profile": np.asarray(rows)}
        return store.metadata[np.asarray(rows)].select(pl.col(names).cast(pl.String).fill_null("")).to_dict()

    def features(self, batch: ProfileBatch) -> np.ndarray:
        """The profile itself."""
        return batch.values.double().cpu().numpy()

    def plan_sizes(self, options: Mapping[str, int]) -> Mapping[str, int]:
        """A screen, a large one, and one of single cells."""
        return {"100k": 10**5, "1M": 10**6, "100M": 10**8}

    def plan_sample(self, recipe: Recipe, data: str, options: Mapping[str, int]) -> Sample:
        """Profiles of the recipe's features, or of 1,024."""
        features = recipe.sections["profiles"].features
        return _sample(features or tuple(f"feature_{number}" for number in range(PLANNED_FEATURES)), 0)

    def source(
        self, given: Any, spec: ProfileSpec, options: TableOptions, *, batch_size: int, workers: int = 0
    ) -> ProfileSource:
        """A table, a store, or profiles in memory."""
        return ProfileSource(given, spec, options, batch_size)


MODALITY = Cells()
