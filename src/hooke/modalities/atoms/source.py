"""A user's frames as jobs: files of any format that `atoms.formats` reads, stores, or frames in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hooke.atoms.formats import NONE, Contents, format_of, read_contents, read_frames, resolve
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys
from hooke.atoms.neighbours import coincident
from hooke.atoms.spec import AtomsSpec
from hooke.atoms.store import KIND, FrameStore
from hooke.core.errors import DataError, UsageError
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.loader import bounded_cuts
from hooke.core.store.schema import manifests
from hooke.core.types import Chunk
from hooke.core.units import factor, unit_name
from hooke.modalities.atoms.learning import pair_bound

_SCHEMA = pa.schema(
    [
        ("frame", pa.int64()), ("name", pa.string()), ("formula", pa.string()), ("atoms", pa.int32()), ("charge", pa.int32()),
    ]
)  # fmt: skip
_MOST_PAIRS = 200_000
CLOSE = "two of its atoms coincide"


@dataclass(frozen=True)
class FrameOptions:
    """How a file of frames is read.

    Attributes:
        length_unit: Of its positions, where neither the file nor its format states it.
        atom_order: Of files that give atoms by mapped SMILES alone: map or smiles.
        charge_key: Name of a frame's charge in the file, where it is not the usual one.
    """

    length_unit: str = ""
    atom_order: str = ""
    charge_key: str = ""


@dataclass(frozen=True)
class Job:
    """Some rows of a file, in order.

    Attributes:
        first: Number of the first, from 0.
        rows: How many.
        frames: Those that could be read, in Å; None where none could.
        reasons: Place among the rows → why it could not be read.
    """

    first: int
    rows: int
    frames: Frames | None
    reasons: dict[int, str]


class FrameSource:
    """Frames as jobs; see `core.types.Source`.

    Args:
        given: A path, an open store, or `Frames` in Å.
        spec: What the network knows: frames with other elements or charges get a reason.
        options: How a file is read.
        batch_size: Frames a batch, at most.

    Raises:
        DataError: It cannot be read.
        UsageError: The unit of its lengths is not known.
    """

    parallel = False
    rows_a_job = 256
    jobs_a_part = 16
    unit = "frames"
    schema = _SCHEMA

    def __init__(self, given: Any, spec: AtomsSpec, options: FrameOptions, batch_size: int) -> None:
        self._spec, self._batch_size, self._path, self._given = spec, batch_size, None, given
        if isinstance(given, FrameStore):
            self._given = given.folder
        elif not isinstance(given, Frames):
            self._path = Path(given)
            if _is_store(self._path):
                self._given, self._path = self._path, None
        self._keys, self._scale = Keys(), 1.0
        if self._path is not None:
            asked = Keys((NONE,), (NONE,), charge=options.charge_key, atom_order=options.atom_order)
            contents = read_contents(self._path, asked)
            self._keys = resolve(asked, contents, self._path.name)
            self._scale = factor(_length_unit(self._path, contents, options), "angstrom")

    @property
    def name(self) -> str:
        """See `Source`."""
        if isinstance(self._given, Frames):
            return "frames"
        return (self._path or Path(self._given)).name

    @property
    def facts(self) -> dict[str, Any]:
        """Nothing more."""
        return {}

    def content_hash(self) -> str:
        """See `Source`."""
        if self._path is not None:
            return content_hash([file_sha256(self._path), self._scale])
        if isinstance(self._given, Frames):
            frames = self._given
            return content_hash(
                [
                    frames.numbers,
                    frames.positions,
                    frames.offsets,
                    frames.charge,
                    np.nan_to_num(frames.cell),
                    frames.periodic,
                ]
            )
        return FrameStore.open(self._given).content_hash

    def row_count(self) -> int | None:
        """See `Source`."""
        if self._path is not None:
            return None
        return len(self._given) if isinstance(self._given, Frames) else len(FrameStore.open(self._given))

    def jobs(self, *, skip: int = 0) -> Iterator[Job]:
        """See `Source`; a file is read again from its start."""
        if self._path is None:
            yield from self._stored_jobs(skip)
            return
        yield from islice(self._file_jobs(), skip, None)

    def _stored_jobs(self, skip: int) -> Iterator[Job]:
        store = None if isinstance(self._given, Frames) else FrameStore.open(self._given).in_units("", "angstrom")
        count = len(self._given if store is None else store)
        for first in range(skip * self.rows_a_job, count, self.rows_a_job):
            rows = np.arange(first, min(first + self.rows_a_job, count))
            frames = self._given.select(rows) if store is None else store.gather(rows)
            if store is not None:
                frames = replace(frames, names=store.molecules["name"][store.molecule(rows)].to_list())
            yield Job(first, len(rows), _bare(frames), {})

    def _file_jobs(self) -> Iterator[Job]:
        assert self._path is not None
        first = 0
        for frames, refused in read_frames(self._path, self._keys):
            count = (0 if frames is None else len(frames)) + len(refused)
            reasons = {each.frame - 1 - first: each.reason for each in refused}
            kept = np.array([place for place in range(count) if place not in reasons], np.int64)
            for start in range(0, count, self.rows_a_job):
                stop = min(start + self.rows_a_job, count)
                here = np.flatnonzero((kept >= start) & (kept < stop))
                some = None
                if frames is not None and len(here):
                    some = frames.select(here)
                    some = _bare(replace(some, positions=some.positions * self._scale, cell=some.cell * self._scale))
                yield Job(
                    first + start, stop - start, some, {place - start: why for place, why in reasons.items() if start <= place < stop}
                )  # fmt: skip
            first += count

    def prepare(self, job: Job) -> Job:
        """Nothing is to be done ahead."""
        return job

    def chunk(self, prepared: Job) -> Chunk:
        """See `Source`."""
        from hooke.atoms.batch import atoms_batch

        table, frames, owners, reasons = self.readable(prepared)
        if frames is None:
            return Chunk(table, [], (owners,), reasons=reasons)
        batches = []
        for part in bounded_cuts(pair_bound(frames.counts), self._batch_size, _MOST_PAIRS):
            rows = np.arange(part.start, part.stop)
            batches.append(atoms_batch(frames.select(rows), prepared.first + owners[rows]))
        return Chunk(table, batches, (owners,), {"atom": frames.counts}, reasons)

    def readable(self, job: Job) -> tuple[pa.Table, Frames | None, np.ndarray, dict[int, str]]:
        """What a job holds.

        Returns:
            Its table; the frames that a network of the spec can say something of, in Å (None where nothing could be read); (frames,) their
            rows of the table; and why the other rows have none.
        """
        reasons, frames = dict(job.reasons), job.frames
        places = np.array([place for place in range(job.rows) if place not in reasons], np.int64)
        table = _table(job, places)
        if frames is None:
            return table, None, places[:0], reasons
        bad = self._spec.unknown(frames) | dict.fromkeys(coincident(frames), CLOSE)
        reasons |= {int(places[frame]): why for frame, why in bad.items()}
        kept = np.array([frame for frame in range(len(frames)) if frame not in bad], np.int64)
        return table, frames.select(kept), places[kept], reasons


def _table(job: Job, places: np.ndarray) -> pa.Table:
    columns: dict[str, list[Any]] = {name: [None] * job.rows for name in _SCHEMA.names}
    columns["frame"] = list(range(job.first + 1, job.first + job.rows + 1))
    if job.frames is not None:
        frames = job.frames
        names: Sequence[Any] = frames.names or [None] * len(frames)
        found: dict[str, Sequence[Any]] = {
            "name": names,
            "formula": frames.formulas(),
            "atoms": frames.counts.tolist(),
            "charge": frames.charge.tolist(),
        }
        for name, values in found.items():
            for place, value in zip(places.tolist(), values, strict=True):
                columns[name][place] = value
    return pa.table(columns, schema=_SCHEMA)


def _bare(frames: Frames) -> Frames:
    """Without energies, forces and properties, which nobody reads here."""
    count = len(frames)
    return replace(
        frames, energies=np.zeros((count, 0)), forces=np.zeros((len(frames.numbers), 3, 0), np.float32), properties=np.zeros((count, 0))
    )  # fmt: skip


def _is_store(path: Path) -> bool:
    if not path.is_dir():
        return False
    if not manifests(path):
        raise DataError(f"{path} is a folder, and no store of frames")
    return FrameStore.open(path).kind == KIND


def _length_unit(path: Path, contents: Contents, options: FrameOptions) -> str:
    found = unit_name(options.length_unit or contents.length_unit or format_of(path).LENGTH_UNIT)
    if not found:
        raise UsageError(f"{path.name} does not state the unit of its lengths: length_unit=angstrom, bohr or nm")
    return found
