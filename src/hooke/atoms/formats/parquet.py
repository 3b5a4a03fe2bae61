"""Parquet with a row a frame and lists of its atoms, in the schema of QM1B (github.com/graphcore-research/pyscf-ipu, qm1b/README.md).

Atomic numbers are a list (atoms), positions and forces lists of 3 · atoms numbers or of atoms lists of three. Files of `hooke label` state
units and methods in their metadata, and have rows without a label, with a reason, which are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hooke.atoms.formats import BLOCK, NUMBERS, POSITIONS, Block, Contents, collector, stated_facts, usual_name
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys
from hooke.core.files import replacing
from hooke.core.reading import check_parquet, reading

LENGTH_UNIT = ""
_SMILES = ("smile", "smiles")
_STAMP, _FACTS = b"hooke", "frames"  # of the metadata of Hooke's own files
_REASON = "reason"


def holds_frames(path: Path) -> bool:
    """Whether a file has lists of atomic numbers and of positions; else it is a table of something else.

    Raises:
        DataError: It cannot be read.
    """
    with reading(path):
        check_parquet(path, whole=False)
        lists = {field.name for field in pq.read_schema(path) if _is_list(field.type)}
    return bool(lists & {*NUMBERS}) and bool(lists & {*POSITIONS})


def contents(path: Path, keys: Keys) -> Contents:
    """What columns there are."""
    check_parquet(path, whole=False)
    schema = pq.read_schema(path)
    types = {field.name: field.type for field in schema}
    lists = {name for name, kind in types.items() if _is_list(kind)}
    stated = _stated(path)
    own = Keys(
        properties=tuple(name for name, _ in stated.get("properties", ()) if name in types),
        numbers=usual_name(lists, NUMBERS, "numbers_key", path.name, keys.numbers),
        positions=usual_name(lists, POSITIONS, "positions_key", path.name, keys.positions),
        smiles=next((name for name in _SMILES if name in types), ""), name=next((name for name in ("name", *_SMILES) if name in types), ""),
        charge="charge" if "charge" in types else "", multiplicity="multiplicity" if "multiplicity" in types else "",
    )  # fmt: skip
    scalars = [name for name, kind in types.items() if pa.types.is_floating(kind) or pa.types.is_integer(kind)]
    vectors = [name for name in lists - {own.numbers, own.positions} if types[name] == types[own.positions]]
    return Contents(
        tuple(scalars), tuple(sorted(vectors)), own, length_unit=str(stated.get("length_unit", "")), stated=stated
    )


def read(path: Path, keys: Keys) -> Iterator[Block]:
    """The rows in order; malformed ones are left out."""
    frames = collector(keys, path)
    wanted = [*keys.energies, *keys.forces, *keys.properties, keys.numbers, keys.positions]
    wanted += [key for key in (keys.charge, keys.multiplicity, keys.smiles, keys.name) if key]
    file = pq.ParquetFile(path)
    wanted += [_REASON] if _stated(path) else []
    there = [name for name in dict.fromkeys(wanted) if name in file.schema_arrow.names]
    for batch in file.iter_batches(BLOCK, columns=there):
        for row in batch.to_pylist():
            if row.get(_REASON):
                frames.refuse(f"it has no label: {row[_REASON]}")
                continue
            try:
                numbers = np.asarray(row[keys.numbers] or [])
                numbers = numbers.astype(np.int64) if numbers.dtype.kind in "fiu" else numbers
                forces = [
                    _vectors(row[key], len(numbers)) if key in row else np.full((len(numbers), 3), np.nan)
                    for key in keys.forces
                ]
                energies, properties = (
                    [[np.nan if row.get(key) is None else row[key] for key in some]]
                    for some in (keys.energies, keys.properties)
                )
                frames.add(
                    numbers, _vectors(row[keys.positions], len(numbers))[None], energies,
                    np.stack(forces, axis=-1)[None] if forces else None, properties=properties,
                    charge=row.get(keys.charge) or 0, multiplicity=row.get(keys.multiplicity) or 0,
                    name=str(row.get(keys.name) or ""), smiles=str(row.get(keys.smiles) or ""),
                )  # fmt: skip
            except (TypeError, ValueError) as error:
                frames.refuse(str(error))
        yield frames.take()
    yield frames.take()


def write(path: Path, frames: Frames, keys: Keys, facts: Any = None) -> None:
    """Write a row a frame."""
    columns: dict[str, Any] = {key: frames.energies[:, number] for number, key in enumerate(keys.energies)}
    columns |= {key: frames.properties[:, number] for number, key in enumerate(keys.properties)}
    columns[keys.numbers] = _lists(frames.numbers.astype(np.int64), frames.offsets)
    columns[keys.positions] = _lists(frames.positions.ravel(), 3 * frames.offsets)
    for number, key in enumerate(keys.forces):
        columns[key] = _lists(frames.forces[..., number].ravel(), 3 * frames.offsets)
    for key, values in (
        (keys.charge, frames.charge), (keys.multiplicity, frames.multiplicity), (keys.smiles, frames.smiles), (keys.name, frames.names),
    ):  # fmt: skip
        if key and key not in columns and len(values):
            columns[key] = values
    with replacing(path) as temporary:
        pq.write_table(pa.table(columns), temporary)


def _stated(path: Path) -> dict[str, Any]:
    """The facts that a file of `hooke label` states; none in other files."""
    text = (pq.read_metadata(path).metadata or {}).get(_STAMP, b"{}")
    try:
        stamp = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    given = stamp.get(_FACTS) if isinstance(stamp, dict) else None
    return stated_facts(given) if isinstance(given, dict) else {}


def _lists(values: np.ndarray, offsets: np.ndarray) -> pa.Array:
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values))


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _vectors(values: Any, atoms: int) -> np.ndarray:
    flat = np.array(values if values is not None else [], np.float64)
    if flat.size != 3 * atoms:
        raise ValueError(f"{flat.size} coordinates for {atoms} atoms")
    return flat.reshape(atoms, 3)
