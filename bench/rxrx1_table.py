"""The RxRx1 task on its simulated twin: corrections of batch effects in the network and on frozen features, in one table.

    python bench/rxrx1_table.py OUT [--seeds 3] [--epochs 20] [--genes 24] [--experiments 24] [--threads 0]

A DenseNet learns which siRNA each field shows, by ERM, CORAL, DANN, IRM and GroupDRO. "AdaBN" is the ERM network with the batch-norm
statistics of each experiment's own fields (those of training experiments as well); "TVN on frozen features" is a ridge classifier
on the ERM network's embeddings after TVN by experiment, "frozen features" the same without. Splits are those of WILDS: "in" is the second
site of the training wells, "out" are experiments that no training saw. Accuracies are over fields, treated wells alone count, and
chance is one over the number of classes. OUT keeps screen, runs and results.jsonl: a stopped call goes on, finished parts are not
done again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hooke.core.runs import RunFolder
from hooke.datasets import rxrx1
from hooke.evaluate.correction import correct
from hooke.images.batch import ImageBatch
from hooke.images.screen import Screen
from hooke.images.screen_config import ScreenConfig
from hooke.images.screen_files import write_rxrx1
from hooke.images.store import ImageStore
from hooke.inference.embed_wells import View, embed_fields, resolved
from hooke.inference.image_run import LoadedImageRun
from hooke.nn.batch_statistics import adapted
from hooke.train.fit import fit
from hooke.train.image_member import class_codes, image_loader
from hooke.train.recipe import Recipe, load_recipe

TASKS = {
    "ERM": "perturbation_classification", "CORAL": "coral", "DANN": "dann", "IRM": "irm", "GroupDRO": "group_dro",
}  # fmt: skip
METHODS = (*TASKS, "AdaBN", "frozen features", "TVN on frozen features")


def twin(options: argparse.Namespace) -> ImageStore:
    config = ScreenConfig(
        "rxrx1", seed=options.screen_seed, size=64, modules=options.genes // 4, genes_per_module=4, lone_genes=0, inactive_genes=0,
        guides=1, compounds=0, experiments=options.experiments, controls=8, sites=2,
    )  # fmt: skip
    files = options.out / f"twin-{options.screen_seed}-{options.genes}-{options.experiments}"
    if not (files / "done").exists():
        write_rxrx1(files, Screen(config))
        (files / "done").touch()
    return rxrx1.Dataset(rxrx1.Config(path=str(files), tile=64)).prepare(options.out / "stores", workers=0)


def recipe(task: str, seed: int, options: argparse.Namespace) -> Recipe:
    return load_recipe(
        "tiny_wsl",
        [
            f"name=rxrx1_{task}", "data.name=rxrx1", f"data.path={options.out}", "data.split.kind=column", "data.split.column=split",
            f"task.name={task}", f"train.epochs={options.epochs}", "train.batch_size=48", "train.learning_rate=2e-3",
            f"train.threads={options.threads}", f"seed={seed}",
        ],
    )  # fmt: skip


def parts(store: ImageStore) -> dict[str, np.ndarray]:
    words = store.metadata["split"].to_numpy().astype(str)
    treated = ~store.control
    return {
        "train": np.flatnonzero(words == "train"),
        "in": np.flatnonzero((words == "id_test") & treated),
        "out": np.flatnonzero((words == "test") & treated),
    }


def batches(store: ImageStore, rows: np.ndarray, chosen: Recipe, run: LoadedImageRun) -> Iterator[ImageBatch]:
    return image_loader(store, rows, chosen, run.setup, seed=None).epoch(0)


@torch.no_grad()
def right(store: ImageStore, rows: np.ndarray, chosen: Recipe, run: LoadedImageRun, *, adapt: bool) -> float:
    """Accuracy; with `adapt` every experiment is seen with the statistics of all its own fields."""
    truth = class_codes(store, run.setup)
    hits = 0
    groups = (
        [rows[store.batch_index[rows] == batch] for batch in np.unique(store.batch_index[rows])] if adapt else [rows]
    )
    for group in groups:
        if adapt:
            own = np.flatnonzero(store.batch_index == store.batch_index[group[0]])
            with adapted(run.network, batches(store, own, chosen, run)):
                hits += _hits(store, group, chosen, run, truth)
        else:
            hits += _hits(store, group, chosen, run, truth)
    return hits / len(rows)


def _hits(store: ImageStore, rows: np.ndarray, chosen: Recipe, run: LoadedImageRun, truth: np.ndarray) -> int:
    return sum(
        int((run.network(batch).logits[run.setup.target].argmax(1).numpy() == truth[batch.rows.numpy()]).sum())
        for batch in batches(store, rows, chosen, run)
    )


def frozen(store: ImageStore, run: LoadedImageRun, method: str) -> dict[str, float]:
    """A ridge classifier on embeddings of fields."""
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values = embed_fields(run, store, np.arange(len(store)), resolved(run, store, View()))
    names = np.array(store.batches)[store.batch_index]
    values = correct(method, values, names, store.control)
    truth, rows = class_codes(store, run.setup), parts(store)
    probe = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-1, 4, 11)))
    probe.fit(values[rows["train"]], truth[rows["train"]])
    return {part: float((probe.predict(values[rows[part]]) == truth[rows[part]]).mean()) for part in ("in", "out")}


def score(method: str, seed: int, store: ImageStore, options: argparse.Namespace) -> dict[str, Any]:
    task = TASKS.get(method, TASKS["ERM"])
    chosen = recipe(task, seed, options)
    run: RunFolder = fit(chosen, runs=options.out / "runs", store=store, reuse=True)
    loaded = LoadedImageRun.open(run.folder, "cpu")
    if "frozen" in method:
        found = frozen(store, loaded, "tvn" if "TVN" in method else "none")
    else:
        rows = parts(store)
        found = {part: right(store, rows[part], chosen, loaded, adapt=method == "AdaBN") for part in ("in", "out")}
    return {"method": method, "seed": seed, **found, "chance": 1 / len(loaded.setup.classes), "data": store.content_hash[:12],
            "epochs": options.epochs}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    for name, default in (
        ("seeds", 3),
        ("epochs", 20),
        ("genes", 24),
        ("experiments", 24),
        ("threads", 0),
        ("screen-seed", 11),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    store = twin(options)
    path = options.out / "results.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {
        (line["method"], line["seed"]): line
        for line in lines
        if (line["data"], line["epochs"]) == (store.content_hash[:12], options.epochs)
    }
    for seed in range(options.seeds):
        for method in METHODS:
            if (method, seed) not in done:
                done[method, seed] = score(method, seed, store, options)
                with open(path, "a") as file:
                    file.write(json.dumps(done[method, seed]) + "\n")
    chance = next(iter(done.values()))["chance"]
    print(
        f"simulated twin of RxRx1: {round(1 / chance)} classes, chance {chance:.3f}, {options.seeds} seeds; mean ± deviation"
    )
    print(f"{'method':<26}{'in':>16}{'out':>16}")
    for method in METHODS:
        columns = [[done[method, seed][part] for seed in range(options.seeds)] for part in ("in", "out")]
        print(f"{method:<26}" + "".join(f"{np.mean(column):>9.3f} ± {np.std(column):.3f}" for column in columns))


if __name__ == "__main__":
    main()
