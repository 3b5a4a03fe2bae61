"""Damaged files of frames: each is read, read in part, or refused in one line; nothing else may come out of a reader.

    python -W error bench/damaged_frames.py [--files 1000] [--only xyz npz]

Six frames are written in each format; then bytes are changed, cut out, repeated or overwritten, and one file in ten is cut short. Of `qm1b`
the files themselves are sound: tables in QM1B's schema whose cells, types and columns are changed, prepared by the data set `qm1b`; what came in
is what is in the store or in its list of refused rows.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hooke.atoms.facts import Facts
from hooke.atoms.formats import read_contents, read_frames
from hooke.atoms.keys import Keys
from hooke.atoms.twins import made_frames
from hooke.core.errors import HookeError
from hooke.core.how import QUIET
from hooke.datasets.quantum import qm1b

FORMATS = {
    "xyz": ".extxyz",
    "sdf": ".sdf",
    "npz": ".npz",
    "parquet": ".parquet",
    "ase_db": ".db",
    "hdf5": ".h5",
    "lmdb": ".lmdb",
    "qm9": ".tar",
}
FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "total", ("gfn2", "gfn1"), ("gfn2",), (("gap", "eV"),))


def damaged(whole: bytes, generator: np.random.Generator) -> bytes:
    """A copy with 1 to 79 faults."""
    data = bytearray(whole)
    for _ in range(int(generator.integers(1, 80))):
        place, kind = int(generator.integers(len(data))), generator.random()
        if kind < 0.15 and len(data) > 100:
            del data[place : place + int(generator.integers(1, 60))]
        elif kind < 0.25:
            data[place:place] = data[: int(generator.integers(1, 40))]
        elif kind < 0.3:
            data[place : place + 8] = b"\xff" * 8
        else:
            data[place] = int(generator.integers(256))
    return bytes(data[: int(generator.integers(len(data)))] if generator.random() < 0.1 else data)


ODD_CELLS = (
    None, float("nan"), float("inf"), -1.0, 0.0, 1e308, 2**40, True, "", "8", "C" * 9, [], [None], [8], [8.5, 1.0], [0, 1, 1], [119], [-8],
    [2**40], [[0.0, 0.0, 1.0]], [[8]], [float("nan")] * 9, [float("inf")] * 9, [0.0] * 9, [1e200] * 9, [0.0] * 8, ["8", "1", "1"], {"z": [8]},
)  # fmt: skip
ODD_TYPES = (
    pa.float32(), pa.int8(), pa.uint64(), pa.string(), pa.large_list(pa.float64()), pa.list_(pa.float32()), pa.list_(pa.int8()),
    pa.list_(pa.string()), pa.list_(pa.float64(), 9), pa.list_(pa.list_(pa.float64())), pa.dictionary(pa.int32(), pa.string()),
    pa.decimal128(20, 4), pa.timestamp("us"), pa.null(),
)  # fmt: skip


def odd_table(generator: np.random.Generator) -> pa.Table:
    """Up to eight rows in QM1B's schema with one to six changes, of cells and of whole columns."""
    water = {
        "smile": "O",
        "atoms": "OHH",
        "z": [8, 1, 1],
        "energy": -2000.0,
        "homo": -5.0,
        "lumo": 5.0,
        "N": 7,
        "std": 1e-4,
        "y": 10.0,
    }
    places = np.array([[0.0, 0, 0], [1.8, 0, 0], [-0.5, 1.7, 0]])
    rows = int(generator.integers(9))
    columns = {name: [value] * rows for name, value in water.items()}
    columns["pos"] = [(places + 0.01 * generator.normal(size=(3, 3))).ravel().tolist() for _ in range(rows)]
    arrays = {name: pa.array(values) for name, values in columns.items()}
    for _ in range(int(generator.integers(1, 7))):
        name, kind = str(generator.choice(list(columns))), generator.random()
        try:
            if kind < 0.6 and rows:
                columns[name][int(generator.integers(rows))] = ODD_CELLS[int(generator.integers(len(ODD_CELLS)))]
                arrays[name] = pa.array(columns[name])
            elif kind < 0.85:
                arrays[name] = pa.array(columns[name], ODD_TYPES[int(generator.integers(len(ODD_TYPES)))])
            elif kind < 0.95:
                arrays.pop(name, None)
            else:
                arrays[f"{name} again"] = arrays[name]
        except (pa.ArrowException, TypeError, ValueError, KeyError, OverflowError):
            continue  # no table can hold that
    return pa.table(arrays)


def measure_qm1b(files: int, folder: Path) -> None:
    """Sound files of odd tables, each prepared as a data set."""
    outcomes = Counter(
        prepared_qm1b(odd_table(np.random.default_rng(seed)), folder / str(seed)) for seed in range(files)
    )
    print("qm1b", ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())), flush=True)


def prepared_qm1b(table: pa.Table, folder: Path) -> str:
    """What becomes of a table: read, read in part or refused in one line."""
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "a.parquet")
    try:
        store = qm1b.Dataset(qm1b.Config(path=str(folder / "a.parquet"))).prepare(folder / "stores", QUIET)
    except HookeError as error:
        if "\n" in str(error):
            raise SystemExit(f"{folder}: more than one line: {error}") from error
        return "refused in one line"
    counts = store.description["counts"]
    if counts["frames"] + counts["refused"] != len(table) or counts["frames"] != len(store):
        raise SystemExit(f"{folder}: {len(table)} rows came in, the store says {counts}")
    return "read in part" if counts["refused"] else "read"


def measure(name: str, files: int, folder: Path) -> None:
    keys = Keys(
        ("energy", "e2"), () if name == "sdf" else ("forces",), ("gap",), "z", "R", "charge", "spin", "smiles", "name"
    )
    path, outcomes = folder / f"a{FORMATS[name]}", Counter[str]()
    importlib.import_module(f"hooke.atoms.formats.{name}").write(
        path, made_frames(FACTS).select(np.arange(6)), keys, FACTS
    )
    whole = path.read_bytes()
    for seed in range(files):
        path.write_bytes(damaged(whole, np.random.default_rng(seed)))
        try:
            read_contents(path, keys)
            blocks = list(read_frames(path, keys))
        except HookeError as error:
            if "\n" in str(error):
                raise SystemExit(f"seed {seed}: more than one line: {error}") from error
            outcomes["refused in one line"] += 1
        else:
            left_out = any(rejected for _, rejected in blocks)
            outcomes["read in part" if left_out else "read"] += 1
    print(name, ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--only", nargs="+", choices=[*FORMATS, "qm1b"], default=[*FORMATS, "qm1b"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            if name == "qm1b":
                measure_qm1b(options.files, Path(folder))
            else:
                measure(name, options.files, Path(folder))


if __name__ == "__main__":
    main()
