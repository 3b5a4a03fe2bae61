"""Modalities: what a kind of thing can do. A file (or folder) here holds `MODALITY`; its name is the file's.

`Modality` is data alone; a `Trainable` one can be learnt from (`fit`, `finetune`, `search`, `scale`, `benchmark`), a `Readable` one
reads a user's file (`predict`, `embed`). Training and inference know these classes and nothing of the kinds of data. What a recipe is
checked by (sections, kinds of split) is known before torch is loaded: a mistake in a command is then said at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hooke.core import registry
from hooke.core.errors import DataError, UsageError
from hooke.core.label import Label
from hooke.core.types import Chunk, LabelledSpec, Loader, Source, labels_of

if TYPE_CHECKING:
    from polars import DataFrame
    from torch import Tensor, nn

    from hooke.core.recipe import Recipe, SplitSection
    from hooke.core.runs import RunFolder
    from hooke.evaluate.splits import Split
    from hooke.report.data_schema import DataSummary

Splitter = Callable[[Any, "SplitSection"], "Split"]
NONE: Mapping[str, Any] = MappingProxyType({})


Follow = Callable[[str, "Tensor"], "Tensor | None"]


@dataclass(frozen=True)
class Symmetry:
    """Something done to a batch that outputs and predictions must not notice, or must follow.

    Attributes:
        name: Ends the sentence "the output does not follow the ...".
        change: (batch, generator) → the changed batch, and a function of (level, values for the former batch) that gives what the values
            for the changed one must be; None of a level about which nothing is known.
    """

    name: str
    change: Callable[[Any, np.random.Generator], tuple[Any, Follow]]


@dataclass(frozen=True)
class Sample:
    """A few small items of all shapes, for the contract kit.

    Attributes:
        spec: With labels of every kind and level that the modality knows.
        items: How many usual items there are, at the places 0 ... `items` - 1.
        batch: (places, spec) → the batch of these items, in that order, with what the spec says; its `rows` are the places.
        odd: What is odd about them → places of items that every model must survive, in one batch; they may lie beyond `items`.
    """

    spec: Any
    items: int
    batch: Callable[[Sequence[int], Any], Any]
    odd: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Checks:
    """What the contract kit checks of this modality beside what it checks of all; each raises `nn.contract.ContractError`.

    Attributes:
        models: Name → function of a `nn.contract.ModelCase`.
        tasks: Name → function of a `nn.contract.TaskCase`.
        stores: Name → function of the store of a data set's twin.
        batches: Name → function of a batch.
    """

    models: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)
    tasks: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)
    stores: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)
    batches: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """An estimator that the automatic choice tries, and what it sees.

    Attributes:
        estimator: Its name.
        options: Of its `Config`, where they are not the default ones.
        blocks: Names of feature blocks, side by side: of the modality (`Trainable.block`), or an encoder, whose vectors they are.
        optional: Encoders that are one more block each where their weights are on the machine.
    """

    estimator: str
    options: Mapping[str, Any] = field(default_factory=dict)
    blocks: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """What a store holds.

    Attributes:
        fields: Name → value, printed by `data prepare`; tables among them are for scripts alone.
        left_out: What became of rows that are not there, in a sentence; "" when nothing was.
        section: For the report: counts, labels, notes; what a run knows (split, parts, leaks) is filled in there.
    """

    fields: Mapping[str, Any]
    left_out: str
    section: DataSummary


class Modality(ABC):
    """One kind of thing: its store, its words, and samples of it.

    Attributes:
        name: Of the modality, as models, tasks and data sets state it.
        items: What its rows are called in sentences ("molecules").
        sections: Tables of a recipe that belong to it → the dataclass of their options.
        levels: Of labels; the first is that of whole items.
        trainable: Whether it is a `Trainable`.
        instead: The command for what is done with it where nothing is trained; "" where there is none.
    """

    name: ClassVar[str]
    items: ClassVar[str]
    sections: ClassVar[Mapping[str, type]] = NONE
    levels: ClassVar[tuple[str, ...]] = ()
    trainable: ClassVar[bool] = False
    instead: ClassVar[str] = ""

    @property
    def base(self) -> type[nn.Module]:
        """Class that its models extend."""
        from torch import nn

        return nn.Module

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """What the contract kit applies to every model and task."""
        return ()

    @abstractmethod
    def open(self, folder: Path) -> Any:
        """A prepared store."""

    @abstractmethod
    def describe(self, store: Any) -> Description:
        """What a store holds, and what became of every row."""

    @abstractmethod
    def sample(self, seed: int = 0) -> Sample:
        """A few items; the same for the same seed."""

    def quality(self, store: Any, *, workers: int | None = None, show_progress: bool = True) -> DataFrame:
        """What can be trusted: one row an item or group, with a column `reason` ("" for what nothing speaks against).

        Raises:
            UsageError: The modality measures nothing of the kind.
        """
        raise UsageError(f"no quality is measured of {self.name}")

    def completed(self, batch: Any, model: type[Any]) -> Any:
        """A batch of the sample with what this model reads beside what its spec says."""
        return batch

    def outputs(self, model: Any, batch: Any) -> dict[str, Tensor]:
        """All that a model says of a batch: level → rows, those of an item together and items in order; the first level has one row an item."""
        return {self.levels[0]: model.embed(batch)}

    def checks(self) -> Checks:
        """What only its own models, tasks and stores can be asked."""
        return Checks()


class Trainable(Modality):
    """What a model can be trained on.

    Attributes:
        spec_type: Class of its specs, with `from_json`.
        unit: What progress counts: the items of an epoch.
        draws_by_item: Whether objectives draw random numbers for items as such (`nn.item_noise`), so that several processes learn what one
            does; else each process has randomness of its own.
        reads_in_processes: Whether its loaders can make batches in several processes (`train.loader_workers`).
        several_items: Whether a row of the store gives several items (crops), whose predictions are averaged.
        group: The level above rows that `predict` answers for ("well"); "" where that is the row itself.
        splits: Kind of split → function of (store, section of the recipe).
        split_meanings: Kind of split → what its numbers say, in half a sentence.
        estimators: The estimators that stand as baselines beside every network.
        candidates: Name → what the automatic choice tries, in this order, beside networks; none where there is no such choice.
        untrained_baseline: Whether the encoder with random weights and a linear readout is a baseline as well.
        most_baseline_rows: Of a store; beyond them baselines would take longer than the model.
        keeps_domain: Whether a trained network keeps its domain (`inference.applicability`) in the run, so that predictions are placed in it
            without being asked.
        structures: Whether `identify` names chemical structures, which reports draw.
        utilisation: Share of an accelerator's peak that a plan (`studies.plan`) assumes to be reached.
        plan_options: Counts that can be set for a plan, besides those of every modality.
        example: A small recipe, as `core.recipe.resolve` takes it, that the contract kit tries on the data set's twin; around its model
            tasks are checked.
    """

    spec_type: ClassVar[Any] = LabelledSpec
    unit: ClassVar[str]
    draws_by_item: ClassVar[bool] = False
    reads_in_processes: ClassVar[bool] = False
    several_items: ClassVar[bool] = False
    group: ClassVar[str] = ""
    splits: ClassVar[Mapping[str, Splitter]]
    split_meanings: ClassVar[Mapping[str, str]] = NONE
    trainable: ClassVar[bool] = True
    estimators: ClassVar[tuple[str, ...]] = ()
    candidates: ClassVar[Mapping[str, Candidate]] = NONE
    untrained_baseline: ClassVar[bool] = False
    most_baseline_rows: ClassVar[int] = 20_000
    keeps_domain: ClassVar[bool] = False
    structures: ClassVar[bool] = False
    utilisation: ClassVar[float] = 0.3
    plan_options: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[Mapping[str, Any]]

    def check(self, recipe: Recipe) -> None:
        """Refuse options that mean nothing for this modality.

        Raises:
            UsageError: Such an option is set.
        """
        set_ = {
            "data.split.label_share": recipe.split.label_share < 1,
            "train.width_transfer": recipe.train.width_transfer is not None,
            "train.learned_from": bool(recipe.train.learned_from),
            "data.split.train_groups": recipe.split.train_groups > 0,
            "data.split.group_rows": recipe.split.group_rows > 0,
        }
        for option in (name for name, used in set_.items() if used):
            raise UsageError(f"{option} does not apply to {self.name}")

    def settled(self, recipe: Recipe) -> Recipe:
        """The recipe with what other runs that it names decide; as it is by default.

        Raises:
            UsageError: It contradicts them.
            DataError: No such run.
        """
        return recipe

    def preparation(self, recipe: Recipe) -> Mapping[str, Any]:
        """The sections that preparing the data depends on."""
        return recipe.sections

    @abstractmethod
    def spec(self, store: Any, rows: np.ndarray, recipe: Recipe) -> Any:
        """What a network must know of these training rows.

        Raises:
            UsageError: Nothing can be learnt from the store by this recipe.
        """

    def released_identity(self, run: RunFolder, members: Sequence[str]) -> Any:
        """What the model hash of a run of the first release was made of, where that was something else than today's; else None.

        Args:
            run: The run folder.
            members: Hashes of the members' weights.
        """
        return None

    def released_recipe(self, recipe: Recipe, run: RunFolder) -> Recipe:
        """The recipe of a run, with what the release that made it did where its recipe says nothing.

        Args:
            recipe: As this Hooke understands it.
            run: The run folder.
        """
        return recipe

    def read_spec(self, run: RunFolder) -> Any:
        """The spec of a run, of every released version.

        Raises:
            DataError: It cannot be read by this Hooke.
        """
        return self.spec_type.from_json(run.read_json("spec.json"))

    def usable(self, store: Any, rows: np.ndarray, recipe: Recipe) -> np.ndarray:
        """The rows without those that neither teach nor measure anything."""
        return rows

    def encoder(self, model: Callable[[Any, Any], nn.Module], config: Any, spec: Any) -> nn.Module:
        """The encoder of a registered model for this spec."""
        return model(config, spec)

    def configure(self, network: nn.Module, recipe: Recipe) -> None:
        """Set what a recipe says of how a new network computes (not what); nothing by default."""

    def start(self, network: Any, weights: dict[str, Tensor] | None, recipe: Recipe, number: int) -> None:
        """Put the weights of other runs into a new network.

        Args:
            network: Of the new run.
            weights: Of the pretrained run's encoder; None without one.
            recipe: Of the new run.
            number: Which member of the ensemble.

        Raises:
            RuntimeError: They do not fit, as `load_state_dict` says it.
        """
        if weights is not None:
            network.encoder.load_state_dict(weights)

    def inherit(self, recipe: Recipe, pretrained: RunFolder) -> Recipe:
        """A recipe with what of a pretrained run its encoder depends on, beside the model; nothing by default."""
        return recipe

    def epoch_items(self, rows: np.ndarray, recipe: Recipe, store: Any) -> int:
        """Items of an epoch over these rows of a store."""
        return len(rows)

    @abstractmethod
    def loader(
        self, store: Any, rows: np.ndarray, spec: Any, recipe: Recipe, *, part: str, seed: int | None = None,
        rank: int = 0, world: int = 1,
    ) -> Loader:  # fmt: skip
        """Batches of some rows.

        Args:
            store: Where they are.
            rows: Which.
            spec: What the batches must carry.
            recipe: How they are made.
            part: "train" (in an order that `seed` gives), "valid" (to compare epochs), or "predict" (all there is of each row, row after row).
            seed: Of order and augmentation.
            rank, world: Which process of how many.
        """

    def facts(self, store: Any, spec: Any, split: Split, recipe: Recipe) -> dict[str, Any]:
        """What else run.json says of the data."""
        return {}

    @abstractmethod
    def identify(self, store: Any, rows: np.ndarray) -> dict[str, Any]:
        """Column → values by which people know these rows: SMILES; plate, well and site."""

    def compared(self, spec: Any) -> tuple[Label, ...]:
        """The labels of whole rows that models and baselines are compared on."""
        return labels_of(spec, self.levels[0])

    def bounds(self, store: Any, rows: np.ndarray) -> np.ndarray | None:
        """(rows, labels of whole items) int8: 0 exact, +1 the truth is above the value, -1 below; None without censored labels."""
        return None

    def groups(self, store: Any, rows: np.ndarray) -> np.ndarray:
        """(rows,) number of the group (`group`) of each row; groups count from 0."""
        return np.arange(len(rows))

    def split_groups(self, store: Any, rows: np.ndarray) -> np.ndarray:
        """(rows,) the group (molecule) of each row, for `data.split.train_groups` and `group_rows`.

        Raises:
            UsageError: The modality knows none.
        """
        raise UsageError(f"data.split.train_groups and group_rows do not apply to {self.name}")

    def leaks(self, store: Any, split: Split) -> dict[str, Any]:
        """What test shares with train."""
        return {}

    def features(self, batch: Any) -> np.ndarray:
        """(items, features) float64 that estimators see.

        Raises:
            UsageError: The modality has none.
        """
        raise UsageError(f"estimators need features, which {self.name} do not state")

    def with_features(self, spec: Any) -> Any:
        """The spec of batches that carry what `features` reads."""
        return spec

    def block(self, batch: Any, name: str) -> np.ndarray:
        """(items, features) float32 block of this name, carried by batches of `with_blocks`."""
        raise UsageError(f"{self.name} have no block of features {name!r}")

    def with_blocks(
        self, spec: Any, names: Sequence[str], vectors: Mapping[str, Callable[[Any], np.ndarray]] = NONE
    ) -> Any:
        """The spec of batches that carry these blocks.

        Args:
            spec: Of the run.
            names: Of the modality's own blocks.
            vectors: Name → function that gives the block of things as `identify` names them (SMILES); it can be sent to another process.
        """
        raise UsageError(f"{self.name} have no blocks of features")

    def plan_sizes(self, options: Mapping[str, int]) -> Mapping[str, int]:
        """Name of the data → items of an epoch: what a plan is made for.

        Args:
            options: Those of `plan_options` that were given.
        """
        return {"1M": 10**6, "10M": 10**7, "100M": 10**8}

    def plan_sample(self, recipe: Recipe, data: str, options: Mapping[str, int]) -> Sample:
        """Items that stand for those of such data; a plan counts a step on them by the network that is made for their spec."""
        return self.sample()

    def plan_tokens(self, recipe: Recipe, encoder: Any, batch: Any) -> tuple[float, float]:
        """Tokens of an item (atoms, patches), and how many of them the encoder sees in training.

        Args:
            recipe: How it is trained.
            encoder: On the meta device, in evaluation mode; called within `nn.dry.dry_pass`.
            batch: Of `plan_sample`.
        """
        return 1, 1

    def next_step(self, run: RunFolder, *, learns_labels: bool) -> tuple[str, str]:
        """What people do with a finished run, and the command."""
        if learns_labels:
            return f"Predict new {self.items}", f"hooke predict {run.folder} NEW -o predictions.parquet"
        return f"Embed {self.items}", f"hooke embed {run.folder} NEW -o embeddings.parquet"

    def report(self, loaded: Any, store: Any) -> dict[str, Any]:
        """Fields of `report.schema.Report` that only this modality can fill: its pictures.

        Args:
            loaded: The run, with `network`, `spec` and `recipe`.
            store: Its data.
        """
        return {}

    def citations(self, recipe: Recipe) -> list[str]:
        """Names in `core.citations` that runs by this recipe stand on, beside model, task, data and optimiser."""
        return []


@dataclass(frozen=True)
class NoOptions:
    """A user's file is read in one way only."""


class Readable(Modality):
    """What a user's file is read of: `predict` and `embed` go through it.

    Attributes:
        options: Frozen dataclass: how the file is read and shown to an encoder, the options of `predict` and `embed` that belong to it.
        of_embeddings: Those of the options that change embeddings alone; `predict` refuses them.
        listed: Levels below whole items that `predict` writes as one list a row.
        batch_size: Items a batch by default.
        exports: Suffixes of files that `export` writes predictions to.
    """

    options: ClassVar[type] = NoOptions
    of_embeddings: ClassVar[tuple[str, ...]] = ()
    listed: ClassVar[tuple[str, ...]] = ()
    batch_size: ClassVar[int] = 256
    exports: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def source(self, given: Any, spec: Any, options: Any, *, batch_size: int, workers: int = 0) -> Source:
        """A user's file, a store or things in memory as jobs that become chunks.

        Args:
            given: A path, an open store, or a sequence of things.
            spec: Of the encoder that is going to read them.
            options: An instance of `options`.
            batch_size: Items a batch.
            workers: Processes that read, where reading is all there is to do.

        Raises:
            DataError: It cannot be read.
        """

    def following(self, output: Path) -> str:
        """The command that people run next on a file of embeddings; "" for none."""
        return ""

    def export(self, predictions: Path, output: Path, source: Source, spec: Any) -> None:
        """Write predictions to a file of this modality.

        Args:
            predictions: Parquet, with the rows of the source.
            output: With a suffix of `exports`.
            source: What was predicted.
            spec: Of the run.
        """
        raise UsageError(f"predictions of {self.name} are not written to {output.suffix} files")

    def width(self, network: Any, source: Source) -> int:
        """Numbers in an encoder's vectors of what a source gives."""
        return int(network.encoder.width)

    def parts(self, network: Any, source: Source, options: Any) -> dict[str, int]:
        """Name → width of each vector that `vectors` puts side by side; one, the embedding, by default."""
        return {"embedding": self.width(network, source)}

    def vectors(self, network: Any, batch: Any, options: Any) -> Tensor:
        """(items, width) of an encoder."""
        return network.embed(batch)

    def adapting(
        self, networks: Sequence[Any], device: Any, chunk: Chunk, options: Any
    ) -> AbstractContextManager[None]:
        """While a chunk is computed: what networks take on from the items that it belongs to; nothing by default.

        Args:
            networks: In evaluation mode; none for a run of an estimator.
            device: Where they are.
            chunk: Of a source that was made with these options.
            options: An instance of `options`.
        """
        return nullcontext()

    def comparable(self, spec: Any) -> Any:
        """The spec of batches that carry what `fingerprints` reads."""
        return spec

    def fingerprints(self, batch: Any) -> np.ndarray | None:
        """(items, bytes) uint8 packed bits whose Tanimoto similarity says how near two items are; None where there are none."""
        return None


def modality(name: str) -> Modality:
    """A modality by name.

    Raises:
        UnknownNameError: No such modality.
    """
    return registry.module("modalities", name).MODALITY


def modality_of_store(folder: Path) -> tuple[Modality, Any]:
    """The modality whose store lies in a folder, and the open store.

    Raises:
        DataError: None can open it; says what each said.
    """
    reasons = []
    for name in registry.names("modalities"):
        found = modality(name)
        try:
            return found, found.open(folder)
        except (DataError, OSError, KeyError) as error:
            reasons.append(f"{name}: {error}")
    raise DataError(f"{folder} is a store of no modality ({'; '.join(reasons)})")


def trainable(name: str, verb: str) -> Trainable:
    """A modality that can be learnt from.

    Raises:
        UsageError: It is data alone.
    """
    found = modality(name)
    if not isinstance(found, Trainable):
        raise UsageError(
            f"`hooke {verb}` does not apply to {name}: {found.items} are data alone, nothing is trained on them{_way(found)}"
        )
    return found


def readable(name: str, verb: str) -> Readable:
    """A modality whose files can be read for a model.

    Raises:
        UsageError: They cannot.
    """
    found = modality(name)
    if not isinstance(found, Readable):
        raise UsageError(
            f"`hooke {verb}` does not apply to {name}: no file of {found.items} is read for a model{_way(found)}"
        )
    return found


def _way(found: Modality) -> str:
    return f"; see `{found.instead}`" if found.instead else ""


def identified(modality: Trainable, store: Any, rows: np.ndarray) -> list[str]:
    """One text a row: what `identify` says of it."""
    columns = [[str(value) for value in values] for values in modality.identify(store, rows).values()]
    return ["/".join(parts) for parts in zip(*columns, strict=True)]
