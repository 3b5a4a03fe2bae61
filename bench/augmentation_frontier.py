"""Accuracy against time and FLOPs of augmentation inside the network, beside test-time augmentation, on real fields of cells.

    HOOKE_MIRROR=... python bench/augmentation_frontier.py bench/results/augmentation-frontier.jsonl [--figure FIGURE.svg]

Crops of eight real fields of four microscopes; the label is how many nuclei a crop shows (`real_crops`), which turns and flips
leave unchanged. Fields are dealt into folds, every field is tested once a seed, by a network that saw nothing of it. One ResNet a seed
and fold is trained with random turns of the image and, with exposure, forked at a random stage into a random branch; without
exposure it never meets the fork. The same weights are read out plainly, with test-time augmentation (stage 0) and with the fork at
every later stage. Times are medians over alternating passes, one thread: processor and wall. The interval is a 95% bootstrap over
fields of the difference in accuracy to test-time augmentation, all seeds together. Finished parts are read from the results, so a
stopped call goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch.nn import functional

from hooke.core.paths import mirror_folder
from hooke.images.batch import ImageBatch, meta_batch
from hooke.images.spec import ImageSpec
from hooke.models import resnet
from hooke.nn.images.classification import turned
from hooke.nn.images.fork import BRANCHES, Branch, fork, fork_flops, stage_flops
from real_crops import COUNTS, SIDE, Crops, crops

BATCH, TURNS = 32, 7
CONFIG = resnet.Config(depths=(2, 2, 2), width=12, pooled_stem=True)
CHANNEL = ("stain",)
FAMILIES = ("flip", "dihedral")
Ways = dict[str, tuple[tuple[Branch, ...], int]]


def ways_of(stages: int) -> Ways:
    """Name → branches and stage."""
    ways: Ways = {"plain": (BRANCHES["none"], 0)}
    for family in FAMILIES:
        ways[f"{family} test-time"] = (BRANCHES[family], 0)
        ways |= {f"{family} fork {stage}": (BRANCHES[family], stage) for stage in range(1, stages)}
    return ways


def batch_of(crops: Crops, rows: np.ndarray) -> ImageBatch:
    return ImageBatch(torch.from_numpy(crops.pixels[rows]), CHANNEL, torch.from_numpy(rows.astype(np.int64)))


def train(crops: Crops, rows: np.ndarray, seed: int, steps: int, *, exposure: bool) -> Any:
    torch.manual_seed(seed)
    encoder = resnet.Model(CONFIG, ImageSpec(CHANNEL))
    head = torch.nn.Linear(encoder.width, len(COUNTS))
    network = torch.nn.ModuleDict({"encoder": encoder, "head": head}).train()
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    draws, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    branches, labels = BRANCHES["dihedral"], torch.from_numpy(crops.nuclei)
    for _ in range(steps):
        chosen = draws.choice(rows, BATCH, replace=False)
        batch = turned(batch_of(crops, chosen), "dihedral", generator)
        branch, stage = (Branch(), 0)
        if exposure:
            branch, stage = branches[int(draws.integers(len(branches)))], int(draws.integers(encoder.blocks))
        embedding = fork(encoder, batch, [branch], stage)[0]
        loss = functional.cross_entropy(head(embedding), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def predict(network: Any, batch: ImageBatch, branches: tuple[Branch, ...], stage: int) -> torch.Tensor:
    """(B,) classes: of the mean probability over branches."""
    rows = fork(network["encoder"], batch, branches, stage)
    return network["head"](rows).softmax(2).mean(0).argmax(1)


def right_by_field(network: Any, crops: Crops, rows: np.ndarray, ways: Ways) -> dict[str, dict[str, int]]:
    """Way → field → number of crops that are classified rightly."""
    found = {}
    for name, (branches, stage) in ways.items():
        parts = [
            predict(network, batch_of(crops, part), branches, stage)
            for part in np.array_split(rows, 1 + len(rows) // 128)
        ]
        right = torch.cat(parts).numpy() == crops.nuclei[rows]
        found[name] = {
            str(field): int(right[crops.field[rows] == field].sum()) for field in np.unique(crops.field[rows])
        }
    return found


def timed(network: Any, batch: ImageBatch, ways: Ways) -> dict[str, tuple[float, float]]:
    """Way → processor and wall milliseconds an image; the ways take turns."""
    clocks = (time.process_time, time.perf_counter)
    passes: dict[str, list[tuple[float, ...]]] = {name: [] for name in ways}
    for turn in range(TURNS + 1):
        for name, (branches, stage) in ways.items():
            start = [clock() for clock in clocks]
            predict(network, batch, branches, stage)
            if turn:  # the first turn warms up
                spent = tuple(clock() - begun for clock, begun in zip(clocks, start, strict=True))
                passes[name].append(spent)
    scale = 1000 / batch.num_items
    return {
        name: tuple(round(scale * statistics.median(column), 4) for column in zip(*values, strict=True))
        for name, values in passes.items()
    }  # type: ignore[return-value]


def part(
    crops: Crops, seed: int, fold: int, ways: Ways, options: argparse.Namespace, *, exposure: bool
) -> dict[str, Any]:
    """Train and read out one network; `train_accuracy` is of its training fields, read out plainly."""
    order = np.random.default_rng(seed).permutation(np.unique(crops.field))
    held_out = order[fold :: options.folds]
    rows = crops.rows(np.setdiff1d(order, held_out), overlapping=True)
    test = crops.rows(held_out, overlapping=False)
    network = train(crops, rows, 10 * seed + fold, options.steps, exposure=exposure)
    seen = crops.rows(np.setdiff1d(order, held_out), overlapping=False)
    fitted = right_by_field(network, crops, seen, {"plain": ways["plain"]})["plain"]
    line = {
        "seed": seed, "fold": fold, "exposure": exposure, "steps": options.steps, "folds": options.folds,
        "train_accuracy": round(sum(fitted.values()) / len(seen), 4),
        "crops": {str(field): int((crops.field[test] == field).sum()) for field in np.unique(crops.field[test])},
        "right": right_by_field(network, crops, test, ways),
    }  # fmt: skip
    if not fold and exposure:
        line["milliseconds"] = timed(network, batch_of(crops, test[:128]), ways)
    return line


def table(lines: list[dict[str, Any]], ways: Ways, costs: list[int], *, exposure: bool) -> list[dict[str, Any]]:
    """One row a way."""
    own = [line for line in lines if line["exposure"] == exposure]
    clocks = [line["milliseconds"] for line in lines if "milliseconds" in line]
    fields = sorted({field for line in own for field in line["crops"]})
    sizes = np.array([sum(line["crops"].get(field, 0) for line in own) for field in fields])

    def right(way: str) -> np.ndarray:
        return np.array([sum(line["right"][way].get(field, 0) for line in own) for field in fields])

    chosen = np.random.default_rng(0).integers(0, len(fields), (5000, len(fields)))
    found = []
    for way, (branches, stage) in ways.items():
        base = f"{way.split()[0]} test-time" if way != "plain" else "flip test-time"
        difference = right(way) - right(base)
        draws = difference[chosen].sum(1) / sizes[chosen].sum(1)
        processor, wall = (statistics.median(clock[way][kind] for clock in clocks) for kind in (0, 1))
        saved = [[1 - clock[way][kind] / clock[base][kind] for clock in clocks] for kind in (0, 1)]
        low, high = np.quantile(draws, [0.025, 0.975])
        found.append({
            "way": way, "exposure": exposure, "accuracy": float(right(way).sum() / sizes.sum()),
            "difference": float(difference.sum() / sizes.sum()), "low": float(low), "high": float(high),
            "processor_ms": processor, "wall_ms": wall, "processor_saved": statistics.median(saved[0]),
            "wall_saved": statistics.median(saved[1]),
            "flops": fork_flops(costs, len(branches), stage) / sum(costs),
        })  # fmt: skip
    return found


def show(rows: list[dict[str, Any]]) -> None:
    print(
        f"{'way':<20}{'accuracy':>9}{'to test-time':>28}{'wall ms':>9}{'saved':>7}{'CPU ms':>9}{'saved':>7}{'FLOPs':>7}"
    )
    for row in rows:
        difference = f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]"
        print(
            f"{row['way']:<20}{row['accuracy']:>9.4f}{difference:>28}{row['wall_ms']:>9.3f}{row['wall_saved']:>7.0%}"
            f"{row['processor_ms']:>9.3f}{row['processor_saved']:>7.0%}{row['flops']:>7.2f}"
        )


def draw(path: Path, exposed: list[dict[str, Any]], plain: list[dict[str, Any]], title: str) -> None:
    """Accuracy against processor time, which a busy machine disturbs less than wall time, and against FLOPs."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.4), sharey=True)
    colours = {"flip": "#0072b2", "dihedral": "#d55e00"}
    for axis, key, label in zip(
        axes,
        ("processor_ms", "flops"),
        ("processor time of one thread, ms an image", "FLOPs, in forward passes"),
        strict=True,
    ):
        for rows, style, note in ((exposed, "-", ""), (plain, ":", ", not met in training")):
            for family, colour in colours.items() if rows else ():
                points = [row for row in rows if row["way"].startswith(family)]
                axis.plot(
                    [row[key] for row in points], [row["accuracy"] for row in points], style, color=colour, marker="o",
                    markersize=4, alpha=1 if style == "-" else 0.55, label=f"{family}: fork at a stage{note}",
                )  # fmt: skip
                if style == "-":
                    first, forks = points[0], points[1:]
                    axis.plot(
                        first[key], first["accuracy"], "s", color=colour, markersize=9, label=f"{family}: test-time"
                    )
                    where = np.array([(point[key], point["accuracy"]) for point in forks]).T
                    reach = [
                        [point["difference"] - point["low"] for point in forks],
                        [point["high"] - point["difference"] for point in forks],
                    ]
                    axis.errorbar(*where, yerr=reach, fmt="none", ecolor=colour, elinewidth=0.6, alpha=0.6)
                    for point in forks:
                        axis.annotate(
                            point["way"].split()[-1], (point[key], point["accuracy"]), textcoords="offset points",
                            xytext=(4, 5), fontsize=8, color=colour,
                        )  # fmt: skip
        one = next(row for row in exposed if row["way"] == "plain")
        axis.plot(one[key], one["accuracy"], "k*", markersize=11, label="one plain pass")
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter("{x:g}")
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("accuracy, held-out fields")
    axes[1].legend(fontsize=8, loc="lower right")
    figure.suptitle(f"{title}; bars: 95% of the difference to test-time", fontsize=9)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--met-only", action="store_true", help="leave out the networks that never meet the fork")
    parser.add_argument("--minutes", type=float, default=1e9, help="end after the part that passes this time")
    options = parser.parse_args()
    torch.set_num_threads(1)
    mirror = mirror_folder()
    if mirror is None:
        raise SystemExit("set HOOKE_MIRROR to the folder of real data")
    found = crops(mirror, step=8)
    with torch.device("meta"):
        costs = stage_flops(resnet.Model(CONFIG, ImageSpec(CHANNEL)), meta_batch(1, CHANNEL, SIDE))
    ways = ways_of(len(costs))
    lines = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    lines = [line for line in lines if (line["steps"], line["folds"]) == (options.steps, options.folds)]
    done = {(line["seed"], line["fold"], line["exposure"]) for line in lines}
    begun = time.monotonic()
    kinds = [
        (seed, fold, met)
        for met in ((True,) if options.met_only else (True, False))
        for seed in range(options.seeds)
        for fold in range(options.folds)
    ]
    for key in kinds:
        if key in done:
            continue
        if time.monotonic() - begun > 60 * options.minutes:
            raise SystemExit(f"stopped after {len(lines)} parts; call again to go on")
        seed, fold, exposure = key
        line = part(found, seed, fold, ways, options, exposure=exposure)
        lines.append(line)
        options.results.parent.mkdir(parents=True, exist_ok=True)
        with open(options.results, "a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"seed {seed} fold {fold} exposure {exposure}: training {line['train_accuracy']:.3f}", flush=True)
    once = found.nuclei[~found.overlapping]
    chance = np.bincount(once).max() / len(once)
    note = f"{len(once)} crops of {len(np.unique(found.field))} fields, {len(COUNTS)} classes, most frequent class {chance:.3f}"
    print(f"{note}, {options.seeds} seeds; intervals over fields")
    exposed = table(lines, ways, costs, exposure=True)
    plain = table(lines, ways, costs, exposure=False) if not options.met_only else []
    print("the fork met in training:")
    show(exposed)
    if plain:
        print("not met in training:")
        show(plain)
    if options.figure:
        draw(options.figure, exposed, plain, f"Nuclei in real crops: {note}")


if __name__ == "__main__":
    main()
