"""A flow to conformers on ten molecules that it has seen, and on molecules with two to six stereo elements.

    python bench/conformer_flow.py ten FOLDER [RUN] [--epochs 80] [--steps 25]
    python bench/conformer_flow.py stereo FOLDER RUN SMILES [--steps 25] [--number 2]

`ten` writes one MMFF94 conformer of each of ten molecules (forty copies, so that an epoch is forty steps), trains `conformers_small` on them
from the harmonic prior unless a run is given, and prints the heavy-atom RMSD over symmetry of ten samples of each after stereo repair. `stereo`
makes conformers of a file of SMILES by a run, without relaxation, and counts what made them and how many have a wrong tag, as RDKit perceives
it from the geometry.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdMolAlign

import hooke

TEN = (
    "C[C@H](O)[C@@H](N)C(=O)O", "C/C=C/[C@H](C)O", "O[C@@H]1CCC[C@H]1N", "CC(=O)N[C@@H](C)C#N", "c1ccccc1O", "C[C@@H]1CO1", "CCOC(=O)C",
    "C[C@H](F)[C@H](Cl)CO", "N#CC1CC1", "CC(C)/C=N/O",
)  # fmt: skip
COPIES, SAMPLES = 40, 10


def conformer_of(smiles: str) -> Chem.Mol:
    """One conformer by ETKDG and MMFF94."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(Chem.CanonSmiles(smiles)))
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = 1
    rdDistGeom.EmbedMultipleConfs(molecule, 1, parameters)
    rdForceFieldHelpers.MMFFOptimizeMolecule(molecule)
    return molecule


def written(path: Path, records: list[Chem.Mol]) -> Path:
    """An SD file."""
    with Chem.SDWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def rows_of(path: Path) -> pl.DataFrame:
    """The conformers of a Parquet file."""
    return pl.read_parquet(path).filter(pl.col("pos").is_not_null())


def placed(row: dict[str, object]) -> Chem.Mol:
    """A row as a molecule without stereo of its own."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(str(row["smiles"])))
    Chem.RemoveStereochemistry(molecule)
    conformer = Chem.Conformer(molecule.GetNumAtoms())
    conformer.SetPositions(np.array(row["pos"]).reshape(-1, 3))
    molecule.AddConformer(conformer)
    return molecule


def ten(folder: Path, run: Path | None, epochs: int, steps: int) -> None:
    """Train, sample, and print distances."""
    records = [conformer_of(smiles) for smiles in TEN]
    data = written(folder / "ten.sdf", records * COPIES)
    table = folder / "ten.smi"
    table.write_text("".join(f"{smiles}\n" for smiles in TEN))
    options = [
        f"data.path={data}", "data.most=0", "data.split.kind=random", "data.split.fractions=[0.95,0.05,0.0]", f"train.epochs={epochs}",
        "train.batch_size=10", "train.learning_rate=2e-3", "train.threads=1", "task.prior=harmonic", "conformers.starts=0",
    ]  # fmt: skip
    if run is None:
        started = time.process_time()
        run = hooke.fit("conformers_small", overrides=options, runs=folder / "runs", show_progress=False).folder
        print(f"trained for {time.process_time() - started:.0f} CPU s")
    hooke.conformers.generate(
        table, folder / "made.parquet", number=SAMPLES, method="flow", run=run, steps=steps, relax="none", workers=0, resume=False
    )  # fmt: skip
    made, every = rows_of(folder / "made.parquet"), []
    for number, record in enumerate(records, start=1):
        heavy = Chem.RemoveHs(record)
        found = [
            rdMolAlign.GetBestRMS(Chem.RemoveHs(placed(row)), heavy)
            for row in made.filter(pl.col("row") == number).to_dicts()
        ]
        print(f"{TEN[number - 1]}: median {np.median(found):.3f} Å, largest {max(found):.3f}")
        every += found
    print(f"median of {len(every)}: {np.median(every):.3f} Å; sources {dict(Counter(made['source'].to_list()))}")


def stereo(folder: Path, run: Path, table: Path, steps: int, number: int) -> None:
    """Count sources and wrong tags."""
    report = hooke.conformers.generate(
        table, folder / "stereo.parquet", number=number, method="flow", run=run, steps=steps, relax="none", workers=0, resume=False
    )  # fmt: skip
    wrong = 0
    for row in rows_of(folder / "stereo.parquet").to_dicts():
        molecule = placed(row)
        Chem.AssignStereochemistryFrom3D(molecule)
        wrong += not Chem.RemoveHs(molecule).HasSubstructMatch(Chem.MolFromSmiles(row["smiles"]), useChirality=True)
    print(report.summary())
    own = sum(count for source, count in report.sources.items() if not source.startswith("etkdg"))
    print(
        f"{report.conformers} conformers, {wrong} with a wrong tag, {own / report.conformers:.1%} by the flow or its repair"
    )


def main() -> None:
    """Choose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ten", "stereo"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("smiles", type=Path, nargs="?")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--number", type=int, default=2)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.what == "ten":
        ten(options.folder, options.run, options.epochs, options.steps)
    else:
        stereo(options.folder, options.run, options.smiles, options.steps, options.number)


if __name__ == "__main__":
    main()
