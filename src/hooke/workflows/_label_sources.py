"""What is labelled: molecules of a table, which are embedded, or frames of a store, which keep their geometry; both as a `Source`.

Every row has its row in the output. A table's row has one for each conformer; frames that were left out when the store was prepared stand in
their place, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hooke.atoms.etkdg import EmbeddedMolecule, NoGeometryError
from hooke.atoms.frames import Frames
from hooke.atoms.store import FrameStore
from hooke.core.hashing import content_hash
from hooke.core.types import Chunk
from hooke.molecules.parse import ParseError, parse
from hooke.molecules.source import TableRows
from hooke.molecules.tables.reading import read_table

GEOMETRY = pa.schema(
    [
        ("name", pa.string()),
        ("smiles", pa.string()),
        ("z", pa.list_(pa.uint8())),
        ("pos", pa.list_(pa.float64())),
        ("charge", pa.int32()),
        ("multiplicity", pa.int32()),
    ]
)
NO_SPIN = "it has an odd number of electrons and states no multiplicity: state its charge or multiplicity"
FRAMES_A_PART = 1024  # at most, and at least `_JOBS_A_PART` jobs
_JOBS_A_PART = 8


@dataclass(frozen=True)
class System:
    """What goes to an engine; positions (atoms, 3) in Å."""

    name: str
    smiles: str
    numbers: np.ndarray
    positions: np.ndarray
    charge: int
    multiplicity: int


@dataclass(frozen=True)
class ChargeAndSpin:
    """Stated for all frames alike; None takes that of each."""

    charge: int | None = None
    multiplicity: int | None = None

    def of(self, numbers: np.ndarray, charge: int, multiplicity: int) -> tuple[int, int]:
        """Charge and multiplicity of a frame; one that states no spin (0) is a singlet.

        Raises:
            NoGeometryError: It is none, with its odd number of electrons.
        """
        charge = charge if self.charge is None else self.charge
        spin = multiplicity if self.multiplicity is None else self.multiplicity
        if not spin and (int(numbers.sum(dtype=np.int64)) - charge) % 2:
            raise NoGeometryError(NO_SPIN)
        return charge, spin or 1


@dataclass(frozen=True)
class Given:
    """A job: some rows as they are given, with the system of each, or why it has none."""

    columns: Mapping[str, Sequence[Any]]
    systems: Sequence[System | str]


class _Rows:
    """What both sources have in common."""

    parallel = True
    given: pa.Schema
    rows_a_job: int
    rows_a_part: int | None

    @property
    def schema(self) -> pa.Schema:
        """See `Source`."""
        return pa.schema([*self.given, *GEOMETRY])

    @property
    def jobs_a_part(self) -> int:
        """See `Source`."""
        if self.rows_a_part is not None:
            return max(1, self.rows_a_part // self.rows_a_job)
        return max(_JOBS_A_PART, FRAMES_A_PART // self.rows_a_job)

    def chunk(self, prepared: Given) -> Chunk:
        """See `Source`: the systems stand in the table itself, there are no batches."""
        columns = [pa.array(prepared.columns[field.name], field.type) for field in self.given]
        known = [each if isinstance(each, System) else None for each in prepared.systems]
        for name, of in (
            ("name", lambda each: each.name), ("smiles", lambda each: each.smiles or None),
            ("z", lambda each: each.numbers.astype(np.uint8)), ("pos", lambda each: each.positions.ravel()),
            ("charge", lambda each: each.charge), ("multiplicity", lambda each: each.multiplicity),
        ):  # fmt: skip
            values = [None if each is None else of(each) for each in known]
            columns.append(pa.array(values, GEOMETRY.field(name).type))
        places = np.array([place for place, each in enumerate(known) if each is not None], np.int64)
        reasons = {place: each for place, each in enumerate(prepared.systems) if isinstance(each, str)}
        return Chunk(pa.Table.from_arrays(columns, schema=self.schema), (), (places,), reasons=reasons)


@dataclass(frozen=True)
class EmbeddedRows(_Rows):
    """The molecules of a table, each as so many conformers; `row` counts those of the table from 1, `conformer` from 0.

    Attributes:
        table: Where the SMILES are.
        conformers: Of each molecule.
        seed: Of the embedding; a conformer depends on it, on the molecule and on its own number alone.
        stated: Charge and spin.
        rows_a_job: Frames of a job.
        rows_a_part: Frames of a part; None takes `FRAMES_A_PART`.
    """

    table: TableRows
    conformers: int
    seed: int
    stated: ChargeAndSpin
    rows_a_job: int
    rows_a_part: int | None = None
    unit = "frames"

    @property
    def name(self) -> str:
        """See `Source`."""
        return self.table.name

    @cached_property
    def given(self) -> pa.Schema:
        """The table's columns as texts, under other names where they have those of the output's own."""
        return pa.schema(
            [("row", pa.int64()), ("conformer", pa.int32()), *((name, pa.string()) for name in self._names.values())]
        )

    @cached_property
    def _names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for column in self.table.columns:
            name = column
            while name in ("row", "conformer", *GEOMETRY.names) or name in names.values():
                name += "_input"
            names[column] = name
        return names

    @property
    def facts(self) -> dict[str, Any]:
        """See `Source`."""
        return {"conformers": self.conformers, "seed": self.seed}

    def content_hash(self) -> str:
        """See `Source`."""
        stated = (self.table.smiles, self.conformers, self.seed, self.stated.charge, self.stated.multiplicity)
        return content_hash([self.table.content_hash(), *stated])

    def row_count(self) -> int | None:
        """See `Source`."""
        rows = self.table.row_count()
        return None if rows is None else rows * self.conformers

    def jobs(self, *, skip: int = 0) -> Iterator[list[tuple[int, int, dict[str, str], str]]]:
        """Lists of (row, conformer, cells, why the row is none)."""
        frames = self._frames(skip * self.rows_a_job)
        while job := list(islice(frames, self.rows_a_job)):
            yield job

    def _frames(self, skip: int) -> Iterator[tuple[int, int, dict[str, str], str]]:
        rows, first = divmod(skip, self.conformers)
        for chunk in read_table(self.table.path):
            for place in range(len(chunk)):
                if rows > 0:
                    rows -= 1
                    continue
                cells = {name: values[place] for name, values in chunk.columns.items()}
                number = chunk.first_row + place
                for conformer in range(first, self.conformers):
                    yield number, conformer, cells, chunk.broken.get(number, "")
                first = 0

    def prepare(self, job: list[tuple[int, int, dict[str, str], str]]) -> Given:
        """See `Source`: molecules are parsed once for all of their conformers in the job, and embedded."""
        molecules: dict[str, EmbeddedMolecule | str] = {}
        systems = []
        for _, conformer, cells, broken in job:
            smiles = cells[self.table.smiles]
            if smiles not in molecules:
                molecules[smiles] = self._molecule(smiles)
            systems.append(broken or self._system(molecules[smiles], conformer))
        columns: dict[str, list[Any]] = {
            "row": [each[0] for each in job],
            "conformer": [each[1] for each in job],
            **{name: [each[2][column] or None for each in job] for column, name in self._names.items()},
        }
        return Given(columns, systems)

    def _molecule(self, smiles: str) -> EmbeddedMolecule | str:
        try:
            return EmbeddedMolecule.of(parse(smiles))
        except (ParseError, NoGeometryError) as error:
            return str(error)

    def _system(self, molecule: EmbeddedMolecule | str, conformer: int) -> System | str:
        if isinstance(molecule, str):
            return molecule
        try:
            charge, spin = self.stated.of(molecule.numbers, molecule.charge, molecule.multiplicity)
            positions = molecule.conformer(conformer, self.seed)
        except NoGeometryError as error:
            return str(error)
        return System(molecule.smiles, molecule.smiles, molecule.numbers, positions, charge, spin)


class StoredFrames(_Rows):
    """The frames of a store, in Å; `subset` is the part and `row` the number of the frame in its file, from 1.

    Args:
        store: Of frames; energies and forces that it has are not looked at.
        stated: Charge and spin.
        rows_a_job: Frames of a job.
        rows_a_part: Frames of a part; None takes `FRAMES_A_PART`.
    """

    unit = "frames"
    given = pa.schema([("subset", pa.string()), ("row", pa.int64())])

    def __init__(
        self, store: FrameStore, stated: ChargeAndSpin, rows_a_job: int, rows_a_part: int | None = None
    ) -> None:
        self.store, self.stated, self.rows_a_job = store.in_units("", "angstrom"), stated, rows_a_job
        self.rows_a_part = rows_a_part
        self.facts = {"store": store.folder.name}  # no path: the output is the same wherever the store lies
        self.name = store.name

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process, which opens the store itself."""
        return _stored, (self.store.folder.absolute(), self.stated, self.rows_a_job, self.rows_a_part)

    def content_hash(self) -> str:
        """See `Source`."""
        return content_hash([self.store.content_hash, self.stated.charge, self.stated.multiplicity])

    def row_count(self) -> int:
        """See `Source`."""
        return len(self.store) + len(self.store.rejected)

    def jobs(self, *, skip: int = 0) -> Iterator[int]:
        """The first row of each job."""
        yield from range(skip * self.rows_a_job, self.row_count(), self.rows_a_job)

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(rows,) part, number within it from 1, and row of the store or, negative, -1 - that of its `rejected`."""
        subset, rejected = np.array(self.store.subset()), self.store.rejected
        refused = rejected["subset"].to_numpy()
        parts, frames, rows = [], [], []
        for part in range(len(self.store.subsets)):
            out, inside = np.flatnonzero(refused == part), np.flatnonzero(subset == part)
            row = np.zeros(len(out) + len(inside), np.int64)
            left_out = rejected["frame"].to_numpy()[out] - 1
            row[left_out] = -1 - out
            row[np.setdiff1d(np.arange(len(row)), left_out)] = inside
            parts.append(np.full(len(row), part))
            frames.append(np.arange(1, len(row) + 1))
            rows.append(row)
        return np.concatenate(parts), np.concatenate(frames), np.concatenate(rows)

    def prepare(self, job: int) -> Given:
        """See `Source`."""
        part, number, row = (each[job : job + self.rows_a_job] for each in self._places)
        kept = np.flatnonzero(row >= 0)
        frames = self.store.gather(row[kept])
        molecules = self.store.molecules[self.store.molecule(row[kept])]
        systems: list[System | str] = [
            "" if place >= 0 else self.store.rejected["reason"][int(-1 - place)] for place in row.tolist()
        ]
        named = zip(kept.tolist(), molecules["name"], molecules["smiles"], strict=True)
        for frame, (place, name, smiles) in enumerate(named):
            systems[place] = self._system(frames, frame, name, smiles)
        columns = {"subset": [self.store.subsets[each] for each in part.tolist()], "row": number.tolist()}
        return Given(columns, systems)

    def _system(self, frames: Frames, frame: int, name: str, smiles: str) -> System | str:
        if frames.periodic[frame].any():
            return "it repeats in space; labels are those of open boundaries"
        atoms = slice(int(frames.offsets[frame]), int(frames.offsets[frame + 1]))
        numbers, positions = np.array(frames.numbers[atoms]), np.array(frames.positions[atoms], np.float64)
        try:
            charge, spin = self.stated.of(numbers, int(frames.charge[frame]), int(frames.multiplicity[frame]))
        except NoGeometryError as error:
            return str(error)
        return System(name, smiles, numbers, positions, charge, spin)


def _stored(folder: Path, stated: ChargeAndSpin, rows_a_job: int, rows_a_part: int | None) -> StoredFrames:
    return StoredFrames(FrameStore.open(folder), stated, rows_a_job, rows_a_part)
