"""The systems that suites compare: each predicts the test rows of a task from its training and validation rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core.checked import kept_array
from hooke.core.errors import UnknownNameError
from hooke.core.hashing import content_hash
from hooke.core.paths import cache_folder
from hooke.core.recipe import Recipe
from hooke.encoders import Encoder
from hooke.evaluate.probe_models import probe
from hooke.evaluate.splits import Split
from hooke.inference.cached import cached_embeddings
from hooke.inference.loaded import load
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.store import MoleculeStore
from hooke.studies.baselines import fit_predict
from hooke.train.fit import adapted, fit


@dataclass(frozen=True)
class Task:
    """What a system is given.

    Attributes:
        recipe: How networks are trained on it.
        store: Its molecules.
        split: Their parts.
        pretrained: A finished run, or None.
        runs: Where run folders go.
        changes: What was asked of the pretrained encoder; see `train.pretrained.adapted`.
    """

    recipe: Recipe
    store: MoleculeStore
    split: Split
    pretrained: Path | None
    runs: Path
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Predicted:
    """(test rows, labels) predictions, and what there is to say about how they were made."""

    values: np.ndarray
    detail: str = ""


@dataclass(frozen=True)
class System:
    """How it predicts, and whether it needs a pretrained run."""

    predict: Callable[[Task], Predicted]
    needs_run: bool = False


def predictions(name: str, task: Task) -> Predicted:
    """The predictions of a system.

    Raises:
        UnknownNameError: No such system.
    """
    if name not in SYSTEMS:
        raise UnknownNameError("system", name, SYSTEMS)
    return SYSTEMS[name].predict(task)


def _baseline(name: str) -> Callable[[Task], Predicted]:
    def predict(task: Task) -> Predicted:
        features, targets = _fingerprints(task.store), task.store.graph_labels()[0].astype(np.float64)
        known, spec = (
            np.concatenate([task.split.train, task.split.valid]),
            MoleculeSpec(task.store.level_labels("graph")),
        )
        unseen = features[task.split.test]
        return Predicted(
            fit_predict(name, spec, "graph", features[known], targets[known], unseen, seed=task.recipe.seed)
        )

    return predict


def _fingerprints(store: MoleculeStore) -> np.ndarray:
    """Fingerprints and descriptors of all molecules, computed once a store."""
    from hooke.molecules.descriptors import DESCRIPTORS, baseline_features

    folder = cache_folder() / "embeddings"
    key = content_hash(["baseline", [name for name, _ in DESCRIPTORS], store.content_hash])[:24]
    path = folder / f"{key}.npy"
    return kept_array(path, lambda: baseline_features(store.smiles()).astype(np.float32), f"is computing {path}")


def _probe(task: Task, encoder: Encoder) -> Predicted:
    store, split = task.store, task.split
    targets, bounds = store.graph_labels()
    found = probe(
        np.asarray(cached_embeddings(encoder, store, show_progress=False)), targets.astype(np.float64),
        store.level_labels("graph"), split.train, split.valid, split.test, bounds=bounds, seed=task.recipe.seed,
    )  # fmt: skip
    counts = ", ".join(f"{name} {found.readouts.count(name)}" for name in dict.fromkeys(found.readouts))
    shares = [value for value in found.positives if np.isfinite(value)]
    return Predicted(found.predictions, counts + (f"; {np.mean(shares):.1%} of class 1" if shares else ""))


@cache
def _encoder(name: str) -> Encoder:
    return load(name)


def _trained(task: Task, pretrained: Path | None) -> Predicted:
    recipe = adapted(task.recipe, pretrained, changes=task.changes) if pretrained is not None else task.recipe
    run = fit(recipe, runs=task.runs, store=task.store, pretrained=pretrained, reuse=True, show_progress=False)
    table = pl.read_parquet(run.path("predictions_test.parquet"))
    values = table.select([label.name for label in task.store.level_labels("graph")]).to_numpy()
    place = {row: number for number, row in enumerate(table["row"].to_list())}
    out = np.full((len(task.split.test), values.shape[1]), np.nan)
    for number, row in enumerate(task.split.test.tolist()):
        if row in place:
            out[number] = values[place[row]]
    return Predicted(out, f"{run.info['parameters']:,} parameters, {run.info['seconds']:.0f} s")


SYSTEMS: dict[str, System] = {
    **{name: System(_baseline(name)) for name in ("mean", "ridge", "forest")},
    "minimol": System(lambda task: _probe(task, _encoder("minimol"))),
    "scratch": System(lambda task: _trained(task, None)),
    "probe": System(lambda task: _probe(task, _encoder(str(task.pretrained))), needs_run=True),
    "finetuned": System(lambda task: _trained(task, task.pretrained), needs_run=True),
}
