"""Damaged files of frames: each is read, read in part, or refused in one line; nothing else may come out of a reader.

    python -W error bench/damaged_frames.py [--files 1000] [--only xyz npz]

Six frames are written in each format; then bytes are changed, cut out, repeated or overwritten, and one file in ten is cut short.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from hooke.atoms.facts import Facts
from hooke.atoms.formats import read_contents, read_frames
from hooke.atoms.keys import Keys
from hooke.atoms.twins import made_frames
from hooke.core.errors import HookeError

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
    parser.add_argument("--only", nargs="+", choices=[*FORMATS], default=[*FORMATS])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            measure(name, options.files, Path(folder))


if __name__ == "__main__":
    main()
