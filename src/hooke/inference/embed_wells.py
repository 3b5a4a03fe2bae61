"""One vector a well from a trained image encoder: crops → mean → field → mean → well; streamed and resumable.

Wells are embedded in parts of some dozens, which lie in `<output>.parts/` until the last is written; a killed command goes on
after its last finished part. Batches are cut within parts, so the same command gives the same numbers, killed or not. Within
`core.cluster.on_cluster` the workers of a cluster embed whole parts.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from hooke.core.cluster import cluster_map, current
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.files import disk_full_explained, exclusive, put_in_place
from hooke.core.hashing import content_hash
from hooke.core.progress import progress
from hooke.images.batch import ImageBatch
from hooke.images.by_well import Wells
from hooke.images.loader import ImageLoader
from hooke.images.store import ImageStore
from hooke.inference.image_run import ImageEncoder, LoadedImageRun
from hooke.inference.parts import (
    STAMP,
    begin,
    complete,
    folder_of,
    mark_complete,
    path_of,
    read_parquet_stamp,
    rows_of,
)
from hooke.nn.images.classification import SYMMETRIES, Symmetry
from hooke.nn.images.dihedral import turn_each
from hooke.version import __version__

GridShape = Literal["cover"] | tuple[int, int]
PART_WELLS = 48
_BATCH = 32


@dataclass(frozen=True)
class WellsReport:
    """What was embedded.

    Attributes:
        output: The file written.
        wells, fields: How many.
        width: Of the vectors.
        channels: That the encoder saw.
        crop: Side of the crops; 0 for whole fields.
        block: Of the encoder.
        seconds: Wall time of this call.
        resumed_wells: Wells taken from an earlier call that was stopped.
        model_hash: Of the run that made the vectors.
        left_out: Of the store; "" when nothing was.
    """

    output: str
    wells: int
    fields: int
    width: int
    channels: tuple[str, ...]
    crop: int
    block: int
    seconds: float
    resumed_wells: int
    model_hash: str
    left_out: str

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)

    def summary(self) -> str:
        """A few lines for people."""
        left_out = f"\n{self.left_out}" if self.left_out else ""
        return (
            f"{self.wells:,} wells ({self.fields:,} fields, {len(self.channels)} channels), {self.width} numbers each, "
            f"written to {self.output}{left_out}\nnext    hooke map correct {self.output} -o corrected.parquet"
        )


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
    symmetry: Symmetry = "none"


def embed_wells(
    run: Path | ImageEncoder,
    source: Path | str | ImageStore,
    output: Path,
    *,
    crop: int | None = None,
    grid: GridShape = "cover",
    channels: Sequence[str] = (),
    block: int = -1,
    symmetry: Symmetry = "none",
    batch_size: int = _BATCH,
    workers: int | None = None,
    device: str = "auto",
    resume: bool = True,
    show_progress: bool = True,
) -> WellsReport:
    """Embed every well of a store.

    The output is Parquet that `hooke map` reads: the columns of the store's metadata (experiment, plate, well, batch, gene, guide,
    compound, concentration_um, control ...), `fields`, and `embedding` (float32 list of fixed size).

    Args:
        run: A run folder, a loaded run, or published weights.
        source: An image store.
        output: .parquet.
        crop, grid, channels, block, symmetry: See `View`.
        batch_size: Crops a batch.
        workers: Processes that read images; None or 0 reads in a thread. Within `core.cluster.on_cluster`: workers that embed.
        device: "auto", "cpu" or "cuda"; a loaded run stays where it is.
        resume: Continue an output that was stopped, and keep a finished one; False starts afresh.
        show_progress: Show wells, rate and time left.

    Raises:
        UsageError: The output is not .parquet; quarter turns of crops that are not square.
        UnknownNameError: A channel that the store lacks, or a symmetry that is none.
        DataError: The run, the store or the disk is at fault.
    """
    output, started = Path(output), time.monotonic()
    if output.suffix != ".parquet":
        raise UsageError(f"the output must end in .parquet, got {output.name}")
    loaded = LoadedImageRun.open(Path(run), device) if isinstance(run, str | Path) else run
    store = source if isinstance(source, ImageStore) else ImageStore.open(Path(source))
    view = resolved(loaded, store, View(crop, grid, tuple(channels), block, symmetry))
    stamp = {**loaded.stamp(), "source_hash": store.content_hash, "simulated": store.simulated, "hooke": __version__}
    identity = content_hash([stamp, asdict(view), batch_size])
    stamp = {**stamp, "identity": identity, "view": asdict(view)}
    wells = Wells.of(store)
    resumed = len(wells)
    if not (resume and (read_parquet_stamp(output) or {}).get("identity") == identity):
        parts = folder_of(output)
        output.parent.mkdir(parents=True, exist_ok=True)
        with (
            exclusive(output.with_name(output.name + ".lock"), f"is writing {output}"),
            disk_full_explained(output.parent, "the finished parts are kept"),
        ):
            before = begin(parts, content_hash([identity, PART_WELLS]), resume=resume)
            resumed = rows_of(parts, before)
            work = _Part(loaded, store, view, batch_size, workers or 0)
            _write_parts(parts, before, work, store, wells, workers, show_progress)
            _join(parts, output, stamp)
            shutil.rmtree(parts)
    width = pq.read_schema(output).field("embedding").type.list_size
    return WellsReport(
        os.fspath(output), len(wells), len(store), width, view.channels, view.crop or 0, block,
        round(time.monotonic() - started, 1), resumed, loaded.model_hash, store.left_out,
    )  # fmt: skip


def resolved(run: ImageEncoder, store: ImageStore, view: View) -> View:
    """The view with crop and channels filled in from the run.

    Raises:
        UnknownNameError: A channel that the store lacks, or a symmetry that is none.
    """
    if view.symmetry not in SYMMETRIES:
        raise UnknownNameError("symmetry", view.symmetry, SYMMETRIES)
    channels = view.channels or run.channels_of(store)
    store.channel_numbers(channels)
    return replace(view, crop=run.crop if view.crop is None else view.crop, channels=channels)


@torch.no_grad()
def embed_fields(
    run: ImageEncoder, store: ImageStore, rows: np.ndarray, view: View, *, batch_size: int = _BATCH, workers: int = 0
) -> np.ndarray:
    """(rows, width) float32, one vector a field: the mean over its crops.

    Args:
        run: The encoder.
        store: Where the fields are.
        rows: Which, each once.
        view: As of `resolved`.
        batch_size: Crops a batch.
        workers: Processes that read.

    Raises:
        DataError: A vector is not finite.
    """
    loader = ImageLoader(
        store, rows, batch_size, seed=None, crop=view.crop or None, channels=view.channels, workers=workers
    )
    place = np.full(len(store), -1, np.int64)
    place[rows] = np.arange(len(rows))
    sums: np.ndarray | None = None
    counts = np.zeros(len(rows))
    for batch in loader.tiles(view.grid) if view.crop else loader.epoch(0):
        vectors = _vectors(run, batch.to(run.device), view).double().cpu().numpy()
        sums = np.zeros((len(rows), vectors.shape[1])) if sums is None else sums
        chosen = place[batch.rows.numpy()]
        np.add.at(sums, chosen, vectors)
        np.add.at(counts, chosen, 1)
    if sums is None:
        raise DataError("there are no fields to embed")
    means = (sums / counts[:, None]).astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(means).all(axis=1))
    if len(bad):
        raise DataError(f"the embedding of field {rows[bad[0]]} ({_name(store, int(rows[bad[0]]))}) is not finite")
    return means


def _vectors(run: ImageEncoder, batch: ImageBatch, view: View) -> torch.Tensor:
    """(crops, width), the mean over the symmetry."""
    turned = (
        replace(batch, pixels=turn_each(batch.pixels, torch.full((batch.num_items,), element)))
        for element in SYMMETRIES[view.symmetry]
    )
    return torch.stack([run.network.embed(one, block=view.block) for one in turned]).mean(0)


def _name(store: ImageStore, row: int) -> str:
    found = store.metadata.row(row, named=True)
    return "/".join(str(found[key]) for key in ("experiment", "plate", "well", "site"))


def _write_parts(
    parts: Path, before: int, work: _Part, store: ImageStore, wells: Wells, workers: int | None, show_progress: bool
) -> None:
    if complete(parts):
        return
    jobs = (_Job.of(wells, start) for start in range(before * PART_WELLS, len(wells), PART_WELLS))
    with (
        closing(_tables(work, jobs, workers)) as tables,  # ends workers on Ctrl-C
        progress(len(wells), f"embedding {store.folder.name}", "wells", show=show_progress) as bar,
    ):
        bar.advance(min(len(wells), before * PART_WELLS))
        for number, table in enumerate(tables, start=before):
            temporary = parts / f"{number:06d}.tmp"
            pq.write_table(table, temporary, compression="zstd")
            put_in_place(temporary, path_of(parts, number))
            bar.advance(len(table))
    mark_complete(parts)


def _tables(work: _Part, jobs: Iterator[_Job], workers: int | None) -> Generator[pa.Table]:
    """The parts in order: computed here, or in the workers of a cluster."""
    cluster = current()
    if cluster is None:
        yield from map(work, jobs)
    else:
        gpus = 1.0 if work.run.device.type == "cuda" else 0.0
        with closing(cluster_map(cluster, work.for_workers(), jobs, workers=workers, gpus=gpus)) as tables:
            yield from tables


@dataclass(frozen=True)
class _Job:
    """Some wells: the fields of each, and the rows of the table."""

    rows: tuple[np.ndarray, ...]
    table: pa.Table

    @classmethod
    def of(cls, wells: Wells, start: int) -> _Job:
        return cls(wells.rows[start : start + PART_WELLS], wells.table[start : start + PART_WELLS].to_arrow())


@dataclass(frozen=True)
class _Part:
    """From some wells to their rows of the output."""

    run: ImageEncoder
    store: ImageStore | Path
    view: View
    batch_size: int
    readers: int

    def for_workers(self) -> _Part:
        """The same, to be sent to a worker, which opens the store itself and reads in a thread."""
        assert isinstance(self.store, ImageStore)
        return replace(self, store=self.store.folder.absolute(), readers=0)

    def __call__(self, job: _Job) -> pa.Table:
        store = self.store if isinstance(self.store, ImageStore) else ImageStore.open(self.store)
        rows = np.concatenate(job.rows)
        fields = embed_fields(self.run, store, rows, self.view, batch_size=self.batch_size, workers=self.readers)
        ends = np.cumsum([len(own) for own in job.rows])
        means = np.stack([part.mean(axis=0) for part in np.split(fields, ends[:-1])])
        column = pa.FixedSizeListArray.from_arrays(pa.array(means.reshape(-1)), means.shape[1])
        return job.table.append_column("embedding", column)


def _join(parts: Path, output: Path, stamp: dict[str, Any]) -> None:
    """All parts as one file, in its place at once."""
    temporary = parts / "joined.tmp"
    files = [pq.ParquetFile(path) for path in sorted(parts.glob("part-*.parquet"))]
    with pq.ParquetWriter(temporary, files[0].schema_arrow, compression="zstd") as writer:
        for file in files:
            writer.write_table(file.read())
        writer.add_key_value_metadata({STAMP: json.dumps(stamp)})
    put_in_place(temporary, output)
