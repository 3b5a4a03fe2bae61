"""From a recipe to a finished run: prepare, split, train the members, predict, measure, calibrate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from hooke.core import registry
from hooke.core.errors import DataError, UsageError
from hooke.core.labels import Label
from hooke.core.paths import cache_folder
from hooke.core.progress import progress
from hooke.core.runs import RunFolder
from hooke.evaluate.conformal import calibrate_interval, calibrate_set
from hooke.evaluate.metrics import evaluate
from hooke.evaluate.splits import Split
from hooke.inference.ensemble import Ensemble, Prediction
from hooke.inference.network import build_network, build_task
from hooke.inference.weights import load_weights, read_weights
from hooke.molecules.statistics import LabelStatistics, label_statistics
from hooke.molecules.store import MoleculeStore
from hooke.train.loop import Trainer, make_fabric
from hooke.train.recipe import Recipe
from hooke.train.split import leak_report, split_store


def prepare(recipe: Recipe, *, workers: int | None = None, show_progress: bool = True) -> MoleculeStore:
    """The store of a recipe's data set, prepared below the cache folder or found there again."""
    dataset = registry.module("datasets", recipe.data.name).Dataset(recipe.data.config)
    return dataset.prepare(
        cache_folder() / "stores", encodings=recipe.encodings, standardise=recipe.standardise, workers=workers,
        show_progress=show_progress,
    )  # fmt: skip


def fit(
    recipe: Recipe,
    *,
    runs: Path = Path("runs"),
    store: MoleculeStore | None = None,
    pretrained: Path | None = None,
    new: bool = False,
    reuse: bool = False,
    workers: int | None = None,
    show_progress: bool = True,
) -> RunFolder:
    """Train by a recipe. An unfinished run of the same recipe and data is continued, unless `new`.

    Args:
        recipe: What to do.
        runs: Folder of the run folders.
        store: Prepared molecules; None prepares the recipe's data set.
        pretrained: A finished run whose encoder weights are the start (fine-tuning; see `finetune`).
        new: Start afresh.
        reuse: Return a finished run of the same recipe and data, if there is one, instead of training again.
        workers: Processes for preparing.
        show_progress: Show progress bars.

    Returns:
        The finished run.

    Raises:
        UsageError: The data carry no label, or a split part is empty.
        TrainingError: The loss became NaN or infinite.
    """
    store = store or prepare(recipe, workers=workers, show_progress=show_progress)
    resolved = recipe.to_json()
    if pretrained is not None:
        resolved["pretrained"] = RunFolder.open(pretrained).info["identity"]
    if reuse and (finished := RunFolder.find_finished(runs, recipe.name, resolved, store.content_hash)):
        return finished
    found = None if new else RunFolder.find_unfinished(runs, recipe.name, resolved, store.content_hash)
    run = found or RunFolder.create(runs, recipe.name, resolved, store.content_hash)
    if pretrained is not None:
        run.update(pretrained_folder=str(RunFolder.open(pretrained).folder))
    run.update(store=str(store.folder))
    return _train(run, recipe, store, pretrained, show_progress)


def resume(folder: Path, *, show_progress: bool = True) -> RunFolder:
    """Continue the named run; a finished one is returned as it is.

    Raises:
        DataError: Its data changed or cannot be found.
    """
    from hooke.train.recipe import resolve

    run = RunFolder.open(folder)
    if run.info["status"] == "finished":
        return run
    recipe = resolve({key: value for key, value in run.recipe.items() if key != "pretrained"})
    saved = Path(run.info["store"])
    store = MoleculeStore.open(saved) if saved.exists() else prepare(recipe, show_progress=show_progress)
    if store.content_hash != run.info["data_hash"]:
        raise DataError(f"the data of {folder} changed since it was started; start a new run with `hooke fit --new`")
    pretrained = run.info.get("pretrained_folder")
    return _train(run, recipe, store, Path(pretrained) if pretrained else None, show_progress)


def finetune(
    pretrained: Path, recipe: Recipe, *, mode: str = "full", runs: Path = Path("runs"), **options: Any
) -> RunFolder:
    """Adapt a pretrained run's encoder to another data set with new heads.

    Model, encodings and standardisation are taken from the pretrained run. mode="probe" keeps the encoder frozen.

    Raises:
        UsageError: Unknown mode.
    """
    if mode not in ("full", "probe"):
        raise UsageError(f"mode must be 'full' or 'probe', got {mode!r}")
    return fit(adapted(recipe, pretrained, mode), runs=runs, pretrained=Path(pretrained), **options)


def adapted(recipe: Recipe, pretrained: Path, mode: str = "full") -> Recipe:
    """A recipe with the model, encodings and standardisation of a pretrained run."""
    from hooke.train.recipe import resolve

    before = RunFolder.open(pretrained).recipe
    source = resolve({key: value for key, value in before.items() if key != "pretrained"})
    rate = 0.0 if mode == "probe" else recipe.train.encoder_rate
    return replace(
        recipe, model=source.model, encodings=source.encodings, standardise=source.standardise,
        train=replace(recipe.train, encoder_rate=rate),
    )  # fmt: skip


def _train(
    run: RunFolder, recipe: Recipe, store: MoleculeStore, pretrained: Path | None, show_progress: bool
) -> RunFolder:
    if not store.labels:
        raise UsageError(f"{store.folder.name} carries no label: name one with --targets, or check the table")
    run.lock()
    started = time.monotonic()
    try:
        split = _labelled(split_store(store, recipe.split), store)
        if not len(split.train):
            raise UsageError("no training row has a label; check data.split and the label columns")
        statistics = label_statistics(store, split.train)
        _write_setup(run, store, split, statistics)
        networks = [
            _train_member(run, recipe, store, split, statistics, member, pretrained, show_progress)
            for member in range(recipe.train.ensemble)
        ]
        task = build_task(recipe.task.name, recipe.task.config, store.labels, statistics)
        ensemble = Ensemble(networks, task, make_fabric(recipe.train).device)
        _measure(run, store, split, ensemble)
        if recipe.train.refit:
            _refit(run, recipe, store, split, statistics, pretrained, show_progress)
        run.finish(
            seconds=round(run.info.get("seconds", 0) + time.monotonic() - started, 1),
            device=str(ensemble.device),
            parameters=sum(parameter.numel() for parameter in networks[0].parameters()),
            rows={"train": len(split.train), "valid": len(split.valid), "test": len(split.test)},
            labels=len(store.labels),
        )
    except KeyboardInterrupt:
        run.update(status="interrupted", seconds=round(run.info.get("seconds", 0) + time.monotonic() - started, 1))
        raise
    finally:
        run.unlock()
    return run


def _labelled(split: Split, store: MoleculeStore) -> Split:
    """Without molecules that carry no label at all: nothing can be learnt from them, nor measured on them."""
    if any(label.level != "graph" for label in store.labels):
        return split
    counts = store.store.axis_counts("label")
    return Split(*(part[counts[part] > 0] for part in (split.train, split.valid, split.test)))


def _write_setup(run: RunFolder, store: MoleculeStore, split: Split, statistics: dict[str, LabelStatistics]) -> None:
    run.write_json("labels.json", [label.to_json() for label in store.labels])
    run.write_json(
        "statistics.json",
        {level: {name: getattr(found, name).tolist() for name in found._fields} for level, found in statistics.items()},
    )
    pl.DataFrame({"row": np.arange(len(store)), "split": split.labels(len(store))}).write_parquet(
        run.path("split.parquet")
    )


def _train_member(
    run: RunFolder,
    recipe: Recipe,
    store: MoleculeStore,
    split: Split,
    statistics: dict[str, LabelStatistics],
    member: int,
    pretrained: Path | None,
    show_progress: bool,
    *,
    folder: str = "members",
) -> torch.nn.Module:
    target = run.path(f"{folder}/{member}")
    task = build_task(recipe.task.name, recipe.task.config, store.labels, statistics)
    torch.manual_seed(recipe.seed * 1000 + member)
    network = build_network(recipe.model.name, recipe.model.config, recipe.encodings, task)
    if (target / "last.safetensors").exists():  # this member was finished before a kill
        load_weights(network, target / "best.safetensors")
        return network
    if pretrained is not None:
        load_encoder(network, pretrained, member)
    kept = [line for line in run.metrics() if line["part"] != folder or line["member"] != member]
    mine = [line for line in run.metrics() if line["part"] == folder and line["member"] == member]
    trainer = Trainer(
        network, task, store, split.train, split.valid, recipe.train, seed=recipe.seed * 1000 + member, folder=target,
        log=lambda **fields: run.log_metrics(part=folder, member=member, **fields),
    )  # fmt: skip
    if mine:  # lines after the saved state would come twice
        done = trainer.saved_epoch()
        run.rewrite_metrics([*kept, *(line for line in mine if line["epoch"] <= done)])
    total = trainer.total_steps * recipe.train.batch_size * recipe.train.accumulate
    name = recipe.name if recipe.train.ensemble == 1 else f"{recipe.name} {member + 1}/{recipe.train.ensemble}"
    with progress(total, f"training {name}", "molecules", show=show_progress) as bar:
        trainer.run(bar)
    trainer.load_best()
    return network


def load_encoder(network: Any, pretrained: Path, member: int = 0) -> None:
    """Put a pretrained run's best encoder weights into a network.

    Raises:
        DataError: The encoders differ.
    """
    run = RunFolder.open(pretrained)
    members = sorted(run.path("members").glob("*/best.safetensors"))
    if not members:
        raise DataError(f"{pretrained} holds no trained weights")
    weights = read_weights(members[member % len(members)])
    encoder = {name.removeprefix("encoder."): value for name, value in weights.items() if name.startswith("encoder.")}
    try:
        network.encoder.load_state_dict(encoder)
    except RuntimeError as error:
        raise DataError(f"the encoder of {pretrained} does not fit this recipe's model: {error}") from error


def _measure(run: RunFolder, store: MoleculeStore, split: Split, ensemble: Ensemble) -> None:
    """Predict valid and test, write the graph-level predictions, and the metrics of every level."""
    metrics: dict[str, Any] = {}
    for part in ("valid", "test"):
        rows = getattr(split, part)
        if not len(rows):
            continue
        predictions = ensemble.predict_rows(store, rows)
        truth = _targets(store, rows)
        metrics[part] = {
            level: evaluate(decided(found.mean, store.level_labels(level)), truth[level].astype(np.float64), store.level_labels(level))
            for level, found in predictions.items()
        }  # fmt: skip
        if "graph" in predictions:
            _write_predictions(run, store, rows, predictions["graph"], ensemble.task.columns("graph"), part)
            if part == "valid":
                calibration = calibrate(predictions["graph"], truth["graph"], store.level_labels("graph"))
                run.write_json("uncertainty.json", calibration)
    run.write_json("metrics.json", metrics)
    run.write_json("leaks.json", leak_report(store, split))


def calibrate(
    prediction: Prediction, truth: np.ndarray, labels: Sequence[Label], *, level: float = 0.9
) -> dict[str, Any]:
    """Label name -> conformal calibration on these rows: intervals for values, sets for classes."""
    found: dict[str, Any] = {}
    start = 0
    for number, label in enumerate(labels):
        width = max(1, label.classes)
        mean, std, true = (
            prediction.mean[:, start : start + width],
            prediction.std[:, start],
            truth[:, number].astype(float),
        )
        if label.kind == "regression":
            found[label.name] = {"kind": "interval", **calibrate_interval(mean[:, 0], std, true, level=level).to_json()}
        else:
            probabilities = np.hstack([1 - mean, mean]) if label.kind == "binary" else mean
            found[label.name] = {"kind": "set", **calibrate_set(probabilities, true, level=level).to_json()}
        start += width
    return found


def decided(columns: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """(N, T) from prediction columns: values, probabilities, or the most probable class."""
    out, start = [], 0
    for label in labels:
        width = max(1, label.classes)
        block = columns[:, start : start + width]
        out.append(block.argmax(axis=1).astype(float) if label.classes else block[:, 0])
        start += width
    return np.stack(out, axis=1) if out else np.zeros((len(columns), 0))


def _targets(store: MoleculeStore, rows: np.ndarray) -> dict[str, np.ndarray]:
    return store.read(rows).targets


def _write_predictions(
    run: RunFolder, store: MoleculeStore, rows: np.ndarray, found: Prediction, columns: list[str], part: str
) -> None:
    truth, bounds = store.graph_labels(rows)
    data: dict[str, Any] = {"row": rows, "smiles": store.smiles(rows)}
    for number, name in enumerate(columns):
        data[name], data[f"{name}_std"] = found.mean[:, number], found.std[:, number]
    for number, label in enumerate(store.level_labels("graph")):
        data[f"{label.name}_measured"] = truth[:, number]
        if bounds[:, number].any():
            data[f"{label.name}_bound"] = bounds[:, number]
    pl.DataFrame(data).write_parquet(run.path(f"predictions_{part}.parquet"))


def _refit(
    run: RunFolder,
    recipe: Recipe,
    store: MoleculeStore,
    split: Split,
    statistics: dict[str, LabelStatistics],
    pretrained: Path | None,
    show_progress: bool,
) -> None:
    """Train again on all labelled rows for as many epochs as the best ones took; `predict` then uses these members."""
    lines = [line for line in run.metrics() if line["part"] == "members" and "valid_loss" in line]
    everything = Split(np.sort(np.concatenate([split.train, split.valid, split.test])), split.valid[:0], split.test[:0])
    for member in range(recipe.train.ensemble):
        mine = [line for line in lines if line["member"] == member]
        epochs = min(mine, key=lambda line: line["valid_loss"])["epoch"] if mine else recipe.train.epochs
        longer = replace(recipe, train=replace(recipe.train, epochs=epochs, patience=0))
        _train_member(run, longer, store, everything, statistics, member, pretrained, show_progress, folder="refit")
