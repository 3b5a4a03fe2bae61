"""The conformer protocol "drug50": conformers of RDKit and of `hooke conformers generate`, scored against DFT geometries.

    python bench/drug50.py MIRROR [--every 1] [--rounds 1] [--speed] [--file CONFORMERS ...]

References are the records of MIRROR/conformers/conformer_benchmark_geometries.sdf.xz with at least five geometries, names sorted, every
14th: 50 molecules. 20 conformers of each, from the SMILES of the first record without hydrogens, seed 20261130. RDKit is called here as its
users call it (EmbedMultipleConfs, MMFFOptimizeMoleculeConfs with 200 iterations), and its scores are computed here by loops, beside those of
`hooke conformers score`. Speed: CPU seconds of RDKit's calls and of the whole of `generate` in one process (parsing, checks, Parquet), turn by
turn; `--speed` measures that alone. `--write FOLDER` leaves the SMILES and the references there; conformers made of them elsewhere (GFN2, a
flow) are scored with `--file`.
"""

from __future__ import annotations

import argparse
import lzma
import tempfile
import time
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdMolAlign

import hooke

GEOMETRIES = "conformers/conformer_benchmark_geometries.sdf.xz"
NUMBER, SEED, ITERATIONS = 20, 20261130, 200


def molecules(mirror: Path, every: int = 1) -> dict[str, list[Chem.Mol]]:
    """Name -> its reference geometries."""
    found: dict[str, list[Chem.Mol]] = {}
    with lzma.open(mirror / GEOMETRIES) as file:
        for record in Chem.ForwardSDMolSupplier(file, removeHs=False):
            found.setdefault(record.GetProp("name"), []).append(record)
    names = sorted(name for name, records in found.items() if len(records) >= 5)[::14][::every]
    return {name: found[name] for name in names}


def written(path: Path, records: list[Chem.Mol]) -> Path:
    """An SD file."""
    with Chem.SDWriter(str(path)) as writer:
        writer.SetForceV3000(True)
        for record in records:
            writer.write(record)
    return path


def smiles_of(records: list[Chem.Mol]) -> str:
    """Of the first record, without its hydrogens."""
    return Chem.MolToSmiles(Chem.RemoveHs(records[0]))


def by_rdkit(records: list[Chem.Mol], *, minimised: bool) -> Chem.Mol:
    """RDKit's conformers of a molecule."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles_of(records)))
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = SEED
    rdDistGeom.EmbedMultipleConfs(molecule, NUMBER, parameters)
    if minimised:
        rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(molecule, maxIters=ITERATIONS)
    return molecule


def plain_scores(samples: list[Chem.Mol], references: list[list[Chem.Mol]]) -> tuple[float, float, float, float]:
    """COV-R(0.75), AMR-R, COV-P(0.75) and AMR-P by RDKit's calls alone."""
    rows = []
    for molecule, records in zip(samples, references, strict=True):
        heavy, known = Chem.RemoveHs(molecule), [Chem.RemoveHs(record) for record in records]
        count = range(heavy.GetNumConformers())
        distances = np.array([[rdMolAlign.GetBestRMS(heavy, one, n, maxMatches=2000) for n in count] for one in known])
        recall, precision = distances.min(axis=1), distances.min(axis=0)
        rows.append(((recall <= 0.75).mean(), recall.mean(), (precision <= 0.75).mean(), precision.mean()))
    covered, recall, near, precision = np.mean(rows, axis=0).tolist()
    return covered, recall, near, precision


def single(molecule: Chem.Mol) -> list[Chem.Mol]:
    """A record for each conformer."""
    return [Chem.Mol(molecule, confId=conformer.GetId()) for conformer in molecule.GetConformers()]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mirror", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--speed", action="store_true", help="No scores.")
    parser.add_argument("--write", type=Path, help="Leave drug50.smi and references.sdf in this folder and stop.")
    parser.add_argument("--file", type=Path, action="append", default=[], help="Other conformers to score.")
    options = parser.parse_args()
    known = molecules(options.mirror, options.every)
    with tempfile.TemporaryDirectory() as name:
        folder = options.write or Path(name)
        folder.mkdir(exist_ok=True)
        references = written(folder / "references.sdf", [record for records in known.values() for record in records])
        table = folder / "drug50.smi"
        table.write_text("".join(f"{smiles_of(records)} {name}\n" for name, records in known.items()))
        if options.write:
            return
        seconds: dict[str, list[float]] = {"rdkit": [], "hooke": []}
        files: dict[str, Path] = {}
        for number in range(options.rounds):
            for minimised, kind in ((False, "etkdg"), (True, "etkdg + mmff")):
                if options.speed and not minimised:
                    continue
                with rdBase.BlockLogs():
                    started = time.process_time()
                    made = [by_rdkit(records, minimised=minimised) for records in known.values()]
                    taken = time.process_time() - started
                if minimised:
                    seconds["rdkit"].append(taken)
                if number == 0 and not options.speed:
                    files[f"rdkit {kind}"] = written(
                        folder / f"{kind[-4:]}.sdf", [each for one in made for each in single(one)]
                    )
                    plain = plain_scores(made, list(known.values()))
                    print(
                        f"rdkit {kind}, by its own calls: COV-R {plain[0]:.3f} AMR-R {plain[1]:.3f} COV-P {plain[2]:.3f} AMR-P {plain[3]:.3f}"
                    )
            output = folder / f"generated-{number}.parquet"
            started = time.process_time()
            hooke.conformers.generate(table, output, seed=SEED, workers=0, show_progress=False)
            seconds["hooke"].append(time.process_time() - started)
            files["hooke generate"] = output
        scored = {} if options.speed else {**files, **{path.name: path for path in options.file}}
        for kind, path in scored.items():
            report = hooke.conformers.score(path, references, baselines=False, workers=0, show_progress=False)
            header, rows = report.table()
            print(
                f"{kind}: " + "; ".join(f"{name} {value}" for name, value in zip(header[1:], rows[0][1:], strict=True))
            )
            mmff = hooke.conformers.score(
                files["hooke generate"], references, baselines=False, workers=0, show_progress=False
            )
            pairs = [
                (mine.strict.recall - theirs.strict.recall)
                for mine, theirs in zip(report.systems[0].molecules, mmff.systems[0].molecules, strict=True)
            ]
            mean, half = np.mean(pairs), 1.96 * np.std(pairs, ddof=1) / np.sqrt(len(pairs))
            print(
                f"  AMR-R minus that of `generate`, same molecules: {mean:+.4f} [{mean - half:+.4f}, {mean + half:+.4f}]"
            )
        ratios = np.array(seconds["rdkit"]) / np.array(seconds["hooke"])
        print(
            f"CPU s of ETKDG + MMFF: rdkit {seconds['rdkit']}, hooke {seconds['hooke']}; hooke's speed {ratios.round(3).tolist()} x RDKit's"
        )


if __name__ == "__main__":
    main()
