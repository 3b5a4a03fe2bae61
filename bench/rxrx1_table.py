"""The RxRx1 task on its simulated twin: corrections of batch effects in the network and on frozen features, in one table.

    python bench/rxrx1_table.py OUT bench/results/rxrx1-table.jsonl [--figure FIGURE.svg] [--epochs 30] [--minutes 4]

A small ResNet learns which siRNA (or none) each field shows. Splits are those of WILDS: training is the first site of the training
experiments, "in" their second site, "out" experiments that no training saw, one of each cell type. Accuracies are over fields of
treated wells; weights are those of the last step, nothing is chosen on test data. Rows:
  ERM, CORAL, DANN, IRM, GroupDRO   training objectives
  AdaBN                             the ERM network, with batch-norm statistics of each experiment's own fields
  AdaBN from training on            mini-batches of one experiment each in training, and AdaBN at evaluation
  frozen: METHOD                    logistic regression on the ERM network's embedding, after a correction fitted on untreated wells
  random: METHOD                    the same on a network with random weights
Why AdaBN does what it does: other "AdaBN" rows take the statistics of other fields: untreated wells alone, 16 fields alone, fields
of all held-out experiments mixed, and those of another experiment. The encoder standardises each image by itself, which takes
staining and light out before any batch norm; "fixed scale" rows are of the same network that sees pixels / 255 minus the mean of the
training pixels instead. Intervals are a 95% bootstrap over seeds and experiments. Finished parts are read from the results, so a
stopped call goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from hooke.core import registry
from hooke.core.label import Label
from hooke.evaluate.correction import correct, sphering
from hooke.images.batch import ImageBatch, image_batch
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.screen import Screen
from hooke.images.spec import LEVEL, ImageSpec
from hooke.models import resnet
from hooke.nn.images.batch_statistics import adapted, norm_layers
from small_training import train

BATCH, TARGET = 28, "perturbation"
CONFIG = resnet.Config(depths=(1, 1, 1), width=16, pooled_stem=True)
OBJECTIVES = {
    "ERM": "perturbation_classification", "CORAL": "coral", "DANN": "dann", "IRM": "irm", "GroupDRO": "group_dro",
    "AdaBN from training on": "perturbation_classification", "fixed scale: ERM": "perturbation_classification",
}  # fmt: skip
COMPARING = ("CORAL", "DANN", "IRM", "GroupDRO")
GROUPS = 4  # experiments in each of their batches
ADAPTED = {  # read out of another row's network, with the statistics of these fields
    "AdaBN": ("ERM", "own"), "AdaBN, untreated wells": ("ERM", "untreated"), "AdaBN, 16 fields": ("ERM", "16 fields"),
    "AdaBN, all held out mixed": ("ERM", "all held out"), "AdaBN, wrong experiment": ("ERM", "next experiment"),
    "fixed scale: AdaBN": ("fixed scale: ERM", "own"),
}  # fmt: skip
CORRECTIONS = ("none", "centre", "centre_scale", "pca_cs", "tvn", "sphering", "combat", "harmony")
RANDOM = ("none", "centre_scale", "tvn")
ORDER = (
    "ERM", *(row for row in ADAPTED if row.startswith("AdaBN")), "AdaBN from training on", *COMPARING,
    *(f"frozen: {name}" for name in CORRECTIONS), *(f"random: {name}" for name in RANDOM), "fixed scale: ERM", "fixed scale: AdaBN",
)  # fmt: skip


class FixedScale(resnet.Model):
    """The same network on pixels of one scale for all images."""

    centre: torch.Tensor

    def images(self, batch: ImageBatch) -> torch.Tensor:
        return (batch.pixels.float() / 255 - self.centre) / 0.15


class Twin:
    """The simulated screen in memory."""

    def __init__(self, options: argparse.Namespace) -> None:
        config = ScreenConfig(
            "rxrx1", seed=options.screen_seed, size=options.size, modules=options.genes // 4, genes_per_module=4, lone_genes=0,
            inactive_genes=0, guides=1, compounds=0, experiments=options.experiments, replicates=2, controls=8, sites=2,
            effect_strength=options.effect,
        )  # fmt: skip
        screen = Screen(config)
        path = (
            options.out
            / f"twin-{options.screen_seed}-{options.size}-{options.genes}-{options.experiments}-{options.effect}.npy"
        )
        if not path.exists():
            options.out.mkdir(parents=True, exist_ok=True)
            np.save(path, np.stack([screen.render(row) for row in range(len(screen))]))
        self.pixels, self.channels = np.load(path), config.channels
        names = screen.fields["experiment"].to_numpy().astype(str)
        self.names, self.experiments = np.unique(names, return_inverse=True)
        words = screen.fields["perturbation"].to_numpy().astype(str)
        classes, self.labels = np.unique(words, return_inverse=True)
        self.classes, site = len(classes), screen.fields["site"].to_numpy()
        self.control = words == "EMPTY"
        held_out = np.array([name.endswith("-03") for name in names])
        self.held_out = np.flatnonzero(held_out)
        idle = np.array([name.endswith("-02") for name in names])  # validation, which nothing here uses
        self.train = np.flatnonzero(~held_out & ~idle & (site == 1))
        self.parts = {
            "train": np.flatnonzero(~held_out & ~idle & (site == 1) & ~self.control),
            "in": np.flatnonzero(~held_out & ~idle & (site == 2) & ~self.control),
            "out": np.flatnonzero(held_out & ~self.control),
        }
        codes = np.unique(self.experiments[self.train], return_inverse=True)[1]  # those of training come first
        self.domains = np.zeros(len(names), np.int64)
        self.domains[self.train] = codes

    def batch(self, rows: np.ndarray) -> ImageBatch:
        return image_batch(
            self.pixels[rows], self.channels, rows, self.labels[rows, None], self.domains[rows], self.control[rows]
        )

    @property
    def spec(self) -> ImageSpec:
        """The experiments of training are the batches."""
        batches = tuple(str(number) for number in range(int(self.domains.max()) + 1))
        return ImageSpec(self.channels, batches, (Label(TARGET, LEVEL, "multiclass", classes=self.classes),))

    def chunks(self, rows: np.ndarray) -> Iterator[ImageBatch]:
        for part in np.array_split(rows, max(1, len(rows) // 64)):
            yield self.batch(part)


def mini_batches(data: Twin, epochs: int, seed: int, groups: int) -> Iterator[ImageBatch]:
    """Training batches of fields of so many experiments in equal parts; 0: as they come."""
    draws = np.random.default_rng(seed)
    for _ in range(epochs):
        rows = draws.permutation(data.train)
        share = BATCH // groups if groups else BATCH
        if groups:
            rows = rows[np.argsort(data.experiments[rows], kind="stable")]
        parts = draws.permutation(rows[: len(rows) // share * share].reshape(-1, share))
        for start in range(0, len(parts) - max(groups, 1) + 1, max(groups, 1)):
            yield data.batch(parts[start : start + max(groups, 1)].ravel())


def network_of(method: str, data: Twin, epochs: int, seed: int) -> tuple[Any, Any]:
    """Network and objective, not trained."""
    torch.manual_seed(seed)
    objective = registry.module("tasks", OBJECTIVES[method])
    task = objective.Task(objective.Config(), data.spec)
    encoder = (FixedScale if method.startswith("fixed") else resnet.Model)(CONFIG, data.spec)
    if isinstance(encoder, FixedScale):
        encoder.centre = torch.from_numpy(data.pixels[data.train].mean((0, 2, 3), keepdims=True) / 255).float()[0]
    return task.network(encoder), task


def fields_of_statistics(data: Twin, number: int, statistics: str) -> np.ndarray:
    """Rows whose batch-norm statistics an experiment is seen with."""
    own = np.flatnonzero(data.experiments == number)
    if statistics == "untreated":
        return own[data.control[own]]
    if statistics == "16 fields":
        return np.random.default_rng(number).choice(own, 16, replace=False)
    if statistics == "next experiment":
        return np.flatnonzero(data.experiments == (number + 1) % len(data.names))
    if statistics == "all held out":
        return np.random.default_rng(0).permutation(data.held_out)[: len(own)]
    return own


@torch.no_grad()
def guesses(data: Twin, network: Any, rows: np.ndarray, statistics: str) -> np.ndarray:
    """(rows,) classes; with `statistics` each experiment is seen with those of some fields, else with those of training."""
    found = np.empty(len(rows), int)
    for number in np.unique(data.experiments[rows]):
        places = np.flatnonzero(data.experiments[rows] == number)
        fields = fields_of_statistics(data, number, statistics)
        with adapted(network, data.chunks(fields)) if statistics else contextlib.nullcontext():
            found[places] = np.concatenate(
                [network(part).logits[TARGET].argmax(1) for part in data.chunks(rows[places])]
            )
    return found


def shifts(data: Twin, network: Any) -> dict[str, float]:
    """Part → mean over experiments, layers and maps of |μ of the experiment - μ of training| / σ of training."""
    layers = norm_layers(network)
    former = [(layer.running_mean.clone(), layer.running_var.clone()) for layer in layers]
    found = {}
    for part in ("train", "out"):
        moved = []
        for number in np.unique(data.experiments[data.parts[part]]):
            with adapted(network, data.chunks(np.flatnonzero(data.experiments == number))):
                for layer, (mean, variance) in zip(layers, former, strict=True):
                    moved.append(float(((layer.running_mean - mean).abs() / (variance + layer.eps).sqrt()).mean()))
        found[part] = round(float(np.mean(moved)), 4)
    return found


def by_experiment(data: Twin, rows: np.ndarray, right: np.ndarray) -> dict[str, list[float]]:
    """Experiment → accuracy and number of fields."""
    own = data.experiments[rows]
    return {
        str(data.names[number]): [round(float(right[own == number].mean()), 4), int((own == number).sum())] for number in np.unique(own)
    }  # fmt: skip


def read_out(data: Twin, network: Any, statistics: str = "") -> dict[str, Any]:
    right = {part: guesses(data, network, rows, statistics) == data.labels[rows] for part, rows in data.parts.items()}
    return {part: by_experiment(data, rows, right[part]) for part, rows in data.parts.items()}


@torch.no_grad()
def embedded(data: Twin, network: Any) -> np.ndarray:
    return np.concatenate([network.embed(part).numpy() for part in data.chunks(np.arange(len(data.pixels)))])


def frozen(data: Twin, values: np.ndarray, method: str) -> dict[str, Any]:
    """A logistic regression on corrected embeddings of training fields."""
    from sklearn.linear_model import LogisticRegression

    batches, fitted, options = data.names[data.experiments], data.train, {}
    if method == "sphering":  # its ridge is searched on training experiments alone
        words, generator = data.labels[data.train].astype(str), np.random.default_rng(0)
        searched = sphering.fit(
            values[data.train], batches[data.train], data.control[data.train], perturbations=words, generator=generator, samples=8
        )  # fmt: skip
        options = {"epsilon": float(searched.epsilon)}
    values = correct(method, values, batches, data.control, **options)
    scale = values[fitted].std(0)
    values = np.clip((values - values[fitted].mean(0)) / np.where(scale > 1e-6, scale, 1.0), -10, 10)
    model = LogisticRegression(C=0.02, max_iter=300).fit(values[fitted], data.labels[fitted])
    right = {part: model.predict(values[rows]) == data.labels[rows] for part, rows in data.parts.items()}
    return {part: by_experiment(data, rows, right[part]) for part, rows in data.parts.items()}


def part(data: Twin, trained: str, seed: int, epochs: int) -> dict[str, dict[str, Any]]:
    """Row → accuracies, of all rows that one network gives."""
    if trained == "random":
        network, _ = network_of("ERM", data, epochs, seed)
        values = embedded(data, network.eval())
        return {f"random: {method}": frozen(data, values, method) for method in RANDOM}
    network, task = network_of(trained, data, epochs, seed)
    single = trained.endswith("AdaBN from training on")
    groups = 1 if single else GROUPS if trained in COMPARING else 0
    steps = epochs * (len(data.train) // BATCH)
    train(network, task, mini_batches(data, epochs, seed, groups), steps, seed, rate=3e-3)
    found = {trained: read_out(data, network, "own" if groups == 1 else "")}
    for row, (source, statistics) in ADAPTED.items():
        if source == trained:
            found[row] = read_out(data, network, statistics)
    if trained.endswith("ERM"):
        found[trained]["shift"] = shifts(data, network)
    if trained == "ERM":
        values = embedded(data, network)
        found |= {f"frozen: {method}": frozen(data, values, method) for method in CORRECTIONS}
    return found


def rates(lines: list[dict[str, Any]], where: str) -> tuple[np.ndarray, np.ndarray]:
    """(seeds, experiments) accuracies, and the number of fields of each experiment."""
    names = sorted(lines[0][where])
    table = np.array(
        [[line[where][name][0] for name in names] for line in sorted(lines, key=lambda line: line["seed"])]
    )
    return table, np.array([lines[0][where][name][1] for name in names])


def interval(table: np.ndarray, sizes: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95% interval over seeds and experiments."""
    generator, draws = np.random.default_rng(0), []
    for _ in range(4000):
        seeds, places = (generator.integers(0, count, count) for count in table.shape)
        draws.append((table[np.ix_(seeds, places)] * sizes[places]).sum() / (len(seeds) * sizes[places].sum()))
    low, high = np.quantile(draws, [0.025, 0.975])
    return float((table * sizes).sum() / (len(table) * sizes.sum())), float(low), float(high)


def show(lines: list[dict[str, Any]]) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Print the table; row → part → mean and interval."""
    found: dict[str, dict[str, tuple[float, float, float]]] = {}
    own = {row: [line for line in lines if line["row"] == row] for row in ORDER}
    print(f"{'':<38}{'train':>7}{'in':>23}{'out':>23}{'out, to ERM':>26}")
    for row, chosen in own.items():
        if not chosen:
            continue
        found[row] = {where: interval(*rates(chosen, where)) for where in ("train", "in", "out")}
        base = "fixed scale: ERM" if row.startswith("fixed") else "ERM"
        seeds = {line["seed"] for line in chosen} & {line["seed"] for line in own[base]}
        table, sizes = rates([line for line in chosen if line["seed"] in seeds], "out")
        difference = interval(table - rates([line for line in own[base] if line["seed"] in seeds], "out")[0], sizes)
        found[row]["difference"] = difference
        cells = [
            f"{f'{mean:.3f} [{low:.3f}, {high:.3f}]':>23}" for mean, low, high in (found[row]["in"], found[row]["out"])
        ]
        gain = f"{difference[0]:+.3f} [{difference[1]:+.3f}, {difference[2]:+.3f}]"
        print(f"{row:<38}{found[row]['train'][0]:>7.3f}{''.join(cells)}{gain:>26}")
    return found


def draw(path: Path, found: dict[str, dict[str, tuple[float, float, float]]], chance: float, title: str) -> None:
    """Accuracy in and out of distribution, one line a row."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.fonttype"] = "none"
    figure, axis = plt.subplots(figsize=(8.5, 0.3 * len(found) + 1.4))
    for where, colour, shift in (("in", "#999999", -0.13), ("out", "#0072b2", 0.13)):
        cells = np.array([row[where] for row in found.values()])
        errors = [cells[:, 0] - cells[:, 1], cells[:, 2] - cells[:, 0]]
        label = {"in": "in distribution: second site of training wells", "out": "out: experiments never seen"}[where]
        axis.errorbar(
            cells[:, 0], np.arange(len(found)) + shift, xerr=errors, fmt="o", markersize=4.5, color=colour, label=label
        )
    axis.axvline(chance, color="black", linestyle="--", linewidth=1, label="chance")
    axis.set_yticks(range(len(found)), list(found))
    axis.invert_yaxis()
    axis.set(xlabel="accuracy over fields", xlim=(0, None))
    axis.set_title(title, fontsize=9)
    axis.grid(alpha=0.3, axis="x")
    figure.legend(fontsize=8, loc="lower center", ncol=3)
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the rendered twin")
    parser.add_argument("results", type=Path)
    parser.add_argument("--figure", type=Path)
    for name, default in (
        ("seeds", 3),
        ("epochs", 30),
        ("genes", 12),
        ("experiments", 24),
        ("screen-seed", 11),
        ("size", 64),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--effect", type=float, default=2.0, help="effect_strength of the screen")
    parser.add_argument("--minutes", type=float, default=1e9, help="end after the part that passes this time")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = Twin(options)
    key = [options.screen_seed, options.size, options.genes, options.experiments, options.effect, options.epochs]
    lines = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    lines = [line for line in lines if line["data"] == key]
    done = {(line["trained"], line["seed"]) for line in lines}
    begun = time.monotonic()
    for seed in range(options.seeds):
        for trained in (*OBJECTIVES, "random"):
            if (trained, seed) in done:
                continue
            if time.monotonic() - begun > 60 * options.minutes:
                raise SystemExit(f"stopped at seed {seed}, {trained}; call again to go on")
            start = time.process_time()
            found = part(data, trained, seed, options.epochs)
            spent = round(time.process_time() - start, 1)
            shared = {"trained": trained, "seed": seed, "data": key, "processor_s": spent}
            new = [{"row": row, **shared, **score} for row, score in found.items()]
            lines += new
            options.results.parent.mkdir(parents=True, exist_ok=True)
            with open(options.results, "a") as file:
                file.writelines(json.dumps(line) + "\n" for line in new)
            means = {
                line["row"]: [round(interval(*rates([line], where))[0], 3) for where in ("train", "in", "out")]
                for line in new
            }
            print(f"seed {seed} {trained}: {spent} s {means}", flush=True)
    chance = 1 / data.classes
    sizes = {where: len(rows) for where, rows in data.parts.items()}
    note = f"simulated twin of RxRx1: {data.classes} classes (chance {chance:.3f}), {sizes['train']} training fields, {options.seeds} seeds"
    print(f"{note}; {sizes['in']} fields in, {sizes['out']} out of distribution; intervals over seeds and experiments")
    found_all = show(lines)
    for row in ("ERM", "fixed scale: ERM"):
        moved = [[line["shift"][part] for line in lines if line["row"] == row] for part in ("train", "out")]
        print(
            f"{row}: means of batch-norm inputs differ from training's by {np.mean(moved[0]):.3f} standard deviations in training "
        )
        print(f"experiments, {np.mean(moved[1]):.3f} in held-out ones")
    if options.figure:
        draw(options.figure, found_all, chance, note)


if __name__ == "__main__":
    main()
