"""chemprop as a system of a suite: trained on the same rows, scored on the same test rows, written beside Hooke's scores.

    python bench/suites_chemprop.py SUITE SCORES.jsonl CHEMPROP [--tasks a,b] [--seeds 1] [--epochs 20]

CHEMPROP is the `chemprop` command of its own environment. SCORES.jsonl is the file that `hooke benchmark SUITE` wrote into its runs folder; its
next call reports the new rows as the system "chemprop". Rows that are there are not made again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl

from hooke.core.files import whole_lines
from hooke.core.how import QUIET
from hooke.core.json_text import json_text
from hooke.core.recipe import SplitSection, load_recipe
from hooke.datasets import moleculeace
from hooke.evaluate.metrics import METRICS
from hooke.molecules.splitting import split_store
from hooke.studies.evaluation import CLIFF, SuiteRow, prepared, row_from_json
from hooke.suites import Suite, SuiteTask, suite


def predicted(chemprop: str, table: pl.DataFrame, kind: str, seed: int, epochs: int) -> np.ndarray:
    """(test rows,) predictions of one network with chemprop's defaults."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        table.write_csv(path)
        command = [
            chemprop, "train", "-i", str(path), "-s", "smiles", "--target-columns", "y", "--splits-column", "split", "-t", kind, "-o", folder,
            "--epochs", str(epochs), "--pytorch-seed", str(seed), "--data-seed", str(seed), "--accelerator", "cpu", "-q",
        ]  # fmt: skip
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return pl.read_csv(next(Path(folder).rglob("test_predictions.csv")))["y"].to_numpy().astype(float)


def rows_of(chosen: Suite, task: SuiteTask, chemprop: str, seed: int, epochs: int) -> list[SuiteRow]:
    """The scores of one task, on the split that `run_suite` makes."""
    store = prepared(task, load_recipe("shelfmix_finetune"))
    split = split_store(store, SplitSection(kind="held_out", seed=seed))
    truth = store.graph_labels()[0][:, 0].astype(float)
    parts = {"train": split.train, "val": split.valid, "test": split.test}
    table = pl.concat(
        [
            pl.DataFrame({"smiles": store.smiles(rows), "y": truth[rows], "split": [part] * len(rows)})
            for part, rows in parts.items()
        ]
    )
    kind = "classification" if store.level_labels("graph")[0].kind == "binary" else "regression"
    found, measured = predicted(chemprop, table, kind, seed, epochs), truth[split.test]
    rows = [
        SuiteRow(
            task.name, seed, "chemprop", task.metric,
            float(METRICS[task.metric](found[:, None], measured[:, None])[0]), len(measured), f"{epochs} epochs",
        )
    ]  # fmt: skip
    if chosen.cliffs:
        marks = np.array(moleculeace.Dataset(moleculeace.Config(**task.options)).cliffs(QUIET))
        cliff = marks[store.source_rows(split.test) - 1]
        error = float(np.sqrt(np.mean((found - measured)[cliff] ** 2)))
        rows.append(SuiteRow(task.name, seed, "chemprop", CLIFF, error, int(cliff.sum())))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite")
    parser.add_argument("scores", type=Path)
    parser.add_argument("chemprop")
    parser.add_argument("--tasks", default="")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=20)
    given = parser.parse_args()
    chosen = suite(given.suite)
    rows = [row_from_json(line) for line in whole_lines(given.scores)]
    done = {(row.task, row.seed) for row in rows if row.system == "chemprop"}
    for task in chosen.tasks:
        for seed in range(given.seeds):
            if (task.name, seed) in done or (given.tasks and task.name not in given.tasks.split(",")):
                continue
            made = rows_of(chosen, task, given.chemprop, seed, given.epochs)
            with open(given.scores, "a") as file:
                file.write("".join(json_text(asdict(row)) + "\n" for row in made))
            print(*made, sep="\n", flush=True)


if __name__ == "__main__":
    main()
