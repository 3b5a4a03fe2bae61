"""One molecule, one vector, on real molecules: how far apart the vectors of five writings of each lie, for every model and shipped encoder.

    HOOKE_MIRROR=/data python bench/one_vector.py results.jsonl

Molecules: evenly spaced rows of the tables of MoleculeACE, tox21, approved drugs and ZINC in the mirror, half of them with marks of stereo.
Writings: those of `hooke.testing.writings`. Vectors in float32 of the "tiny" preset of every model of molecules with random weights, which reads
all encodings that have no arbitrary sign, and of the encoders inside the package. Reported are the largest distance of a molecule's writings,
relative to the length of its vector, and how many molecules lie above the tolerance. `gpse` reads random numbers for each place of a
molecule and is not measured.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

import hooke
from hooke.core import registry
from hooke.inference.shipped import shipped_names
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.batch import batches
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import ParseError, parse, silence_rdkit
from hooke.molecules.prepare import prepare
from hooke.molecules.spec import MoleculeSpec
from hooke.testing.writings import writings

TOLERANCE, BATCH = 1e-5, 256
ENCODINGS = EncodingConfig(
    random_walk=8, heat_kernel=4, electrostatic=True, commute=True, cycles=6, functional_groups=True
)
_STEREO = set("@/\\")


def read(mirror: Path) -> list[str]:
    """SMILES of all tables."""
    smiles = pl.read_parquet(mirror / "molecules" / "chembl_approved_drugs.parquet")["smiles"].drop_nulls().to_list()
    for path in [*sorted((mirror / "moleculeace").glob("*.csv.gz")), mirror / "moleculenet" / "tox21.csv.gz"]:
        table = pl.read_csv(path, infer_schema_length=0)
        smiles += table[next(name for name in table.columns if name.lower() == "smiles")].to_list()
    with gzip.open(mirror / "zinc" / "zinc250k_jtvae_test.smi.gz", "rt") as file:
        smiles += [line.split()[0] for line in file if line.strip()]
    return sorted(set(smiles))


def chosen(smiles: list[str], count: int) -> list[str]:
    """Molecules that parse, evenly spaced, half of them with marks of stereo."""
    found: list[str] = []
    for marked in (True, False):
        some = [text for text in smiles if bool(_STEREO & set(text)) is marked]
        part: list[str] = []
        for text in some[:: max(1, len(some) // count)]:
            try:
                parse(text)
            except ParseError:
                continue
            part.append(text)
        found += part[: count // 2]
    return found


def vectors(model: Any, arrays: MoleculeArrays) -> np.ndarray:
    """(N, width) float32."""
    with torch.inference_mode():
        return np.concatenate([model.embed(batch).numpy() for batch in batches(arrays, BATCH)])


def compared(given: np.ndarray, others: list[np.ndarray]) -> dict[str, Any]:
    """The largest relative distances."""
    length = np.maximum(np.linalg.norm(given, axis=1), 1e-12)
    worst = np.max([np.linalg.norm(given - other, axis=1) / length for other in others], axis=0)
    return {"largest": float(worst.max()), "median": float(np.median(worst)), "above": int((worst > TOLERANCE).sum())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--molecules", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="one model or encoder")
    given = parser.parse_args()
    silence_rdkit()
    torch.set_num_threads(1)
    smiles = chosen(read(Path(os.environ["HOOKE_MIRROR"])), given.molecules)
    generator = np.random.default_rng(given.seed)
    ways = [writings(text, generator) for text in smiles]
    texts = {name: [way[name] for way in ways] for name in ways[0]}
    models = [
        name
        for name in registry.names("models")
        if registry.modality_of("models", name) == "molecules" and name != "gpse"
    ]
    wanted = [name for name in (*models, *shipped_names()) if given.only in (None, name)]
    arrays = {}
    if set(wanted) & set(models):
        arrays = {name: prepare(some, encodings=ENCODINGS).arrays for name, some in {"given": smiles, **texts}.items()}
    rows = []
    for name in wanted:
        if name in models:
            module: Any = registry.module("models", name)
            torch.manual_seed(given.seed)
            model = module.Model(module.PRESETS["tiny"], MoleculeSpec(encodings=ENCODINGS)).eval()
            found = {way: vectors(model, each) for way, each in arrays.items()}
            rows.append({"encoder": name, **compared(found.pop("given"), list(found.values()))})
        elif (encoder := hooke.load(name, device="cpu")).modality == "molecules":
            own = encoder.embed(smiles)
            rows.append({"encoder": name, **compared(own, [encoder.embed(some) for some in texts.values()])})
    shared = {
        "molecules": len(smiles),
        "writings": len(texts),
        "seed": given.seed,
        "cpu_s": round(time.process_time(), 1),
    }
    given.output.write_text("".join(f"{json.dumps({**row, **shared})}\n" for row in rows))
    for row in rows:
        print(
            f"{row['encoder']:>18}: largest {row['largest']:.1e}, median {row['median']:.1e}, above {TOLERANCE}: {row['above']}"
        )


if __name__ == "__main__":
    main()
