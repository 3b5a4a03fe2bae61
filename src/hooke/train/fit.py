"""From a recipe to a finished run: prepare, split, train the members, predict, measure, calibrate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core import registry
from hooke.core.errors import DataError, HookeError, UsageError
from hooke.core.files import disk_full_explained
from hooke.core.paths import cache_folder
from hooke.core.runs import RunFolder
from hooke.evaluate.splits import Split
from hooke.inference.ensemble import Ensemble
from hooke.inference.network import build_task, input_encodings
from hooke.molecules.statistics import LabelStatistics, label_statistics
from hooke.molecules.store import MoleculeStore
from hooke.train.devices import check_can_start, make_fabric
from hooke.train.measure import measure
from hooke.train.member import Member, trained
from hooke.train.recipe import Recipe
from hooke.train.split import split_store


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
        UsageError: The data carry no label, no training row has one, or these devices cannot be used.
        DataError: The disk is full; the same command goes on from the last saved state.
        TrainingError: The loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the same command goes on from there.
    """
    check_can_start(recipe.train)
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
    check_can_start(recipe.train)
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
    source = resolve({name: before[name] for name in ("model", "task", "encodings", "standardise")})
    task = registry.module("tasks", source.task.name).Task
    rate = 0.0 if mode == "probe" else recipe.train.encoder_rate
    return replace(
        recipe, model=source.model, encodings=input_encodings(task, source.task.config, source.encodings),
        standardise=source.standardise,
        train=replace(recipe.train, encoder_rate=rate),
    )  # fmt: skip


def _train(
    run: RunFolder, recipe: Recipe, store: MoleculeStore, pretrained: Path | None, show_progress: bool
) -> RunFolder:
    if not store.labels and _supervised(recipe):
        raise UsageError(f"{store.folder.name} carries no label: name one with --targets, or check the table")
    run.lock()
    started = time.monotonic()
    try:
        with disk_full_explained(run.folder, "the last saved state is kept"):
            run.update(status="running")
            _work(run, recipe, store, pretrained, show_progress)
            run.finish(seconds=_seconds(run, started))
    except (KeyboardInterrupt, HookeError) as error:
        with suppress(OSError):  # on a full disk
            status = "failed" if isinstance(error, HookeError) else "interrupted"
            run.update(status=status, seconds=_seconds(run, started))
        raise
    finally:
        run.unlock()
    return run


def _work(run: RunFolder, recipe: Recipe, store: MoleculeStore, pretrained: Path | None, show_progress: bool) -> None:
    split = split_store(store, recipe.split)
    if _supervised(recipe):
        split = _labelled(split, store)
    if not len(split.train):
        raise UsageError("no training row has a label; check data.split and the label columns")
    if len(split.train) < recipe.train.devices:
        raise UsageError(f"{len(split.train)} training rows cannot be shared by {recipe.train.devices} devices")
    statistics = label_statistics(store, split.train)
    _write_setup(run, store, split, statistics)
    members = [
        Member(
            run, recipe, store.folder, statistics, split.train, split.valid, number,
            pretrained=pretrained, show_progress=show_progress,
        )
        for number in range(recipe.train.ensemble)
    ]  # fmt: skip
    networks = [trained(member) for member in members]
    task = build_task(recipe.task.name, recipe.task.config, store.labels, statistics)
    ensemble = Ensemble(networks, task, make_fabric(replace(recipe.train, devices=1)).device)
    measure(run, store, split, ensemble)
    if recipe.train.refit:
        _refit(members, split)
    run.update(
        device=str(ensemble.device),
        parameters=sum(parameter.numel() for parameter in networks[0].parameters()),
        rows={"train": len(split.train), "valid": len(split.valid), "test": len(split.test)},
        labels=len(store.labels),
    )


def _supervised(recipe: Recipe) -> bool:
    """Whether the task learns from labels; its file says `SUPERVISED = False` if not."""
    return bool(getattr(registry.module("tasks", recipe.task.name), "SUPERVISED", True))


def _seconds(run: RunFolder, started: float) -> float:
    return round(run.info.get("seconds", 0) + time.monotonic() - started, 1)


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


def _refit(members: Sequence[Member], split: Split) -> None:
    """Train again on all labelled rows for as many epochs as the best ones took; `predict` then uses these members."""
    everything = np.sort(np.concatenate([split.train, split.valid, split.test]))
    for member in members:
        recipe = member.recipe
        mine = [
            line for line in member.run.metrics()
            if (line["part"], line["member"]) == ("members", member.number) and "valid_loss" in line
        ]  # fmt: skip
        epochs = min(mine, key=lambda line: line["valid_loss"])["epoch"] if mine else recipe.train.epochs
        longer = replace(recipe, train=replace(recipe.train, epochs=epochs, patience=0))
        trained(replace(member, recipe=longer, train_rows=everything, valid_rows=split.valid[:0], part="refit"))
