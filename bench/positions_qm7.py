"""Whether coordinates help: gps_plus_plus with and without the geometries of QM7, on held-out energies.

    HOOKE_MIRROR=... OMP_NUM_THREADS=1 python bench/positions_qm7.py FOLDER [--epochs 12] [--seeds 1]

The 7,101 geometries become an SD file (bonds by RDKit), their energies of formation (PBE0, kcal/mol) the labels. Both networks have the same
split, seeds and options; without coordinates `positions = false`. Printed: mean absolute errors on the test rows, and the paired difference
with its 95 % bootstrap interval over molecules. Records that RDKit gives no bonds are counted and left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
from pathlib import Path

import numpy as np
import polars as pl
from rdkit import Chem, rdBase
from rdkit.Chem import rdDetermineBonds

import hooke

LABEL = "pbe0_hof_kcal"


def geometries(folder: Path) -> Path:
    """The SD file, made once."""
    target = folder / "qm7.sdf"
    if target.exists():
        return target
    source = Path(os.environ["HOOKE_MIRROR"]) / "quantum/qm7_geometries_7101.extxyz.gz"
    lines = gzip.decompress(source.read_bytes()).decode().splitlines()
    place, left_out = 0, 0
    with Chem.SDWriter(str(target)) as writer, rdBase.BlockLogs():
        while place < len(lines):
            count = int(lines[place])
            atoms = [" ".join(line.split()[:4]) for line in lines[place + 2 : place + 2 + count]]
            molecule = Chem.MolFromXYZBlock("\n".join([str(count), "", *atoms]) + "\n")
            energy = next(part for part in lines[place + 1].split() if part.startswith(LABEL)).split("=")[1]
            place += count + 2
            try:
                rdDetermineBonds.DetermineBonds(molecule, charge=0)
                Chem.SanitizeMol(molecule)
                Chem.AssignStereochemistryFrom3D(molecule)
            except (ValueError, RuntimeError):
                left_out += 1
                continue
            molecule.SetProp(LABEL, energy)
            writer.write(molecule)
    print(f"{left_out} geometries without bonds")
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = geometries(options.folder)
    errors: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for seed in range(options.seeds):
        for positions in (True, False):
            run = hooke.fit(
                "csv", csv=path, targets=LABEL, runs=options.folder / "runs", report=False, seed=seed,
                overrides=[
                    "model.name=gps_plus_plus", "model.preset=tiny", f"model.positions={str(positions).lower()}", "model.kernels=32",
                    *([f"encodings.positions={path}"] if positions else []), "encodings.random_walk=8",
                    f"train.epochs={options.epochs}", "train.batch_size=32", "train.learning_rate=3e-3", "train.clip=5",
                    "train.threads=1", "train.ensemble=1", "data.split.kind=random",
                ],
            )  # fmt: skip
            found = pl.read_parquet(run.run.path("predictions_test.parquet")).sort("row")
            errors[positions].append((found[LABEL] - found[f"{LABEL}_measured"]).abs().to_numpy())
            print(json.dumps({"seed": seed, "positions": positions, **run.metrics["test"]["graph"][LABEL]}))
    with_, without = (np.stack(errors[positions]).mean(axis=0) for positions in (True, False))
    draws = np.random.default_rng(0).integers(0, len(with_), (2000, len(with_)))
    low, high = np.quantile((with_ - without)[draws].mean(axis=1), [0.025, 0.975])
    means = {"mae_with": with_.mean(), "mae_without": without.mean(), "difference": (with_ - without).mean()}
    print(json.dumps({"test": len(with_), **means, "interval": [low, high]}))


if __name__ == "__main__":
    main()
