"""`hooke scale`: one factor at a time from a base point (width, depth, molecules, labels, diversity of data), several seeds, resumable.

The base point is the recipe. A factor changes one option, or several together, through a list of values:

    probes = ["moleculenet:esol", "moleculenet:lipophilicity"]   # optional: tables that frozen encoders are read out on

    [width]
    "model.width" = [16, 32, 64, 128, 256]

    [diversity]
    "data.tables" = [["tox21"], ["tox21", "qm8"], ["tox21", "qm8", "chembl"]]
    sizes = [1, 2, 3]      # what is drawn across, where the first option's values are no numbers

Each training is one line of a JSON-lines file, written when it is finished; the same command goes on from there.
A run's error is the geometric mean, over the labels of its test rows, of RMSE or 1 - ROC-AUC; its probed error likewise, over the labels of
the probed tables, from linear read-outs of the frozen encoder. Geometric means do not depend on the labels' units.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import HookeError, UsageError
from hooke.core.files import write_durably
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text, number_or
from hooke.core.progress import progress
from hooke.core.reading import reading
from hooke.core.recipe import Recipe, load_recipe
from hooke.core.recipe_files import read
from hooke.core.runs import RunFolder

SIZES = "sizes"
_LEAST_ERROR = 1e-3  # of a label: a perfect ROC-AUC of a few molecules must not make the mean zero


@dataclass(frozen=True)
class Factor:
    """What is varied.

    Attributes:
        name: "width" ...
        options: Key of the recipe → its value at each size.
        sizes: What is drawn across, one for each value.
    """

    name: str
    options: dict[str, tuple[Any, ...]]
    sizes: tuple[float, ...]

    def overrides(self, place: int) -> tuple[str, ...]:
        """The changes of the recipe at a size."""
        return tuple(f"{key}={json_text(values[place])}" for key, values in self.options.items())


@dataclass(frozen=True)
class Grid:
    """A scaling study: the factors, and what frozen encoders are probed on."""

    factors: tuple[Factor, ...]
    probes: tuple[str, ...] = ()

    def points(self) -> list[tuple[str, ...]]:
        """The different changes of the recipe, in the order of the factors."""
        return list(dict.fromkeys(factor.overrides(k) for factor in self.factors for k in range(len(factor.sizes))))


@dataclass(frozen=True)
class Trial:
    """One training.

    Attributes:
        overrides: Changes of the recipe.
        seed: Of the weights, the order, and the shares of molecules and labels.
        error: Over the labels of the test rows; NaN where the run failed or has no test rows.
        labels: How many labels that is.
        probed: Label of a probed table → error; empty without probes.
        parameters: Of the network.
        molecules: Training rows.
        seconds: Of training and measuring.
        run: The run folder.
        reason: Of a failure.
    """

    overrides: tuple[str, ...]
    seed: int
    error: float = math.nan
    probed: dict[str, float] | None = None
    parameters: int = 0
    molecules: int = 0
    seconds: float = 0.0
    run: str = ""
    reason: str = ""
    labels: int = 0

    @property
    def probed_error(self) -> float:
        """Geometric mean over the probed labels; NaN without any."""
        return geometric_mean(list((self.probed or {}).values()))


def read_grid(path: Path | str) -> Grid:
    """A grid from a TOML file.

    Raises:
        UsageError: It is no TOML, has no factor, or a factor's lists do not fit together.
    """
    with reading(path, "a grid", raised=UsageError):
        content = tomllib.loads(Path(path).read_bytes().decode())
    probes = content.pop("probes", [])
    if not isinstance(probes, list) or not all(isinstance(name, str) for name in probes):
        raise UsageError('probes must be a list of tables such as "moleculenet:esol"')
    factors = tuple(_factor(name, table) for name, table in content.items())
    if not factors:
        raise UsageError(f'{path} names no factor: a table such as [width] with "model.width" = [32, 64, 128]')
    return Grid(factors, tuple(probes))


def _factor(name: str, table: Any) -> Factor:
    lists = dict(table) if isinstance(table, Mapping) else {}
    sizes = lists.pop(SIZES, None)
    if not lists or not all(isinstance(values, list) and values for values in lists.values()):
        raise UsageError(f'{name} must be a table of lists: "model.width" = [32, 64, 128]')
    sizes = next(iter(lists.values())) if sizes is None else sizes
    if not all(isinstance(size, int | float) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise UsageError(f"{name}: the values are no positive numbers; say what is drawn across: sizes = [1, 2, 3]")
    if len({len(values) for values in (sizes, *lists.values())}) > 1:
        raise UsageError(f"{name}: all lists must have one length")
    if list(sizes) != sorted(set(sizes)):
        raise UsageError(f"{name}: sizes must rise, got {sizes}")
    return Factor(name, {key: tuple(values) for key, values in lists.items()}, tuple(float(size) for size in sizes))


@dataclass(frozen=True)
class Study:
    """A grid around a recipe.

    Attributes:
        recipe: A TOML file or a built-in name.
        overrides: Changes to it, the same everywhere.
        grid: What is varied.
        seeds: Trainings of each point.
        runs: Folder of run folders and of the study's files.
    """

    recipe: str
    overrides: tuple[str, ...]
    grid: Grid
    seeds: int = 3
    runs: Path = Path("runs")

    def at(self, overrides: Sequence[str], seed: int = 0) -> Recipe:
        """The recipe of one training.

        Raises:
            UsageError: The recipe refuses a change.
        """
        found = load_recipe(self.recipe, [*self.overrides, *overrides])
        return replace(found, name=f"scale_{found.name}", seed=seed)

    def check(self) -> None:
        """Build every point's recipe before anything is trained.

        Raises:
            UsageError: A change that the recipe refuses, or a probed table that is none.
        """
        for overrides in self.grid.points():
            self.at(overrides)
        for name in self.grid.probes:
            if name.count(":") != 1:
                raise UsageError(f'a probed table is named like "moleculenet:esol", got {name!r}')

    @property
    def file(self) -> Path:
        """Where the trainings are kept: the same for the same recipe and probes, whatever the factors and seeds."""
        said = [read(self.recipe, self.overrides), list(self.grid.probes)]
        return Path(self.runs) / f"scale-{Path(self.recipe).stem}-{content_hash(said)[:8]}.jsonl"

    def trials(self) -> list[Trial]:
        """The finished trainings of this grid and these seeds, in order; those of other factors stay in the file."""
        done = _read(self.file)
        return [done[key] for key in self._keys() if key in done]

    def missing(self) -> list[tuple[tuple[str, ...], int]]:
        """What is still to be trained; failures are tried again."""
        done = _read(self.file)
        return [key for key in self._keys() if key not in done or done[key].reason]

    def _keys(self) -> Iterator[tuple[tuple[str, ...], int]]:
        for seed in range(self.seeds):  # every point once before any point twice
            for overrides in self.grid.points():
                yield overrides, seed


def run_study(study: Study, *, show_progress: bool = True) -> list[Trial]:
    """Train what is missing of a study; a failure is recorded and does not end it.

    Raises:
        UsageError: The grid does not fit the recipe.
        KeyboardInterrupt: The same command goes on from there.
    """
    study.check()
    missing = study.missing()
    with progress(len(missing), "scaling", "trainings", show=show_progress) as bar:
        for overrides, seed in missing:
            trial = tried(study, overrides, seed)
            _append(study.file, trial)
            bar.advance(1, error=trial.error)
    return study.trials()


def tried(study: Study, overrides: tuple[str, ...], seed: int) -> Trial:
    """Train and measure one point with one seed; a failure is recorded, not raised."""
    from hooke.train.fit import fit
    from hooke.train.measure import errors_on_test

    try:
        run = fit(study.at(overrides, seed), runs=Path(study.runs) / "scale", reuse=True, show_progress=False)
        probed = {key: value for table in study.grid.probes for key, value in probed_errors(run, table).items()}
    except UsageError:
        raise
    except HookeError as error:
        return Trial(overrides, seed, reason=str(error))
    found = errors_on_test(run)
    return Trial(
        overrides, seed, geometric_mean(list(found.values())), probed, int(run.info["parameters"]),
        int(run.info["rows"]["train"]), float(run.info["seconds"]), str(run.folder), labels=len(found),
    )  # fmt: skip


def probed_errors(run: RunFolder, table: str) -> dict[str, float]:
    """Error by "table/label" of a linear read-out of the run's frozen encoder."""
    from hooke.core import registry
    from hooke.core.how import How
    from hooke.core.paths import cache_folder
    from hooke.core.recipe_files import build
    from hooke.inference.loaded import LoadedRun
    from hooke.studies.probing import probe

    home, _, name = table.partition(":")
    module = registry.module("datasets", home)
    dataset = module.Dataset(build(module.Config, {"table": name}, home))
    store = dataset.prepare(cache_folder() / "stores", How(show_progress=False))
    report = probe(LoadedRun.open(run.folder), store, readouts=("linear",), show_progress=False)
    return {
        f"{name}/{found.label}": found.score.value if found.kind == "regression" else 1 - found.score.value
        for found in report.labels
        if math.isfinite(found.score.value)
    }


def geometric_mean(errors: Sequence[float]) -> float:
    """The exponential of the mean log; NaN of nothing. Errors below 0.001 count as 0.001."""
    known = [max(error, _LEAST_ERROR) for error in errors if math.isfinite(error)]
    return float(np.exp(np.mean(np.log(known)))) if known else math.nan


def _read(path: Path) -> dict[tuple[tuple[str, ...], int], Trial]:
    """The last line of each training; a line that a kill cut off is no line."""
    found: dict[tuple[tuple[str, ...], int], Trial] = {}
    for line in path.read_text().split("\n")[:-1] if path.exists() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        trial = Trial(**{**entry, "overrides": tuple(entry["overrides"]), "error": number_or(entry["error"])})
        found[trial.overrides, trial.seed] = trial
    return found


def _append(path: Path, trial: Trial) -> None:
    lines = [json_text(asdict(one)) for one in (*_read(path).values(), trial)]
    write_durably(path, ("\n".join(lines) + "\n").encode())
