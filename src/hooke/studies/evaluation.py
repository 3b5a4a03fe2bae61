"""Suites of small tasks: every system on every task with a fixed test part, over seeds; scores, ranks and one report.

The test rows of a task never move (`data.split.kind = "held_out"`); a seed draws the validation rows and the initial
weights. Systems see the same rows; none sees a test row before it predicts. Rows are written as they come, so that a killed benchmark
does only what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core import registry
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.files import append_lines, whole_lines
from hooke.core.hashing import content_hash
from hooke.core.how import QUIET, How
from hooke.core.json_text import json_text, number_or
from hooke.core.paths import cache_folder
from hooke.core.progress import progress
from hooke.core.recipe import Named, Recipe, SplitSection
from hooke.core.runs import RunFolder
from hooke.evaluate.metrics import METRICS
from hooke.inference.loaded import read_recipe
from hooke.modalities import NONE, trainable
from hooke.molecules.splitting import split_store
from hooke.molecules.store import MoleculeStore
from hooke.studies.systems import SYSTEMS, Task, predictions
from hooke.suites import Suite, SuiteTask
from hooke.train.pretrained import adapted

CLIFF = "rmse_cliff"


@dataclass(frozen=True)
class SuiteRow:
    """One score: of one system on one task with one seed. `detail` says which readout, or the share of class 1."""

    task: str
    seed: int
    system: str
    metric: str
    value: float
    molecules: int
    detail: str = ""


def row_from_json(line: str) -> SuiteRow:
    """A score from its line in the file of scores."""
    entry = json.loads(line)
    return SuiteRow(**{**entry, "value": number_or(entry["value"])})


def pretraining_tables(run: Path) -> tuple[str, ...]:
    """The tables that a pretrained run learnt labels from."""
    folder = RunFolder.open(run)
    spec = trainable(read_recipe(folder).modality, "benchmark").read_spec(folder)
    return tuple(dict.fromkeys(label.source for label in spec.labels))


def run_suite(
    chosen: Suite,
    recipe: Recipe,
    *,
    systems: Sequence[str] = ("forest",),
    tasks: Sequence[str] = (),
    seeds: int = 3,
    pretrained: Path | None = None,
    changes: Mapping[str, Any] = NONE,
    runs: Path = Path("runs"),
    show_progress: bool = True,
) -> tuple[list[SuiteRow], Path]:
    """Score systems on the tasks of a suite.

    Args:
        chosen: The suite.
        recipe: How "scratch" and "finetuned" are trained; its data section is replaced.
        systems: Names in `SYSTEMS`.
        tasks: Names of tasks; all by default.
        seeds: Number of seeds.
        pretrained: The run of "probe" and "finetuned".
        changes: What was asked of its encoder; see `train.pretrained.adapted`.
        runs: Folder of run folders; scores lie in runs/suite-<name>-<hash>.jsonl.
        show_progress: Show progress bars.

    Returns:
        All scores, those of systems that are not Hooke's own included, and the file that holds them.

    Raises:
        UnknownNameError: No such system or task.
        UsageError: A system that needs a pretrained run, without one; or changes that need another encoder.
    """
    for name in systems:
        if name not in SYSTEMS:
            raise UnknownNameError("system", name, SYSTEMS)
        if SYSTEMS[name].needs_run and pretrained is None:
            raise UsageError(f"the system {name!r} needs a pretrained run: name it with --pretrained")
    known = {task.name: task for task in chosen.tasks}
    for name in tasks:
        if name not in known:
            raise UnknownNameError(f"task of {chosen.name}", name, known)
    source = RunFolder.open(pretrained).info["identity"] if pretrained else None
    of_encoder = {name: table for name, table in changes.items() if name in ("model", *recipe.sections)}
    if pretrained is not None and any(SYSTEMS[name].needs_run for name in systems):
        adapted(recipe, pretrained, changes=of_encoder)  # refuses before anything is trained
    identity = content_hash([recipe.to_json(), source, chosen.name, *([of_encoder] if of_encoder else [])])[:8]
    path = Path(runs) / f"suite-{chosen.name}-{identity}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [row_from_json(line) for line in whole_lines(path)]
    done = {(row.task, row.seed, row.system) for row in rows}
    wanted = [(known[name], seed, system) for name in tasks or known for seed in range(seeds) for system in systems]
    with progress(len(wanted), f"suite {chosen.name}", "fits", show=show_progress) as bar:
        for task, seed, system in wanted:
            if (task.name, seed, system) not in done:
                made = _scored(chosen, task, system, recipe, seed, pretrained, of_encoder, Path(runs))
                append_lines(path, (json_text(asdict(row)) for row in made))  # all scores of one fit at once
                rows += made
            bar.advance(task=task.name, system=system)
    keys = {(task.name, seed) for task, seed, _ in wanted}
    elsewhere = {row.system for row in rows} - set(SYSTEMS)  # scores that another program wrote into the file
    shown = {*systems, *elsewhere}
    return [row for row in rows if (row.task, row.seed) in keys and row.system in shown], path


def prepared(task: SuiteTask, recipe: Recipe, *, show_progress: bool = False) -> MoleculeStore:
    """The task's molecules with the encodings of the recipe."""
    module = registry.module("datasets", task.dataset)
    dataset = module.Dataset(module.Config(**task.options))
    return dataset.prepare(cache_folder() / "stores", How(None, show_progress, recipe.sections))


def _scored(
    chosen: Suite, task: SuiteTask, system: str, recipe: Recipe, seed: int, pretrained: Path | None, changes: Mapping[str, Any],
    runs: Path,
) -> list[SuiteRow]:  # fmt: skip
    module = registry.module("datasets", task.dataset)
    data = Named(task.dataset, module.Config(**task.options), "datasets")
    section = SplitSection(kind="held_out", seed=seed)
    here = replace(recipe, name=f"{chosen.name}_{task.name}", data=data, split=section, seed=seed)
    store = prepared(task, recipe)
    split = split_store(store, section)
    truth, bounds = store.graph_labels(split.test)
    truth = truth.astype(np.float64)
    if np.isnan(truth).all():
        raise DataError(f"{task.name} has no measured test molecule")
    found = predictions(system, Task(here, store, split, pretrained, runs, changes))
    metric = METRICS[task.metric]
    value = float(np.nanmean(metric(found.values, truth, bounds)))
    rows = [SuiteRow(task.name, seed, system, metric.name, value, len(split.test), found.detail)]
    if chosen.cliffs:
        marks = np.array(module.Dataset(data.config).cliffs(QUIET))
        cliff = marks[store.source_rows(split.test) - 1]
        error = float(np.nanmean(METRICS["rmse"](found.values[cliff], truth[cliff], bounds[cliff])))
        rows.append(SuiteRow(task.name, seed, system, CLIFF, error, int(cliff.sum()), found.detail))
    return rows
