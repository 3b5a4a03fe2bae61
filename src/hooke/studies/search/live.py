"""Searching by training: each trial is a run of the recipe at a point of the space, judged on its validation rows alone.

The value of a trial is its lowest validation loss. With pruning, a trial ends at an epoch where its best value so far is worse than the
median of the finished trials at that epoch (Golovin et al. 2017, "median stopping"), from the fifth finished trial on.
"""

from __future__ import annotations

import math
import multiprocessing
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from hooke.core.errors import HookeError, UsageError
from hooke.core.hashing import content_hash
from hooke.core.recipe import Recipe, load_recipe
from hooke.core.recipe_files import read
from hooke.studies.search.algorithms import optimiser
from hooke.studies.search.space import Point, Space
from hooke.studies.search.trials import Trial, TrialFile
from hooke.train.fit import fit, prepare, split_of

_BEFORE_PRUNING = 5


class PrunedError(HookeError):
    """A trial that was ended early."""


@dataclass(frozen=True)
class Search:
    """What is searched, and how; it can be sent to another process.

    Attributes:
        recipe: A TOML file or a built-in name.
        overrides: Changes to it, the same in all trials.
        space: The options that vary.
        sampler: Name in `optimisers.OPTIMISERS`, or one of Optuna's.
        trials: How many.
        seed: Of the optimiser.
        prune: Whether hopeless trials are ended early.
        runs: Folder of run folders.
    """

    recipe: str
    overrides: tuple[str, ...]
    space: Space
    sampler: str = "tpe"
    trials: int = 30
    seed: int = 0
    prune: bool = False
    runs: Path = Path("runs")

    def at(self, point: Point) -> Recipe:
        """The recipe at a point.

        Raises:
            UsageError: An option that the recipe does not have, or a value that it refuses.
        """
        found = load_recipe(self.recipe, [*self.overrides, *self.space.overrides(point)])
        return replace(found, name=f"search_{found.name}")

    def check(self) -> None:
        """Try every value of every parameter against the recipe, before anything is trained.

        Raises:
            UsageError: A key or value that the recipe refuses, or nothing to judge trials by.
        """
        first = (0,) * len(self.space.sizes)
        for axis, size in enumerate(self.space.sizes):
            for place in range(size):
                recipe = self.at((*first[:axis], place, *first[axis + 1 :]))
        if recipe.split.kind not in ("published", "column", "held_out") and recipe.split.fractions[1] == 0:
            raise UsageError("a search needs validation rows: give data.split.fractions a second number above 0")

    @property
    def file(self) -> TrialFile:
        """Where the trials are kept: the same for the same search, whatever number of trials is asked for."""
        said = [read(self.recipe, self.overrides), self.space.to_json(), self.sampler, self.seed, self.prune]
        name = f"search-{Path(self.recipe).stem}-{content_hash(said)[:8]}.jsonl"
        return TrialFile(Path(self.runs) / name)


@dataclass(frozen=True)
class Found:
    """The end of a search: all trials, the best of them, and its recipe's changes."""

    search: Search
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial | None:
        """The finished, whole trial with the lowest value."""
        whole = [trial for trial in self.trials if trial.state == "done" and trial.value is not None]
        return min(whole, key=lambda trial: (trial.value, trial.number)) if whole else None

    @property
    def reasons(self) -> dict[str, int]:
        """Why trials failed, the most frequent reason first, with how often."""
        return dict(Counter(trial.reason for trial in self.trials if trial.state == "failed").most_common())

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        best, states = self.best, [trial.state for trial in self.trials]
        return {
            "storage": str(self.search.file.path),
            "sampler": self.search.sampler,
            "trials": len(self.trials),
            **{state: states.count(state) for state in ("done", "pruned", "failed")},
            "reasons": self.reasons,
            "best": None
            if best is None
            else {
                "number": best.number,
                "value": best.value,
                "values": self.search.space.values(best.point),
                "overrides": self.search.space.overrides(best.point),
                "run": best.run,
            },
            "incumbents": self.incumbents(),
        }

    def incumbents(self) -> list[float]:
        """The lowest value after each trial, in the order of their numbers: the anytime curve."""
        out, lowest = [], math.inf
        for trial in self.trials:
            if trial.state == "done" and trial.value is not None:
                lowest = min(lowest, trial.value)
            out.append(lowest)
        return out


def run_search(search: Search, *, workers: int = 1) -> Found:
    """Run what is missing of a search; a killed one goes on.

    Args:
        search: What and how.
        workers: Processes that train at the same time.

    Raises:
        UsageError: The space does not fit the recipe, or the data leave no validation rows.
        HookeError: A worker ended with an error, or every trial failed.
    """
    search.check()
    check_validation(search)
    if workers <= 1:
        work(search)
    else:
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=work, args=(search,)) for _ in range(workers)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            raise HookeError("a worker of the search ended with an error; the same command goes on from there")
    found = Found(search, tuple(search.file.trials()[: search.trials]))
    if found.trials and found.best is None:
        reasons = "; ".join(f"{count} × {reason}" for reason, count in found.reasons.items())
        raise HookeError(f"none of the {len(found.trials)} trials succeeded: {reasons}")
    return found


def check_validation(search: Search) -> None:
    """Prepare the data of a search, once and not in every worker, and refuse them where no row is left to judge trials by.

    Raises:
        UsageError: There is no validation row.
    """
    recipe = search.at((0,) * len(search.space.sizes))
    store = prepare(recipe, show_progress=False)
    split = split_of(store, recipe)
    if not len(split.valid):
        parts = ", ".join(f"{len(getattr(split, part)):,} {part}" for part in ("train", "valid", "test"))
        raise UsageError(
            f"a search judges trials by validation rows, and there are none ({parts}): change data.split or use more rows"
        )


def work(search: Search) -> None:
    """Take trials until there are none left."""
    chosen = optimiser(search.sampler, search.space, search.seed)
    while (trial := search.file.next(chosen, search.trials)) is not None:
        search.file.record(tried(search, trial))


def tried(search: Search, trial: Trial) -> Trial:
    """Train at a trial's point; a failure is recorded, not raised."""
    curve: list[float] = []

    def watch(line: Mapping[str, Any]) -> None:
        value = float(line.get("valid_loss", math.nan))
        curve.append(min([value, *curve[-1:]]) if math.isfinite(value) else (curve[-1] if curve else math.inf))
        if search.prune and hopeless(curve, search.file.trials()):
            raise PrunedError("worse than the median of the finished trials")

    try:
        run = fit(search.at(trial.point), runs=search.runs, reuse=True, watch=watch, show_progress=False)
    except PrunedError as error:
        return replace(trial, state="pruned", value=curve[-1], curve=tuple(curve), reason=str(error))
    except HookeError as error:
        return replace(trial, state="failed", reason=str(error))
    losses = [line["valid_loss"] for line in run.metrics() if "valid_loss" in line]
    value = min((loss for loss in losses if math.isfinite(loss)), default=math.nan)
    if not math.isfinite(value):
        return replace(trial, state="failed", reason="no finite validation loss", run=str(run.folder))
    return replace(trial, state="done", value=value, curve=tuple(curve), run=str(run.folder))


def hopeless(curve: list[float], trials: list[Trial]) -> bool:
    """Whether a curve's last value is worse than the median of the whole trials at that epoch."""
    epoch = len(curve) - 1
    others = [trial.curve[epoch] for trial in trials if trial.state == "done" and len(trial.curve) > epoch]
    return len(others) >= _BEFORE_PRUNING and curve[-1] > median(others)
