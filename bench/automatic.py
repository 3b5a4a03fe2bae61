"""The automatic choice on ADMET (33 tasks) and MoleculeACE (15): fixed test rows, at most 2,000 training rows a table.

    HOOKE_MIRROR=... python bench/automatic.py run moleculeace|admet [--vectors minimol] [--candidates a,b] [--tasks a,b] [--budget 600]
    HOOKE_MIRROR=... python bench/automatic.py small [--tasks a,b]          30, 50 and 100 training rows of MoleculeACE, beside a forest
    python bench/automatic.py show [--variant NAME]                         tables of what is there, beside the recorded systems

Without --candidates the estimators alone are compared, no networks. A line a task and variant is added to bench/results/automatic.jsonl; lines
that are there are not made again. Of a table with more than 2,000 rows that are no test rows, 2,000 are drawn (`data.split.train_share`, seed
0): the line says of how many. The recorded systems (bench/results/suite-*.jsonl) learnt from all rows. CPU seconds are those of the whole fit
without a report: features, folds, last fits and predictions of the test rows, on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl

from hooke.core.files import append_lines, whole_lines
from hooke.core.json_text import json_text
from hooke.core.recipe import Recipe, SplitSection, resolve
from hooke.evaluate.metrics import METRICS
from hooke.modalities import trainable
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.splitting import split_store
from hooke.studies.baselines import fit_predict
from hooke.studies.evaluation import prepared
from hooke.studies.systems import _fingerprints
from hooke.suites import SuiteTask, suite
from hooke.train.fit import fit, split_of

RESULTS = Path(__file__).parent / "results"
LINES = RESULTS / "automatic.jsonl"
MOST, SIZES, DRAWS = 2000, (30, 50, 100), 3
ESTIMATORS = list(trainable("molecules", "fit").candidates)


def lines() -> list[dict[str, Any]]:
    """What is there."""
    return [json.loads(line) for line in whole_lines(LINES)]


def recipe_of(task: SuiteTask, rows: int, known: int, seed: int, **options: Any) -> Recipe:
    """The automatic recipe of a task on so many of its rows."""
    split = {"kind": "held_out", "seed": 0, "train_share": min(1.0, rows / known)}
    data = {"name": task.dataset, **task.options, "split": split}
    model = {"name": "auto", "vectors": [], "budget": 3600.0, "candidates": ESTIMATORS, **options}
    return resolve(
        {"name": f"automatic_{task.name}", "seed": seed, "data": data, "encodings": {"random_walk": 8}, "model": model}
    )


def score(task: SuiteTask, values: np.ndarray, truth: np.ndarray) -> float:
    """The task's metric."""
    return float(np.nanmean(METRICS[task.metric].function(values, truth)))


def fitted(task: SuiteTask, rows: int, seed: int = 0, **options: Any) -> dict[str, Any]:
    """One line: scores on the test rows of the blend and of each candidate, out-of-fold errors, coverage, seconds."""
    store = prepared(task, recipe_of(task, 1, 1, seed))
    split = split_store(store, SplitSection(kind="held_out", seed=0))
    known = len(split.train) + len(split.valid)
    recipe = recipe_of(task, rows, known, seed, **options)
    labels = [label.name for label in store.level_labels("graph")]
    with tempfile.TemporaryDirectory() as folder:
        cpu, wall = time.process_time(), time.monotonic()
        run = fit(recipe, runs=Path(folder), store=store, show_progress=False)
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        test = pl.read_parquet(run.path("predictions_test.parquet"))
        truth = test.select(f"{name}_measured" for name in labels).to_numpy().astype(np.float64)
        values = test.select(labels).to_numpy()
        each = pl.read_parquet(run.path("candidates_test.parquet"))
        choice = run.read_json("blend.json")
        found = {
            "task": task.name, "metric": task.metric, "seed": seed, "rows": choice["rows"], "of": known, "test": len(test),
            "value": score(task, values, truth), "cpu_seconds": round(cpu, 1), "wall_seconds": round(wall, 1),
            "candidates": {
                name: score(task, part.select(labels).to_numpy(), truth)
                for (name,), part in each.group_by(["candidate"], maintain_order=True)
            },
            "weights": {entry["name"]: entry["weights"] for entry in choice["candidates"]},
            "errors": {entry["name"]: entry["errors"] for entry in choice["candidates"]},
            "left_out": {entry["name"]: entry["reason"] for entry in choice["candidates"] if entry["status"] == "left out"},
            "logarithms": [floor is not None for floor in choice["floors"]],
        }  # fmt: skip
        if store.level_labels("graph")[0].kind == "regression":
            from hooke.evaluate.conformal import IntervalCalibration, calibration_from_json

            fits = [calibration_from_json(run.read_json("uncertainty.json")[name]) for name in labels]
            inside = []
            for place, name in enumerate(labels):
                fitted_to = fits[place]
                assert isinstance(fitted_to, IntervalCalibration)
                spread = f"{name}_disagreement" if f"{name}_disagreement" in test.columns else f"{name}_std"
                low, high = fitted_to.interval(values[:, place], test[spread].to_numpy())
                seen = ~np.isnan(truth[:, place])
                inside.append(float(np.mean((truth[seen, place] >= low[seen]) & (truth[seen, place] <= high[seen]))))
            found["coverage"] = inside
    return found


def run_suite(name: str, variant: str, tasks: Sequence[str], **options: Any) -> None:
    """Every task of a suite that has no line yet."""
    done = {(line["suite"], line["variant"], line["task"]) for line in lines()}
    for task in suite(name).tasks:
        if (name, variant, task.name) in done or (tasks and task.name not in tasks):
            continue
        line = {"suite": name, "variant": variant, **fitted(task, MOST, **options)}
        append_lines(LINES, [json_text(line)])
        print(json_text(line), flush=True)


def run_small(tasks: Sequence[str]) -> None:
    """Few training rows, drawn anew for each seed: the blend beside a forest of the recorded features."""
    done = {(line["task"], line["rows"], line["seed"]) for line in lines() if line["variant"] == "small"}
    for task in suite("moleculeace").tasks:
        for rows in SIZES:
            for seed in range(DRAWS):
                if (task.name, rows, seed) in done or (tasks and task.name not in tasks):
                    continue
                line = fitted(task, rows, seed)
                store = prepared(task, recipe_of(task, 1, 1, seed))
                split = split_of(store, recipe_of(task, rows, line["of"], seed))
                features, targets = _fingerprints(store), store.graph_labels()[0].astype(np.float64)
                spec = MoleculeSpec(store.level_labels("graph"))
                forest = fit_predict(
                    "forest",
                    spec,
                    "graph",
                    features[split.train],
                    targets[split.train],
                    features[split.test],
                    seed=seed,
                )
                line = {
                    "suite": "moleculeace",
                    "variant": "small",
                    **line,
                    "forest": score(task, forest, targets[split.test]),
                }
                append_lines(LINES, [json_text(line)])
                print(json_text(line), flush=True)


def recorded(name: str) -> dict[str, dict[str, float]]:
    """Task → system → value of the recorded suite."""
    found: dict[str, dict[str, float]] = {}
    for line in whole_lines(RESULTS / f"suite-{name}.jsonl"):
        row = json.loads(line)
        if row["metric"] != "rmse_cliff":
            found.setdefault(row["task"], {})[row["system"]] = row["value"]
    return found


def show(name: str, variant: str) -> None:
    """Ranks, ratios, coverage and seconds of a suite."""
    mine = {line["task"]: line for line in lines() if (line["suite"], line["variant"]) == (name, variant)}
    if not mine:
        return
    others = recorded(name)
    print(f"{name}, {variant}: {len(mine)} of {len(suite(name).tasks)} tasks")
    ranks: dict[str, list[float]] = {}
    ratios, excesses = [], []
    for task, line in mine.items():
        higher = METRICS[line["metric"]].higher_is_better
        values = {"auto": line["value"], **others[task]}
        if "ridge" in line["candidates"]:
            values["ridge"] = line["candidates"]["ridge"]
        loss = {system: -value if higher else value for system, value in values.items()}
        for system, value in loss.items():
            ranks.setdefault(system, []).append(1 + sum(other < value for other in loss.values()))
        if line["metric"] == "rmse":
            ratios.append(line["value"] / others[task]["forest"])
        if line["metric"] in ("rmse", "mae"):
            excesses.append(line["value"] / min(line["candidates"].values()) - 1)
        print(
            f"  {task:<24} {line['metric']:<9} "
            + "  ".join(f"{system} {value:.3f}" for system, value in values.items())
        )
    for system, found in sorted(ranks.items(), key=lambda item: np.mean(item[1])):
        print(f"  mean rank {np.mean(found):.2f}  {system} ({len(found)} tasks)")
    if ratios:
        print(
            f"  RMSE over the recorded forest's: geometric mean {np.exp(np.mean(np.log(ratios))):.3f}, below 1 in {sum(r < 1 for r in ratios)}"
        )
    if excesses:
        print(f"  excess over its own best candidate: mean {np.mean(excesses):.2%}")
    covered = [(value, line["test"]) for line in mine.values() for value in line.get("coverage", [])]
    if covered:
        large = [value for value, rows in covered if rows >= 200]
        print(f"  coverage of 90 % intervals: mean {np.mean([value for value, _ in covered]):.3f}", end="")
        print(f", least of tables with 200 test rows {min(large, default=np.nan):.3f}")
    cpu = [1000 * line["cpu_seconds"] / line["rows"] for line in mine.values()]
    print(f"  CPU seconds a 1,000 training rows: median {np.median(cpu):.1f}, most {max(cpu):.1f}")


def show_small() -> None:
    """The blend over the forest, by number of training rows."""
    for rows in SIZES:
        ratios = [
            line["value"] / line["forest"] for line in lines() if line["variant"] == "small" and line["rows"] == rows
        ]
        if ratios:
            print(
                f"small: {rows} rows, {len(ratios)} fits: RMSE over the forest's, geometric mean {np.exp(np.mean(np.log(ratios))):.3f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "small", "show"])
    parser.add_argument("suite", nargs="?", choices=["moleculeace", "admet"])
    for name in ("vectors", "candidates", "tasks", "variant"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--budget", type=float, default=3600.0)
    given = parser.parse_args()
    vectors, candidates, tasks = (
        [name for name in getattr(given, part).split(",") if name] for part in ("vectors", "candidates", "tasks")
    )
    variant = given.variant or ("+".join(["estimators", *vectors]) if not candidates else "+".join(candidates))
    if given.what == "run":
        wanted = candidates or ESTIMATORS
        run_suite(given.suite, variant, tasks, vectors=vectors, candidates=wanted, budget=given.budget)
    elif given.what == "small":
        run_small(tasks)
    else:
        for name in ("moleculeace", "admet"):
            for each in [given.variant] if given.variant else sorted({line["variant"] for line in lines()} - {"small"}):
                show(name, each)
        show_small()


if __name__ == "__main__":
    main()
