"""Does pretraining on pocketmix help its held-out assay? Five seeds (five splits), paired differences with intervals.

    python bench/pretraining_helps.py RESULTS.jsonl [--seeds 5] [--recipe pocketmix] [--assay pocketmix_assay] [--tuning pocketmix_finetune]

For each seed: pretrain without the assay's test molecules, fine-tune, train the same network from scratch, fit the baselines; all
are scored by RMSE (kcal/mol) on the same test molecules.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import numpy as np

from hooke.core.recipe import load_recipe
from hooke.evaluate.bootstrap import paired_difference
from hooke.molecules.descriptors import baseline_features
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.splitting import split_store
from hooke.studies.baselines import fit_predict
from hooke.train.fit import finetune, fit, prepare


def one_seed(seed: int, options: argparse.Namespace) -> dict[str, float]:
    runs = Path(options.runs)
    pretrained = fit(
        load_recipe(options.recipe, [f"data.split_seed={seed}", f"seed={seed}", *options.pretrain]),
        runs=runs,
        reuse=True,
    )
    recipe = load_recipe(options.tuning, [f"data.split_seed={seed}", f"seed={seed}", *options.finetune])
    scores = {}
    for name, run in {
        "fine-tuned": finetune(pretrained.folder, recipe, runs=runs, reuse=True),
        "from scratch": fit(
            load_recipe(options.assay, [f"data.split_seed={seed}", f"seed={seed}", *options.scratch]),
            runs=runs,
            reuse=True,
        ),
    }.items():
        scores[name] = run.read_json("metrics.json")["test"]["graph"]["hydration_free_energy"]["rmse"]
    store = prepare(recipe)
    split = split_store(store, recipe.split)
    targets, _ = store.graph_labels()
    features = baseline_features(store.smiles())
    train = np.concatenate(
        [split.train, split.valid]
    )  # the baselines need no validation rows: they get them for training
    for name in ("mean", "ridge", "forest"):
        predicted = fit_predict(
            name, MoleculeSpec(store.labels), "graph", features[train], targets[train], features[split.test], seed=seed
        )
        scores[name] = float(np.sqrt(np.mean((predicted - targets[split.test]) ** 2)))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipe", default="pocketmix")
    parser.add_argument("--assay", default="pocketmix_assay")
    parser.add_argument("--tuning", default="pocketmix_finetune")
    parser.add_argument("--runs", default="runs/pretraining_helps")
    parser.add_argument("--pretrain", nargs="*", default=[], help="overrides of the pretraining recipe")
    parser.add_argument("--finetune", nargs="*", default=[], help="overrides of fine-tuning")
    parser.add_argument("--scratch", nargs="*", default=[], help="overrides of training from scratch")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    rows = []
    for seed in range(options.seeds):
        rows.append({"seed": seed, **one_seed(seed, options)})
        print(json.dumps(rows[-1]), flush=True)
    for other in ("from scratch", *("mean", "ridge", "forest")):
        difference = np.array([row["fine-tuned"] - row[other] for row in rows])
        found = paired_difference(difference, generator=np.random.default_rng(0))
        print(f"fine-tuned minus {other}: {found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]")
    with open(options.results, "a") as file:
        for row in rows:
            file.write(json.dumps({**row, "pretrain": options.pretrain, "finetune": options.finetune}) + "\n")


if __name__ == "__main__":
    main()
