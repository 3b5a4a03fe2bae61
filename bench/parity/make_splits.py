"""Write the five MoleculeNet tables with one split column, as both sides of the parity benchmark read them.

    python bench/parity/make_splits.py MIRROR OUT

One file for each (data set, split kind, seed): OUT/<set>-<kind>-<seed>.csv with columns smiles, the targets, split
("train", "val", "test": the words chemprop's `--splits-column` knows). Rows that RDKit does not parse are dropped and counted.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
from rdkit import Chem, RDLogger

from hooke.evaluate.splits import random_split, scaffold_balanced_split
from hooke.molecules.scaffolds import murcko_scaffold

TABLES = {"esol": "delaney", "freesolv": "freesolv", "lipophilicity": "lipo", "bbbp": "bbbp", "tox21": "tox21"}
SEEDS = range(5)


def main(mirror: Path, out: Path) -> None:
    RDLogger.DisableLog("rdApp.*")
    out.mkdir(parents=True, exist_ok=True)
    for name, stem in TABLES.items():
        table = pl.read_csv(mirror / "moleculenet" / f"{stem}.csv.gz", infer_schema_length=None)
        parses = [Chem.MolFromSmiles(smiles) is not None for smiles in table["smiles"]]
        kept = table.filter(pl.Series(parses))
        print(f"{name}: {len(kept)} molecules, {len(table) - len(kept)} rows that RDKit does not parse dropped")
        scaffolds = [murcko_scaffold(smiles) for smiles in kept["smiles"]]
        for seed in SEEDS:
            splits = {
                "random": random_split(len(kept), generator=np.random.default_rng(seed)),
                "scaffold": scaffold_balanced_split(scaffolds, generator=np.random.default_rng(seed)),
            }
            for kind, split in splits.items():
                labels = np.char.replace(split.labels(len(kept)), "valid", "val")
                kept.with_columns(pl.Series("split", labels)).write_csv(out / f"{name}-{kind}-{seed}.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
