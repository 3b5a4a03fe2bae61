"""Print the comparison of run_hooke.py's and run_chemprop.py's results: mean, paired difference with its interval, cost.

    python bench/parity/compare.py bench/results/parity-hooke.jsonl bench/results/parity-chemprop.jsonl

RMSE is better when lower, ROC AUC when higher; "gain" is the paired difference over seeds, signed so that positive is ours
better, with a 95 % interval of Student's t. "verdict" is the one of the issue: at least as good on the mean, or within one standard
deviation (over seeds, chemprop's) of it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from hooke.evaluate.bootstrap import paired_difference

Runs = dict[tuple[str, str, int], dict[str, float]]


def read(path: Path) -> Runs:
    """(set, split, seed) -> its line."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {(row["set"], row["kind"], row["seed"]): row for row in rows}


def compare(name: str, kind: str, ours: Runs, theirs: Runs) -> str:
    """One line of the table, over the seeds that both have."""
    keys = sorted(key for key in ours.keys() & theirs.keys() if key[:2] == (name, kind))
    mine, other = (np.array([runs[key]["test"] for key in keys]) for runs in (ours, theirs))
    sign = -1 if ours[keys[0]]["metric"] == "rmse" else 1
    gain = paired_difference(sign * (mine - other), generator=np.random.default_rng(0))
    spread = other.std(ddof=1)
    verdict = "as good" if gain.value >= 0 else "within 1 sd" if gain.value >= -spread else "worse"
    cost = " ".join(
        f"{np.mean([runs[key][field] for key in keys]):6.0f}"
        for field in ("cpu_s", "peak_mb")
        for runs in (ours, theirs)
    )
    return (
        f"{name:14s}{kind:9s}{len(keys):2d} {mine.mean():7.3f} {other.mean():7.3f} {spread:6.3f}  {gain.value:+.3f} "
        f"[{gain.low:+.3f}, {gain.high:+.3f}] {verdict:12s}{cost}"
    )


def main() -> None:
    """Read both files and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hooke", type=Path)
    parser.add_argument("chemprop", type=Path)
    options = parser.parse_args()
    ours, theirs = read(options.hooke), read(options.chemprop)
    print(
        "set           split    n    ours chemprop    sd    gain                    verdict      CPU s        peak MB"
    )
    for name in ("freesolv", "esol", "bbbp", "lipophilicity", "tox21"):
        for kind in ("random", "scaffold"):
            print(compare(name, kind, ours, theirs))


if __name__ == "__main__":
    main()
