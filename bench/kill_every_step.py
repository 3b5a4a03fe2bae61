"""Every verb is killed (SIGKILL) before each of its steps that change what a later command would find, and run again: same result, to the bit.

    python bench/kill_every_step.py --verbs prepare fit predict embed label map

Each kill is a process of its own (some seconds of imports; `--every 4` takes every fourth step); the command is then run again here.
Prints one line a verb: its steps, the kills, and after how many of them the same command refused, ended otherwise, or left files behind.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from hooke.api.data import prepare_data
from hooke.api.inference import embed, predict
from hooke.api.quantum import label
from hooke.api.training import fit
from hooke.cells.profiles import Profiles
from hooke.core import files
from hooke.maps.construction import build_file
from hooke.maps.correction import correct_file
from hooke.maps.evaluation import evaluate_file
from hooke.molecules.tables import reading
from hooke.molecules.tables.twins import write_twin_table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from test_kills import content


def verbs(table: Path, wells: Path, place: Path) -> dict[str, Callable[[], object]]:
    """The verbs on small files; everything that they write lies below `place`."""
    quiet = {"workers": 0, "show_progress": False}
    small = [
        "model.preset=tiny",
        "model.width=8",
        "model.depth=1",
        "train.epochs=2",
        "train.ensemble=2",
        "train.threads=1",
    ]

    def maps() -> None:
        corrected = place / "corrected.parquet"
        correct_file(wells, corrected, method="centre", save=place / "centre.npz")
        build_file(corrected, place / "map.parquet", layout_method="none")
        evaluate_file(corrected, place / "evaluation", show_progress=False)

    return {
        "prepare": lambda: prepare_data("csv", [f"path={table}"], **quiet),
        "fit": lambda: fit(csv=table, overrides=["model.name=gine", *small], runs=place / "runs", **quiet),
        "predict": lambda: predict("tiny", table, place / "out.csv", device="cpu", **quiet),
        "embed": lambda: embed("tiny", table, place / "vectors.parquet", device="cpu", **quiet),
        "label": lambda: label(table, place / "labels.parquet", method="gfn2", **quiet),
        "map": maps,
    }


def child(arguments: argparse.Namespace) -> None:
    """In a process of its own: a verb, killed before a step; the number of steps so far is written beside everything else."""
    done = 0

    def watcher(step: str, path: Path) -> None:
        nonlocal done
        if done == arguments.kill_before:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        (arguments.root / "steps").write_text(str(done))

    files.watchers.append(watcher)
    prepared(arguments.root)[arguments.verbs[0]]()


def prepared(root: Path) -> dict[str, Callable[[], object]]:
    """The verbs, in a process set up for them."""
    torch.set_num_threads(1)
    sys.argv = [
        __file__
    ]  # runs record their command: that of the process that is killed and that of this one are the same
    reading.CHUNK_ROWS = 8
    os.environ |= {"HOOKE_PROGRESS": "0", "HOOKE_CACHE": str(root / "place" / "cache")}
    return verbs(root / "assay.csv", root / "wells.parquet", root / "place")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["prepare", "fit", "predict", "embed", "label", "map"]
    parser.add_argument("--verbs", nargs="+", choices=names, default=names)
    parser.add_argument("--every", type=int, default=1, help="Kill before every so many steps.")
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--kill-before", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.root is not None:
        child(arguments)
        return
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        write_twin_table(root / "assay.csv", seed=0, rows=24)
        _wells().write(root / "wells.parquet")
        works = prepared(root)
        for name in arguments.verbs:
            counts = killed(root, name, works[name], arguments.every)
            failed += counts["refused"] + counts["different"] + counts["left_behind"]
            print(json.dumps({"verb": name, **counts}), flush=True)
    raise SystemExit(failed > 0)


def killed(root: Path, name: str, work: Callable[[], object], every: int) -> dict[str, int]:
    """How often the verb, run again after a kill, refused, ended otherwise, or left files behind."""
    place = root / "place"
    _empty(place)
    steps: list[str] = []
    files.watchers.append(lambda step, path: steps.append(step))
    work()
    files.watchers.pop()
    whole = content(place)
    counts = {"steps": len(steps), "kills": 0, "refused": 0, "different": 0, "left_behind": 0}
    for step in range(0, len(steps), every):
        _empty(place)
        command = [sys.executable, __file__, "--verbs", name, "--root", str(root), "--kill-before", str(step)]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        if ended.returncode != -signal.SIGKILL:
            raise RuntimeError(f"{name} was not killed before step {step}: {ended.stderr[-2000:]}")
        counts["kills"] += 1
        try:
            work()
        except Exception:
            traceback.print_exc(limit=3)
            counts["refused"] += 1
        after = content(place)
        counts["left_behind"] += bool(set(after) - set(whole))
        other = [path for path, said in whole.items() if after.get(path) != said]
        counts["different"] += bool(other)
        if other:
            print(f"killed before step {step} ({steps[step]}), ended otherwise: {', '.join(other)}", file=sys.stderr)
    return counts


def _empty(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    (place / "cache").mkdir(parents=True)


def _wells() -> Profiles:
    """A made-up screen: 3 batches of 12 genes twice and 12 controls."""
    import numpy as np
    import polars as pl

    generator = np.random.default_rng(0)
    effects = generator.normal(size=(12, 8))
    rows, values = [], []
    for batch in range(3):
        for number in range(36):
            gene = -1 if number < 12 else number % 12
            values.append(generator.normal(size=8) * 0.3 + batch + (effects[gene] if gene >= 0 else 0))
            rows.append(
                {
                    "experiment": f"e{batch}", "plate": f"P{batch}", "well": f"{'ABC'[number // 12]}{number % 12 + 1:02d}",
                    "batch": f"e{batch}", "gene": f"G{gene}" if gene >= 0 else "", "control": "negative" if gene < 0 else "",
                }
            )  # fmt: skip
    return Profiles.of_embeddings(np.array(values, np.float32), pl.DataFrame(rows))


if __name__ == "__main__":
    main()
