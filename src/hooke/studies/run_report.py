"""The report of one run: baselines on the same split, intervals, plots, and how to reproduce it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core import registry
from hooke.core.citations import CITATIONS
from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.core.types import group_means, group_starts, labels_of
from hooke.evaluate.label_means import ERRORS
from hooke.inference.applicability import VERDICT, places
from hooke.inference.loaded import LoadedRun, next_step, read_recipe
from hooke.modalities import Readable, Trainable, identified, trainable
from hooke.report import build
from hooke.report.data_schema import Count, DataSummary, KeyNumber
from hooke.report.drawing import MoleculePool
from hooke.report.embedding_map import embedding_map
from hooke.report.html import write_report
from hooke.report.provenance import reproduce
from hooke.report.schema import Difference, Report, ResultTable, Summary
from hooke.report.wording import bounds_text, metric_text, name_text, value_text
from hooke.report.wording import number as number_text
from hooke.studies.candidates import candidate_table, chosen_name
from hooke.studies.comparison import (
    Compared,
    compare_with_baselines,
    difference_between,
    primary_table,
    read_split,
    simulated_caveat,
)

_GUESS = {"mse": ("predicting the mean of each plane", 1.0)}  # of losses whose scale says what guessing gives
_HIGHER = ("accuracy",)  # of the losses and what is logged beside them
PARTS = {"train": "training set", "valid": "validation set", "test": "test set"}
_FEWEST_APART = 10  # test rows on either side of the domain's limit for scores of both
_MAPPED = 1200  # items of an embedding map; a quarter where an item takes many pixels


def modality_of(run: RunFolder) -> Trainable:
    """The kind of data of a run."""
    return trainable(read_recipe(run).modality, "fit")


def write_run_report(run: RunFolder, *, show_progress: bool = True) -> Path:
    """Write report.json and report.html of a finished run; returns the path of the page."""
    modality, loaded = modality_of(run), LoadedRun.open(run.folder)
    store = modality.open(Path(run.info["store"]))
    pool = MoleculePool(drawn=modality.structures)
    compared = compare_with_baselines({_model_name(run): run}, store, show_progress=show_progress)
    if modality.structures and compared.labels:
        compared = replace(
            compared, caveats=(*compared.caveats, domain_verdict(loaded, store, compared, _model_name(run)))
        )
    differences = baseline_differences(compared, _model_name(run))
    following, command = next_step(run)
    own = modality.report(loaded, store)
    report = Report(
        title=_title(run, tuple(label.name for label in compared.labels)),
        subtitle=f"{run.recipe['name']}: {run.recipe['model']['name']} on {run.recipe['data']['name']} · run {run.folder.name}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=summary_of(compared, differences, _model_name(run)) if compared.labels else losses_summary(run),
        data=(data_section(run, store),),
        training=training_section(run),
        results=(*result_sections(run, compared), *own.pop("results", ())),
        differences=differences,
        **plot_sections(pool, compared, _model_name(run)),
        maps=()
        if loaded.recipe.has_estimator or not isinstance(modality, Readable)
        else map_sections(pool, run, store),
        items=modality.items,
        test_items=compared.items if modality.group else "",
        reproduce=reproduce(
            commands={
                "Train again": run.info["command"],
                "Continue or check": f"hooke resume {run.folder}",
                following: command,
            },
            recipes={"recipe": run.recipe},
            run=run.info,
            citations=citations_of(run),
        ),
        **own,
    )
    return finish(report, pool, run.folder)


def _title(run: RunFolder, labels: tuple[str, ...]) -> str:
    """The user's file or the data set, and what is predicted."""
    data, few = run.recipe["data"], 3
    source = Path(str(data.get("path") or data["name"])).name
    told = ", ".join(map(name_text, labels)) if len(labels) <= few else f"{len(labels):,} labels"
    return f"{source}: {told or run.recipe['task']['name']}"


def domain_verdict(loaded: LoadedRun, store: Any, compared: Compared, model: str) -> str:
    """How many test molecules lie outside of the applicability domain, and the first label's score there and inside."""
    rows = pl.read_parquet(loaded.run.path("predictions_test.parquet"), columns=["row"])["row"].to_numpy()
    inside = places(loaded, store, rows).column(VERDICT).to_numpy() == "in"
    text = (
        f"{np.count_nonzero(~inside):,} of {len(inside):,} test {compared.items} outside the applicability domain "
        "(hooke predict --domain)"
    )
    if min(np.count_nonzero(inside), np.count_nonzero(~inside)) < _FEWEST_APART:
        return text
    label, metric, predicted = compared.labels[0], compared.metrics[0], compared.predictions[model][:, :1]
    there, here = (
        number_text(build.known(metric(predicted[part], compared.truth[part, :1], compared.bounds[part, :1])[0]))
        for part in (~inside, inside)
    )
    return f"{text}: {metric_text(metric.name)} of {name_text(label.name)} is {there} there, {here} inside"


def training_section(run: RunFolder) -> tuple[Any, ...]:
    """Losses over the epochs; estimators have none."""
    lines = [line for line in run.metrics() if line["part"] == "members"]
    return (build.learning_curves("Training", lines),) if lines else ()


def finish(report: Report, pool: MoleculePool, folder: Path) -> Path:
    """Put the pool's molecules into the report, write report.json, and the page from it."""
    source = replace(report, molecules=pool.molecules).write(folder / "report.json")
    return write_report(source, folder / "report.html")


def _model_name(run: RunFolder) -> str:
    if (chosen := chosen_name(run)) is not None:
        return chosen
    members = run.recipe["train"]["ensemble"]
    return run.recipe["model"]["name"] + (f" ({members} members)" if members > 1 else "")


def baseline_differences(compared: Compared, model: str) -> tuple[Difference, ...]:
    """The model minus each baseline on every primary metric, paired over test rows; at most eight labels."""
    return tuple(
        difference_between(compared, model, baseline, number)
        for number in range(min(8, len(compared.labels)))
        for baseline in compared.predictions
        if baseline not in compared.runs
    )


def summary_of(compared: Compared, differences: tuple[Difference, ...], model: str) -> Summary:
    """The verdict against the best baseline, from intervals alone."""
    if not len(compared.names):
        return Summary("Nothing was held out for a test, so nothing is claimed.", caveats=compared.caveats)
    if not differences:
        return Summary(
            f"The model was measured on held-out {compared.items}; no baseline stands beside it.",
            caveats=compared.caveats,
        )
    outcomes = [entry.outcome for entry in differences]
    better, worse = outcomes.count("better"), outcomes.count("worse")
    text = (
        f"{model} is better than the baselines in {better} of {len(outcomes)} comparisons, worse in {worse}, "
        f"and undecided in {outcomes.count('undecided')} (95 % intervals over the same test {compared.items})."
    )
    outcome = "better" if better and not worse else "worse" if worse and not better else "undecided"
    first = compared.labels[0]
    value = compared.scores[model][0]
    interval = bounds_text(build.estimate(value))
    if first.classes:
        chance = 1 / first.classes
        text += (
            f" {value.value:.1%} of the test {compared.items} are given the right {first.name.replace('_', ' ')}; "
            f"chance gives {chance:.1%}."
        )
        interval += f", chance {chance:.3g}"
    numbers = (
        KeyNumber(
            value_text(build.estimate(value)),
            f"{metric_text(compared.metrics[0].name)} of {name_text(first.name)}",
            interval,
        ),
        KeyNumber(f"{len(compared.names):,}", f"test {compared.items}"),
    )
    return Summary(text, outcome, numbers, compared.caveats)  # type: ignore[arg-type]


def losses_summary(run: RunFolder) -> Summary:
    """What an objective without labels reached, beside what guessing gives where that is known."""
    items, (part, _, found) = modality_of(run).items, losses_of(run)
    if not found:
        return Summary("Nothing was held out for a test, so nothing is claimed.")
    name = "mse" if "mse" in found else "loss"
    beside = f"; {_GUESS[name][0]} gives {_GUESS[name][1]:.2f}" if name in _GUESS else ""
    reached = value_text(build.estimate(found[name]))
    return Summary(
        f"The {name} on {part} {items} is {reached}{beside}.", key_numbers=(KeyNumber(reached, f"{name} on {part} {items}"),),
        caveats=tuple(simulated_caveat(run)),
    )  # fmt: skip


def losses_of(run: RunFolder) -> tuple[str, str, dict[str, float]]:
    """The part (test, or else valid), the objective and its losses, of a run that learned without labels."""
    metrics, task = run.scores(), run.recipe["task"]["name"]
    for part in ("test", "valid"):
        for found in metrics.get(part, {}).values():
            if task in found:
                return part, task, found[task]
    return "", "", {}


def data_section(run: RunFolder, store: Any, *, name: str = "") -> DataSummary:
    """Where every row went, what the labels look like, and what leaks across the split."""
    card, section = registry.card(run.recipe["data"]["name"]), run.recipe["data"]["split"]
    leaks = run.read_json("leaks.json") if run.path("leaks.json").exists() else {}
    found, items, left_out = (
        modality_of(run).describe(store).section,
        modality_of(run).items,
        run.info.get("left_out", {}),
    )
    parts = {**run.info["rows"], "in no part": sum(left_out.values())}
    return replace(
        found,
        name=name or found.name or card.name,
        title=card.title,
        source=card.source,
        licence=card.licence,
        split=": ".join(
            filter(
                None,
                (
                    f"{section['kind']}, seed {section['seed']}",
                    modality_of(run).split_meanings.get(section["kind"], ""),
                ),
            )
        ),
        parts=tuple(
            Count(PARTS.get(part, part), int(count)) for part, count in parts.items() if count or part != "in no part"
        ),
        notes=(*found.notes, *(f"{count:,} {items} in no part: {reason}" for reason, count in left_out.items())),
        leaks=tuple(KeyNumber(str(value), check.replace("_", " ")) for check, value in leaks.items()),
    )


def result_sections(run: RunFolder, compared: Compared) -> list[ResultTable]:
    """The table of whole rows with baselines where it could be made, and one table for each other level; or the losses."""
    tables, means = pretraining_tables(run), mean_tables(run)
    if not compared.labels:
        return [*means, *tables] or loss_tables(run)
    main = modality_of(run).levels[0]
    others = [table for table in tables if table.tasks[0].level != main]
    tried = candidate_table(run, compared.labels)
    return [primary_table(compared, f"Held-out {compared.items}"), *([tried] if tried else []), *means, *others]


def loss_tables(run: RunFolder) -> list[ResultTable]:
    """The losses of an objective without labels."""
    part, task, found = losses_of(run)
    if not found:
        return []
    names = {f"{task}: {name}": name for name in found}
    scores: dict[str, list[Any]] = {run.recipe["model"]["name"]: list(found.values())}
    higher = {label: name.rpartition("_")[2] in _HIGHER for label, name in names.items()}
    return [
        build.result_table(
            f"Held-out {modality_of(run).items}", [Label(label) for label in names], names, scores, higher_is_better=higher, part=part
        )
    ]  # fmt: skip


def pretraining_tables(run: RunFolder) -> list[ResultTable]:
    """One table a level from the run's own metrics, each value beside that of always predicting the mean."""
    modality, metrics = modality_of(run), run.scores()
    spec = modality.read_spec(run)
    part = "test" if "test" in metrics else "valid"
    tables = []
    for level, found in metrics.get(part, {}).items():
        labels = [
            label for label in labels_of(spec, level)
            if label.kind == "regression" and label.name in found
            and np.isfinite(r2 := found[label.name].get("r2", np.nan)) and r2 < 1  # labels of several numbers have none
        ]  # fmt: skip
        if not labels:
            continue
        model = [found[label.name]["rmse"] for label in labels]
        mean = [  # R² is that of exact labels alone
            None
            if label.name in run.info.get("censored", {})
            else found[label.name]["rmse"] / np.sqrt(1 - found[label.name]["r2"])
            for label in labels
        ]
        tables.append(
            build.result_table(
                f"{run.recipe['name']}: {level}-level labels", labels, "rmse", {"model": model, "mean": mean},
                higher_is_better=False, baselines=("mean",), part=part, note="mean: always the mean of these held-out labels",
            )
        )  # fmt: skip
    return tables


def mean_tables(run: RunFolder) -> list[ResultTable]:
    """Metrics of many labels as means over those of each table, one table a level."""
    means, tables = run.means(), []
    part = "test" if "test" in means else "valid"
    for level, found in means.get(part, {}).items():
        rows = [
            (f"{name}: {metric_text(metric)}", metric, value, int(values["labels"]))
            for name, values in found.items()
            for metric, value in values.items()
            if metric != "labels"
        ]
        names = {row: metric for row, metric, _, _ in rows}
        higher = {
            row: not any(metric.endswith(error) for error in (*ERRORS, "cross_entropy"))
            for row, metric in names.items()
        }
        tables.append(
            build.result_table(
                f"{run.recipe['name']}: means over {level}-level labels", [Label(row, level) for row in names], names,
                {run.recipe["model"]["name"]: [value for _, _, value, _ in rows]}, higher_is_better=higher, part=part,
                note="each label counts once; normalised errors are in standard deviations of the label's training measurements; "
                + ", ".join(f"{name}: {int(values['labels']):,} labels" for name, values in found.items()),
            )
        )  # fmt: skip
    return tables


def plot_sections(pool: MoleculePool, compared: Compared, model: str, *, limit: int = 6) -> dict[str, Any]:
    """Parity or ROC and PR curves, calibration, best and worst rows of the first labels."""
    parity: list[Any] = []
    binary: list[Any] = []
    reliability: list[Any] = []
    coverage: list[Any] = []
    sets: list[Any] = []
    galleries: list[Any] = []
    for number, label in enumerate(compared.labels[:limit]):
        true = compared.truth[:, number]
        if label.kind == "regression":
            low, high = compared.interval(number)
            given: dict[str, Any] = {
                "task": label.name, "model": model, "smiles": compared.names, "measured": true + label.offset,
                "predicted": compared.predictions[model][:, number] + label.offset, "bounds": compared.bounds[:, number],
                "low": low + label.offset, "high": high + label.offset, "unit": label.unit,
            }  # fmt: skip
            parity.append(build.parity(pool, bars="90 % conformal interval", **given))
            coverage += compared.coverage_section(number, model)
            coverage += compared.spread_section(number, model)
            galleries += build.gallery(pool, **given)
            continue
        sets += compared.set_section(number, model)
        if label.classes:
            reliability.append(compared.confidence_section(number, model))
        elif len(np.unique(true[~np.isnan(true)])) == 2:
            from hooke.evaluate.calibration import reliability as measure

            probabilities = {name: values[:, number] for name, values in compared.predictions.items() if name != "mean"}
            binary.append(build.binary_curves(label.name, true, probabilities))
            reliability.append(
                build.reliability(label.name, model, measure(compared.predictions[model][:, number], true))
            )
            galleries += build.gallery(
                pool, task=label.name, model=model, smiles=compared.names, measured=true,
                predicted=compared.predictions[model][:, number],
                notes=[label.names[int(value)] if np.isfinite(value) else "" for value in true] if label.names else (),
            )  # fmt: skip
    return {
        "parity": tuple(parity), "binary": tuple(binary), "reliability": tuple(reliability), "coverage": tuple(coverage),
        "sets": tuple(sets), "galleries": tuple(galleries),
    }  # fmt: skip


def map_sections(pool: MoleculePool, run: RunFolder, store: Any) -> tuple[Any, ...]:
    """One map of the encoder's embeddings, coloured by the first labels and by the part of the split."""
    loaded, modality = LoadedRun.open(run.folder), modality_of(run)
    limit = _MAPPED // 4 if modality.several_items else _MAPPED
    rows = np.sort(np.random.default_rng(0).permutation(len(store))[:limit])
    vectors, owners, values = [], [], []
    for batch in modality.loader(store, rows, loaded.spec, loaded.recipe, part="predict").epoch(0):
        vectors.append(loaded.vectors(batch))
        owners.append(batch.rows.numpy())
        if modality.levels[0] in batch.targets:
            values.append(batch.targets[modality.levels[0]].numpy())
    owner = np.concatenate(owners)
    first = group_starts(owner)
    labels = modality.compared(loaded.spec)[:6] if values else ()
    places = [labels_of(loaded.spec, modality.levels[0]).index(label) for label in labels]
    colours: dict[str, Any] = {
        label.name: _colour(label, np.concatenate(values)[first, place])
        for label, place in zip(labels, places, strict=True)
    }
    codes = {"": "not used", "train": "train", "valid": "valid", "test": "test"}
    colours["part"] = np.array([codes[name] for name in read_split(run)[rows]])
    units = {label.name: label.unit for label in labels}
    names = identified(modality, store, rows)
    means = group_means(np.concatenate(vectors), owner)
    return (embedding_map(pool, "What the encoder sees", means, names, colours, units=units),)


def _colour(label: Label, values: np.ndarray) -> np.ndarray:
    """Values, or the names of classes."""
    if not label.names:
        return values
    return np.array([label.names[int(value)] if np.isfinite(value) else "not labelled" for value in values])


def citations_of(run: RunFolder) -> list[str]:
    """Names in `core.citations` that this run stands on."""
    recipe = read_recipe(run)
    task = run.recipe["task"]
    names = [
        recipe.model.name,
        recipe.data.name,
        *([] if recipe.has_estimator else [recipe.train.optimiser]),
        "conformal",
    ]
    names += modality_of(run).citations(recipe)
    names += list(task.get("objectives", [task["name"]]))
    return [name for name in names if name in CITATIONS]
