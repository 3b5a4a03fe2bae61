"""Does a clever search of hyper-parameters beat a random one? Five sets, a space tabulated once on each, 200 replays of each optimiser.

    python bench/search_study.py [--out bench/results/search-study.json] [--folder runs/search-study] [--sets esol freesolv ...]

The sets are those of the published study without BACE, whose file the mirror lacks; random splits 80/10/10, `gine` for five epochs: the
point is the ranking of optimisers, not of models. Every point of the space is trained once and kept (a killed study goes on); an
optimiser sees validation losses, and is judged by the test error (RMSE, or 1 - ROC AUC) of its choice after each budget of
trials, the same for all. Pairs of optimisers are compared by the signed-rank test over replays, corrected by Holm over all pairs of
all sets. The point with the lowest validation loss is then trained afresh on three other seeds (which also split the data
afresh), beside the recipe's own values, and compared seed by seed.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.hashing import content_hash
from hooke.studies.search.live import Search
from hooke.studies.search.replay import Replayed, compare, holm, replay
from hooke.studies.search.space import Parameter, Point, Space
from hooke.studies.search.tabular import Table, tabulate, trained_scores

SETS = ("esol", "freesolv", "lipophilicity", "bbbp", "clintox")
OPTIMISERS = ("random", "tpe", "cma_es")
SPACE = Space(
    (
        Parameter("train.learning_rate", (3e-4, 1e-3, 3e-3, 1e-2)),
        Parameter("model.width", (16, 32, 64)),
        Parameter("model.depth", (1, 2, 4)),
    )
)
OWN: Point = (1, 2, 1)  # about the recipe's own values
BUDGETS, REPEATS, FRESH = (6, 12, 18), 200, (101, 102, 103)
FIXED = (
    'model={name="gine"}', 'data.split={kind="random"}', "train.ensemble=1", "train.epochs=5", "train.batch_size=64",
    "train.patience=0",
    "train.ema=0.0",
)  # fmt: skip


def search_of(table: str, folder: Path) -> Search:
    """What is searched on one set."""
    return Search("moleculenet_esol", (f'data.table="{table}"', *FIXED), SPACE, trials=max(BUDGETS), runs=folder)


def replays(table: Table) -> dict[str, Replayed]:
    """All optimisers on a table."""
    return {name: replay(table, name, trials=max(BUDGETS), repeats=REPEATS) for name in OPTIMISERS}


def cut(found: Replayed, trials: int) -> Replayed:
    """The first so many trials of each replay."""
    return replace(found, valid=found.valid[:, :trials], test=found.test[:, :trials])


def afresh(search: Search, table: Table) -> dict[str, Any]:
    """The best point by validation beside the recipe's own, on fresh seeds."""
    scores = trained_scores(search)
    best = list(SPACE.points())[int(table.valid.mean(axis=1).argmin())]
    errors = {name: [scores(point, seed)[1] for seed in FRESH] for name, point in (("best", best), ("own", OWN))}
    change = np.subtract(errors["best"], errors["own"])
    return {
        "best": SPACE.values(best), "test_best": np.round(errors["best"], 4).tolist(),
        "test_own": np.round(errors["own"], 4).tolist(), "mean_change": round(float(change.mean()), 4),
        "standard_error": round(float(change.std(ddof=1) / len(FRESH) ** 0.5), 4),
    }  # fmt: skip


def compared(tables: dict[str, Table]) -> dict[str, Any]:
    """The conclusion: regrets, and which differences are more than chance after correction over all pairs of all sets."""
    started = time.monotonic()
    found = {name: replays(table) for name, table in tables.items()}
    seconds = time.monotonic() - started
    out: dict[str, Any] = {"replays": REPEATS * len(tables) * len(OPTIMISERS), "seconds": round(seconds, 1)}
    for budget in BUDGETS:
        pairs = [
            (name, pair)
            for name, runs in found.items()
            for pair in compare({key: cut(run, budget) for key, run in runs.items()})
        ]
        corrected = holm([pair.p_value for _, pair in pairs])
        regrets = {
            name: {
                key: round(float(run.test[:, budget - 1].mean() - tables[name].test.mean(axis=1).min()), 4)
                for key, run in runs.items()
            }
            for name, runs in found.items()
        }
        verdicts = [
            {"set": name, **vars(replace(pair, corrected=value)), "verdict": replace(pair, corrected=value).verdict}
            for (name, pair), value in zip(pairs, corrected, strict=True)
        ]
        out[f"after_{budget}_trials"] = {"regret": regrets, "pairs": verdicts}
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("bench/results/search-study.json"))
    parser.add_argument("--folder", type=Path, default=Path("runs/search-study"))
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    asked = parser.parse_args()
    tables, again = {}, {}
    for name in asked.sets:
        search = search_of(name, asked.folder)
        search.check()
        started = time.process_time()
        tables[name] = tabulate(
            SPACE, trained_scores(search), asked.folder / f"{name}-{content_hash(FIXED)[:8]}.parquet", save_every=1
        )
        again[name] = afresh(search, tables[name])
        print(f"{name}: {time.process_time() - started:.0f} s of CPU time, {json.dumps(again[name])}", flush=True)
    result = {"bench": "search_study", "points": len(SPACE), **compared(tables), "afresh": again}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(result, indent=1) + "\n")
    for budget in BUDGETS:
        for name, regret in result[f"after_{budget}_trials"]["regret"].items():
            print(
                f"{budget:>3} trials  {name:<14} regret " + "  ".join(f"{key} {value}" for key, value in regret.items())
            )


if __name__ == "__main__":
    main()
