"""A mixture of four whole tables in one run: ESOL, Tox21 with half of its rows an epoch, two labels of QM9, charges of shuffled atoms.

    HOOKE_MIRROR=... OMP_NUM_THREADS=1 python bench/four_tables.py FOLDER [--epochs 2] [--model gine]

The tables are those of the mirror; charges are Gasteiger's, of all molecules of ESOL, written for atoms in random order with their numbers
in the SMILES. Printed: the summary of the run, wall and CPU seconds, and how far the stored charges are from those of their atoms.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import polars as pl
from rdkit import Chem, rdBase
from rdkit.Chem import rdPartialCharges

import hooke

RECIPE = """
[data]
name = "mixture"
[data.tables.esol]
path = {esol}
labels = ["logp"]
[data.tables.tox21]
path = {tox21}
share = 0.5
[data.tables.qm9]
path = {qm9}
labels = ["homo", "lumo"]
[data.tables.charges]
path = {charges}
labels = ["gasteiger"]
level = "node"
[model]
name = "{model}"
preset = "tiny"
[task]
name = "multitask"
balance = 1.0
[task.tables.esol]
loss = "mae"
[task.tables.tox21]
weight = 0.5
hidden_width = 24
[task.tables.charges]
loss = "huber"
hidden_layers = 2
[train]
epochs = {epochs}
batch_size = 128
threads = 1
"""


def charges(molecule: Chem.Mol) -> np.ndarray:
    rdPartialCharges.ComputeGasteigerCharges(molecule)
    return np.array([atom.GetDoubleProp("_GasteigerCharge") for atom in molecule.GetAtoms()])


def shuffled(texts: list[str]) -> pl.DataFrame:
    generator, rows = np.random.default_rng(0), []
    for text in texts:
        molecule = Chem.MolFromSmiles(text)
        found = charges(molecule) if molecule is not None else np.array([np.nan])
        if not np.isfinite(found).all():
            continue
        order = generator.permutation(len(found))
        values = np.empty(len(order))
        values[order] = found
        for atom, number in zip(molecule.GetAtoms(), order.tolist(), strict=True):
            atom.SetAtomMapNum(number + 1)
        rows.append({"ordered_smiles": Chem.MolToSmiles(molecule), "gasteiger": json.dumps(values.tolist())})
    return pl.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--model", default="gine")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    mirror = Path(os.environ["HOOKE_MIRROR"])
    sources = {
        "esol": "moleculenet/delaney.csv.gz",
        "tox21": "moleculenet/tox21.csv.gz",
        "qm9": "quantum/graphium_micro_qm9.csv.gz",
    }
    paths = {name: mirror / source for name, source in sources.items()}
    paths["charges"] = options.folder / "charges.csv"
    with rdBase.BlockLogs():
        shuffled(pl.read_csv(paths["esol"])["smiles"].to_list()).write_csv(paths["charges"])
    recipe = options.folder / "four.toml"
    written = {name: json.dumps(str(path)) for name, path in paths.items()}
    recipe.write_text(RECIPE.format(**written, epochs=options.epochs, model=options.model))
    wall, cpu = time.perf_counter(), time.process_time()
    run = hooke.fit(recipe, runs=options.folder / "runs", report=False, workers=1, show_progress=False)
    print(run.summary())
    print(f"{time.perf_counter() - wall:.0f} s, {time.process_time() - cpu:.0f} CPU-s")
    store = hooke.MoleculeStore.open(Path(run.run.info["store"]))
    differences = [0.0]
    for row, text in enumerate(store.smiles()):
        found = store.read(np.array([row])).targets["node"][:, 0]
        if not np.isnan(found).any():
            differences.append(float(np.abs(found - charges(Chem.MolFromSmiles(text))).max()))
    print(f"charges of {len(differences) - 1:,} molecules, at most {max(differences):.1e} from those of their atoms")


if __name__ == "__main__":
    main()
