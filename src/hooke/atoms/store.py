"""The store of frames: columns in the units of their source, converted lazily for each batch that is gathered.

Rows are frames; the axis "atom" holds numbers, positions and forces, "cell" the lattice of those that repeat in space, "monomer" the monomers
of dimers. Beside the shards lie `molecules.parquet` (names and SMILES by number) and `rejected.parquet` (what was left out: file, frame,
reason, number of the part). Forces are stored as such, whatever sign the source has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.atoms.facts import Facts
from hooke.atoms.formats import Block
from hooke.atoms.frames import NO_MONOMERS, Frames, Rejected
from hooke.atoms.isolated_atoms import ReferenceEnergies
from hooke.atoms.statistics import FrameStatistics, frame_statistics
from hooke.core.errors import DataError, UsageError
from hooke.core.files import exclusive, locked, replacing
from hooke.core.hashing import content_hash
from hooke.core.store import Column, Schema, Store, StoreWriter
from hooke.core.store.opened import OpenedStore
from hooke.core.store.schema import manifests
from hooke.core.units import dimension, factor, unit_name

KIND = "frames"
MOLECULES, REJECTED = "molecules.parquet", "rejected.parquet"
PREPARE_VERSION = 2  # raise it when the same content would be prepared differently
PRECISIONS = ("float32", "float64")
_BLOCK = 1 << 14
FORMED = ("total", "formation", "formation per atom")


@dataclass(frozen=True)
class Source:
    """Some frames that are written together.

    Attributes:
        subset: What they are called: a part of a data set, a file.
        blocks: See `formats.read_frames`.
    """

    subset: str
    blocks: Iterable[Block]


class FrameStore(OpenedStore):
    """A finished store, opened for reading; opening maps files and reads no frame.

    Args:
        store: Where it is.
        energy_unit, length_unit: In which frames are given; "" as they are stored. Forces are in energy over length, but as stored where
            neither is changed.
    """

    kind, items = KIND, "frames"

    def __init__(self, store: Store, energy_unit: str = "", length_unit: str = "") -> None:
        super().__init__(store)
        self._stored = Facts.from_json(store.metadata["facts"])
        self.energy_unit = unit_name(energy_unit) or self._stored.energy_unit
        self.length_unit = unit_name(length_unit) or self._stored.length_unit
        for unit, measured in ((self.energy_unit, "energy"), (self.length_unit, "length")):
            if unit and dimension(unit) != measured:
                raise UsageError(f"{unit} measures {dimension(unit)}, not {measured}")
        self.force_unit = self._stored.force_unit
        if self.force_unit and (energy_unit or length_unit):
            self.force_unit = f"{self.energy_unit}/{self.length_unit}"
        self.facts = replace(  # of the frames that it gives
            self._stored, energy_unit=self.energy_unit, length_unit=self.length_unit, force_unit=self.force_unit
        )

    @classmethod
    def open(cls, folder: Path, energy_unit: str = "", length_unit: str = "") -> FrameStore:
        """Open a store; see `OpenedStore.open`, and `in_units` for the units."""
        return super().open(folder).in_units(energy_unit, length_unit)

    def in_units(self, energy_unit: str = "", length_unit: str = "") -> FrameStore:
        """The same frames in other units; nothing is read or copied.

        Raises:
            UsageError: A unit measures something else.
            UnknownNameError: A unit is not known.
        """
        return FrameStore(self.store, energy_unit, length_unit)

    def __repr__(self) -> str:
        return f"FrameStore({str(self.folder)!r}: {len(self):,} frames, {self.energy_unit}, {self.length_unit})"

    @property
    def name(self) -> str:
        """Of the data set; tables of isolated atoms that belong to it state it as their scope."""
        return str(self.description["name"])

    @property
    def methods(self) -> tuple[str, ...]:
        """Of the columns of energies."""
        return self.facts.methods

    @property
    def subsets(self) -> tuple[str, ...]:
        """Names of the parts, by number."""
        return tuple(self.description["subsets"])

    @property
    def e0(self) -> ReferenceEnergies | None:
        """The isolated atoms of the data set's own files, in this store's unit of energy; None where it has none."""
        table = self.description["e0"]
        return None if table is None else ReferenceEnergies.from_json(table).converted(self.energy_unit)

    @cached_property
    def molecules(self) -> pl.DataFrame:
        """Name and SMILES of each molecule; `molecule` gives their numbers."""
        return pl.read_parquet(self.folder / MOLECULES)

    @cached_property
    def rejected(self) -> pl.DataFrame:
        """What was left out: file, frame of it from 1, reason, and `subset`, the number of the part."""
        return pl.read_parquet(self.folder / REJECTED)

    def molecule(self, rows: np.ndarray | None = None) -> np.ndarray:
        """(rows,) int32: the number of the molecule of each frame."""
        return self.store.row_column("molecule", rows)

    def subset(self, rows: np.ndarray | None = None) -> np.ndarray:
        """(rows,) int16: the number of the part that each frame is of."""
        return self.store.row_column("subset", rows)

    def gather(self, rows: np.ndarray) -> Frames:
        """Some frames, in the order of `rows`, in this store's units; energies stay float64."""
        rows = np.asarray(rows, np.int64)
        columns = ["numbers", "positions", *(["forces"] if self.facts.force_methods else [])]
        offsets, atoms = self.store.gather("atom", rows, columns)
        cells, lattice = self.store.gather("cell", rows, ["cell", "periodic"])
        cell, periodic = np.full((len(rows), 3, 3), np.nan), np.zeros((len(rows), 3), bool)
        has = np.diff(cells) > 0
        cell[has], periodic[has] = lattice["cell"], lattice["periodic"]
        ends, monomers = np.zeros(len(rows) + 1, np.int64), {"monomers": NO_MONOMERS}
        if "monomers" in self.store.schema:
            ends, monomers = self.store.gather("monomer", rows, ["monomers"])
        length = factor(self._stored.length_unit, self.length_unit)
        forces = atoms.get("forces", np.zeros((len(atoms["numbers"]), 3, 0), np.float32))
        if self.force_unit:
            forces = _scaled(forces, factor(self._stored.force_unit, self.force_unit))
        return Frames(
            offsets, atoms["numbers"], _scaled(atoms["positions"], length), self._energies(rows), forces,
            self.store.row_column("charge", rows), self.store.row_column("multiplicity", rows), cell * length, periodic,
            self._row_column("properties", rows), ends, monomers["monomers"],
        )  # fmt: skip

    def energies(
        self, rows: np.ndarray, kind: str = "total", e0: ReferenceEnergies | None = None, frames: Frames | None = None
    ) -> np.ndarray:
        """(rows, E) float64 energies.

        Args:
            rows: Which.
            kind: "total" (as the set states them), "formation" or "formation per atom".
            e0: Isolated atoms; those of the data set's own files by default.
            frames: The gathered frames, where they are at hand.

        Raises:
            UsageError: The set's energies are no total ones, so that nothing can be formed of them; there is no table, it lacks an
                element, or it is another set's.
        """
        if kind not in FORMED:
            raise UsageError(f"energies are {', '.join(FORMED)}, not {kind!r}")
        if kind == "total":
            return self._energies(rows)
        if self.facts.energy_kind != "total":
            raise UsageError(
                f"{self.name} holds energies of the kind {self.facts.energy_kind!r}; isolated atoms belong to total ones"
            )
        frames = self.gather(rows) if frames is None else frames
        table = (
            (e0 or ReferenceEnergies((), self.energy_unit)).converted(self.energy_unit) if e0 is not None else self.e0
        )
        table = table or ReferenceEnergies((), self.energy_unit)
        sums = np.stack([table.sums(frames, method, self.name) for method in self.methods], axis=1)
        formed = frames.energies - sums
        return formed / frames.counts[:, None] if kind == "formation per atom" else formed

    def blocks(self, size: int = _BLOCK) -> Iterator[Frames]:
        """All frames in order, block by block."""
        for start in range(0, len(self), size):
            yield self.gather(np.arange(start, min(start + size, len(self))))

    def statistics(self, e0: ReferenceEnergies | None = None) -> FrameStatistics:
        """Of all frames, in this store's units; energies of formation with a table, the set's own by default."""
        table = (e0 or self.e0) if self.facts.energy_kind == "total" else None
        table = table.converted(self.energy_unit) if table else None
        return frame_statistics(self.blocks(), self.methods, self.facts.force_methods, table, self.name)

    def _row_column(self, name: str, rows: np.ndarray) -> np.ndarray:
        return self.store.row_column(name, rows) if name in self.store.schema else np.zeros((len(rows), 0))

    def _energies(self, rows: np.ndarray) -> np.ndarray:
        energies = self._row_column("energies", rows)
        return energies * factor(self._stored.energy_unit, self.energy_unit) if self.methods else energies


def write_frames(
    folder: Path, sources: Iterable[Source], facts: Facts, name: str, *, precision: str = "float32",
    e0: ReferenceEnergies | None = None, description: Mapping[str, Any] | None = None, advance: Callable[[int], None] = lambda _: None,
) -> FrameStore:  # fmt: skip
    """Write frames into a new store.

    Args:
        folder: The store; created.
        sources: What is written, in this order.
        facts: What the numbers are; checked.
        name: Of the data set.
        precision: Of positions and forces: "float32" or "float64".
        e0: Isolated atoms of the data set's own files; frames of one atom among the sources are added.
        description: Anything JSON.
        advance: Called with the number of frames of each block, for progress.

    Raises:
        UsageError: The folder holds a store already, or the precision is none.
        DataError: No frame can be used, or the isolated atoms contradict one another.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    with exclusive(Path(folder), f"is writing {folder}"):
        _write(Path(folder), sources, facts, name, precision, e0, description, advance)
    return FrameStore.open(folder)


def _write(
    folder: Path, sources: Iterable[Source], facts: Facts, name: str, precision: str = "float32", e0: ReferenceEnergies | None = None,
    description: Mapping[str, Any] | None = None, advance: Callable[[int], None] = lambda _: None,
) -> None:  # fmt: skip
    writer = StoreWriter(folder, _schema(facts, precision))
    molecules: dict[tuple[str, str], int] = {}
    rejected: list[Rejected] = []
    refused_of: list[int] = []  # the number of the part that each rejected frame is of
    subsets: list[str] = []
    statistics = FrameStatistics(facts.methods, facts.force_methods)
    table, kept = e0 or ReferenceEnergies((), facts.energy_unit, name), 0
    for source in sources:
        subsets.append(source.subset)
        for frames, refused in source.blocks:
            rejected.extend(refused)
            refused_of.extend([len(subsets) - 1] * len(refused))
            advance(len(refused) + (len(frames) if frames else 0))
            if frames is None:
                continue
            if facts.derivative == "gradient":
                frames = replace(frames, forces=-frames.forces)
            numbers = [
                molecules.setdefault(each, len(molecules)) for each in zip(frames.names, frames.smiles, strict=True)
            ]
            _append(writer, frames, np.array(numbers), len(subsets) - 1)
            kept += len(frames)
            statistics = statistics.updated(frames)
            if facts.energy_kind == "total":
                own = ReferenceEnergies.of_frames(frames, facts.methods, facts.energy_unit, name)
                table = replace(table, atoms=tuple(dict.fromkeys((*table.atoms, *own.atoms))))
    if not kept:
        first = f", the first because {rejected[0].reason}" if rejected else ""
        raise DataError(f"{name}: none of {len(rejected):,} frames can be used{first}")
    names = pl.DataFrame({"name": [key for key, _ in molecules], "smiles": [smiles for _, smiles in molecules]})
    refusals = pl.DataFrame(
        [asdict(each) for each in rejected], schema={"file": pl.String, "frame": pl.Int64, "reason": pl.String}
    ).with_columns(subset=pl.Series(refused_of, dtype=pl.Int16))
    for file, rows in ((MOLECULES, names), (REJECTED, refusals)):
        with replacing(folder / file) as temporary:
            rows.write_parquet(temporary)
        writer.add_file(file)
    stored = replace(facts, derivative="force" if facts.derivative else "")
    writer.metadata.update(
        description or {}, kind=KIND, name=name, facts=asdict(stored), read_as=facts.derivative, precision=precision, subsets=subsets,
        e0=table.to_json() if table else None, statistics=statistics.to_json(),
        counts={"frames": kept, "molecules": len(molecules), "refused": len(rejected)},
    )  # fmt: skip
    writer.close()


def prepared(
    root: Path, name: str, content: object, sources: Callable[[], Iterable[Source]], facts: Facts, **options: Any
) -> FrameStore:
    """The store of this content below `root`: opened where it is there, else written.

    Args:
        root: Folder of stores.
        name: Of the data set; the store's folder begins with it.
        content: What the frames depend on; hashed.
        sources: Gives them.
        facts: What the numbers are.
        options: Of `write_frames`.
    """
    folder = Path(root) / f"{name}-{content_hash([PREPARE_VERSION, content, facts])[:12]}"
    if not manifests(folder) or locked(folder):
        with exclusive(folder, f"is preparing {folder}", wait=True):
            if not manifests(folder):  # another process may just have made it
                _write(folder, sources(), facts, name, **options)
    return FrameStore.open(folder)


def _schema(facts: Facts, precision: str) -> Schema:
    columns = [
        Column("charge", "row", "int16"), Column("multiplicity", "row", "int16"), Column("molecule", "row", "int32"),
        Column("subset", "row", "int16"), Column("numbers", "atom", "uint8"), Column("positions", "atom", precision, (3,)),
        Column("cell", "cell", "float64", (3, 3)), Column("periodic", "cell", "bool", (3,)),
    ]  # fmt: skip
    if facts.methods:
        columns.append(Column("energies", "row", "float64", (len(facts.methods),)))
    if facts.properties:
        columns.append(Column("properties", "row", "float64", (len(facts.properties),)))
    if facts.force_methods:
        columns.append(Column("forces", "atom", precision, (3, len(facts.force_methods))))
    if facts.energy_kind == "interaction":
        columns.append(Column("monomers", "monomer", "int32", (4,)))
    return Schema(tuple(columns))


def _append(writer: StoreWriter, frames: Frames, molecules: np.ndarray, subset: int) -> None:
    repeats = frames.periodic.any(axis=1)
    values = {
        "charge": frames.charge, "multiplicity": frames.multiplicity, "molecule": molecules, "subset": np.full(len(frames), subset),
        "numbers": frames.numbers, "positions": frames.positions, "cell": frames.cell[repeats], "periodic": frames.periodic[repeats],
        "energies": frames.energies, "properties": frames.properties, "forces": frames.forces, "monomers": frames.monomers,
    }  # fmt: skip
    offsets = {
        "atom": frames.offsets, "cell": np.concatenate([[0], np.cumsum(repeats)]), "monomer": frames.monomer_offsets
    }  # fmt: skip
    cast = {column.name: values[column.name].astype(column.dtype, copy=False) for column in writer.schema.columns}
    writer.append(len(frames), cast, offsets)


def _scaled(values: np.ndarray, scale: float) -> np.ndarray:
    """In their own precision; views of the mapped file stay views where nothing changes."""
    return values if scale == 1 else values * values.dtype.type(scale)


def fitted(
    store: FrameStore, method: str, ridge: float = 0.0, rows: Sequence[int] | np.ndarray | None = None
) -> ReferenceEnergies:
    """Energies of elements by regression of total energies on compositions, in the store's unit.

    Args:
        store: Of total energies.
        method: One of its methods.
        ridge: See `CompositionRegression.fit`.
        rows: Of the store; all by default.

    Raises:
        UsageError: It has no total energies, or the compositions do not tell some elements apart.
    """
    from hooke.atoms.composition import ELEMENTS, CompositionRegression

    if store.facts.energy_kind != "total":
        raise UsageError(
            f"{store.name} holds energies of the kind {store.facts.energy_kind!r}; energies of elements belong to total ones"
        )
    place, regression = store.methods.index(method), CompositionRegression()
    chosen = np.arange(len(store)) if rows is None else np.asarray(rows)
    for start in range(0, len(chosen), _BLOCK):
        frames = store.gather(chosen[start : start + _BLOCK])
        regression.update(frames.composition(ELEMENTS), frames.energies[:, place])
    return ReferenceEnergies.of_fit(regression.fit(ridge), method, store.energy_unit, store.name)
