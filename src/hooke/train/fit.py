"""From a recipe to a finished run: prepare, split, train the members, predict, measure, calibrate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core import registry
from hooke.core.checked import write_parquet
from hooke.core.errors import DataError, HookeError, UsageError
from hooke.core.files import disk_full_explained
from hooke.core.how import How
from hooke.core.paths import cache_folder
from hooke.core.recipe import Recipe, TrainSection
from hooke.core.runs import RunFolder
from hooke.core.types import Spec, Store
from hooke.evaluate.splits import Split, part_of, thinned
from hooke.inference.applicability import Domain
from hooke.inference.ensemble import Ensemble, Predictor
from hooke.inference.loaded import LoadedRun, read_recipe
from hooke.modalities import NONE, trainable
from hooke.train.automatic import automatic, predictions_of_test, settled
from hooke.train.crew import follow, follows, leading
from hooke.train.devices import check_can_start, join, run_job, single_device
from hooke.train.gradient_free import fitted
from hooke.train.kept_heads import check_heads, keep_heads
from hooke.train.loggers import check_loggers
from hooke.train.measure import Known, censored, measure
from hooke.train.member import Member, Watch, trained
from hooke.train.monitor import logged_as, rank
from hooke.train.pretrained import adapted

SPEC = "spec.json"
_THINNING = 1  # a stream of random numbers of its own beside those of the split
OWED, REPORTED = "owed", "written"  # states of a run's report


def prepare(recipe: Recipe, *, workers: int | None = None, show_progress: bool = True) -> Any:
    """The store of a recipe's data set, prepared below the cache folder or found there again."""
    dataset = registry.module("datasets", recipe.data.name).Dataset(recipe.data.config)
    sections = trainable(recipe.modality, "fit").preparation(recipe)
    return dataset.prepare(cache_folder() / "stores", How(workers, show_progress, sections))


def split_of(store: Store, recipe: Recipe) -> Split:
    """The rows to learn from, to choose by and to test on, those that teach nothing left out.

    Raises:
        UsageError: Nothing is left to train on.
    """
    modality = trainable(recipe.modality, "fit")
    found = modality.splits[recipe.split.kind](store, recipe.split)
    measured = [modality.usable(store, part, recipe) for part in (found.train, found.valid, found.test)]
    found = found.without("without a label", measured)
    if not len(found.train):
        text = f"none of the {modality.items} is left to train on; check data.split and the labels"
        raise UsageError("\n".join(filter(None, [text, modality.describe(store).left_out])))
    if recipe.is_automatic:  # folds of these rows stand in the place of validation rows
        found = replace(found, train=np.union1d(found.train, found.valid), valid=found.valid[:0])
    section = recipe.split
    if section.train_groups or section.group_rows:
        groups = modality.split_groups(store, found.train)
        generator = np.random.default_rng((section.seed, _THINNING))
        kept = thinned(found.train, groups, section.train_groups, section.group_rows, generator=generator)
        found = found.without("beyond data.split.train_groups and group_rows", (kept, found.valid, found.test))
    return part_of(found, section.train_share, generator=np.random.default_rng(recipe.seed))


def fit(
    recipe: Recipe,
    *,
    runs: Path = Path("runs"),
    store: Any = None,
    pretrained: Path | None = None,
    new: bool = False,
    reuse: bool = False,
    workers: int | None = None,
    watch: Watch | None = None,
    report: bool = False,
    show_progress: bool = True,
) -> RunFolder:
    """Train by a recipe. An unfinished run of the same recipe and data is continued, unless `new`.

    Args:
        recipe: What to do.
        runs: Folder of the run folders.
        store: Prepared molecules or images; None prepares the recipe's data set.
        pretrained: A finished run whose encoder weights are the start (fine-tuning; see `finetune`).
        new: Start afresh.
        reuse: Return a finished run of the same recipe and data, if there is one, instead of training again.
        workers: Processes for preparing.
        watch: Called with the metrics of every epoch; what it raises ends the training. One device only.
        report: Whether the caller goes on to write a report. Until it marks the run as `REPORTED`, the same call returns the finished run.
        show_progress: Show progress bars.

    Returns:
        The finished run.

    Raises:
        UsageError: The data carry no label, no training row has one, these devices cannot be used, or heads are kept that there are none of.
        DataError: The disk is full; the same command goes on from the last saved state.
        TrainingError: The loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the same command goes on from there.
    """
    check_can_start(recipe.train)
    check_heads(recipe, pretrained)
    _check_loading(recipe)
    check_loggers(recipe.train)
    return _with_others(
        recipe.train,
        lambda: _fit(recipe, runs, store, pretrained, new, reuse, workers, watch, report, show_progress),
    )


def _with_others(section: TrainSection, work: Callable[[], RunFolder]) -> RunFolder:
    """Lead the processes of several machines through the work, or follow; alone, do it."""
    if follows(section):
        return RunFolder(follow(section, join, run_job))
    with leading(section, join) as finished:
        run = work()
        finished(run.folder)
    return run


def _fit(
    recipe: Recipe,
    runs: Path,
    store: Any,
    pretrained: Path | None,
    new: bool,
    reuse: bool,
    workers: int | None,
    watch: Watch | None,
    report: bool,
    show_progress: bool,
) -> RunFolder:
    """In the first process, or the only one."""
    recipe = trainable(recipe.modality, "fit").settled(recipe)
    store = store or prepare(recipe, workers=workers, show_progress=show_progress)
    recipe = settled(recipe, store)
    resolved = recipe.to_json()
    if pretrained is not None:
        resolved["pretrained"] = RunFolder.open(pretrained).info["identity"]
    same = runs, recipe.name, resolved, store.content_hash
    with ExitStack() as held:
        with RunFolder.starting(*same):
            finished = None if new else RunFolder.find_finished(*same)
            if finished is not None and (reuse or finished.info.get("report") == OWED):
                return finished
            run = (None if new else RunFolder.find_unfinished(*same)) or RunFolder.create(*same)
            held.enter_context(run.locked())
        if pretrained is not None:
            run.update(pretrained_folder=str(RunFolder.open(pretrained).folder))
        run.update(store=str(store.folder))
        return _train(run, recipe, store, pretrained, show_progress, watch, report=report)


def _check_loading(recipe: Recipe) -> None:
    modality = trainable(recipe.modality, "fit")
    if recipe.train.loader_workers > 1 and not modality.reads_in_processes:
        raise UsageError(
            f"train.loader_workers: batches of {modality.items} are made by a thread of the training process; leave it out"
        )


def resume(folder: Path, *, show_progress: bool = True) -> RunFolder:
    """Continue the named run; a finished one is returned as it is.

    Raises:
        DataError: Its data changed or cannot be found.
    """
    run = RunFolder.open(folder, unfinished=True)
    if run.info["status"] == "finished":
        return run
    recipe = read_recipe(run)
    check_can_start(recipe.train)
    check_loggers(recipe.train)
    return _with_others(recipe.train, lambda: _resume(run, recipe, show_progress))


def _resume(run: RunFolder, recipe: Recipe, show_progress: bool) -> RunFolder:
    """In the first process, or the only one."""
    saved = Path(run.info["store"])
    opened = trainable(recipe.modality, "resume").open
    store = opened(saved) if saved.exists() else prepare(recipe, show_progress=show_progress)
    if store.content_hash != run.info["data_hash"]:
        raise DataError(
            f"the data of {run.folder} changed since it was started; start a new run with `hooke fit --new`"
        )
    pretrained = run.info.get("pretrained_folder")
    with run.locked():
        if run.info["status"] == "finished":  # by another process, just now
            return run
        return _train(run, recipe, store, Path(pretrained) if pretrained else None, show_progress)


def finetune(
    pretrained: Path,
    recipe: Recipe,
    *,
    mode: str = "full",
    runs: Path = Path("runs"),
    changes: Mapping[str, Any] = NONE,
    **options: Any,
) -> RunFolder:
    """Adapt a pretrained run's encoder to another data set with new heads.

    The model is taken from the pretrained run, with what its encoder depends on (of molecules encodings and standardisation).
    mode="probe" keeps the encoder frozen; `changes` are those of `train.pretrained.adapted`.

    Raises:
        UsageError: Unknown mode, or a change that needs another encoder.
    """
    if mode not in ("full", "probe"):
        raise UsageError(f"mode must be 'full' or 'probe', got {mode!r}")
    return fit(adapted(recipe, pretrained, mode, changes), runs=runs, pretrained=Path(pretrained), **options)


def _train(
    run: RunFolder,
    recipe: Recipe,
    store: Any,
    pretrained: Path | None,
    show_progress: bool,
    watch: Watch | None = None,
    *,
    report: bool = False,
) -> RunFolder:
    started = time.monotonic()
    try:
        with disk_full_explained(run.folder, "the last saved state is kept"):
            run.update(status="running")
            _work(run, recipe, store, pretrained, show_progress, watch)
            run.finish(seconds=_seconds(run, started), **({"report": OWED} if report else {}))
            if trainable(recipe.modality, "fit").keeps_domain and not recipe.has_estimator:
                Domain.kept(LoadedRun.open(run.folder, str(single_device(recipe.train))))
    except (KeyboardInterrupt, HookeError) as error:
        with suppress(OSError):  # on a full disk
            status = "failed" if isinstance(error, HookeError) else "interrupted"
            run.update(status=status, seconds=_seconds(run, started))
        raise
    return run


def _work(
    run: RunFolder, recipe: Recipe, store: Any, pretrained: Path | None, show_progress: bool, watch: Watch | None
) -> None:
    modality, split = trainable(recipe.modality, "fit"), split_of(store, recipe)
    if len(split.train) < (devices := recipe.train.devices * recipe.train.nodes):
        raise UsageError(f"{len(split.train)} training rows cannot be shared by {devices} devices")
    spec = modality.spec(store, split.train, recipe)
    if recipe.learns_labels and not spec.labels:
        raise UsageError(f"{store.folder.name} carries no label: name one with --targets, or check the table")
    run.write_json(SPEC, spec.to_json())
    write_parquet(
        pl.DataFrame({"row": np.arange(len(store)), "split": split.labels(len(store))}), run.path("split.parquet")
    )
    predictor: Predictor
    known: dict[str, Known | None] = {}
    if recipe.is_automatic:
        predictor, known["valid"] = automatic(run, recipe, spec, store, split, show_progress=show_progress)
        known["test"] = predictions_of_test(run, recipe, spec, store, split, predictor)
    elif recipe.has_estimator:
        predictor = fitted(run, recipe, spec, store, split)
    else:
        predictor = _networks(run, recipe, spec, store, split, pretrained, show_progress, watch)
    measure(run, recipe, store, split, spec, predictor, known=known)
    run.update(
        censored=censored(modality, store, split, spec),
        parameters=predictor.parameters,
        rows={"train": len(split.train), "valid": len(split.valid), "test": len(split.test)},
        left_out=dict(split.left_out),
        device=str(predictor.device),
        **modality.facts(store, spec, split, recipe),
    )


def _networks(
    run: RunFolder, recipe: Recipe, spec: Spec, store: Store, split: Split, pretrained: Path | None, show_progress: bool,
    watch: Watch | None,
) -> Ensemble:  # fmt: skip
    """The trained members."""
    members = [
        Member(
            run, recipe, spec, store.folder, split.train, split.valid, number, pretrained=pretrained,
            show_progress=show_progress, watch=watch,
        )
        for number in range(recipe.train.ensemble)
    ]  # fmt: skip
    networks = [trained(member) for member in members]
    if recipe.train.refit:
        _refit(members, split)
    if recipe.train.keep_heads and pretrained is not None:
        keep_heads(run, recipe, pretrained)
    return Ensemble(networks, members[0].network()[1], single_device(recipe.train))


def _seconds(run: RunFolder, started: float) -> float:
    return round(run.info.get("seconds", 0) + time.monotonic() - started, 1)


def _refit(members: Sequence[Member], split: Split) -> None:
    """Train again on all labelled rows for as many epochs as the best ones took; `predict` then uses these members."""
    everything = np.sort(np.concatenate([split.train, split.valid, split.test]))
    for member in members:
        recipe = member.recipe
        monitor, monitored = recipe.train.monitor, logged_as(recipe.train.monitor)
        mine = [
            line for line in member.run.metrics()
            if (line["part"], line["member"]) == ("members", member.number) and line.get(monitored) is not None
        ]  # fmt: skip
        epochs = min(mine, key=lambda line: rank(monitor, line[monitored]))["epoch"] if mine else recipe.train.epochs
        longer = replace(recipe, train=replace(recipe.train, epochs=epochs, patience=0))
        trained(replace(member, recipe=longer, train_rows=everything, valid_rows=split.valid[:0], part="refit"))
