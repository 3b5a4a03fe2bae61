"""LMDB of plain arrays: an entry a frame, its value arrays by name in the form of safetensors; no pickle is read or written.

Keys are sorted as bytes; names and SMILES stand in the metadata of a value, `cell` and `pbc` beside the other arrays. The key `facts` holds
JSON with what is known of the numbers, by the names of `facts.Facts`. Files are written by the package lmdb (extra "quantum") and read without
it (`core.lmdb_files`). Values that are pickles, as other projects keep them, are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from hooke.atoms.formats import BLOCK, NUMBERS, POSITIONS, Block, Contents, collector, stated_facts, usual_name
from hooke.atoms.frames import FrameCollector, Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError, UsageError
from hooke.core.files import replacing
from hooke.core.json_text import json_text
from hooke.core.lmdb_files import entries
from hooke.core.reading import in_short

LENGTH_UNIT = ""
INSTALL = "pip install 'hooke-bio[quantum]'"
_FACTS = b"facts"
_CELL, _PERIODIC = "cell", "pbc"
_PROBED = 20
_PAGE = 4096  # bytes, of which every entry takes at most one more than its own


def contents(path: Path, keys: Keys) -> Contents:
    """What the first frames hold, and the facts that the file states."""
    probed = [_decoded(value) for _, value in islice(_values(path), _PROBED)]
    frames = [arrays for arrays, _, problem in probed if not problem]
    if not frames:
        raise DataError(f"{path} holds no frames" + (f": {probed[0][2]}" if probed else ""))
    there = {name: None for arrays in frames for name in arrays}
    numbers = usual_name(there, NUMBERS, "numbers_key", path.name, keys.numbers)
    positions = usual_name(there, POSITIONS, "positions_key", path.name, keys.positions)
    scalars: dict[str, None] = {}
    vectors: dict[str, None] = {}
    for arrays in frames:
        shape = arrays[positions].shape if positions in arrays else ()
        for name, array in arrays.items():
            if name not in (numbers, positions, _CELL, _PERIODIC):
                if array.size == 1:
                    scalars[name] = None
                elif array.shape == shape:
                    vectors[name] = None
    charge, spin = (name if name in scalars else "" for name in ("charge", "multiplicity"))
    own = Keys(numbers=numbers, positions=positions, charge=charge, multiplicity=spin, name="name", smiles="smiles")
    stated = _stated(path)
    return Contents(
        tuple(scalars), tuple(vectors), own, length_unit=str(stated.get("length_unit", "")), stated=stated
    )  # fmt: skip


def read(path: Path, keys: Keys) -> Iterator[Block]:
    """The frames in the order of their keys; malformed ones are left out."""
    frames = collector(keys, path)
    for _, value in _values(path):
        arrays, texts, problem = _decoded(value)
        if problem:
            frames.refuse(problem)
        else:
            try:
                _add(frames, arrays, texts, keys)
            except (ValueError, KeyError, TypeError) as error:
                frames.refuse(in_short(error))
        if len(frames) >= BLOCK:
            yield frames.take()
    yield frames.take()


def write(path: Path, frames: Frames, keys: Keys, facts: Any = None) -> None:
    """Write an environment that is one file; the facts, where there are any, under a key of their own.

    Raises:
        UsageError: The package lmdb is not installed.
    """
    try:
        import lmdb
    except ImportError as error:
        raise UsageError(f"writing LMDB needs lmdb: {INSTALL}") from error
    about = {_FACTS: json_text(asdict(facts)).encode()} if facts is not None else {}
    values = [_encoded(frames, frame, keys) for frame in range(len(frames))]
    size = sum(map(len, values)) + 2 * _PAGE * (len(values) + 64)
    with (
        replacing(path) as temporary,
        lmdb.open(str(temporary), subdir=False, lock=False, map_size=size) as environment,
        environment.begin(write=True) as transaction,
    ):
        for frame, value in enumerate(values):
            transaction.put(f"{frame:012d}".encode(), value)
        for key, text in about.items():
            transaction.put(key, text)


def _encoded(frames: Frames, frame: int, keys: Keys) -> bytes:
    atoms = slice(int(frames.offsets[frame]), int(frames.offsets[frame + 1]))
    arrays = {keys.numbers: frames.numbers[atoms], keys.positions: frames.positions[atoms]}
    for names, values in ((keys.energies, frames.energies), (keys.properties, frames.properties)):
        arrays |= {name: values[frame, place] for place, name in enumerate(names)}
    arrays |= {name: frames.forces[atoms, :, place] for place, name in enumerate(keys.forces)}
    for key, values in ((keys.charge, frames.charge), (keys.multiplicity, frames.multiplicity)):
        arrays |= {key: values[frame]} if key else {}
    if frames.periodic[frame].any():
        arrays |= {_CELL: frames.cell[frame], _PERIODIC: frames.periodic[frame].astype(np.uint8)}
    texts: dict[str, str] = {}
    for key, some in ((keys.name, frames.names), (keys.smiles, frames.smiles)):
        texts |= {key: some[frame]} if key and len(some) else {}
    return _saved({name: np.asarray(array) for name, array in arrays.items() if not np.isnan(array).all()}, texts)


def _saved(arrays: Mapping[str, np.ndarray], texts: Mapping[str, str]) -> bytes:
    """The form of safetensors; its library writes the texts in another order each time."""
    header: dict[str, Any] = {"__metadata__": dict(texts)} if texts else {}
    data, place = [], 0
    for name, array in arrays.items():
        kind = {"f": "F", "i": "I", "u": "U"}[array.dtype.kind] + str(8 * array.dtype.itemsize)
        data.append(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [place, place + len(data[-1])]}
        place += len(data[-1])
    text = json_text(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(data)


def _values(path: Path) -> Iterator[tuple[bytes, bytes]]:
    return ((key, value) for key, value in entries(path) if key != _FACTS)


def _stated(path: Path) -> dict[str, Any]:
    text = next((value for key, value in entries(path) if key == _FACTS), b"{}")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return stated_facts(given) if isinstance(given, dict) else {}


def _decoded(value: bytes) -> tuple[dict[str, np.ndarray], dict[str, str], str]:
    """Arrays and texts of a value, and what is wrong with it."""
    if value[:1] == b"\x80" and value[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") and value[2:8] != bytes(6):
        return {}, {}, "its value is a Python pickle, which is never opened"
    try:
        arrays = load(value)
        header = json.loads(value[8 : 8 + int.from_bytes(value[:8], "little")])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        return {}, {}, f"its value is no plain arrays: {in_short(error)}"
    texts = {name: text for name, text in header.get("__metadata__", {}).items() if isinstance(text, str)}
    return {name: array for name, array in arrays.items() if array.dtype.kind in "fiub"}, texts, ""


def _add(frames: FrameCollector, arrays: Mapping[str, np.ndarray], texts: Mapping[str, str], keys: Keys) -> None:
    numbers, positions = arrays[keys.numbers], np.asarray(arrays[keys.positions], np.float64)
    forces = [arrays.get(name, np.full((len(numbers), 3), np.nan)) for name in keys.forces]
    energies, properties = (
        [[float(arrays[name].reshape(())) if name in arrays else np.nan for name in some]]
        for some in (keys.energies, keys.properties)
    )
    frames.add(
        numbers.astype(np.int64), positions[None], energies, np.stack(forces, axis=-1)[None] if forces else None, properties=properties,
        charge=arrays.get(keys.charge, np.zeros(())).reshape(()), multiplicity=arrays.get(keys.multiplicity, np.zeros(())).reshape(()),
        cell=arrays[_CELL].reshape(1, 3, 3) if _CELL in arrays else None,
        periodic=arrays[_PERIODIC].reshape(1, 3) if _PERIODIC in arrays else None, name=texts.get(keys.name, ""),
        smiles=texts.get(keys.smiles, ""),
    )  # fmt: skip
