"""Accuracy against time and FLOPs of augmentation inside the network, beside test-time augmentation, on real fields of cells.

    python bench/augmentation_frontier.py FOLDER RESULTS.jsonl [--pattern "*.tif*"] [--seeds 3] [--epochs 20] [--branches flip]

FOLDER is searched for single-channel images (or is an .npz archive of fields and their names). Each is halved and cut into
crops, and every crop is labelled by how many nuclei (or cells) it shows: bright regions above their surroundings, in classes of
about equal size. Turns and flips leave that count unchanged. Training and test crops come from different files (wells). One
ResNet a seed is trained with random flips of the image and exposure to the fork at random stages; then the same weights are read
out plainly, with test-time augmentation (stage 0) and with the fork at every later stage. Times are processor seconds, medians
over alternating passes. The interval is a bootstrap over test files of the difference in accuracy to test-time augmentation, all
seeds together.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from hooke.images.batch import ImageBatch
from hooke.models import resnet
from hooke.nn.classification import turned
from hooke.nn.flops import fork_flops, meta_batch, stage_flops
from hooke.nn.fork import BRANCHES, Branch, fork, stages_of

SIZE, CLASSES = 64, 4
CONFIG = resnet.Config(depths=(1, 1, 1), width=16, pooled_stem=True)
CHANNEL = ("stain",)


def count_regions(crop: np.ndarray, threshold: float) -> int:
    from scipy import ndimage

    labels, found = ndimage.label(crop > threshold)
    if not found:
        return 0
    sizes = ndimage.sum_labels(np.ones_like(crop), labels, np.arange(1, found + 1))
    return int((sizes >= 20).sum())


def fields(folder: Path, pattern: str) -> Iterator[tuple[int, np.ndarray]]:
    """Number of the file or, in an archive of one array of several fields, of the well; and one field."""
    from skimage.io import imread

    paths = sorted(folder.rglob(pattern)) if folder.is_dir() else []
    for number, path in enumerate(paths):
        yield number, imread(path)
    if not paths:
        archive = np.load(folder)
        images = next(archive[name] for name in archive.files if archive[name].ndim == 3)
        wells = [str(name).rpartition("f")[0] for name in archive["names"]]  # ..._O01f00d2.TIF is field 0 of well O01
        numbers = np.unique(wells, return_inverse=True)[1]
        yield from zip(numbers.tolist(), images, strict=True)


def load(folder: Path, pattern: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 1, 64, 64) float32 crops, (N,) counts and (N,) file numbers."""
    from scipy.ndimage import gaussian_filter
    from skimage.filters import threshold_otsu

    crops, counts, files = [], [], []
    for number, field in fields(folder, pattern):
        if field.ndim != 2 or min(field.shape) < 4 * SIZE:
            continue
        height, width = (side // 2 * 2 for side in field.shape)
        field = field[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3)).astype(np.float32)
        flat = gaussian_filter(field, 1.0) - gaussian_filter(field, SIZE / 4)  # without the unevenness of the light
        threshold = float(threshold_otsu(flat))
        for top in range(0, field.shape[0] - SIZE + 1, SIZE):
            for left in range(0, field.shape[1] - SIZE + 1, SIZE):
                crop = field[top : top + SIZE, left : left + SIZE]
                crops.append(crop)
                counts.append(count_regions(flat[top : top + SIZE, left : left + SIZE], threshold))
                files.append(number)
    return np.stack(crops)[:, None], np.array(counts), np.array(files)


def batch_of(crops: np.ndarray, rows: np.ndarray) -> ImageBatch:
    return ImageBatch(torch.from_numpy(crops[rows]), CHANNEL, torch.from_numpy(rows.astype(np.int64)))


def train(crops: np.ndarray, labels: np.ndarray, rows: np.ndarray, seed: int, options: argparse.Namespace) -> Any:
    torch.manual_seed(seed)
    encoder = resnet.Model(CONFIG, CHANNEL)
    head = torch.nn.Linear(encoder.width, CLASSES)
    network = torch.nn.ModuleDict({"encoder": encoder, "head": head}).train()
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.05)
    steps = options.epochs * (len(rows) // options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    draws, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    branches, stages = BRANCHES[options.branches], stages_of(encoder).count
    for _ in range(options.epochs):
        order = draws.permutation(rows)
        for first in range(0, len(order) - options.batch + 1, options.batch):
            chosen = order[first : first + options.batch]
            batch = turned(batch_of(crops, chosen), "flips", generator)
            stage, branch = int(draws.integers(0, stages)), branches[int(draws.integers(0, len(branches)))]
            embedding = fork(encoder, batch, [branch], stage)[0]
            loss = functional.cross_entropy(head(embedding), torch.from_numpy(labels[chosen]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


@torch.no_grad()
def predict(network: Any, batch: ImageBatch, branches: tuple[Branch, ...], stage: int) -> torch.Tensor:
    rows = fork(network["encoder"], batch, branches, stage)
    return network["head"](rows).softmax(2).mean(0)


def read_out(
    network: Any, crops: np.ndarray, rows: np.ndarray, ways: dict[str, Any]
) -> dict[str, tuple[np.ndarray, float]]:
    """Way → (predicted classes, median seconds of a pass over all rows); the ways take turns."""
    parts = [batch_of(crops, part) for part in np.array_split(rows, max(1, len(rows) // 64))]
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, np.ndarray] = {}
    for turn in range(4):
        for name, (branches, stage) in ways.items():
            start = time.process_time()
            classes = torch.cat([predict(network, part, branches, stage).argmax(1) for part in parts])
            if turn:  # the first turn warms up
                seconds[name].append(time.process_time() - start)
            found[name] = classes.numpy()
    return {name: (found[name], statistics.median(seconds[name])) for name in ways}


def interval(differences: np.ndarray, files: np.ndarray) -> list[float]:
    """95% bootstrap over files of the mean difference of correct answers; rows are seeds."""
    draws, kinds = np.random.default_rng(0), np.unique(files)
    sums = np.stack([differences[:, files == kind].sum(1) for kind in kinds]).sum(1)
    sizes = np.array([(files == kind).sum() * len(differences) for kind in kinds])
    chosen = draws.integers(0, len(kinds), (2000, len(kinds)))
    means = sums[chosen].sum(1) / sizes[chosen].sum(1)
    return [round(float(value), 4) for value in np.quantile(means, [0.025, 0.975])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--pattern", default="*.[tT][iI][fF]*")
    parser.add_argument("--branches", default="flip", choices=sorted(set(BRANCHES) - {"none"}))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    crops, counts, files = load(options.folder, options.pattern)
    edges = np.quantile(counts, np.arange(1, CLASSES) / CLASSES)
    labels = np.digitize(counts, np.unique(edges), right=True)
    order = np.random.default_rng(0).permutation(np.unique(files))
    held_out = order[: max(1, len(order) // 4)]
    test, rows = np.flatnonzero(np.isin(files, held_out)), np.flatnonzero(~np.isin(files, held_out))
    print(
        f"{len(order)} files, {len(rows)} training and {len(test)} test crops, classes {np.bincount(labels)}",
        flush=True,
    )
    with torch.device("meta"):
        blank = resnet.Model(CONFIG, CHANNEL)
    costs = stage_flops(blank, meta_batch(1, CHANNEL, SIZE))
    branches, stages = BRANCHES[options.branches], len(costs)
    ways: dict[str, Any] = {"plain": (BRANCHES["none"], 0), "test-time": (branches, 0)}
    ways |= {f"fork {stage}": (branches, stage) for stage in range(1, stages)}
    correct: dict[str, list[np.ndarray]] = {name: [] for name in ways}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for seed in range(options.seeds):
        network = train(crops, labels, rows, seed, options)
        for name, (classes, seconds) in read_out(network, crops, test, ways).items():
            correct[name].append(classes == labels[test])
            times[name].append(seconds)
        print(f"seed {seed}: test-time accuracy {correct['test-time'][-1].mean():.4f}", flush=True)
    base = np.stack(correct["test-time"]).astype(float)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    for name, (chosen, stage) in ways.items():
        mine = np.stack(correct[name]).astype(float)
        saved = [1 - own / other for own, other in zip(times[name], times["test-time"], strict=True)]
        line = {
            "way": name, "branches": options.branches, "accuracy": round(float(mine.mean()), 4),
            "accuracy_by_seed": [round(float(value), 4) for value in mine.mean(1)],
            "difference_to_test_time": round(float((mine - base).mean()), 4),
            "interval": interval(mine - base, files[test]),
            "milliseconds_an_image": round(1000 * statistics.median(times[name]) / len(test), 4),
            "time_saved": round(statistics.median(saved), 3),
            "relative_flops": round(fork_flops(costs, len(chosen), stage) / sum(costs), 3),
        }  # fmt: skip
        with open(options.results, "a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
