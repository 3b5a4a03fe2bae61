"""Take the weights of a run on codes of version 1 over to version 2, as a start for training, or change how its nodes are pooled.

    python scripts/renew_features.py RUN TARGET [--pooling KIND]
    hooke finetune TARGET RECIPE ...

Codes that both versions have keep their rows of the embedding table (handed centres, which version 1 calls by chance one way or the other,
had learnt both rows); those of new columns are small random numbers. Pooling has no weights; heads that do not fit another kind of it are
made anew in training.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from hooke.core.runs import RunFolder
from hooke.inference.loaded import LoadedRun
from hooke.inference.shipped import run_path
from hooke.molecules.vocabulary import atom_vocabularies
from hooke.nn.weights import read_weights

_TABLE = "atoms.table.rows.weight"
_SPREAD = 0.1  # of the rows of new codes; those of a new network have about 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--pooling", help="of the new run; default: as it was")
    given = parser.parse_args()
    loaded = LoadedRun.open(run_path(given.run), "cpu")
    shutil.copytree(
        loaded.run.folder, given.target, ignore=shutil.ignore_patterns("labels.json", "card.json", "report*")
    )
    renewed = RunFolder(given.target)
    spec = replace(loaded.run_spec, encodings=replace(loaded.run_spec.encodings, features=2))
    renewed.write_json("spec.json", spec.to_json())
    recipe = loaded.run.recipe
    model = {**recipe["model"], **({"pooling": given.pooling} if given.pooling else {})}
    renewed.write_json("recipe.json", {**recipe, "model": model, "encodings": {**recipe["encodings"], "features": 2}})
    print(f"{given.target}: {loaded!r}, as a start for training")
    if loaded.run_spec.encodings.features == 2:
        return
    before, after = (sum(vocabulary.size for vocabulary in atom_vocabularies(version)) for version in (1, 2))
    generator = torch.Generator().manual_seed(0)
    for path in sorted(given.target.glob("members/*/best.safetensors")):
        weights = read_weights(path)
        [name] = [name for name in weights if name.endswith(_TABLE)]
        rows = weights[name]
        new = _SPREAD * torch.randn(after - before, rows.shape[1], generator=generator)
        weights[name] = torch.cat([rows[:before], new.to(rows.dtype), rows[before:]])
        save_file(weights, path)


if __name__ == "__main__":
    main()
