"""A finished run as a predictor: networks, labels, calibration and hashes, rebuilt from the run folder alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hooke.core import registry
from hooke.core.errors import DataError, UsageError, nearest
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.label import Label
from hooke.core.recipe_files import build
from hooke.core.runs import RunFolder
from hooke.encoders import Encoder
from hooke.evaluate.conformal import IntervalCalibration, SetCalibration
from hooke.inference.ensemble import Ensemble
from hooke.inference.network import build_network, build_task, predicts_labels
from hooke.inference.shipped import run_path, shipped_names
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import StandardiseConfig
from hooke.molecules.source import Preparation
from hooke.nn.weights import load_weights

_IDENTITY_SECTIONS = ("model", "task", "encodings", "standardise")


@dataclass(frozen=True, repr=False)
class LoadedRun(Encoder):
    """What `predict` and `embed` need of a run.

    Attributes:
        run: The run folder.
        labels: That it predicts: those of the data that it was trained on, none if it learned without labels.
        encodings: That its encoder reads.
        standardise: What is done to a molecule first.
        weights: The members' weight files: those refitted on all data if there are any, else each member's best epoch.
        ensemble: The networks.
        calibration: Label name -> conformal calibration; empty when the run had no validation rows.
    """

    run: RunFolder
    labels: tuple[Label, ...]
    encodings: EncodingConfig
    standardise: StandardiseConfig
    weights: tuple[Path, ...]
    ensemble: Ensemble
    calibration: dict[str, IntervalCalibration | SetCalibration]

    @classmethod
    def open(cls, folder: Path, device: str = "auto") -> LoadedRun:
        """Load a run; a folder of runs stands for its newest finished one.

        Args:
            folder: What `hooke fit` printed.
            device: "auto" takes a GPU if there is one, else "cpu", "cuda", "cuda:1".

        Raises:
            DataError: No run, not finished, or damaged.
        """
        run = RunFolder.open(folder)
        if run.info["status"] != "finished":
            raise DataError(f"{run.folder} is not finished ({run.info['status']}); `hooke resume {run.folder}` ends it")
        recipe = run.recipe
        if "encodings" not in recipe:
            raise DataError(f"{run.folder} is a run on images; `hooke embed` gives a vector for each of its wells")
        try:
            encodings = build(EncodingConfig, recipe["encodings"], "encodings")
            standardise = build(StandardiseConfig, recipe["standardise"], "standardise")
            task_config, model_config = _config("tasks", recipe["task"]), _config("models", recipe["model"])
        except UsageError as error:
            made = run.info["versions"].get("hooke-bio")
            raise DataError(f"{run.folder} was made by Hooke {made}, which this Hooke cannot read: {error}") from error
        known = run.read_json("labels.json") if predicts_labels(recipe["task"]["name"], task_config) else []
        labels = tuple(Label.from_json(entry) for entry in known)
        task = build_task(recipe["task"]["name"], task_config, labels, None)
        weights = _members(run, int(recipe["train"]["ensemble"]))
        networks = []
        for path in weights:
            network = build_network(recipe["model"]["name"], model_config, encodings, task)
            load_weights(network, path)
            networks.append(network)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return cls(
            run, labels, encodings.computed, standardise, weights, Ensemble(networks, task, device), _calibration(run)
        )

    def __repr__(self) -> str:
        """A line for people: a run may have thousands of labels."""
        parameters = sum(tensor.numel() for tensor in self.ensemble.networks[0].parameters())
        return (
            f"LoadedRun({str(self.run.folder)!r}: {self.run.recipe['model']['name']}, {len(self.weights)} x "
            f"{parameters:,} parameters, {self.width} numbers a molecule, {len(self.labels):,} label{'s' * (len(self.labels) != 1)})"
        )

    @cached_property
    def model_hash(self) -> str:
        """Hash of everything that a prediction depends on: weights, architecture, labels and preparation."""
        recipe = self.run.recipe
        sections = {name: recipe[name] for name in _IDENTITY_SECTIONS}
        members = [file_sha256(path) for path in self.weights]
        return content_hash([sections, self.labels, members, self.calibration])

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
    def preparation(self) -> Preparation:
        """How SMILES become the arrays that the networks read."""
        return Preparation(self.standardise, self.encodings)

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        return int(self.ensemble.networks[0].encoder.graph_width)  # type: ignore[arg-type, union-attr]

    @property
    def on_gpu(self) -> bool:
        """See `Encoder.on_gpu`."""
        return self.ensemble.device.type != "cpu"

    def vectors(self, batch: MoleculeBatch) -> np.ndarray:
        """(B, width) float32 of the first member's encoder."""
        return self.ensemble.embed(batch)

    def level_labels(self, level: str) -> tuple[Label, ...]:
        """The labels of one level, in column order."""
        return tuple(label for label in self.labels if label.level == level)


def next_step(run: RunFolder) -> tuple[str, str]:
    """What people do with a finished run on molecules, and the command."""
    task = run.recipe["task"]
    if predicts_labels(task["name"], _config("tasks", task)):
        return "Predict new molecules", f"hooke predict {run.folder} new.csv -o predictions.parquet"
    return "Adapt to an assay", f"hooke finetune {run.folder} --csv assay.csv"


def _config(kind: str, section: dict[str, Any]) -> Any:
    options = {key: value for key, value in section.items() if key != "name"}
    return build(registry.module(kind, section["name"]).Config, options, kind.removesuffix("s"))


def _members(run: RunFolder, count: int) -> tuple[Path, ...]:
    folder = "refit" if run.path("refit").is_dir() else "members"
    paths = tuple(run.path(f"{folder}/{member}/best.safetensors") for member in range(count))
    for path in paths:
        if not path.is_file():
            raise DataError(f"{run.folder} lacks the weights {path.relative_to(run.folder)}")
    return paths


def _calibration(run: RunFolder) -> dict[str, IntervalCalibration | SetCalibration]:
    if not run.path("uncertainty.json").exists():
        return {}
    kinds = {"interval": IntervalCalibration, "set": SetCalibration}
    found = {}
    for name, entry in run.read_json("uncertainty.json").items():
        fields = {key: value for key, value in entry.items() if key != "kind"}
        found[name] = kinds[entry["kind"]](**fields)
    return found


PUBLISHED = ("minimol",)


def known_names() -> list[str]:
    """Names that stand for weights instead of a run folder."""
    return [*shipped_names(), *PUBLISHED]


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
    if str(name) in PUBLISHED and not Path(name).exists():
        from hooke.encoders.minimol.encoder import LoadedMiniMol

        return LoadedMiniMol.open(Path(weights) if weights else None, device)
    if weights is not None:
        raise UsageError(f"only published weights ({', '.join(PUBLISHED)}) take a weights file, {name} is a run")
    folder = run_path(name)
    if not folder.exists() and (meant := nearest(str(name), known_names())):
        raise DataError(f"there is no run folder {name}; did you mean the published weights {meant!r}?")
    return LoadedRun.open(folder, device)
