"""Few-shot table of encoders: what a logistic probe learns from k labelled examples a class on top of each.

    HOOKE_MIRROR=... python bench/few_shot.py OUT bench/results/few-shot.jsonl [--figure FIGURE.svg] [--seconds 12] [--minutes 4]

Data, each with a pool (unlabelled, for pretraining; the labelled examples are drawn from it) and a test part of other groups:
  twin     simulated screen in the plan of RxRx1, 48-pixel fields of 6 channels; classes are 8 genes, groups are experiments, and rows
           of every encoder are centred and scaled by each experiment's untreated wells. SIMULATED.
  nuclei   crops of eight real fields (`real_crops`); classes are numbers of nuclei; groups are fields
  stain    crops of real NF1 fields; classes are three stains; groups are fields
  digits   scikit-learn's handwritten digits: not cells, and without symmetry
One encoder a seed and method is trained on the pool of twin, of crops (with those of 24 wells of another stain), and of digits.
Every method gets about the same processor time (--seconds; on digits half), so methods with cheap steps take more of them. Weak
labels (WSL): on the twin the perturbation of all other genes, never that of the 8 classes; on crops the field or well; digits have
none. "tiny_cells" is the encoder that comes with Hooke as it is: 39 minutes on another simulated screen, and none of these images.
"from scratch" trains a ResNet on the k examples alone. For digits nothing is turned, but SiT's views are reflected. Accuracy is
over draws of the k examples and test images, every class weighing the same; intervals are a 95% bootstrap over seeds and test
groups. Finished parts are read from the results, so a stopped call goes on.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from hooke.core.label import Label
from hooke.core.paths import mirror_folder
from hooke.images.batch import ImageBatch, image_batch
from hooke.images.spec import LEVEL, ImageSpec
from hooke.inference.loaded import LoadedRun
from hooke.inference.shipped import run_path
from hooke.models import ca_mae, mae, mu_net, resnet, vit
from hooke.tasks import masked_image, perturbation_classification, sit_v1, sit_v2
from small_training import train

SHOTS, DRAWS, BATCH, WEAK = (1, 5, 10, 25), 10, 32, "weak"
SCRATCH_STEPS = 80
HELD_OUT = ("NF1 D6", "NF1 F7", "JUMP")  # fields of test
METHODS = (
    "random ViT", "random ResNet", "features", "from scratch", "MAE", "CA-MAE", "MU-net", "SiT v1", "SiT v1, no rotation", "SiT v2",
    "WSL", "tiny_cells",
)  # fmt: skip
NOT_DIGITS = ("WSL", "tiny_cells")
# Processor milliseconds of training an image, measured once on the machine of the results: they turn --seconds into steps.
COST_MS = {
    "twin": {"MAE": 0.8, "CA-MAE": 3.4, "MU-net": 6.0, "SiT v1": 3.5, "SiT v1, no rotation": 3.5, "SiT v2": 5.0, "WSL": 1.3},
    "crops": {"MAE": 0.5, "CA-MAE": 0.6, "MU-net": 3.0, "SiT v1": 2.1, "SiT v1, no rotation": 2.1, "SiT v2": 2.1, "WSL": 0.8},
    "digits": {"MAE": 0.5, "CA-MAE": 0.5, "MU-net": 0.6, "SiT v1": 1.7, "SiT v1, no rotation": 1.7, "SiT v2": 1.6, "WSL": 0.5},
}  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One few-shot question: (N,) classes (-1: none), names, numbers of groups, and which rows are pool and test."""

    name: str
    labels: np.ndarray
    classes: tuple[str, ...]
    groups: np.ndarray
    pool: np.ndarray
    test: np.ndarray
    batches: np.ndarray | None = None  # of correction, with `controls`
    controls: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Data:
    """Images to pretrain on, and the questions asked about them."""

    name: str
    pixels: np.ndarray
    channels: tuple[str, ...]
    patch: int
    symmetry: Any
    weak: np.ndarray
    unlabelled: np.ndarray  # rows
    tasks: tuple[Task, ...]

    def batch(self, rows: np.ndarray) -> ImageBatch:
        weak = np.where(self.weak[rows] < 0, np.nan, self.weak[rows])
        return image_batch(self.pixels[rows], self.channels, rows, weak[:, None])

    def spec(self, classes: int = 0) -> ImageSpec:
        """Of an encoder of these images, and with `classes` of an objective that learns the weak labels."""
        labels = (Label(WEAK, LEVEL, "multiclass", classes=classes),) if classes else ()
        return ImageSpec(self.channels, labels=labels)


def twin(out: Path) -> Data:
    from hooke.images.simulated.config import ScreenConfig
    from hooke.images.simulated.screen import Screen

    config = ScreenConfig(
        "rxrx1", seed=41, size=48, modules=8, genes_per_module=4, lone_genes=0, inactive_genes=0, guides=1, compounds=0,
        experiments=12, replicates=4, controls=16, sites=1, effect_strength=1.5,
    )  # fmt: skip
    screen, path = Screen(config), out / "twin-41.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.stack([screen.render(row) for row in range(len(screen))]))
    fields = screen.fields
    experiments = np.unique(fields["experiment"].to_numpy().astype(str), return_inverse=True)[1]
    names = fields["perturbation"].to_numpy().astype(str)
    control = fields["control"].to_numpy().astype(str) == "negative"
    table = screen.library.table.filter(screen.library.table["module"] != "")
    chosen = tuple(table.group_by("module", maintain_order=True).first()["perturbation"].to_list())
    labels = np.array([chosen.index(name) if name in chosen else -1 for name in names])
    held_out = np.isin(experiments, (0, 3, 6, 9))  # one of each cell type, by their sorted names
    others = np.unique(names[labels < 0], return_inverse=True)[1]
    weak = np.full(len(names), -1)
    weak[labels < 0] = others
    few = Task(
        "twin", labels, chosen, experiments, np.flatnonzero(~held_out & (labels >= 0)), np.flatnonzero(held_out & (labels >= 0)),
        experiments, control,
    )  # fmt: skip
    return Data("twin", np.load(path), config.channels, 8, "dihedral", weak, np.flatnonzero(~held_out), (few,))


def crops(mirror: Path) -> Data:
    import real_crops

    found = real_crops.crops(mirror, step=16, nuclear_only=False, unlabelled=True)
    fields = np.unique(found.field, return_inverse=True)[1]
    held_out = np.isin(found.field, HELD_OUT)
    once = ~found.overlapping
    tasks = tuple(
        Task(name, labels, classes, fields, np.flatnonzero(once & ~held_out & (labels >= 0)), np.flatnonzero(once & held_out & (labels >= 0)))
        for name, labels, classes in (("nuclei", found.nuclei, real_crops.COUNTS), ("stain", found.stain, real_crops.STAINS))
    )  # fmt: skip
    return Data(
        "crops", found.pixels, ("DNA",), 8, "dihedral", fields.astype(np.int64), np.flatnonzero(~held_out), tasks
    )


def digits() -> Data:
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels = found.images.astype(np.float32)[:, None]
    order = np.random.default_rng(0).permutation(len(pixels))
    groups = np.empty(len(pixels), int)
    groups[order] = np.arange(len(pixels)) // 30  # blocks of images: the bootstrap's groups
    task = Task("digits", found.target, tuple("0123456789"), groups, np.sort(order[:900]), np.sort(order[900:]))
    return Data("digits", pixels, ("ink",), 2, "none", np.full(len(pixels), -1), task.pool, (task,))


def made(method: str, data: Data, steps: int = 1) -> tuple[Any, Any]:
    """Encoder and objective; `None` for an objective that is not there."""
    common: dict[str, Any] = {
        "width": 48, "depth": 2, "heads": 4, "patch": data.patch, "layer_scale": 0.1, "stochastic_depth": 0.0
    }  # fmt: skip
    decoder: dict[str, Any] = {"decoder_width": 32, "decoder_depth": 1, "decoder_heads": 4}
    small = data.pixels.shape[-1] < 16
    convolutional = resnet.Config((1, 1) if small else (1, 1, 1), 12, pooled_stem=not small)
    masked = masked_image.Task(masked_image.Config(symmetry=data.symmetry), data.spec())
    if method == "MAE":
        return mae.Model(mae.Config(**common, **decoder), data.spec()), masked
    if method == "CA-MAE":
        return ca_mae.Model(ca_mae.Config(**common, **decoder, cross_heads=4), data.spec()), masked
    if method == "MU-net":
        return mu_net.Model(mu_net.Config(8, 3 if small else 4, 1, data.patch), data.spec()), masked
    if method.startswith("SiT v1"):
        config = sit_v1.Config(contrast_width=64, align=data.patch // 2, rotation="no rotation" not in method)
        return vit.Model(vit.Config(**common, class_tokens=2), data.spec()), sit_v1.Task(config, data.spec())
    if method == "SiT v2":
        config_v2 = sit_v2.Config(
            align=data.patch // 2,
            hidden_width=256,
            contrast_width=64,
            momentum=0.99,
            momentum_steps=steps,
            reconstruction_weight=5.0,
        )
        return vit.Model(vit.Config(**common), data.spec()), sit_v2.Task(config_v2, data.spec())
    if method == "random ViT":
        return vit.Model(vit.Config(**common), data.spec()), None
    weak = perturbation_classification.Config(target=WEAK, symmetry=data.symmetry)
    classes = int(data.weak.max()) + 1
    objective = perturbation_classification.Task(weak, data.spec(classes)) if method == "WSL" else None
    return resnet.Model(convolutional, data.spec()), objective


def mini_batches(data: Data, rows: np.ndarray, seed: int) -> Iterator[ImageBatch]:
    draws = np.random.default_rng(seed)
    while True:
        yield data.batch(draws.choice(rows, min(BATCH, len(rows)), replace=False))


@torch.no_grad()
def embedded(encoder: Any, data: Data) -> np.ndarray:
    encoder.eval()
    parts = np.array_split(np.arange(len(data.pixels)), max(1, len(data.pixels) // 128))
    return np.concatenate([encoder.embed(data.batch(rows)).numpy() for rows in parts])


@functools.cache
def measured(data: Data) -> np.ndarray:
    """Hand-crafted features of the rows that are asked for (zeros elsewhere); of digits the pixels."""
    from hooke.images.features import field_features

    if data.name == "digits":
        return data.pixels.reshape(len(data.pixels), -1)
    rows = np.unique(np.concatenate([np.concatenate([task.pool, task.test]) for task in data.tasks]))
    if data.tasks[0].controls is not None:
        rows = np.union1d(rows, np.flatnonzero(data.tasks[0].controls))
    found = {}
    for row in rows.tolist():
        pixels = data.pixels[row]
        if pixels.dtype.kind == "f":
            pixels = (pixels * (65535 / max(1.0, float(data.pixels.max())))).astype(np.uint16)
        found[row] = list(field_features(pixels, data.channels).values())
    values = np.zeros((len(data.pixels), len(next(iter(found.values())))), np.float32)
    values[list(found)] = list(found.values())
    return values


def rotation_accuracy(network: Any, objective: Any, data: Data) -> dict[str, float]:
    """Of the rotation head on test images that no training saw; chance is 1/4."""
    generator, found = torch.Generator().manual_seed(0), {}
    with torch.no_grad():
        for task in data.tasks:
            parts = [rows for rows in np.array_split(task.test, max(1, len(task.test) // 64)) if len(rows) > 1]
            values = [
                float(objective.losses(network, data.batch(rows), 0, generator)["rotation_accuracy"]) for rows in parts
            ]
            found[task.name] = round(float(np.mean(values)), 4)
    return found


def shots(task: Task, count: int, seed: int) -> np.ndarray:
    """`count` rows of each class out of the pool."""
    draws = np.random.default_rng((seed, count))
    own = [task.pool[task.labels[task.pool] == number] for number in range(len(task.classes))]
    return np.concatenate([draws.choice(rows, count, replace=False) for rows in own])


def scored(task: Task, right: np.ndarray) -> dict[str, list[float]]:
    """Group → share of its (draws, test rows) that are right, and its weight; classes weigh the same over all groups."""
    groups, labels = task.groups[task.test], task.labels[task.test]
    weights = (1 / np.bincount(labels, minlength=len(task.classes)))[labels] / len(task.classes)
    rates = right.mean(0)
    return {
        str(group): [
            round(float(np.average(rates[groups == group], weights=weights[groups == group])), 4),
            round(float(weights[groups == group].sum()), 5),
        ]
        for group in np.unique(groups)
    }  # fmt: skip


def probed(task: Task, values: np.ndarray, seed: int) -> dict[int, dict[str, list[float]]]:
    """Score of each k by group, of a logistic regression on rows standardised over the pool."""
    from sklearn.linear_model import LogisticRegression

    from hooke.evaluate.correction import correct

    if task.batches is not None and task.controls is not None:
        values = correct("centre_scale", values, task.batches, task.controls)
    mean, deviation = values[task.pool].mean(0), values[task.pool].std(0)
    values = np.clip((values - mean) / np.where(deviation > 1e-6, deviation, 1.0), -10, 10)
    found = {}
    for count in SHOTS:
        right = []
        for draw in range(DRAWS):
            rows = shots(task, count, 1000 * seed + draw)
            model = LogisticRegression(C=0.1, max_iter=300).fit(values[rows], task.labels[rows])
            right.append(model.predict(values[task.test]) == task.labels[task.test])
        found[count] = scored(task, np.array(right))
    return found


def from_scratch(task: Task, data: Data, seed: int) -> dict[int, dict[str, list[float]]]:
    """Score of each k by group, of a ResNet trained on the examples of the first draw alone."""
    found = {}
    for count in SHOTS:
        rows = shots(task, count, 1000 * seed)
        torch.manual_seed(seed)
        labelled = replace(data, weak=task.labels)
        encoder, _ = made("random ResNet", data)
        config = perturbation_classification.Config(target=WEAK, symmetry=data.symmetry)
        objective = perturbation_classification.Task(config, data.spec(len(task.classes)))
        network = objective.network(encoder)
        train(network, objective, mini_batches(labelled, rows, seed), SCRATCH_STEPS, seed)
        parts = np.array_split(task.test, max(1, len(task.test) // 128))
        guess = torch.cat([objective.predict(network, labelled.batch(part))[LEVEL].argmax(1) for part in parts])
        found[count] = scored(task, (guess.numpy() == task.labels[task.test])[None])
    return found


def part(data: Data, method: str, seed: int, seconds: float) -> list[dict[str, Any]]:
    """Train one encoder and ask all questions of its data."""
    begun, extra, rotation = time.process_time(), {}, {}
    if method == "from scratch":
        answers = [from_scratch(task, data, seed) for task in data.tasks]
    else:
        torch.manual_seed(seed)
        if method == "features":
            values = measured(data)
        elif method == "tiny_cells":
            values = embedded(LoadedRun.open(run_path(method), "cpu").network.encoder, data)
        else:
            cost = COST_MS[data.name].get(method, 0.0)
            steps = round(1000 * seconds / (cost * BATCH)) if cost else 1
            encoder, objective = made(method, data, steps)
            if objective is not None:
                network = objective.network(encoder)
                extra = {
                    "steps": steps,
                    "logged": train(network, objective, mini_batches(data, data.unlabelled, seed), steps, seed),
                }
                if method == "SiT v1":
                    rotation = rotation_accuracy(network, objective, data)
            values = embedded(encoder, data)
        answers = [probed(task, values, seed) for task in data.tasks]
    spent = round(time.process_time() - begun, 1)
    lines = []
    for task, answer in zip(data.tasks, answers, strict=True):
        more = {"rotation_accuracy": rotation[task.name]} if rotation else {}
        lines += [{
            "data": task.name, "method": method, "seed": seed, "seconds": seconds, "k": count, "groups": groups, "processor_s": spent,
            "chance": round(1 / len(task.classes), 4), **extra, **more,
        } for count, groups in answer.items()]  # fmt: skip
    return lines


def interval(lines: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Mean accuracy and its 95% interval, over seeds and groups."""
    names = sorted(lines[0]["groups"])
    rates = np.array([[line["groups"][name][0] for name in names] for line in lines])
    sizes = np.array([lines[0]["groups"][name][1] for name in names])
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(2000):
        seeds, groups = generator.integers(len(rates), size=len(rates)), generator.integers(len(names), size=len(names))
        draws.append((rates[np.ix_(seeds, groups)] * sizes[groups]).sum() / (len(seeds) * sizes[groups].sum()))
    low, high = np.quantile(draws, [0.025, 0.975])
    return float((rates * sizes).sum() / (len(rates) * sizes.sum())), float(low), float(high)


def show(lines: list[dict[str, Any]]) -> dict[str, dict[str, dict[int, tuple[float, float, float]]]]:
    """Print the tables; data → method → k → mean and interval."""
    found: dict[str, dict[str, dict[int, tuple[float, float, float]]]] = {}
    for name in ("twin", "nuclei", "stain", "digits"):
        own = [line for line in lines if line["data"] == name]
        if not own:
            continue
        seeds = len({line["seed"] for line in own})
        print(f"\n{name}{' (simulated)' if name == 'twin' else ''}: chance {own[0]['chance']:.3f}, {seeds} seeds")
        print(f"{'method':<22}" + "".join(f"{f'k = {count}':>22}" for count in SHOTS))
        for method in METHODS:
            chosen = [line for line in own if line["method"] == method]
            if not chosen:
                continue
            cells = {count: interval([line for line in chosen if line["k"] == count]) for count in SHOTS}
            found.setdefault(name, {})[method] = cells
            print(
                f"{method:<22}"
                + "".join(f"{f'{mean:.3f} [{low:.3f}, {high:.3f}]':>22}" for mean, low, high in cells.values())
            )
        turns = [line["rotation_accuracy"] for line in own if "rotation_accuracy" in line and line["k"] == SHOTS[0]]
        if turns:
            print(
                f"rotation predicted on test images (chance 0.25): {np.mean(turns):.3f} ({', '.join(f'{turn:.3f}' for turn in turns)})"
            )
    return found


def draw(
    path: Path, found: dict[str, dict[str, dict[int, tuple[float, float, float]]]], chances: dict[str, float]
) -> None:
    """Accuracy against k, one panel a data set."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    figure, axes = plt.subplots(1, len(found), figsize=(3.6 * len(found) + 1.6, 4.2), squeeze=False)
    colours = dict(zip(METHODS, [*plt.get_cmap("tab10").colors, (0.1, 0.1, 0.1), (0.85, 0.65, 0.0)], strict=True))  # type: ignore[attr-defined]
    titles = {
        "twin": "twin (simulated): 8 genes",
        "nuclei": "real crops: number of nuclei",
        "stain": "real crops: stain",
    }
    for axis, (name, methods) in zip(axes[0], found.items(), strict=True):
        for place, (method, cells) in enumerate(methods.items()):
            mean, low, high = np.array(list(cells.values())).T
            across = np.array(list(cells)) * 1.02 ** (place - len(methods) / 2)
            baseline = method.startswith("random") or method in ("features", "from scratch")
            axis.errorbar(
                across, mean, [mean - low, high - mean], fmt=":" if baseline else "-", marker="o", markersize=3.5, linewidth=1.3,
                elinewidth=0.6, color=colours[method], label=method,
            )  # fmt: skip
        axis.axhline(chances[name], color="grey", linestyle="--", linewidth=1, label="chance")
        axis.set(title=titles.get(name, name), xlabel="labelled examples a class", xscale="log")
        axis.set_xticks(SHOTS, [str(count) for count in SHOTS])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("accuracy on test groups")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="center right", fontsize=8)
    figure.tight_layout(rect=(0, 0, 1 - 1.6 / (3.6 * len(found) + 1.6), 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the rendered twin")
    parser.add_argument("results", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="processor time of each pretraining; half of it on digits"
    )
    parser.add_argument("--minutes", type=float, default=1e9, help="end after the part that passes this time")
    options = parser.parse_args()
    torch.set_num_threads(1)
    mirror = mirror_folder()
    if mirror is None:
        raise SystemExit("set HOOKE_MIRROR to the folder of real data")
    lines = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    allowed = {options.seconds, options.seconds / 2}
    lines = [line for line in lines if line["seconds"] in allowed]
    done = {(line["data"], line["method"], line["seed"]) for line in lines}
    begun, loaded = time.monotonic(), {}
    makers = {"twin": lambda: twin(options.out), "crops": lambda: crops(mirror), "digits": digits}
    for seed in range(options.seeds):
        for name, make in makers.items():
            for method in METHODS:
                first = "nuclei" if name == "crops" else name
                if (first, method, seed) in done or (name == "digits" and method in NOT_DIGITS):
                    continue
                if time.monotonic() - begun > 60 * options.minutes:
                    raise SystemExit(f"stopped at seed {seed}, {name}, {method}; call again to go on")
                if name not in loaded:
                    loaded[name] = make()
                new = part(loaded[name], method, seed, options.seconds / (2 if name == "digits" else 1))
                lines += new
                options.results.parent.mkdir(parents=True, exist_ok=True)
                with open(options.results, "a") as file:
                    file.writelines(json.dumps(line) + "\n" for line in new)
                print(f"seed {seed} {name} {method}: {new[0]['processor_s']} s, {new[0].get('logged', '')}", flush=True)
    found = show(lines)
    if options.figure:
        draw(options.figure, found, {line["data"]: line["chance"] for line in lines})


if __name__ == "__main__":
    main()
