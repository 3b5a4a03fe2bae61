"""What stands in a training recipe: data, encodings, model, task, training. Checked as a whole before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
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


@dataclass(frozen=True)
class TrainSection:
    """How a network is trained.

    Attributes:
        epochs: Passes over the training rows.
        max_steps: Stop after so many optimiser steps; 0 for no limit.
        batch_size: Molecules a batch.
        accumulate: Batches added up for one optimiser step.
        learning_rate: Peak learning rate.
        encoder_rate: Factor on the encoder's learning rate (fine-tuning); 0 keeps the encoder frozen (probing).
        weight_decay: Of AdamW; not applied to biases, norms and embeddings.
        warmup: Fraction of all steps with a linearly rising rate.
        schedule: How the rate falls afterwards.
        final_rate: Last rate as a fraction of the peak.
        clip: Largest norm of the gradient; 0 for no clipping.
        ema: Decay of the exponential moving average of the weights; 0 for none.
        precision: Of the arithmetic.
        patience: Stop after so many epochs without a lower validation loss; 0 never stops early.
        ensemble: Members trained from different seeds; their spread is the uncertainty.
        compile: Use torch.compile.
        accelerator: "auto", "cpu" or "cuda".
        devices: Number of devices (processes).
        strategy: Lightning Fabric's strategy for several devices.
        threads: CPU threads of a process; 0 takes one for networks below two million parameters, where threads wait for each other
            longer than they save (tens of times longer on a busy machine), else all cores.
        deterministic: Refuse operations without a deterministic implementation (CUDA: same bits, slower).
        checkpoint_seconds: Save the state at least so often, at the end of an epoch and on Ctrl-C.
        tensorboard: Write event files beside metrics.jsonl (extra "tensorboard").
        refit: After the run, train once more on all rows for the chosen number of epochs, and predict with that.
    """

    epochs: int = 50
    max_steps: int = 0
    batch_size: int = 64
    accumulate: int = 1
    learning_rate: float = 1e-3
    encoder_rate: float = 1.0
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
    strategy: str = "auto"
    threads: int = 0
    deterministic: bool = False
    checkpoint_seconds: float = 60.0
    tensorboard: bool = False
    refit: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "ensemble", "devices"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("warmup", "ema", "final_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")


@dataclass(frozen=True)
class Named:
    """A thing of the registry with its options, an instance of its own `Config`."""

    name: str
    config: Any

    def to_json(self) -> dict[str, Any]:
        """Name and options in one table."""
        return {"name": self.name, **asdict(self.config)}


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
            "encodings": asdict(self.encodings),
            "standardise": asdict(self.standardise),
            "model": self.model.to_json(),
            "task": self.task.to_json(),
            "train": asdict(self.train),
        }

    def with_changes(self, **changes: Any) -> Recipe:
        """The same recipe with other sections; keywords of `TrainSection` may be given as train={...}."""
        if isinstance(changes.get("train"), Mapping):
            changes["train"] = replace(self.train, **changes["train"])
        if isinstance(changes.get("split"), Mapping):
            changes["split"] = replace(self.split, **changes["split"])
        return replace(self, **changes)


_SECTIONS = ("name", "seed", "data", "encodings", "standardise", "model", "task", "train")


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
    data = dict(_table(mapping, "data"))
    split = attempt(build, SplitSection, data.pop("split", {}), "data.split")
    named = {
        "data": attempt(_named, "datasets", data, "data", "pocketmix"),
        "model": attempt(_named, "models", _table(mapping, "model"), "model", "gine"),
        "task": attempt(_named, "tasks", _table(mapping, "task"), "task", "multitask"),
    }
    encodings = attempt(build, EncodingConfig, _table(mapping, "encodings"), "encodings")
    standardise = attempt(build, StandardiseConfig, _table(mapping, "standardise"), "standardise")
    train = attempt(build, TrainSection, _table(mapping, "train"), "train")
    seed = mapping.get("seed", 0)
    if not isinstance(seed, int):
        problems.append(UsageError(f"seed must be a whole number, got {seed!r}"))
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise UsageError("the recipe does not hold:\n  " + "\n  ".join(str(problem) for problem in problems))
    return Recipe(
        str(mapping.get("name", "recipe")), **named, seed=seed, split=split, encodings=encodings, standardise=standardise, train=train
    )  # fmt: skip


def _table(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = mapping.get(key, {})
    if not isinstance(table, Mapping):
        raise UsageError(f"{key} must be a table, got {table!r}")
    return table


def _named(kind: str, table: Mapping[str, Any], where: str, default: str) -> Named:
    options = dict(table)
    name = options.pop("name", default)
    module = registry.module(kind, name)
    preset = options.pop("preset", None)
    if preset is not None:
        presets = getattr(module, "PRESETS", {})
        if preset not in presets:
            raise UnknownNameError(f"preset of {name}", preset, presets)
        options = {**asdict(presets[preset]), **options}
    return Named(name, build(module.Config, options, where))
