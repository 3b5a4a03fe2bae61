"""Training and what is made of it: fit, resume, finetune, benchmark, suites, plans."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.api.arguments import sorted_arguments
from hooke.api.data import column_names, kept_table
from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.files import write_durably
from hooke.core.json_text import json_text
from hooke.core.notebook import card
from hooke.core.recipe import AUTOMATIC, Automatic, Recipe, check_data, resolve, table_of
from hooke.core.recipe_files import read, stated
from hooke.core.runs import RunFolder
from hooke.core.writable import check_output_folder
from hooke.inference.shipped import run_path
from hooke.modalities import trainable
from hooke.report.wording import number

if TYPE_CHECKING:
    from hooke.modalities import Description
    from hooke.studies.benchmark import BenchmarkResult
    from hooke.studies.plan import Plan
    from hooke.studies.suite_report import SuiteResult
    from hooke.train.choices import Choices

_OF_AUTOMATIC = tuple(f"model.{option.name}=" for option in fields(Automatic))
_OF_NETWORKS = ("model.", "task.", "train.", "encodings.")  # sections whose changes ask for the recipe's network
_SCRATCH = "scratch"  # the system of suites that trains the recipe's own model

_MANY = 40  # labels of a level from which their means stand for them in the summary


@dataclass(frozen=True)
class FittedRun:
    """A finished run: its folder, its metrics, where the report is, and whether this is the first process of several machines."""

    run: RunFolder
    report: Path | None = None
    first: bool = True

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.run.folder

    @property
    def metrics(self) -> dict[str, Any]:
        """Part -> level -> label -> metric -> value."""
        return self.run.scores()

    def to_json(self) -> dict[str, Any]:
        """What scripts need."""
        from hooke.train.measure import uncalibrated

        described = self._described()
        return {
            **self.run.info,
            "run": str(self.folder),
            "report": str(self.report) if self.report else None,
            **({"kept": str(kept.folder)} if (kept := self.kept) is not None else {}),
            "metrics": self.metrics,
            "means": self.run.means(),
            "ingest": described.fields.get("ingest"),
            "choices": self._choices(described).to_json(),
            "uncalibrated": uncalibrated(self.run),
        }

    @property
    def kept(self) -> RunFolder | None:
        """The run of a pretrained run's own heads on this encoder, where they were kept (`train.keep_heads`)."""
        from hooke.train.kept_heads import KEPT

        folder = self.run.path(KEPT)
        return RunFolder.open(folder) if folder.is_dir() else None

    @property
    def modality(self) -> str:
        """The kind of data that it is about."""
        from hooke.inference.loaded import read_recipe

        return read_recipe(self.run).modality

    def _described(self) -> Description:
        """What became of its data."""
        about = trainable(self.modality, "fit")
        return about.describe(about.open(Path(self.run.info["store"])))

    def _choices(self, described: Description) -> Choices:
        """What was chosen for it."""
        from hooke.inference.loaded import read_recipe
        from hooke.train.choices import Choices

        return Choices.of(self.run, read_recipe(self.run), trainable(self.modality, "fit"), described)

    def _repr_html_(self) -> str:
        """For notebooks: the scores of every part."""
        info = self.run.info
        rows = [
            (part, name, metric, value)
            for part, levels in self.metrics.items() for labels in levels.values()
            for name, values in labels.items() for metric, value in values.items()
            if isinstance(value, int | float)
        ]  # fmt: skip
        facts = {
            "run": self.folder,
            "report": self.report,
            "status": info["status"],
            "parameters": info.get("parameters"),
        }
        return card(
            f"{self.run.recipe['model']['name']} on {self.modality}", facts, ("part", "label", "metric", "value"), rows
        )

    def summary(self) -> str:
        """A few lines for people."""
        from hooke.inference.loaded import next_step
        from hooke.studies.candidates import choice_lines
        from hooke.train.measure import censored_lines, uncalibrated

        info = self.run.info
        rows = ", ".join(f"{count:,} {part}" for part, count in info["rows"].items() if count)
        described = self._described()
        lines = [*filter(None, [described.left_out]), *self._choices(described).lines()]
        items, spent = trainable(self.modality, "fit").items, f"{info['seconds']:.0f} s"
        lines += choice_lines(self.run)
        lines.append(f"trained on {rows} {items} in {spent} ({info['parameters']:,} parameters, {info['device']})")
        lines += [*censored_lines(self.run), *_listed(uncalibrated(self.run))]
        for part in ("test", "valid"):
            means = self.run.means().get(part, {})
            lines += [
                f"{part:<5} {level:<5} mean of {table} ({values.pop('labels'):.0f} labels): {_told(values)}"
                for level, tables in means.items()
                for table, values in tables.items()
            ]
            for level, labels in self.metrics.get(part, {}).items():
                if len(labels) > _MANY and level in means:
                    lines.append(f"{part:<5} {level:<5} {len(labels):,} labels in metrics.json")
                    continue
                for name, values in list(labels.items())[:8]:
                    lines.append(f"{part:<5} {level:<5} {name}: {_told(values)}")
                if len(labels) > 8:
                    lines.append(f"{part:<5} {level:<5} ... and {len(labels) - 8} more labels in metrics.json")
            if self.metrics.get(part):
                break
        lines.append(f"run     {self.folder}")
        if self.report:
            lines.append(f"report  {self.report}")
        if (kept := self.kept) is not None:
            lines.append(f"kept    {kept.folder}: the heads of {kept.info['heads_of']} on this encoder")
        lines.append(f"next    {next_step(self.run)[1]}")
        return "\n".join(lines)


def _listed(reasons: Mapping[str, str]) -> list[str]:
    """A line each of the first labels."""
    lines = [f"{name}: {reason}" for name, reason in list(reasons.items())[:8]]
    return [*lines, *([f"... and {len(reasons) - 8} more labels without intervals"] if len(reasons) > 8 else [])]


def _told(values: Mapping[str, float]) -> str:
    """Metrics in a line; those that so few rows, or rows without spread, do not define are named at its end."""
    known = {metric: value for metric, value in values.items() if math.isfinite(value)}
    missing = ", ".join(metric for metric in values if metric not in known)
    shown = "  ".join(f"{metric} {number(value)}" for metric, value in known.items())
    if not known:
        return "nothing is told: none of these rows has it, or too few"
    return f"{shown}  (too few rows or no spread for {missing})" if missing else shown


def fit(
    recipe: str | Path | Recipe | None = None,
    *,
    overrides: Sequence[str] = (),
    csv: Path | str | Sequence[Path | str] | None = None,
    table: Any = None,
    smiles: str | None = None,
    targets: str | Sequence[str] = "auto",
    transform: Mapping[str, str] | Sequence[str] = (),
    split: str | None = None,
    seed: int | None = None,
    runs: Path | str = "runs",
    new: bool = False,
    report: bool = True,
    workers: int | None = None,
    show_progress: bool = True,
    model: str | None = None,
    budget: str | float | None = None,
) -> FittedRun:
    """Train by a recipe, or straight from a table; a table without a recipe gets the model that suits it (`model="auto"`).

    Args:
        recipe: A TOML file, a built-in name, a resolved `Recipe`, or a table, as `csv`; a table alone takes the recipe "csv".
        overrides: "a.b=c" changes.
        csv: A table of molecules: CSV(.gz), TSV, Parquet, SDF or SMILES file; several are learnt together, joined by molecule.
        table: The same as a pandas or polars table; it is kept as Parquet below the cache folder, under the hash of its content.
        smiles, targets: Its SMILES column and its label columns ("auto", a comma-separated string, or names).
        transform: Column → what is learnt instead of its numbers: log10, log1p, minus_log10, or the name of a p-value, by which the label
            is then called (`{"IC50 (nM)": "pIC50"}`, or `["IC50 (nM)=pIC50"]`).
        split, seed: Shortcuts for data.split.kind and seed.
        runs: Folder of run folders.
        new: Start afresh even if an unfinished run of the same recipe and data exists.
        report: Fit the baselines and write report.html.
        workers: Processes for parsing.
        show_progress: Show progress bars.
        model: "auto" compares candidates and blends them (`hooke.train.automatic`), the name of a candidate or estimator takes that one
            alone, that of a network trains it. None: "auto" for a table without a recipe, unless the overrides change its network
            (model, task, train, encodings), else what the recipe says.
        budget: Of "auto": how long comparing may take, in seconds or as "90s", "5m", "1h".

    Raises:
        UsageError: Neither recipe nor csv; an unknown key, name or value.
        DataError: The data cannot be read.
    """
    if table is not None:
        if csv is not None:
            raise UsageError("give csv or table, not both")
        csv = kept_table(table)
    recipe, overrides, csv = _sorted(recipe, overrides, csv)
    overrides = [*_model_overrides(recipe, overrides, csv, model, budget), *overrides]
    chosen = _recipe(
        recipe, overrides, csv, smiles, targets, split, seed, transform=transform
    )  # before torch and Lightning are loaded
    check_output_folder(runs)
    from hooke.train import fit as training

    run = training.fit(chosen, runs=Path(runs), new=new, report=report, workers=workers, show_progress=show_progress)
    return _reported(run, report=report, show_progress=show_progress)


def resume(run: Path | str, *, report: bool = True, show_progress: bool = True) -> FittedRun:
    """Continue an unfinished run."""
    RunFolder.open(Path(run), unfinished=True)  # before torch and Lightning are loaded
    from hooke.inference.loaded import refuse_responses
    from hooke.train import fit as training

    if (Path(run) / "recipe.json").is_file():
        refuse_responses(RunFolder(Path(run)))

    return _reported(
        training.resume(Path(run), show_progress=show_progress), report=report, show_progress=show_progress
    )


def finetune(
    pretrained: Path | str,
    recipe: str | Path | Recipe | None = None,
    *,
    mode: str = "full",
    overrides: Sequence[str] = (),
    csv: Path | str | Sequence[Path | str] | None = None,
    smiles: str | None = None,
    targets: str | Sequence[str] = "auto",
    transform: Mapping[str, str] | Sequence[str] = (),
    split: str | None = None,
    seed: int | None = None,
    runs: Path | str = "runs",
    new: bool = False,
    report: bool = True,
    workers: int | None = None,
    show_progress: bool = True,
) -> FittedRun:
    """Adapt the encoder of a pretrained run, or "tiny", to another data set: mode "full" trains everything, "probe" only new heads.

    The other arguments are those of `fit`; model, encodings and standardisation come from the pretrained run. What a recipe file of one's own
    and overrides say of them is applied where the encoder stays the same (dropouts); what needs another encoder is refused. Of a recipe that
    comes with Hooke, or is given as a `Recipe`, data, task and training are taken alone.
    """
    recipe, overrides, csv = _sorted(recipe, overrides, csv)
    start = RunFolder.open(run_path(pretrained)).folder
    chosen, changes = _recipe_for(
        start, recipe, overrides, csv, smiles, targets, split, seed, transform=transform
    )  # before torch and Lightning are loaded
    check_output_folder(runs)
    from hooke.train import fit as training

    run = training.finetune(
        start, chosen, mode=mode, changes=changes, runs=Path(runs), new=new, report=report, workers=workers,
        show_progress=show_progress,
    )  # fmt: skip
    return _reported(run, report=report, show_progress=show_progress)


def plan_training(
    recipe: str | Path | Recipe,
    *,
    overrides: Sequence[str] = (),
    data: Sequence[str] = (),
    parameters: Sequence[int] = (),
    device: str = "h100-80",
    devices: int = 0,
    utilisation: float | None = None,
    sharded: bool | None = None,
    **options: int,
) -> list[Plan]:
    """What training would need, before anything runs; see `hooke.studies.plan.plan_recipe`.

    Args:
        recipe: Of any modality.
        overrides: "a.b=c" changes of it.
        data: Only these of the modality's sizes of data.
        parameters: Of encoders to plan instead of the recipe's: its own made wider or narrower.
        device: Accelerator.
        devices: How many; 0 takes the recipe's.
        utilisation: Share of the device's peak that is reached; None takes the modality's.
        sharded: Divide weights, gradients and optimiser state among the devices; None as the recipe says.
        options: Counts of the modality: channels, molecules.
    """
    named, overrides, tables = _sorted(recipe, overrides, None)
    if tables:
        raise UsageError(
            f"a plan is made for a recipe, such as `hooke plan fit csv model.name=dmpnn`; on {tables[0]} the automatic choice of "
            "`hooke fit` takes the time of its --budget"
        )
    chosen = _recipe(named, overrides, reads_data=False)
    from hooke.studies.plan import plan_recipe

    return plan_recipe(
        chosen, data=data, parameters=parameters, device=device, devices=devices,
        utilisation=utilisation, sharded=sharded, **options,
    )  # fmt: skip


def benchmark(
    recipe: str | Path | Recipe,
    *,
    overrides: Sequence[str] = (),
    seeds: int = 3,
    splits: Sequence[str] = (),
    pretrained: Path | str | None = None,
    runs: Path | str = "runs",
    show_progress: bool = True,
) -> BenchmarkResult:
    """A recipe's model beside the baselines over seeds and splits; see `hooke.studies.benchmark`."""
    named, overrides, csv = _sorted(recipe, overrides, None)
    start = run_path(pretrained) if pretrained else None
    chosen, changes = (
        (_recipe(named, overrides, csv), {}) if start is None else _recipe_for(start, named, overrides, csv)
    )
    check_output_folder(runs)
    from hooke.studies.benchmark import benchmark as run_benchmark

    return run_benchmark(
        chosen, seeds=seeds, splits=tuple(splits), pretrained=start, changes=changes, runs=Path(runs), show_progress=show_progress,
    )  # fmt: skip


def run_suite(
    name: str,
    recipe: str | Path | Recipe | None = None,
    *,
    overrides: Sequence[str] = (),
    systems: Sequence[str] = ("forest",),
    tasks: Sequence[str] = (),
    seeds: int = 3,
    pretrained: Path | str | None = None,
    runs: Path | str = "runs",
    show_progress: bool = True,
) -> SuiteResult:
    """Systems on the tasks of a suite ("moleculenet", "admet", "moleculeace"), with one report beside the scores.

    Args:
        name: Of the suite.
        recipe: How networks are trained; None takes the recipe "csv".
        overrides: "a.b=c" changes of it; those of the model hold for "scratch" and "finetuned", and what the pretrained encoder cannot honour
            is refused.
        systems: Names in `hooke.studies.systems.SYSTEMS`.
        tasks: Only these.
        seeds: Number of seeds.
        pretrained: The run of the systems "probe" and "finetuned".
        runs: Folder of run folders, scores and report.
        show_progress: Show progress bars.
    """
    from hooke.studies.evaluation import pretraining_tables
    from hooke.studies.evaluation import run_suite as score
    from hooke.studies.suite_report import SuiteResult, write_suite_report
    from hooke.suites import suite

    chosen, how = suite(name), recipe if recipe is not None else "csv"
    start = run_path(pretrained) if pretrained else None
    if start is None:
        trained, changes = _recipe(how, overrides, reads_data=False), {}
    elif _SCRATCH in systems:  # with the recipe's own model
        trained = _recipe(how, overrides, reads_data=False)
        changes = {} if isinstance(how, Recipe) else stated(how, overrides)
    else:
        trained, changes = _recipe_for(start, how, overrides, reads_data=False)
    check_output_folder(runs)
    rows, path = score(
        chosen, trained, systems=systems, tasks=tasks, seeds=seeds, pretrained=start, changes=changes, runs=Path(runs),
        show_progress=show_progress,
    )  # fmt: skip
    result = SuiteResult(chosen, tuple(rows), pretraining_tables(start) if start else None)
    write_suite_report(result, path.with_suffix(""))
    return result


def describe_run(folder: Path | str) -> dict[str, Any]:
    """What a run was, where it stands and how good it is."""
    path = Path(folder)
    run = RunFolder(path) if (path / "run.json").exists() else RunFolder.open(path)
    recipe, lines = run.recipe, run.metrics()
    shown: dict[str, Any] = {
        "run": str(run.folder), "status": run.info["status"], "started": run.info["started"], "data": recipe["data"]["name"],
        "model": recipe["model"]["name"], "task": recipe["task"]["name"], "epochs": len(lines),
        "last": lines[-1] if lines else None, "seconds": run.info.get("seconds"),
    }  # fmt: skip
    if run.path("metrics.json").exists():
        shown["metrics"] = run.scores()
    return shown


def _sorted(
    recipe: str | Path | Recipe | None, overrides: Sequence[str], csv: Path | str | Sequence[Path | str] | None
) -> tuple[str | Recipe | None, Sequence[str], Sequence[Path | str] | None]:
    """Recipe, changes and tables; see `api.arguments`."""
    if isinstance(recipe, Recipe):
        return recipe, overrides, [csv] if isinstance(csv, Path | str) else csv
    given = sorted_arguments(recipe, overrides, csv)
    return given.recipe, given.overrides, given.tables or None


def _model_overrides(
    recipe: Any,
    overrides: Sequence[str],
    csv: Path | str | Sequence[Path | str] | None,
    model: str | None,
    budget: str | float | None,
) -> list[str]:
    """What `model` and `budget` change of the recipe."""
    if model is None and recipe is None and csv is not None:
        of_networks = [
            text for text in overrides if text.startswith(_OF_NETWORKS) and not text.startswith(_OF_AUTOMATIC)
        ]
        model = None if of_networks else AUTOMATIC
    presets = registry.stated("models", model).presets if model in registry.names("models") else None  # type: ignore[union-attr]
    if model is not None and presets is not None:
        changes = [f"model.name={model}", *(["model.preset=small"] if "small" in presets else [])]
    elif model is not None:
        only = [] if model == AUTOMATIC else [f"model.candidates={json_text([model])}"]
        changes = [f"model.name={AUTOMATIC}", *only]
    else:
        changes = []
    if budget is not None:
        if f"model.name={AUTOMATIC}" not in changes:
            raise UsageError("a budget belongs to the automatic choice: leave out the model, or name 'auto'")
        changes.append(f"model.budget={_seconds(budget)}")
    return changes


def _seconds(text: str | float) -> float:
    """A time such as "90s", "5m" or "1h" as seconds."""
    if not isinstance(text, str):
        return float(text)
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if found is None:
        raise UsageError(f"a budget is a time such as 90s, 5m or 1h, got {text!r}")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def _recipe(
    recipe: Any,
    overrides: Sequence[str],
    csv: Path | str | Sequence[Path | str] | None = None,
    smiles: str | None = None,
    targets: str | Sequence[str] = "auto",
    split: str | None = None,
    seed: int | None = None,
    *,
    transform: Mapping[str, str] | Sequence[str] = (),
    reads_data: bool = True,
    pretrained: RunFolder | None = None,
) -> Recipe:
    """The recipe with its changes, and the model of a pretrained run in the place of its own.

    `reads_data` says whether its own data set will be read, and can be checked now.
    """
    if isinstance(recipe, Recipe):
        if overrides or csv or split or seed is not None:
            raise UsageError("a resolved recipe takes no further changes; use its with_changes")
        return recipe
    if recipe is None and csv is None:
        raise UsageError("name a table of molecules or a recipe; `hooke show names recipes` lists the recipes")
    mapping = read(recipe if recipe is not None else "csv", overrides)
    names = column_names(targets)
    data = dict(table_of(mapping, "data"))
    files = [csv] if isinstance(csv, Path | str) else list(csv or ())
    if len(files) > 1:
        tables = registry.module("datasets", "mixture").of_files(
            [Path(file).resolve() for file in files], smiles=smiles, targets=names, transforms=_transforms(transform)
        )
        data = mapping["data"] = {"split": data.get("split", {}), "name": "mixture", "tables": tables}
        names, smiles, transform = "auto", None, ()
    elif files:
        kept = data if data.get("name") == "csv" else {"split": data.get("split", {})}
        data = mapping["data"] = {**kept, "name": "csv", "path": str(Path(files[0]).resolve())}
    given: dict[str, Any] = {} if names == "auto" else {"targets": names}
    given |= {} if smiles is None else {"smiles": smiles}
    if transform:
        given["transforms"] = {**data.get("transforms", {}), **_transforms(transform)}
    if given and data.get("name") != "csv":
        option = {"transforms": "transform"}.get(name := next(iter(given)), name)
        raise UsageError(f"--{option} names columns of a table of yours: give it with your table")
    mapping["data"] = {**data, **given}
    if split is not None:
        mapping["data"]["split"] = {**table_of(data, "split", "data"), "kind": split}
    if seed is not None:
        mapping["seed"] = seed
    if pretrained is not None and _same_modality(mapping, pretrained.recipe):
        mapping["model"] = pretrained.recipe["model"]
    if reads_data:
        check_data(mapping)
    return resolve(mapping)


def _same_modality(mapping: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    before = other["data"]["name"]
    names = before, mapping.get("data", {}).get("name", before)
    return len({registry.modality_of("datasets", name) for name in names}) == 1


def _recipe_for(
    pretrained: Path, recipe: Any, overrides: Sequence[str], *data: Any, **options: Any
) -> tuple[Recipe, dict[str, Any]]:
    """The recipe with the model of a pretrained run, and what the user states, of which `train.pretrained.adapted` takes or refuses changes."""
    stated_by_user = {} if isinstance(recipe, Recipe) else stated(recipe, overrides)
    return _recipe(recipe, overrides, *data, pretrained=RunFolder.open(pretrained), **options), stated_by_user


def _transforms(given: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Column → how it is transformed, from "COLUMN=HOW" as it is typed."""
    if isinstance(given, Mapping):
        return dict(given)
    found = {}
    for text in given:
        column, equals, how = text.rpartition("=")
        if not (column.strip() and equals and how.strip()):
            raise UsageError(f'--transform has the form COLUMN=NAME, such as "IC50 (nM)=pIC50", got {text!r}')
        found[column.strip()] = how.strip()
    return found


def _list_rejected(run: RunFolder) -> None:
    """`rejected.csv` in the run folder: rows and cells of the data that were left out, with their reasons; none where there are none."""
    from hooke.core.reading import reading

    listed = Path(run.info["store"]) / "rejected.parquet"
    if not listed.is_file():
        return
    import polars as pl

    with reading(listed, "a table"):
        table = pl.read_parquet(listed)
    if len(table):
        write_durably(run.path("rejected.csv"), table.write_csv())


def _reported(run: RunFolder, *, report: bool, show_progress: bool) -> FittedRun:
    from hooke.inference.loaded import read_recipe
    from hooke.train.crew import follows

    if follows(read_recipe(run).train):
        return FittedRun(run, first=False)
    _list_rejected(run)
    if not report:
        return FittedRun(run)
    from hooke.studies.run_report import write_run_report
    from hooke.train.fit import REPORTED

    with run.locked(wait=True):
        page = write_run_report(run, show_progress=show_progress)
        run.update(report=REPORTED)
    return FittedRun(run, page)
