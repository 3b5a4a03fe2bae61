"""What stands in a training recipe: data, encodings, model, task, training. Checked as a whole before anything runs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.options import plain
from hooke.core.recipe import build, read
from hooke.molecules.encodings import EncodingConfig
from hooke.molecules.parse import KEEP_ALL, StandardiseConfig

SplitKind = Literal["random", "scaffold", "scaffold_balanced", "cluster", "time", "column", "published"]


@dataclass(frozen=True)
class SplitSection:
    """How rows are split into train, valid and test.

    Attributes:
        kind: "published" takes the split that the data set carries ("column" is the same, for a user's own table).
        fractions: Of train, valid and test.
        seed: Of the split alone, so that models can be compared on one split.
        time_column: Label whose value orders the rows, for "time".
    """

    kind: SplitKind = "random"
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0
    time_column: str = ""

    def __post_init__(self) -> None:
        if min(self.fractions) < 0 or not math.isclose(sum(self.fractions), 1.0, abs_tol=1e-6):
            raise ValueError(f"fractions must be three numbers of at least 0 that sum to 1, got {self.fractions}")
        if self.fractions[0] == 0:
            raise ValueError("fractions must leave rows to train on")
        _at_least(self, seed=0)


@dataclass(frozen=True)
class TrainSection:
    """How a network is trained. The defaults suit a few hundred to some ten thousand molecules.

    Attributes:
        epochs: Passes over the training rows.
        max_steps: Stop after so many optimiser steps; 0 for no limit.
        batch_size: Most molecules in a batch; an epoch is cut into batches of nearly equal length. With several devices,
            each takes batches of this size.
        accumulate: Batches added up for one optimiser step.
        learning_rate: Peak learning rate.
        encoder_rate: Factor on the encoder's learning rate (fine-tuning); 0 keeps the encoder frozen (probing).
        encoder_layers: Last layers of the encoder that are trained, those before and its inputs being frozen; -1 trains all.
        encoder_from_epoch: The encoder waits so many epochs, in which only the heads are trained.
        weight_decay: Of AdamW; not applied to biases, norms and embeddings.
        warmup: Fraction of all steps with a linearly rising rate.
        schedule: How the rate falls afterwards.
        final_rate: Last rate as a fraction of the peak.
        clip: Largest norm of the gradient; 0 for no clipping.
        ema: Decay of the exponential moving average of the weights, which is then what is validated and kept; 0 for none.
        precision: Of the arithmetic; weights stay in 32 bits with the mixed ones.
        patience: Stop after so many epochs without a lower validation loss; 0 never stops early.
        ensemble: Members trained from different seeds; their spread is the uncertainty.
        compile: Use torch.compile.
        accelerator: "auto", "cpu" or "cuda".
        devices: Processes of this machine, one a device, which share each step (distributed data parallel).
        threads: CPU threads of a process; 0 takes one for networks below two million parameters, where threads wait for each
            other longer than they save (tens of times longer on a busy machine), else its share of the cores.
        deterministic: Refuse operations without a deterministic implementation (CUDA: same bits, slower).
        checkpoint_seconds: Save the state when so many seconds have passed since the last time; a kill loses at most this.
        tensorboard: Write event files beside metrics.jsonl (extra "tensorboard").
        refit: After the run, train once more on all rows for the chosen number of epochs, and predict with that.
    """

    epochs: int = 50
    max_steps: int = 0
    batch_size: int = 64
    accumulate: int = 1
    learning_rate: float = 1e-3
    encoder_rate: float = 1.0
    encoder_layers: int = -1
    encoder_from_epoch: int = 0
    weight_decay: float = 1e-4
    warmup: float = 0.05
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    final_rate: float = 0.01
    clip: float = 1.0
    ema: float = 0.0
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"
    patience: int = 0
    ensemble: int = 1
    compile: bool = False
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = 1
    threads: int = 0
    deterministic: bool = False
    checkpoint_seconds: float = 30.0
    tensorboard: bool = False
    refit: bool = False

    def __post_init__(self) -> None:
        _at_least(self, epochs=1, batch_size=1, accumulate=1, ensemble=1, devices=1, encoder_layers=-1)
        _at_least(
            self, max_steps=0, encoder_rate=0, encoder_from_epoch=0, weight_decay=0, clip=0, patience=0, threads=0
        )
        _at_least(self, checkpoint_seconds=0)
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        for name in ("warmup", "ema", "final_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if self.ema == 1:
            raise ValueError("ema = 1 would never take in a new weight")


def _at_least(section: Any, **bounds: float) -> None:
    for name, bound in bounds.items():
        if not getattr(section, name) >= bound:
            raise ValueError(f"{name} must be at least {bound:g}, got {getattr(section, name)}")


@dataclass(frozen=True)
class Named:
    """A thing of the registry with its options, an instance of its own `Config`."""

    name: str
    config: Any

    def to_json(self) -> dict[str, Any]:
        """Name and options in one table."""
        return {"name": self.name, **plain(self.config)}


@dataclass(frozen=True)
class Recipe:
    """A whole recipe, resolved: every option has its value."""

    name: str
    data: Named
    model: Named
    task: Named
    seed: int = 0
    split: SplitSection = SplitSection()
    encodings: EncodingConfig = EncodingConfig()
    standardise: StandardiseConfig = KEEP_ALL
    train: TrainSection = field(default_factory=TrainSection)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `resolve` gives the recipe back."""
        return {
            "name": self.name,
            "seed": self.seed,
            "data": {**self.data.to_json(), "split": asdict(self.split)},
            "encodings": plain(self.encodings),
            "standardise": asdict(self.standardise),
            "model": self.model.to_json(),
            "task": self.task.to_json(),
            "train": asdict(self.train),
        }

    def with_changes(self, **changes: Any) -> Recipe:
        """The same recipe with other sections; train={...} and split={...} change some of their options, checked.

        Raises:
            UsageError: An unknown option or a wrong value.
        """
        for section, cls, where in (("train", TrainSection, "train"), ("split", SplitSection, "data.split")):
            if isinstance(changes.get(section), Mapping):
                changes[section] = build(cls, {**asdict(getattr(self, section)), **changes[section]}, where)
        return replace(self, **changes)


_HEAD = "the recipe does not hold:\n  "
_TABLES = ("data", "encodings", "standardise", "model", "task", "train")
_SECTIONS = ("name", "seed", *_TABLES)


def load_recipe(recipe: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read, merge and check a recipe; see `core.recipe.read` for what may be given."""
    return resolve(read(recipe, overrides))


def resolve(mapping: Mapping[str, Any]) -> Recipe:
    """Check a plain dictionary as a whole.

    Raises:
        UsageError: Everything that is wrong with it, with the nearest valid names.
    """
    problems: list[UsageError] = []

    def attempt(function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except UsageError as error:
            problems.append(error)
            return None

    for key in mapping:
        if key not in _SECTIONS:
            problems.append(UnknownNameError("section", key, _SECTIONS))
    tables = {key: attempt(_table, mapping, key, key) or {} for key in _TABLES}
    tables["split"] = attempt(_table, tables["data"], "split", "data.split") or {}
    data = {key: value for key, value in tables["data"].items() if key != "split"}
    sections = {
        "split": attempt(build, SplitSection, tables["split"], "data.split"),
        "data": attempt(_named, "datasets", data, "data", "pocketmix"),
        "model": attempt(_named, "models", tables["model"], "model", "gine"),
        "task": attempt(_named, "tasks", tables["task"], "task", "multitask"),
        "encodings": attempt(build, EncodingConfig, tables["encodings"], "encodings"),
        "standardise": attempt(build, StandardiseConfig, tables["standardise"], "standardise"),
        "train": attempt(build, TrainSection, tables["train"], "train"),
    }
    seed, name = mapping.get("seed", 0), mapping.get("name", "recipe")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        problems.append(UsageError(f"seed must be a whole number of at least 0, got {seed!r}"))
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):  # it becomes a folder's name
        problems.append(UsageError(f"name must be made of letters, digits, '.', '-' and '_', got {name!r}"))
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise UsageError(_HEAD + "\n  ".join(str(problem).removeprefix(_HEAD) for problem in problems))
    return Recipe(name, seed=seed, **sections)


def _table(mapping: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    table = mapping.get(key, {})
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} must be a table, got {table!r}")
    return table


def _named(kind: str, table: Mapping[str, Any], where: str, default: str) -> Named:
    options = dict(table)
    name, preset = (
        _text(options.pop(key, value), f"{where}.{key}") for key, value in (("name", default), ("preset", ""))
    )
    module = registry.module(kind, name)
    if preset:
        presets = getattr(module, "PRESETS", {})
        if preset not in presets:
            raise UnknownNameError(f"preset of {name}", preset, presets)
        options = {**asdict(presets[preset]), **options}
    return Named(name, build(module.Config, options, where))


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where} must be a text, got {value!r}")
    return value
