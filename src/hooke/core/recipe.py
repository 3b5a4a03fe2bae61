"""What stands in a training recipe: data, model, task, training, and the sections of its modality. Checked as a whole before anything runs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.key_hints import UnknownKeyError
from hooke.core.machine_table import MACHINE, kept_in_train
from hooke.core.options import later, later_options, plain
from hooke.core.recipe_files import build, read


@dataclass(frozen=True)
class SplitSection:
    """How rows are split into train, valid and test.

    Attributes:
        kind: One of the modality's. "published" takes the split that the data set carries ("column" is the same, for a user's own table).
            Molecules: "random", "scaffold", "scaffold_balanced", "cluster", "time", and "held_out", that of the suites: test rows never
            move (the published ones, else those of `molecules.held_out`), and the seed draws the validation rows from the others.
            Images: whole wells ("random" is the same), plates or experiments, or whole groups of equal `column`.
        fractions: Of train, valid and test.
        seed: Of the split alone, so that models can be compared on one split.
        time_column: Of molecules: the column that orders the rows, for "time": dates as people write them (day first where nothing says
            otherwise), years or any numbers. It is no target unless --targets names it. Rows without a time are trained on.
        column: Of images: the metadata column of "group", or of "column" (its words are train, valid or val, test).
        train_share: Share of the training rows that are used, drawn by the recipe's own seed; a smaller share is a part of a larger
            one, and the other parts stay whole.
        label_share: Of molecules: share of the training rows' measurements that are used, drawn likewise.
        train_groups: Of frames: most molecules that are trained on, and
        group_rows: most frames of each; both drawn by the split's seed, smaller numbers being parts of larger ones. 0 takes all.
    """

    kind: str = "random"
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    seed: int = 0
    time_column: str = ""
    column: str = ""
    train_share: float = later(1.0)
    label_share: float = later(1.0)
    train_groups: int = later(0)
    group_rows: int = later(0)

    def __post_init__(self) -> None:
        for name in ("train_share", "label_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, got {getattr(self, name)}")
        if min(self.fractions) < 0 or not math.isclose(sum(self.fractions), 1.0, abs_tol=1e-6):
            raise ValueError(f"fractions must be three numbers of at least 0 that sum to 1, got {self.fractions}")
        if self.fractions[0] == 0:
            raise ValueError("fractions must leave rows to train on")
        at_least(self, seed=0, train_groups=0, group_rows=0)


METRIC_MONITOR = "valid/"  # how the name of a metric that is monitored begins
SCHEDULES = ("cosine", "linear", "constant")


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
        encoder_layers: Last layers of the encoder that are trained; everything before them is frozen: inputs, what all layers share,
            running statistics, dropout. -1 trains all.
        unfreeze_every: With `encoder_layers`: train one layer more every so many epochs, the inputs last; 0 keeps the rest frozen.
        start_from: What of a pretrained encoder fine-tuning starts from: "encoder", all of it; "layers.N", its inputs and first N layers,
            the others being new; "inputs". Other than "encoder" it allows another `model.depth`: layers are dropped or added.
        keep_heads: Of fine-tuning: write RUN/kept, a run with this encoder and the pretrained run's own heads and labels (`train.kept_heads`).
        layer_decay: Factor on the rate of each layer of the encoder for every layer that follows it.
        encoder_from_epoch: The encoder waits so many epochs, in which only the heads are trained.
        optimiser: "adamw", or "lion", whose rate is three to ten times smaller and whose decay is as much larger.
        weight_decay: Not applied to biases, norms, embeddings and learned tokens.
        warmup: Fraction of all steps with a linearly rising rate.
        warmup_epochs: The same in epochs, and
        warmup_steps: in optimiser steps; where one of them is set, it takes the place of `warmup`.
        schedule: How the rate falls afterwards: "cosine", "linear", "constant", or the name of a class of `torch.optim.lr_scheduler`, such as
            "StepLR", with
        schedule_options: its options; it is counted in optimiser steps from the end of the warm-up, and starts at the peak.
        final_rate: Last rate as a fraction of the peak.
        clip: Largest norm of the gradient; 0 for no clipping.
        ema: Decay of the exponential moving average of the weights, which is then what is validated and kept; 0 for none.
        precision: Of the arithmetic; weights stay in 32 bits with the mixed ones.
        patience: Stop after so many epochs without a lower validation loss; 0 never stops early.
        monitor: What is best in the best epoch and what patience waits for: a validation loss, "loss" or a part of it as metrics.jsonl names
            it without "valid_" ("graph/regression"); or a metric of the validation rows, "valid/LABEL/METRIC" or, over the labels of a table
            or all of them, "valid/TABLE/METRIC" ("valid/logp/rmse", "valid/all/normalised_mae"; `train.monitor`).
        keep_best: Epochs whose weights are kept: the best one as best.safetensors, the others as epoch-N.safetensors (checkpoints.json).
        checkpoint_steps: Save the state every so many optimiser steps besides, and keep the weights then as step-N.safetensors; 0 for none.
        profile: Write what training spent by stage, and a trace of a few steps for chrome://tracing or Perfetto (`hooke fit --profile`).
        ensemble: Members trained from different seeds; their spread is the uncertainty.
        compile: Use torch.compile.
        accelerator: "auto", "cpu" or "cuda".
        devices: Processes of a machine, one a device, which share each step (distributed data parallel).
        nodes: Machines, each with so many devices, on which torchrun or srun starts the same command (`train.crew`).
        sharded: Divide weights, gradients and optimiser state among the devices (FSDP) instead of having all in each.
        threads: CPU threads of a process; 0 takes one for networks below two million parameters, where threads wait for each
            other longer than they save (tens of times longer on a busy machine), else OMP_NUM_THREADS, or its share of the cores where
            that is not set.
        loader_workers: Processes that make the batches of training; 0 or 1 for a thread of this process, which is enough unless the network is
            small or runs on a GPU. The batches are the same. Of molecules.
        deterministic: Refuse operations without a deterministic implementation (CUDA: same bits, slower).
        checkpoint_seconds: Save the state when so many seconds have passed since the last time; a kill loses at most this.
        tensorboard: The logger "tensorboard": event files in the run folder.
        loggers: Where the metrics of every epoch go beside metrics.jsonl: "tensorboard", "wandb", "mlflow" (extras of these names), or one
            registered under the entry point `hooke.loggers` (`train.loggers`).
        refit: After the run, train once more on all rows for the chosen number of epochs, and predict with that.
        gradient_norms: Log after each epoch the norm of each task's gradient at the encoder (`train.loop`).
        learned_from: A finished run whose encoder is the learned encoding, `encodings.learned`.
        width_transfer: Options of the model at the width where the other ones were found ({width = 64}); weights and rates are then such
            that they hold at this model's width as well (`nn.width_transfer`). Molecules only.
    """

    epochs: int = 50
    max_steps: int = 0
    batch_size: int = 64
    accumulate: int = 1
    learning_rate: float = 1e-3
    encoder_rate: float = 1.0
    encoder_layers: int = -1
    encoder_from_epoch: int = 0
    optimiser: Literal["adamw", "lion"] = "adamw"
    weight_decay: float = 1e-4
    warmup: float = 0.05
    schedule: str = "cosine"
    final_rate: float = 0.01
    clip: float = 1.0
    ema: float = 0.0
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"
    patience: int = 0
    ensemble: int = 1
    compile: bool = False
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = 1
    sharded: bool = False
    threads: int = 0
    deterministic: bool = False
    checkpoint_seconds: float = 30.0
    tensorboard: bool = False
    refit: bool = False
    nodes: int = later(1)
    gradient_norms: bool = later(default=False)
    warmup_epochs: float = later(0.0)
    warmup_steps: int = later(0)
    schedule_options: dict[str, Any] = later_options()
    monitor: str = later("loss")
    keep_best: int = later(1)
    checkpoint_steps: int = later(0)
    profile: bool = later(default=False)
    loggers: tuple[str, ...] = later(())
    start_from: str = later("encoder")
    keep_heads: bool = later(default=False)
    loader_workers: int = later(0)
    unfreeze_every: int = later(0)
    layer_decay: float = later(1.0)
    learned_from: str = later("")
    width_transfer: dict[str, int] | None = later(None)

    def __post_init__(self) -> None:
        at_least(self, epochs=1, batch_size=1, accumulate=1, ensemble=1, devices=1, nodes=1, encoder_layers=-1)
        at_least(self, max_steps=0, encoder_rate=0, encoder_from_epoch=0, weight_decay=0, clip=0, patience=0, threads=0)
        at_least(self, checkpoint_seconds=0, loader_workers=0)
        at_least(self, unfreeze_every=0, warmup_epochs=0, warmup_steps=0, keep_best=1, checkpoint_steps=0)
        if not re.fullmatch(r"encoder|inputs|layers\.[1-9]\d*", self.start_from):
            raise ValueError(f'start_from must be "encoder", "inputs" or "layers.N", got {self.start_from!r}')
        if self.warmup_epochs and self.warmup_steps:
            raise ValueError("warmup_epochs and warmup_steps say the same in two units: set one of them")
        if self.schedule_options and self.schedule in SCHEDULES:
            raise ValueError(f"schedule_options belong to a schedule of torch, {self.schedule!r} has none")
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay must be above 0 and at most 1, got {self.layer_decay}")
        if self.unfreeze_every and self.encoder_layers < 0:
            raise ValueError(
                "unfreeze_every starts from the last layers that encoder_layers names: set it to 0 or more"
            )
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        for name in ("warmup", "ema", "final_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if self.sharded and self.devices * self.nodes == 1:
            raise ValueError("sharded divides the network among devices: set devices above 1")
        if self.sharded and (self.ema or self.compile or self.precision == "16-mixed"):
            raise ValueError("sharded goes with neither ema, compile nor 16-mixed precision (bf16-mixed works)")
        # the first process measures them alone, and would wait for the others' parts
        alone = {"gradient_norms": self.gradient_norms, "a metric as monitor": self.monitor.startswith(METRIC_MONITOR)}
        for name, asked in alone.items():
            if self.sharded and asked:
                raise ValueError(f"{name} needs the whole network in one process: it does not go with sharded")
        if self.ema == 1:
            raise ValueError("ema = 1 would never take in a new weight")


AUTOMATIC = "auto"  # in the place of a model's name
NETWORKS = ("finetuned", "scratch")  # candidates of every modality


@dataclass(frozen=True)
class Automatic:
    """`model.name = "auto"`: candidates are compared on rows that they were not fitted on, and blended; see `train.automatic`.

    Attributes:
        candidates: Names; none means all that the modality knows, the networks, and estimators of third parties.
        folds: Into which the training rows are cut.
        penalty: How strongly the weights of the blend are pulled towards equal ones.
        budget: Seconds that comparing may take; candidates that would take longer are left out. A single candidate is never left out.
        vectors: Encoders whose vectors candidates read besides, where their weights are on the machine.
        network: That is trained from scratch, as model:preset.
        pretrained: The run, or encoder inside the package, that is fine-tuned.
    """

    candidates: tuple[str, ...] = ()
    folds: int = 5
    penalty: float = 0.1
    budget: float = 300.0
    vectors: tuple[str, ...] = ("minimol",)
    network: str = "dmpnn:small"
    pretrained: str = "tiny"

    def __post_init__(self) -> None:
        at_least(self, folds=2, penalty=0)
        if not self.budget > 0:
            raise ValueError(f"budget must be above 0 seconds, got {self.budget}")


def at_least(section: Any, **bounds: float) -> None:
    """Raise `ValueError` for the first option of a section below its bound."""
    for name, bound in bounds.items():
        if not getattr(section, name) >= bound:
            raise ValueError(f"{name} must be at least {bound:g}, got {getattr(section, name)}")


@dataclass(frozen=True)
class Named:
    """A thing of the registry with its options, an instance of its own `Config`, and which kind of thing it is."""

    name: str
    config: Any
    kind: str

    def to_json(self) -> dict[str, Any]:
        """Name and options in one table."""
        return {"name": self.name, **plain(self.config)}


@dataclass(frozen=True)
class Recipe:
    """A whole recipe, resolved: every option has its value.

    Attributes:
        model: A model, an estimator, or the automatic choice among several.
        sections: Options of the modality by the name of their section.
    """

    name: str
    data: Named
    model: Named
    task: Named
    seed: int = 0
    split: SplitSection = SplitSection()
    sections: Mapping[str, Any] = field(default_factory=dict)
    train: TrainSection = field(default_factory=TrainSection)

    @property
    def modality(self) -> str:
        """The kind of data that it is about."""
        return registry.modality_of("datasets", self.data.name)

    @property
    def has_estimator(self) -> bool:
        """Whether estimators, or the automatic choice, take the place of model and training."""
        return self.model.kind != "models"

    @property
    def is_automatic(self) -> bool:
        """Whether the model is chosen among candidates (`Automatic`)."""
        return self.model.kind == AUTOMATIC

    @property
    def learns_labels(self) -> bool:
        """Whether labels are learnt."""
        return self.has_estimator or registry.module("tasks", self.task.name).Task.learns_labels(self.task.config)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `resolve` gives the recipe back."""
        return {
            "name": self.name,
            "seed": self.seed,
            "data": {**self.data.to_json(), "split": plain(self.split)},
            **{name: plain(section) for name, section in self.sections.items()},
            "model": self.model.to_json(),
            "task": self.task.to_json(),
            "train": plain(self.train),
        }

    def with_changes(self, **changes: Any) -> Recipe:
        """The same recipe with other fields; train={...} and split={...} change some of their options, checked.

        Raises:
            UsageError: An unknown option or a wrong value, or a split that the modality does not know.
        """
        for section, cls, where in (("train", TrainSection, "train"), ("split", SplitSection, "data.split")):
            if isinstance(changes.get(section), Mapping):
                changes[section] = build(cls, {**asdict(getattr(self, section)), **changes[section]}, where)
        changed = replace(self, **changes)
        if "split" in changes:
            modality = modality_object(self.modality)
            _check_modality(modality, changed.split)
            modality.check(changed)
        return changed

    def with_section(self, name: str, **options: Any) -> Recipe:
        """The same recipe with other options in a section of its modality."""
        return replace(self, sections={**self.sections, name: replace(self.sections[name], **options)})


_HEAD = "invalid recipe:\n  "
_TABLES = ("data", "model", "task", "train")
_FIXED = ("name", "seed", *_TABLES)
_DEFAULTS = {"data": "pocketmix", "model": "gine", "task": "multitask"}
# tables → the key and the option of the command line by which they are named
_NAMES_OF = {"data": ("name", ""), "task": ("name", ""), "model": ("name", "--model"), "data.split": ("kind", "--split")}  # fmt: skip


def load_recipe(recipe: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read, merge and check a recipe; see `core.recipe_files.read` for what may be given."""
    return resolve(read(recipe, overrides))


def resolve(mapping: Mapping[str, Any]) -> Recipe:
    """Check a plain dictionary as a whole.

    What can be said of it without importing the files of model and task, which import torch, is said first.

    Raises:
        UsageError: Everything that is wrong with it, with the nearest valid names.
    """
    problems = _Problems()
    attempt = problems.attempt
    mapping = kept_in_train(mapping)
    tables: dict[str, Mapping[str, Any]] = {key: attempt(table_of, mapping, key) or {} for key in _TABLES}
    tables["split"] = attempt(table_of, tables["data"], "split", "data") or {}
    data = {key: value for key, value in tables["data"].items() if key != "split"}
    elsewhere = _stated_keys(tables)
    named = {"data": attempt(named_thing, "datasets", data, "data", _DEFAULTS["data"], elsewhere)}
    modality: Any = None if named["data"] is None else attempt(modality_object, _modality(named["data"]))
    own = modality.sections if modality is not None else {}
    elsewhere += [f"{section}.{option.name}" for section, cls in own.items() for option in fields(cls)]
    for key, kind in (("model", "models"), ("task", "tasks")):
        attempt(_check_stated, kind, tables[key], key, _DEFAULTS[key], elsewhere)
    sections = _modality_sections(mapping, modality, attempt, elsewhere)
    split = attempt(build, SplitSection, tables["split"], "data.split", elsewhere)
    train = attempt(build, TrainSection, tables["train"], "train", elsewhere)
    seed, name = mapping.get("seed", 0), mapping.get("name", "recipe")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        problems.append(UsageError(f"seed must be a whole number of at least 0, got {seed!r}"))
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]*", name):  # it becomes a folder's name
        problems.append(UsageError(f"name must be made of letters, digits, '.', '-' and '_', got {name!r}"))
    if modality is not None:
        attempt(_check_modality, modality, split)
    problems.say()
    for key, kind in (("model", "models"), ("task", "tasks")):
        named[key] = attempt(named_thing, kind, tables[key], key, _DEFAULTS[key])
    problems.say()
    attempt(_agree, named)
    problems.say()
    recipe = Recipe(name, seed=seed, split=split, train=train, sections=sections, **named)
    if recipe.is_automatic:
        _check_candidates(recipe.model.config, modality)
    modality.check(recipe)
    base_config(recipe)
    return recipe


class _Problems(list[UsageError]):
    """What is wrong with a recipe."""

    def attempt(self, function: Any, *arguments: Any) -> Any:
        """What a function returns, or None, and what is wrong is kept."""
        try:
            return function(*arguments)
        except UsageError as error:
            self.append(error)
            return None

    def say(self) -> None:
        """Raise `UsageError` with all of it, if there is anything."""
        if len(self) == 1:
            raise self[0]
        if self:
            raise UsageError(_HEAD + "\n  ".join(str(problem).removeprefix(_HEAD) for problem in self))


def check_data(mapping: Mapping[str, Any]) -> None:
    """What the data set of a recipe refuses at once: see `datasets.Dataset.check`.

    Raises:
        UsageError: Options that are not its own, or columns that are not there.
        DataError: A file that is not there, or is no table.
    """
    tables = {key: table_of(mapping, key) for key in _TABLES}
    data = {key: value for key, value in tables["data"].items() if key != "split"}
    named = named_thing("datasets", data, "data", _DEFAULTS["data"], _stated_keys(tables))
    registry.module("datasets", named.name).Dataset(named.config).check()


def modality_object(name: str) -> Any:
    """The modality of this name, see `hooke.modalities`.

    Raises:
        UnknownNameError: No such modality.
    """
    return registry.module("modalities", name).MODALITY


def _modality(thing: Named) -> str:
    return "any" if thing.kind == AUTOMATIC else registry.modality_of(thing.kind, thing.name)


def _stated_keys(tables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """All keys of the tables that every recipe has, as far as the files of data, model and task say them without being imported."""
    names = [option.name for option in fields(TrainSection)]
    found = [f"machine.{name}" for name in MACHINE] + [f"train.{name}" for name in names if name not in MACHINE]
    for key, kind in (("model", "models"), ("data", "datasets"), ("task", "tasks")):
        with suppress(UsageError):  # said where the table is read
            kind, name, _, _ = _named(kind, tables[key], key, _DEFAULTS[key])
            stated = Automatic if kind == AUTOMATIC else getattr(registry.stated(kind, name), "config", None)
            found += [f"{key}.{option.name}" for option in (fields(stated) if stated else ())]
    return [*found, *(f"data.split.{option.name}" for option in fields(SplitSection))]


def _modality_sections(
    mapping: Mapping[str, Any], modality: Any, attempt: Any, elsewhere: Sequence[str]
) -> dict[str, Any]:
    """The sections of the modality, with their defaults; every other table that is no fixed one is refused."""
    own = modality.sections if modality is not None else {}
    for key, value in mapping.items():
        if key not in _FIXED and key not in own:
            attempt(_refuse_section, key, value, modality, elsewhere)
    return {
        name: attempt(lambda name=name, cls=cls: build(cls, table_of(mapping, name), name, elsewhere))
        for name, cls in own.items()
    }


def _refuse_section(key: str, value: Any, modality: Any, elsewhere: Sequence[str]) -> None:
    if key == "machine" and isinstance(value, Mapping):
        raise UnknownKeyError(f"machine.{next(iter(value))}", [f"machine.{name}" for name in MACHINE], elsewhere)
    if not isinstance(value, Mapping):
        raise UnknownKeyError(key, _FIXED, elsewhere)
    others = {
        section: name
        for name in registry.names("modalities")
        for section in registry.module("modalities", name).MODALITY.sections
    }
    if modality is not None and key in others:
        raise UsageError(f"the section {key!r} is about {others[key]}, this recipe about {modality.name}")
    if key not in others:
        raise UnknownNameError("section", key, [*_FIXED, *(modality.sections if modality is not None else others)])


def _agree(named: Mapping[str, Named]) -> None:
    """Data, model and task must be of one modality."""
    about = {key: _modality(thing) for key, thing in named.items()}
    if len(set(about.values()) - {"any"}) > 1:
        raise UsageError(
            "data, model and task must be about one thing, but "
            + ", ".join(f"{key} {named[key].name!r} is about {name}" for key, name in about.items())
        )


def _check_modality(modality: Any, split: SplitSection | None) -> None:
    """It can be trained, and splits like this."""
    if not modality.trainable:
        raise UsageError(f"{modality.name} are data alone: nothing is trained on them")
    if split is not None:
        check_split_kind(modality, split.kind)


def _check_stated(kind: str, table: Mapping[str, Any], where: str, default: str, elsewhere: Sequence[str] = ()) -> None:
    """The thing that a table names is there and has these options, as far as its file says it without being imported."""
    kind, name, preset, options = _named(kind, table, where, default)
    if kind == AUTOMATIC:
        build(Automatic, options, where, elsewhere)
        return
    if name not in registry.names(kind):
        raise UnknownNameError(kind.removesuffix("s"), name, registry.names(kind))
    stated = registry.stated(kind, name)
    if stated is not None:
        if preset and preset not in stated.presets:
            raise UnknownNameError(f"preset of {name}", preset, stated.presets)
        build(stated.config, options, where, elsewhere)


def _check_candidates(config: Automatic, modality: Any) -> None:
    """The modality has candidates, and those that are named are there."""
    if not modality.candidates:
        raise UsageError(f"there is no automatic choice for {modality.name}: name a model")
    known = list(dict.fromkeys([*modality.candidates, *NETWORKS, *registry.names("estimators")]))
    for name in config.candidates:
        if name not in known:
            raise UnknownNameError("model", name, [AUTOMATIC, *known, *registry.names("models")])


def check_split_kind(modality: Any, kind: str) -> None:
    """Refuse a kind of split that the modality does not know.

    Raises:
        UnknownNameError: The nearest name is offered.
    """
    if kind not in modality.splits:
        raise UnknownNameError(f"kind of split of {modality.name}", kind, modality.splits)


def base_config(recipe: Recipe) -> Any:
    """The model's options at the base width of `train.width_transfer`; None without it.

    Raises:
        UsageError: It names no options of the model.
    """
    width = recipe.train.width_transfer
    if width is None:
        return None
    config = recipe.model.config
    return build(type(config), {**asdict(config), **width}, "train.width_transfer")


def table_of(mapping: Mapping[str, Any], key: str, within: str = "") -> Mapping[str, Any]:
    """A table of a recipe, empty where there is none, within another one; a `UsageError` where something else stands there."""
    where = f"{within}.{key}" if within else key
    table = mapping.get(key, {})
    if isinstance(table, str) and where in _NAMES_OF:
        key, option = _NAMES_OF[where]
        raise UsageError(f"{where} is a table: write {where}.{key}={table}" + f", or {option} {table}" * bool(option))
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} must be a table, got {table!r}")
    return table


def named_thing(kind: str, table: Mapping[str, Any], where: str, default: str, elsewhere: Sequence[str] = ()) -> Named:
    """What a table of a recipe names, with its options.

    Args:
        kind: Of the registry; among "models" estimators are found too.
        table: Its name, a preset of a model, and options.
        where: Of the table, for messages.
        default: The name, where the table has none.
        elsewhere: Keys of the other tables, which may have been meant.

    Raises:
        UsageError: No such thing or option.
    """
    kind, name, preset, options = _named(kind, table, where, default)
    if kind == AUTOMATIC:
        return Named(name, build(Automatic, options, where), AUTOMATIC)
    module = registry.module(kind, name)
    if preset:
        presets = module.PRESETS if kind == "models" else {}
        if preset not in presets:
            raise UnknownNameError(f"preset of {name}", preset, presets)
        options = {**asdict(presets[preset]), **options}
    return Named(name, build(module.Config, options, where, elsewhere), kind)


def _named(kind: str, table: Mapping[str, Any], where: str, default: str) -> tuple[str, str, str, dict[str, Any]]:
    """What a table names: its kind (among models there may be an estimator), its name, a preset, and options."""
    options = dict(table)
    name, preset = (
        _text(options.pop(key, value), f"{where}.{key}") for key, value in (("name", default), ("preset", ""))
    )
    if kind == "models" and name == AUTOMATIC:
        kind = AUTOMATIC
    elif kind == "models" and name in registry.names("estimators"):
        kind = "estimators"
    return kind, name, preset, options


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where} must be a text, got {value!r}")
    return value
