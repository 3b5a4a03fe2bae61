"""Does the best learning rate of a narrow network stay the best of a wide one? Standard parametrisation against width transfer.

    python bench/width_transfer.py RESULTS.jsonl [--recipe RECIPE] [--widths 16 32 ...] [--rates ...] [--seeds 2]

Every width is trained at every rate, in both parametrisations; the loss is the lowest one on the validation rows. Printed: the best rate of each
width, and what the widest network loses when it takes over the best rate of the narrowest. The plot is RESULTS.html.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np

from hooke.core.errors import HookeError
from hooke.core.recipe import load_recipe
from hooke.evaluate.bootstrap import paired_difference
from hooke.report.build import estimate
from hooke.report.html import write_report
from hooke.report.schema import Report, Summary, Sweep, SweptLine
from hooke.train.fit import fit

NAMES = {False: "standard", True: "width transfer"}


def loss(options: argparse.Namespace, width: int, rate: float, seed: int, *, transfer: bool) -> float:
    """The lowest validation loss; infinite where training breaks down."""
    base = f"{{width = {options.widths[0]}}}"
    changes = [
        f"model.width={width}",
        f"train.learning_rate={rate}",
        f"seed={seed}",
        "train.schedule=constant",
        "name=width_transfer",
    ]
    recipe = load_recipe(options.recipe, [*options.overrides, *changes, f"train.width_transfer={base}"])
    if not transfer:
        recipe = recipe.with_changes(train={"width_transfer": None})
    try:
        run = fit(recipe, runs=Path(options.runs), reuse=True, show_progress=False)
    except HookeError:
        return math.inf
    return min(line["valid_loss"] for line in run.metrics() if "valid_loss" in line)


def panel(rows: list[dict[str, float]], options: argparse.Namespace, *, transfer: bool) -> Sweep:
    """Loss by rate, a line a width."""
    lines = []
    for width in options.widths:
        found = []
        for rate in options.rates:
            mine = [r["loss"] for r in rows if (r["transfer"], r["width"], r["rate"]) == (transfer, width, rate)]
            found.append(estimate(paired_difference(np.array(mine), generator=np.random.default_rng(0)).value))
        lines.append(SweptLine(f"width {width}", tuple(options.rates), tuple(found)))
    return Sweep(NAMES[transfer], "learning rate", "validation loss", tuple(lines))


def said(rows: list[dict[str, float]], options: argparse.Namespace, *, transfer: bool) -> str:
    """The best rates, and the price of taking over the narrowest network's."""
    means = {
        width: {
            rate: float(
                np.mean([r["loss"] for r in rows if (r["transfer"], r["width"], r["rate"]) == (transfer, width, rate)])
            )
            for rate in options.rates
        }
        for width in options.widths
    }
    best = {width: min(by_rate, key=lambda rate: by_rate[rate]) for width, by_rate in means.items()}
    widest = means[options.widths[-1]]
    price = widest[best[options.widths[0]]] / min(widest.values()) - 1
    rates = ", ".join(f"{width}: {rate:g}" for width, rate in best.items())
    return f"{NAMES[transfer]}: best rate by width: {rates}; the widest loses {price:.1%} at the narrowest's best rate"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--recipe", default=str(Path(__file__).with_name("scaling_base.toml")))
    parser.add_argument("--widths", nargs="*", type=int, default=[16, 32, 64, 128, 256])
    parser.add_argument("--rates", nargs="*", type=float, default=[5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--runs", default="runs/width_transfer")
    parser.add_argument("--overrides", nargs="*", default=[])
    options = parser.parse_args()
    rows = []
    for seed in range(options.seeds):
        for transfer in (True, False):
            for width in options.widths:
                for rate in options.rates:
                    value = loss(options, width, rate, seed, transfer=transfer)
                    rows.append({"transfer": transfer, "width": width, "rate": rate, "seed": seed, "loss": value})
                    print(json.dumps(rows[-1]), flush=True)
    verdicts = [said(rows, options, transfer=transfer) for transfer in (True, False)]
    print("\n".join(verdicts))
    shown = [
        {**row, "loss": row["loss"] if math.isfinite(row["loss"]) else None, "overrides": options.overrides}
        for row in rows
    ]
    options.results.write_text("".join(json.dumps(row) + "\n" for row in shown))
    panels = tuple(panel(rows, options, transfer=transfer) for transfer in (True, False))
    report = Report("Learning rates across widths", Summary(". ".join(verdicts)), sweeps=panels)
    write_report(report.write(options.results.with_suffix(".report.json")), options.results.with_suffix(".html"))


if __name__ == "__main__":
    main()
