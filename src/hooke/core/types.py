"""The small types that all layers share: what a network must know (`Spec`), and what it is given (`Batch`, `Loader`, `Chunk`).

torch is needed by those who make batches, not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import pyarrow as pa

from hooke.core.label import Label

if TYPE_CHECKING:
    import torch


class LabelStatistics(NamedTuple):
    """Of the labels of one level: measured count, mean and standard deviation (1 where it would be 0); each (labels,) float64."""

    count: np.ndarray  # type: ignore[assignment]  # hides tuple.count, which nobody needs
    mean: np.ndarray
    std: np.ndarray


@runtime_checkable
class Spec(Protocol):
    """What a network must know of the data that it was made for; `spec.json` of a run, and the second argument of models and tasks.

    Each modality has its own (`molecules.spec`, `images.spec`).
    """

    @property
    def labels(self) -> tuple[Label, ...]:
        """What is learnt and predicted: the labels of one level in the order of the batch's target columns."""

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary from which the modality's `read_spec` makes the same spec."""


@runtime_checkable
class Batch(Protocol):
    """Some items with what is known about them, as tensors; everything else is between the model, the task and the data."""

    @property
    def num_items(self) -> int:
        """Molecules, images ...: the weight of the batch in a mean loss."""

    @property
    def rows(self) -> torch.Tensor:
        """(num_items,) int64 rows of the store; several items of one row (crops of a field) share its number."""

    @property
    def targets(self) -> Mapping[str, torch.Tensor]:
        """Level → (items of that level, its labels) float32; NaN = not measured, classes count from 0."""

    def to(self, device: torch.device) -> Self:
        """The same batch on a device."""

    def item_keys(self, axis: str) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(n,) int64 row of the item that each of n things belongs to, and its place within it; None where the things are the items.

        Random numbers are drawn by these keys (`nn.item_noise`), so that they do not depend on who else is in the batch.
        """


@runtime_checkable
class Loader(Protocol):
    """Batches of one process: each process has its own part of an epoch, and all take equally many batches."""

    def __len__(self) -> int:
        """Batches an epoch of this process."""

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """The batches of an epoch from batch `start` on, a function of the number alone."""


@runtime_checkable
class Store(Protocol):
    """What is common to the stores of all modalities."""

    @property
    def folder(self) -> Any:
        """Where it lies."""

    @property
    def content_hash(self) -> str:
        """Of its content."""

    def __len__(self) -> int:
        """Rows."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a user's file: the rows as given, and the items that could be read from them.

    Attributes:
        table: N rows that the output repeats.
        batches: All K items of these rows in order; may be gone through more than once.
        owners: From items to rows, one (number of members,) int64 array a step: the first says for each item to which group it belongs,
            the next for each group to which larger one, the last to which row; values are averaged step by step (crops of
            a field, then fields of a well). For one item a row there is one step.
        parts: Level → (K,) how many things of that level an item has (atoms of a molecule); their values are written as lists.
        reasons: Row → why there is no item, or no value.
    """

    table: pa.Table
    batches: Iterable[Batch]
    owners: tuple[np.ndarray, ...]
    parts: Mapping[str, np.ndarray] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)

    @property
    def rows(self) -> np.ndarray:
        """(n,) int64 the rows of the table that have an item, ascending."""
        return np.unique(self.owners[-1])

    @property
    def steps(self) -> Iterator[np.ndarray]:
        """`owners` of those alone that have an item: (values,) int64, the group of each value that a step averages."""
        present: np.ndarray | slice = slice(None)
        for owners in self.owners:
            step = owners[present]
            yield step
            present = np.unique(step)

    def means(self, vectors: np.ndarray) -> np.ndarray:
        """(n, width) float32, one vector a row that has an item.

        Args:
            vectors: (K, width), one an item; averaged in float64 over the first step, and in float32 over the others.
        """
        first, *others = self.steps
        found = group_means(vectors.astype(np.float64) if len(group_starts(first)) < len(first) else vectors, first)
        for step in others:
            found = group_means(found.astype(np.float32), step)
        return found.astype(np.float32, copy=False)


def group_starts(groups: np.ndarray) -> np.ndarray:
    """Where each run of equal numbers begins."""
    return np.flatnonzero(np.diff(groups, prepend=groups[:1] - 1))


def group_means(values: np.ndarray, groups: np.ndarray, *, axis: int = 0) -> np.ndarray:
    """The means over runs of equal numbers in `groups`, in the precision of `values`; untouched when every run has one item."""
    starts = group_starts(groups)
    if len(starts) == len(groups):
        return values
    return np.stack([part.mean(axis=axis) for part in np.split(values, starts[1:], axis=axis)], axis=axis)


@runtime_checkable
class Source(Protocol):
    """A user's file as picklable jobs, each of which is prepared and becomes a `Chunk`, here or in a worker process."""

    @property
    def name(self) -> str:
        """For progress and messages."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of the chunks' tables."""

    @property
    def parallel(self) -> bool:
        """Whether worker processes pay: not for stores, whose items need no preparing, nor where reading has processes of its own."""

    @property
    def rows_a_job(self) -> int:
        """Most rows of a job: parts of jobs of another size are not continued."""

    @property
    def jobs_a_part(self) -> int:
        """Jobs of which one finished part of the output is made."""

    @property
    def unit(self) -> str:
        """What its rows are called."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What is said of it beside the counts of rows; `left_out` is a sentence, "" when nothing was."""

    def content_hash(self) -> str:
        """Of the rows."""

    def row_count(self) -> int | None:
        """Rows, where that is known without reading all."""

    def jobs(self, *, skip: int = 0) -> Iterator[Any]:
        """The jobs in the order of the rows, without the first `skip`."""

    def prepare(self, job: Any) -> Any:
        """What of a job can be done ahead, without torch, in another process than `chunk`; the source itself travels there."""

    def chunk(self, prepared: Any) -> Chunk:
        """A prepared job with its batches."""


@dataclass(frozen=True)
class LabelledSpec:
    """A `Spec` of labels and their statistics alone: enough for modalities whose networks need to know nothing else.

    Attributes:
        labels: All labels; those of one level in the order of the target columns.
        statistics: Level → statistics of its labels over the training rows.
    """

    labels: tuple[Label, ...] = ()
    statistics: Mapping[str, LabelStatistics] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `from_json` gives the spec back."""
        return {
            "labels": [label.to_json() for label in self.labels],
            "statistics": {
                level: {name: np.asarray(values).tolist() for name, values in found._asdict().items()}
                for level, found in self.statistics.items()
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Back from `to_json`."""
        return cls(labels_from_json(value), statistics_from_json(value))


def labels_from_json(value: Mapping[str, Any]) -> tuple[Label, ...]:
    """The labels of a spec's JSON."""
    return tuple(Label.from_json(entry) for entry in value["labels"])


def statistics_from_json(value: Mapping[str, Any]) -> dict[str, LabelStatistics]:
    """The statistics of a spec's JSON."""
    return {
        level: LabelStatistics(**{name: np.array(values) for name, values in found.items()})
        for level, found in value["statistics"].items()
    }


def labels_of(spec: Spec, level: str) -> tuple[Label, ...]:
    """The labels of one level, in the order of the target columns."""
    return tuple(label for label in spec.labels if label.level == level)
