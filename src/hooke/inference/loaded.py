"""A finished run as a predictor and encoder: models, labels, calibration and hashes, rebuilt from the run folder alone."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from hooke.core import registry
from hooke.core.errors import DataError, UsageError
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.label import Label
from hooke.core.notebook import card
from hooke.core.reading import reading
from hooke.core.recipe import AUTOMATIC, Recipe, resolve
from hooke.core.runs import RunFolder
from hooke.core.types import Batch, Chunk, Source
from hooke.encoders import Encoder
from hooke.evaluate.conformal import IntervalCalibration, SetCalibration, calibration_from_json
from hooke.inference.blend import BLEND, blend_of
from hooke.inference.ensemble import Ensemble, Predictor
from hooke.inference.network import ARRAYS, build_network, build_task, device_of, estimates_of
from hooke.inference.shipped import is_published, refuse_missing, run_path
from hooke.modalities import readable, trainable
from hooke.nn.weights import load_weights

WEIGHTS = "best.safetensors"
_IDENTITY_SECTIONS = ("model", "task")


@dataclass(frozen=True, repr=False)
class LoadedRun(Encoder):
    """What `predict` and `embed` need of a run.

    Attributes:
        run: The run folder.
        recipe: By which it was trained.
        run_spec: Of its data.
        weights: The members' files: those refitted on all data if there are any, else each member's best epoch.
        predictor: The networks, or the estimators.
        calibration: Label name -> conformal calibration; empty when the run had no validation rows.
        seed: Of the weights of an untrained twin; None for the run itself.
    """

    run: RunFolder
    recipe: Recipe
    run_spec: Any
    weights: tuple[Path, ...]
    predictor: Predictor
    calibration: dict[str, IntervalCalibration | SetCalibration]
    seed: int | None = None

    @classmethod
    def open(cls, folder: Path, device: str = "auto") -> LoadedRun:
        """Load a run; a folder of runs stands for its newest finished one.

        Args:
            folder: What `hooke fit` printed.
            device: "auto" takes a GPU if there is one, else "cpu", "cuda", "cuda:1".

        Raises:
            DataError: No run, not finished, or damaged.
        """
        with reading(folder, "a run"):
            return cls._of(RunFolder.open(folder), device)

    @classmethod
    def _of(cls, run: RunFolder, device: str) -> LoadedRun:
        if run.info["status"] != "finished":
            raise DataError(f"{run.folder} is not finished ({run.info['status']}); `hooke resume {run.folder}` ends it")
        recipe = read_recipe(run)
        modality = trainable(recipe.modality, "fit")
        spec = modality.read_spec(run)
        weights = members_of(run, recipe)
        if recipe.is_automatic:
            predictor: Predictor = blend_of(run, recipe, spec, modality, device)
        elif recipe.has_estimator:
            predictor = estimates_of(run, recipe.model, spec, modality, recipe.train.ensemble)
        else:
            task = build_task(recipe.task, spec)
            networks = []
            for path in weights:
                network = build_network(modality, recipe.model, spec, task)
                load_weights(network, path)
                networks.append(network)
            predictor = Ensemble(networks, task, device_of(device))
        return cls(run, recipe, spec, weights, predictor, calibrations(run))

    def __repr__(self) -> str:
        """A line for people: a run may have thousands of labels."""
        numbers = "" if self.recipe.has_estimator else f"{self.width} numbers a row, "
        return (
            f"LoadedRun({str(self.run.folder)!r}: {self.recipe.model.name} on {self.modality}, {len(self.weights)} x "
            f"{self.predictor.parameters:,} parameters, {numbers}{len(self.labels):,} label{'s' * (len(self.labels) != 1)})"
        )

    def _repr_html_(self) -> str:
        """For notebooks."""
        about = {
            "run": self.run.folder, "members": len(self.weights), "parameters": self.predictor.parameters,
            "width": None if self.recipe.has_estimator else self.width, "labels": len(self.labels),
        }  # fmt: skip
        rows = [(label.name, label.kind, label.level) for label in self.labels]
        return card(f"{self.recipe.model.name} on {self.modality}", about, ("label", "kind", "of"), rows)

    def untrained(self, seed: int = 0) -> LoadedRun:
        """The same encoder with random weights: a row that every table of encoders should have."""
        modality = trainable(self.modality, "fit")
        task = build_task(self.recipe.task, self.run_spec)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build_network(modality, self.recipe.model, self.run_spec, task)
        return replace(self, predictor=Ensemble([network], task, self.ensemble.device), seed=seed)

    @cached_property
    def model_hash(self) -> str:
        """Hash of everything that a prediction depends on: weights, architecture, labels and preparation."""
        recipe = self.run.recipe
        sections = {name: recipe[name] for name in (*_IDENTITY_SECTIONS, *self.recipe.sections)}
        members = [file_sha256(path) for path in self.weights]
        released = trainable(self.modality, "fit").released_identity(self.run, members)
        found = content_hash(released or [sections, self.labels, members, self.calibration])
        return found if self.seed is None else content_hash([found, "untrained", self.seed])

    def stamp(self) -> dict[str, Any]:
        """What is written into every file that the run makes."""
        info = self.run.info
        return {
            "run": self.run.folder.name,
            "model_hash": self.model_hash,
            "data_hash": info["data_hash"],
            "versions": info["versions"],
        }

    @property
    def modality(self) -> str:
        """The kind of data."""
        return self.recipe.modality

    @property
    def spec(self) -> Any:
        """What its batches must carry."""
        return self.predictor.carried(self.run_spec)

    @property
    def labels(self) -> tuple[Label, ...]:
        """That it predicts: those of the data that it was trained on, none if it learned without labels."""
        return tuple(self.run_spec.labels) if self.recipe.learns_labels else ()

    def level_labels(self, level: str) -> tuple[Label, ...]:
        """The labels of one level, in column order."""
        return tuple(label for label in self.labels if label.level == level)

    @property
    def ensemble(self) -> Ensemble:
        """The networks.

        Raises:
            UsageError: It is a run of an estimator.
        """
        if not isinstance(self.predictor, Ensemble):
            raise UsageError(
                f"{self.run.folder} is a run of the estimator {self.recipe.model.name!r}, which has no encoder"
            )
        return self.predictor

    @property
    def network(self) -> Any:
        """The first member."""
        return self.ensemble.networks[0]

    @property
    def module(self) -> Any:
        """The first member as a `torch.nn.Module`: `module.encoder` makes states and vectors of a batch, the task's heads predict from them.

        Batches come from `self.spec` (`hooke.molecules.batch`, or `hooke.molecules.pyg.from_pyg` of PyTorch Geometric's).
        """
        return self.network

    def predict(self, given: Any, **options: Any) -> Any:
        """Predictions in memory, with the columns of `hooke predict`; every given row has its row, in order.

        Args:
            given: Of molecules: SMILES or an RDKit molecule, a list or series of them (None is a row without a prediction), a pandas
                or polars table with a column of them, or a file. Of other kinds a file or a store.
            options: Those of `inference.predict.predict_in_memory`: levels, uncertainty, domain, threshold ...

        Returns:
            A pandas table with the index of what was given in pandas, else a polars one. A table that was given keeps its columns as they
            are and gets those of the predictions beside them.

        Raises:
            UsageError: An option that there is none of, or something that holds no molecules.
        """
        from hooke.inference.predict import predict_in_memory

        return beside(given, predict_in_memory(self, given, **options))

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        return int(self.network.encoder.width)

    def parts_of(self, source: Source, options: Any = None) -> dict[str, int]:
        """See `Encoder.parts_of`."""
        return readable(self.modality, "embed").parts(self.network, source, options)

    @property
    def on_gpu(self) -> bool:
        """See `Encoder.on_gpu`."""
        return self.predictor.device.type != "cpu"

    def adapting(self, chunk: Chunk, options: Any) -> AbstractContextManager[None]:
        """See `Encoder.adapting`."""
        networks = self.predictor.networks if isinstance(self.predictor, Ensemble) else ()
        return readable(self.modality, "embed").adapting(networks, self.predictor.device, chunk, options)

    def vectors(self, batch: Batch, options: Any = None) -> np.ndarray:
        """(items, width) float32 of the first member's encoder."""
        modality = readable(self.modality, "embed")
        options = modality.options() if options is None else options
        return self.ensemble.embed(batch, lambda network, moved: modality.vectors(network, moved, options))


_INSTALLED = (
    ("data", "data set", ("datasets",)),
    ("model", "model", ("models", "estimators")),
    ("task", "task", ("tasks",)),
)


def _check_installed(run: RunFolder) -> None:
    """Say of a run whose data set, model or task came from a package that is gone that it is.

    Raises:
        DataError: It is not registered here.
    """
    for key, what, kinds in _INSTALLED:
        name = run.recipe.get(key, {}).get("name")
        if name not in (None, AUTOMATIC, *(known for kind in kinds for known in registry.names(kind))):
            raise DataError(
                f"{run.folder} needs the {what} {name!r}, which is not installed here: install the package that registers it "
                f"(entry point hooke.{kinds[0]})"
            )


def beside(given: Any, found: pl.DataFrame) -> Any:
    """Rows made from something in memory, as a table of the kind that was given; see `LoadedRun.predict`."""
    is_table = hasattr(given, "columns") and not isinstance(given, str | Path)
    if is_table:  # texts of the given columns come first, of molecules after their number
        names = [str(name) for name in given.columns]
        found = found[:, len(names) + (found.columns[: len(names)] != names) :]
    if type(given).__module__.split(".")[0] != "pandas":
        return (
            given.rename(_renamed(given, found)).hstack(found)
            if is_table and isinstance(given, pl.DataFrame)
            else found
        )
    import pandas as pd

    table = found.to_pandas().set_index(given.index)
    return pd.concat([given.rename(columns=_renamed(given, found)), table], axis=1) if is_table else table


def _renamed(given: Any, found: pl.DataFrame) -> dict[str, str]:
    """Columns of a table that new ones are named like → their names beside these, as in files of predictions."""
    taken = {*map(str, given.columns), *found.columns}
    names: dict[str, str] = {}
    for name in given.columns:
        new = str(name)
        while new in found.columns or (new != name and new in taken):
            new += "_input"
        if new != name and str(name) in found.columns:
            names[name] = new
            taken.add(new)
    return names


def refuse_responses(run: RunFolder) -> None:
    """Say of a run that compares models of responses, which has options and no recipe, what reads and continues it.

    Raises:
        DataError: It is one.
    """
    if "with_targets" in run.recipe:
        raise DataError(
            f"{run.folder} is a run of `hooke response fit`: `hooke predict`, `hooke embed` and the verbs of `hooke response` read it, and "
            "the command that made it continues it"
        )


def read_recipe(run: RunFolder) -> Recipe:
    """The recipe of a run.

    Raises:
        DataError: This Hooke cannot read it.
    """
    refuse_responses(run)
    _check_installed(run)
    try:
        recipe = resolve({key: value for key, value in run.recipe.items() if key != "pretrained"})
    except UsageError as error:
        made = run.info["versions"].get("hooke-bio")
        raise DataError(f"{run.folder} was made by Hooke {made}, which this Hooke cannot read: {error}") from error
    return trainable(recipe.modality, "fit").released_recipe(recipe, run)


def next_step(run: RunFolder) -> tuple[str, str]:
    """What people do with a finished run, and the command."""
    recipe = read_recipe(run)
    return trainable(recipe.modality, "fit").next_step(run, learns_labels=recipe.learns_labels)


def members_of(run: RunFolder, recipe: Recipe) -> tuple[Path, ...]:
    """The files of a run's members: those refitted on all data if there are any, else each member's best epoch.

    Raises:
        DataError: One is missing.
    """
    if recipe.is_automatic:
        return (
            run.path(BLEND),
            *(path for name in (ARRAYS, WEIGHTS) for path in sorted(run.path("members").glob(f"*/**/{name}"))),
        )
    folder = "refit" if run.path("refit").is_dir() else "members"
    name = ARRAYS if recipe.has_estimator else WEIGHTS
    paths = tuple(run.path(f"{folder}/{member}/{name}") for member in range(recipe.train.ensemble))
    for path in paths:
        if not path.is_file():
            raise DataError(f"{run.folder} lacks the weights {path.relative_to(run.folder)}")
    return paths


def calibrations(run: RunFolder) -> dict[str, IntervalCalibration | SetCalibration]:
    """Label → conformal calibration; none where the run had no validation rows."""
    if not run.path("uncertainty.json").exists():
        return {}
    return {name: calibration_from_json(entry) for name, entry in run.read_json("uncertainty.json").items()}


def load(name: Path | str, *, weights: Path | str | None = None, device: str = "auto") -> Encoder:
    """A finished run, an encoder that comes with Hooke, or published weights by name.

    Args:
        name: A run folder, "tiny", or "minimol". A folder of that name goes first.
        weights: The file of the published weights; None looks for it.
        device: "auto", "cpu" or "cuda".

    Raises:
        UsageError: `weights` given for a run.
        DataError: No such run or weights, or they are damaged.
    """
    if is_published(name):
        return registry.module("encoders", str(name)).load(Path(weights) if weights else None, device)
    if weights is not None:
        published = ", ".join(registry.names("encoders"))
        raise UsageError(f"only published weights ({published}) take a weights file, {name} is a run")
    refuse_missing(name)
    return LoadedRun.open(run_path(name), device)
