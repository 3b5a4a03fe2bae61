"""Does self-supervision help? GPSE and GROVER, pretrained without labels, against their own untrained selves.

    python bench/self_supervision.py RESULTS.jsonl MOLECULES... [--encoders gpse grover] [--tasks moleculenet/esol ...] [--seeds 0 1 2 3 4]

MOLECULES are tables or SMILES files (zinc/zinc250k_jtvae_valid.smi.gz of the mirror, molecules/deepchem_chembl_5thresh.csv.gz ...); of each the
first `--molecules` that are no molecule of the probed tables are used. For each seed an encoder is pretrained without labels, and once more with
a learning rate of 1e-12: the same first weights with the same batch statistics. Both are frozen and read out by a probe (linear unless
asked otherwise) on the same rows of each task. Printed: the part of the untrained error that pretraining took away on each task, and its
mean over tasks, with t intervals over seeds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np

import hooke
from hooke.core.hashing import content_hash
from hooke.core.paths import cache_folder
from hooke.core.recipe import Recipe
from hooke.evaluate.bootstrap import paired_difference
from hooke.evaluate.metrics import METRICS
from hooke.molecules.held_out import blocks_of
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.reading import column_names, read_table, smiles_column
from hooke.train.fit import fit, prepare

ENCODERS = ("gpse", "grover")
UNTRAINED = ["train.learning_rate=1e-12", "train.epochs=1", "train.max_steps=20"]
TASKS = ("moleculenet/esol", "moleculenet/freesolv", "moleculenet/bbbp")


def table_of(task: str) -> tuple[str, list[str]]:
    """Data set and its options of "moleculenet/esol"."""
    data, table = task.split("/")
    return data, [f"table={table}"]


def molecules(paths: list[Path], count: int, tasks: list[str]) -> Path:
    """A table of the first molecules of each file that no probed table holds, by the first block of their InChIKeys."""
    probed = [text for task in tasks for text in hooke.prepare_data(*table_of(task)).smiles()]
    tested = blocks_of(probed)
    kept = [text for path in paths for text in islice(_untested(path, tested), count)]
    table = cache_folder() / f"self_supervision_{content_hash(kept)[:8]}.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text("\n".join(["smiles", *kept]) + "\n")
    return table


def _untested(path: Path, tested: frozenset[str]) -> Iterator[str]:
    column = smiles_column(column_names(path), None)
    for chunk in read_table(path):
        for text in chunk.columns[column]:
            if text and not blocks_of([text]) & tested:
                yield text


def recipe(encoder: str, seed: int, table: Path, overrides: list[str]) -> Recipe:
    """The built-in recipe by which an encoder is pretrained, on one core."""
    machine = ["train.threads=1", "train.accelerator=cpu"]
    return hooke.load_recipe(f"{encoder}_pretrain", [f"data.path={table}", f"seed={seed}", *machine, *overrides])


def error(run: Path, task: str, split: str, seed: int, readouts: tuple[str, ...]) -> float:
    """A probe's RMSE, or 1 - ROC-AUC, on test rows: a mean over the labels."""
    report = hooke.probe(run, *table_of(task), split=split, readouts=readouts, seed=seed, show_progress=False)
    scores = [(METRICS[found.metric].higher_is_better, found.score.value) for found in report.labels]
    return float(np.mean([1 - score if higher else score for higher, score in scores]))


def trained_pair(encoder: str, seed: int, table: Path, store: MoleculeStore, options: argparse.Namespace) -> list[Path]:
    """Run folders of an encoder that learned, and of its untrained self."""
    return [
        fit(
            recipe(encoder, seed, table, [*options.overrides, *changes]),
            store=store,
            runs=Path(options.runs),
            reuse=True,
        ).folder
        for changes in ([], UNTRAINED)
    ]


def report_gains(rows: list[dict[str, Any]], encoder: str, split: str, tasks: list[str]) -> None:
    """Print by how much errors fall, task by task and over all."""
    seeds = sorted({row["seed"] for row in rows})
    gains = np.array([[gain(rows, split, task, seed) for task in tasks] for seed in seeds])
    for task, column in (*zip(tasks, gains.T, strict=True), ("all tasks", gains.mean(axis=1))):
        found = paired_difference(column, generator=np.random.default_rng(0))
        print(
            f"{encoder}, {split} rows, {task}: error falls by {found.value:.1%} [{found.low:.1%}, {found.high:.1%}]",
            flush=True,
        )


def gain(rows: list[dict[str, Any]], split: str, task: str, seed: int) -> float:
    """1 - error pretrained / error untrained."""
    [row] = [row for row in rows if (row["split"], row["task"], row["seed"]) == (split, task, seed)]
    return 1 - row["pretrained"] / row["untrained"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("--molecules", type=int, default=5000, help="of each source")
    parser.add_argument("--encoders", nargs="*", default=list(ENCODERS), choices=ENCODERS)
    parser.add_argument("--tasks", nargs="*", default=list(TASKS))
    parser.add_argument(
        "--splits", nargs="*", default=["held_out"], help="of the probed rows: held_out (by scaffold), random"
    )
    parser.add_argument(
        "--readouts", nargs="*", default=["linear"], help="of the probe: linear, forest; the better on validation rows"
    )
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--runs", default="runs/self_supervision")
    parser.add_argument("--overrides", nargs="*", default=[], help="changes of the pretraining, as a.b=c")
    options = parser.parse_args()
    table = molecules(options.sources, options.molecules, options.tasks)
    for encoder in options.encoders:
        rows = []
        store = prepare(recipe(encoder, 0, table, options.overrides))
        for seed in options.seeds:
            learned, untrained = trained_pair(encoder, seed, table, store, options)
            for task, split in product(options.tasks, options.splits):
                errors = [error(run, task, split, seed, tuple(options.readouts)) for run in (learned, untrained)]
                found = dict(zip(("pretrained", "untrained"), errors, strict=True))
                rows.append({"encoder": encoder, "task": task, "split": split, "seed": seed, **found})
                print(json.dumps(rows[-1]), flush=True)
        for split in options.splits:
            report_gains(rows, encoder, split, options.tasks)
        with open(options.results, "a") as file:
            for row in rows:
                file.write(json.dumps({**row, "readouts": options.readouts, "overrides": options.overrides}) + "\n")


if __name__ == "__main__":
    main()
