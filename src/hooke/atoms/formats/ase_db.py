"""ASE databases: SQLite with a row a system, arrays as raw bytes and numbers as JSON; read and written without ASE.

Source: the schema of `ase.db` (wiki.fysik.dtu.dk/ase, version 9): positions are in Å; `energy` and `forces` are those of a calculator, numbers
of one's own lie in key_value_pairs, arrays in data. SchNetPack states units in the metadata, which are taken as the file's own.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from hooke.atoms.formats import BLOCK, Block, Contents, collector
from hooke.atoms.frames import FrameCollector, Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import UnknownNameError
from hooke.core.files import replacing
from hooke.core.json_text import json_text
from hooke.core.reading import in_short
from hooke.core.units import dimension, unit_name

LENGTH_UNIT = "angstrom"
_PROBED = 20
_WANTED = ("numbers", "positions", "cell", "pbc", "energy", "forces", "key_value_pairs", "data")
_COLUMNS = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, unique_id TEXT UNIQUE, ctime REAL, mtime REAL, username TEXT, numbers BLOB, positions BLOB, "
    "cell BLOB, pbc INTEGER, initial_magmoms BLOB, initial_charges BLOB, masses BLOB, tags BLOB, momenta BLOB, constraints TEXT, "
    "calculator TEXT, calculator_parameters TEXT, energy REAL, free_energy REAL, charge REAL, forces BLOB, stress BLOB, dipole BLOB, "
    "magmoms BLOB, magmom REAL, charges BLOB, key_value_pairs TEXT, data TEXT, natoms INTEGER, fmax REAL, smax REAL, volume REAL, mass REAL"
)
_TABLES = (
    f"CREATE TABLE systems ({_COLUMNS})",
    "CREATE TABLE species (Z INTEGER, n INTEGER, id INTEGER)",
    "CREATE TABLE keys (key TEXT, id INTEGER)",
    "CREATE TABLE text_key_values (key TEXT, value TEXT, id INTEGER)",
    "CREATE TABLE number_key_values (key TEXT, value REAL, id INTEGER)",
    "CREATE TABLE information (name TEXT, value TEXT)",
    "INSERT INTO information VALUES ('version', '9')",
)


def contents(path: Path, keys: Keys) -> Contents:
    """What the first rows hold, and the units of the metadata."""
    scalars: dict[str, None] = {}
    vectors: dict[str, None] = {}
    with closing(_opened(path)) as base:
        for row in islice(_rows(base), _PROBED):
            atoms = len(_array(row["numbers"], np.int32))
            for name, value in _values(row).items():
                if value.shape == (atoms, 3):
                    vectors[name] = None
                elif value.size == 1:
                    scalars[name] = None
        units, length = _units(base)
    text = Keys(name="name", smiles="smiles", charge="charge" if "charge" in scalars else "")
    return Contents(tuple(scalars), tuple(vectors), text, units, length)


def read(path: Path, keys: Keys) -> Iterator[Block]:
    """The rows by their numbers; malformed ones are left out."""
    frames = collector(keys, path)
    with closing(_opened(path)) as base:
        for row in _rows(base):
            try:
                _add(frames, row, keys)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                frames.refuse(in_short(error))
            if len(frames) >= BLOCK:
                yield frames.take()
    yield frames.take()


def write(path: Path, frames: Frames, keys: Keys, facts: Any) -> None:
    """Write a database that ASE reads: energies and forces as data, charges, spins and names as key-value pairs, units as SchNetPack does."""
    about = {
        "_distance_unit": "Ang",
        "_property_unit_dict": dict.fromkeys(keys.energies, facts.energy_unit)
        | dict.fromkeys(keys.forces, facts.force_unit),
    }
    with replacing(path) as temporary, closing(sqlite3.connect(temporary)) as base:
        for statement in _TABLES:
            base.execute(statement)
        base.execute("INSERT INTO information VALUES ('metadata', ?)", (json_text(about),))
        for frame in range(len(frames)):
            base.execute(
                "INSERT INTO systems (unique_id, ctime, mtime, numbers, positions, cell, pbc, key_value_pairs, data, natoms) "
                "VALUES (?, 0, 0, ?, ?, ?, ?, ?, ?, ?)",
                (f"{frame:032x}", *_row(frames, frame, keys)),
            )
        base.commit()


def _row(frames: Frames, frame: int, keys: Keys) -> tuple[Any, ...]:
    atoms = slice(int(frames.offsets[frame]), int(frames.offsets[frame + 1]))
    pairs: dict[str, Any] = {}
    for key, value in ((keys.charge, int(frames.charge[frame])), (keys.multiplicity, int(frames.multiplicity[frame]))):
        pairs |= {key: value} if key else {}
    for key, texts in ((keys.name, frames.names), (keys.smiles, frames.smiles)):
        pairs |= {key: texts[frame]} if key and len(texts) else {}
    data = {name: frames.energies[frame, place : place + 1] for place, name in enumerate(keys.energies)}
    data |= {name: frames.properties[frame, place : place + 1] for place, name in enumerate(keys.properties)}
    data |= {name: frames.forces[atoms, :, place] for place, name in enumerate(keys.forces)}
    periodic = frames.periodic[frame]
    cell = np.where(periodic.any(), frames.cell[frame], 0.0)
    return (
        frames.numbers[atoms].astype("<i4").tobytes(), frames.positions[atoms].astype("<f8").tobytes(), cell.astype("<f8").tobytes(),
        int(periodic @ [1, 2, 4]), json_text(pairs), _packed(data), atoms.stop - atoms.start,
    )  # fmt: skip


def _packed(data: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as ASE keeps them: where the JSON begins, the raw arrays, then JSON with the shape, type and place of each."""
    raw, about = [], {}
    place = 8
    for name, values in data.items():
        if not np.isnan(values).all():
            raw.append(np.ascontiguousarray(values, "<f8").tobytes())
            about[name] = {"__ndarray__": [list(values.shape), "float64", place]}
            place += len(raw[-1])
    return np.int64(place).tobytes() + b"".join(raw) + json_text(about).encode()


def _unpacked(data: bytes | str | None) -> dict[str, Any]:
    if not data:
        return {}
    text = data if isinstance(data, str) else data[int(np.frombuffer(data[:8], "<i8")[0]) :]
    entries = json.loads(text)
    if not isinstance(entries, dict):
        raise ValueError("its data are no dictionary")
    return {name: _decoded(value, data) for name, value in entries.items()}


def _decoded(value: Any, data: bytes | str) -> Any:
    if not isinstance(value, dict) or "__ndarray__" not in value:
        return value
    shape, kind, last = value["__ndarray__"]
    if isinstance(last, list):
        return np.array(last, kind).reshape(shape)
    assert isinstance(data, bytes)
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(data, np.dtype(kind), count, int(last)).reshape(shape)


def _opened(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True)
    base.row_factory = sqlite3.Row
    base.text_factory = lambda data: data.decode(errors="replace")
    return base


def _rows(base: sqlite3.Connection) -> Iterator[Mapping[str, Any]]:
    there = {row["name"] for row in base.execute("PRAGMA table_info(systems)")}
    if not {"numbers", "positions"} <= there:
        raise ValueError("it is no ASE database: it has no table of systems with numbers and positions")
    wanted = [name for name in _WANTED if name in there]
    for row in base.execute(f"SELECT {', '.join(wanted)} FROM systems ORDER BY id"):
        yield {name: row[name] for name in wanted}


def _array(data: Any, kind: Any) -> np.ndarray:
    if not isinstance(data, bytes):
        raise ValueError("an array is missing")
    return np.frombuffer(data, np.dtype(kind).newbyteorder("<"))


def _values(row: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The numbers of a row by name: of the calculator, of key-value pairs, of data."""
    numbers = {} if row.get("energy") is None else {"energy": np.array(row["energy"], np.float64)}
    if row.get("forces") is not None:
        numbers["forces"] = _array(row["forces"], np.float64).reshape(-1, 3)
    given = {**json.loads(row.get("key_value_pairs") or "{}"), **_unpacked(row.get("data"))}
    for name, value in given.items():
        if isinstance(value, int | float | list | np.ndarray) and not isinstance(value, bool):
            array = np.asarray(value)
            if array.dtype.kind in "fiu":
                numbers[name] = array.astype(np.float64)
    return numbers


def _add(frames: FrameCollector, row: Mapping[str, Any], keys: Keys) -> None:
    numbers = _array(row["numbers"], np.int32)
    values = _values(row)
    texts = {
        name: value for name, value in json.loads(row.get("key_value_pairs") or "{}").items() if isinstance(value, str)
    }
    along = int(row.get("pbc") or 0)
    energies, properties = (
        [[float(values[name].reshape(())) if name in values else np.nan for name in some]]
        for some in (keys.energies, keys.properties)
    )
    forces = [values[name] if name in values else np.full((len(numbers), 3), np.nan) for name in keys.forces]
    frames.add(
        numbers, _array(row["positions"], np.float64).reshape(1, -1, 3), energies, np.stack(forces, axis=-1)[None] if forces else None,
        properties=properties, charge=values.get(keys.charge, np.zeros(())).reshape(()),
        multiplicity=values.get(keys.multiplicity, np.zeros(())).reshape(()),
        cell=_array(row["cell"], np.float64).reshape(1, 3, 3) if along else None,
        periodic=np.array([[bool(along & 1), bool(along & 2), bool(along & 4)]]), name=texts.get(keys.name, ""),
        smiles=texts.get(keys.smiles, ""),
    )  # fmt: skip


def _units(base: sqlite3.Connection) -> tuple[dict[str, str], str]:
    """Units of the metadata, as far as they are known by these names here."""
    tables = {row["name"] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "information" not in tables:
        return {}, ""
    row = base.execute("SELECT value FROM information WHERE name = 'metadata'").fetchone()
    about = json.loads(row["value"]) if row is not None else {}
    named = about.get("_property_unit_dict", {}) if isinstance(about, dict) else {}
    units = {str(name): str(unit) for name, unit in named.items() if _known(str(unit))}
    length = str(about.get("_distance_unit", "")) if isinstance(about, dict) else ""
    return units, length if _known(length) else ""


def _known(unit: str) -> bool:
    try:
        return bool(dimension(unit_name(unit)))
    except UnknownNameError:
        return False
