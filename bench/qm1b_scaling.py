"""How the error of orbital gaps falls with rows of own labels, and whether the network that learnt from them helps on the PCQM4Mv2 sample.

    python bench/qm1b_molecules.py MIRROR molecules.csv pcqm.parquet
    hooke label molecules.csv --method b3lyp/sto-3g --grid 0 --no-forces -o labels.parquet --qm1b qm1b.parquet
    python bench/qm1b_scaling.py qm1b.parquet pcqm.parquet RUNS OUT.json --steps 500

Recipe `qm1b_scaling`; five shares of the training molecules and three seeds of weights and order, equal steps everywhere, one test set. The
transfer compares, seed by seed and on the same molecules, the network of the largest share, fine-tuned, with one of new weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import hooke
from hooke.core.json_text import json_text
from hooke.core.runs import RunFolder
from hooke.evaluate.bootstrap import paired_difference
from hooke.evaluate.power_law import fit_power_law

SHARES, SEEDS = (0.0625, 0.125, 0.25, 0.5, 1.0), (0, 1, 2)


def measured(fitted: Any) -> tuple[float, int]:
    """MAE of the gap on the test rows in eV, and training rows."""
    run = RunFolder.open(fitted.folder)
    return float(run.scores()["test"]["frame"]["y"]["mae"]), int(run.info["rows"]["train"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("labels", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--steps", type=int, default=500)
    given = parser.parse_args()
    quiet = {"report": False, "show_progress": False}

    def options(path: Path, share: float) -> list[str]:
        return [
            f"data.path={path}",
            f"data.split.train_share={share}",
            f"train.max_steps={given.steps}",
            "train.accelerator=cpu",
        ]

    sizes, errors, largest = [], [], {}
    for share in SHARES:
        row = []
        for seed in SEEDS:
            fitted = hooke.fit(
                "qm1b_scaling",
                overrides=options(given.labels, share),
                seed=seed,
                runs=given.runs / f"{share}-{seed}",
                **quiet,
            )
            error, rows = measured(fitted)
            row.append(error)
            largest[seed] = fitted.folder
        sizes.append(rows)
        errors.append(row)
        print(
            f"{rows:6d} rows: gap MAE {1000 * np.mean(row):.0f} meV ({', '.join(f'{1000 * each:.0f}' for each in row)})",
            flush=True,
        )
    law = fit_power_law(sizes, errors, floor=False, generator=np.random.default_rng(0))
    exponent = law.exponent
    print(
        f"exponent {exponent.value:.3f} [{exponent.low:.3f}, {exponent.high:.3f}], misfit {law.misfit:.3f}", flush=True
    )
    transfer: dict[str, list[float]] = {"fine-tuned": [], "scratch": []}
    for seed in SEEDS:
        own = options(given.other, 1.0)
        tuned = hooke.finetune(
            largest[seed], "qm1b_scaling", overrides=own, seed=seed, runs=given.runs / f"tuned-{seed}", **quiet
        )
        scratch = hooke.fit("qm1b_scaling", overrides=own, seed=seed, runs=given.runs / f"scratch-{seed}", **quiet)
        transfer["fine-tuned"].append(measured(tuned)[0])
        transfer["scratch"].append(measured(scratch)[0])
    change = np.array(transfer["fine-tuned"]) - np.array(transfer["scratch"])
    paired = paired_difference(change, generator=np.random.default_rng(0))
    for name, values in transfer.items():
        print(
            f"PCQM4Mv2 sample, {name}: gap MAE {1000 * np.mean(values):.0f} meV ({', '.join(f'{1000 * each:.0f}' for each in values)})"
        )
    print(f"fine-tuned less scratch: {1000 * paired.value:.0f} [{1000 * paired.low:.0f}, {1000 * paired.high:.0f}] meV")
    found = {
        "sizes": sizes, "errors": errors, "exponent": [exponent.value, exponent.low, exponent.high], "misfit": law.misfit, "transfer": transfer,
        "difference": [paired.value, paired.low, paired.high], "steps": given.steps,
    }  # fmt: skip
    given.output.write_text(json_text(found), encoding="utf-8")
