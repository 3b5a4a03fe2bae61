"""The report of one run: baselines on the same split, intervals, plots, and how to reproduce it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core import registry
from hooke.core.citations import CITATIONS
from hooke.core.runs import RunFolder
from hooke.inference.loaded import next_step
from hooke.molecules.store import MoleculeStore
from hooke.report import build, data
from hooke.report.drawing import MoleculePool
from hooke.report.html import write_report
from hooke.report.layout import embedding_map
from hooke.report.provenance import reproduce
from hooke.report.schema import Difference, KeyNumber, Report, ResultTable, Summary
from hooke.studies.baselines import BASELINES
from hooke.studies.comparison import (
    Compared,
    compare_with_baselines,
    difference_between,
    primary_table,
    read_split,
)


def write_run_report(run: RunFolder, *, show_progress: bool = True) -> Path:
    """Write report.json and report.html of a finished run; returns the path of the page."""
    store = MoleculeStore.open(Path(run.info["store"]))
    pool = MoleculePool()
    compared = compare_with_baselines({_model_name(run): run}, store, show_progress=show_progress)
    differences = baseline_differences(compared, _model_name(run))
    following, command = next_step(run)
    report = Report(
        title=f"{run.recipe['name']}: {run.recipe['model']['name']} on {run.recipe['data']['name']}",
        subtitle=f"run {run.folder.name}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=summary_of(compared, differences, _model_name(run)),
        data=(data_section(run, store),),
        training=(build.learning_curves("Training", [line for line in run.metrics() if line["part"] == "members"]),),
        results=tuple(result_sections(run, store, compared)),
        differences=differences,
        **plot_sections(pool, compared, _model_name(run)),
        maps=map_sections(pool, run, store, show_progress=show_progress),
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
    )
    return finish(report, pool, run.folder)


def finish(report: Report, pool: MoleculePool, folder: Path) -> Path:
    """Put the pool's molecules into the report, write report.json, and the page from it."""
    from dataclasses import replace

    source = replace(report, molecules=pool.molecules).write(folder / "report.json")
    return write_report(source, folder / "report.html")


def _model_name(run: RunFolder) -> str:
    members = run.recipe["train"]["ensemble"]
    return run.recipe["model"]["name"] + (f" ({members} members)" if members > 1 else "")


def baseline_differences(compared: Compared, model: str) -> tuple[Difference, ...]:
    """The model minus each baseline on every primary metric, paired over test molecules; at most eight labels."""
    return tuple(
        difference_between(compared, model, baseline, number)
        for number in range(min(8, len(compared.labels)))
        for baseline in BASELINES
        if baseline in compared.predictions
    )


def summary_of(compared: Compared, differences: tuple[Difference, ...], model: str) -> Summary:
    """The verdict against the best baseline, from intervals alone."""
    if not compared.labels or not len(compared.smiles):
        return Summary("Nothing was held out for a test, so nothing is claimed.", caveats=compared.caveats)
    if not differences:
        return Summary(
            "The model was measured on held-out molecules; no baseline stands beside it.", caveats=compared.caveats
        )
    outcomes = [entry.outcome for entry in differences]
    better, worse = outcomes.count("better"), outcomes.count("worse")
    text = (
        f"{model} is better than the baselines in {better} of {len(outcomes)} comparisons, worse in {worse}, "
        f"and undecided in {outcomes.count('undecided')} (95 % intervals over the same test molecules)."
    )
    outcome = "better" if better and not worse else "worse" if worse and not better else "undecided"
    first = compared.labels[0]
    value = compared.scores[model][0]
    numbers = (
        KeyNumber(
            f"{value.value:.3g}", f"{compared.metrics[0].name} of {first.name}", f"[{value.low:.3g}, {value.high:.3g}]"
        ),
        KeyNumber(f"{len(compared.smiles):,}", "test molecules"),
    )
    return Summary(text, outcome, numbers, compared.caveats)  # type: ignore[arg-type]


def data_section(run: RunFolder, store: MoleculeStore, *, name: str = "") -> Any:
    """Where every row went, what the labels look like, and what leaks across the split."""
    import polars as pl

    card = registry.card(run.recipe["data"]["name"])
    slices = store.read(np.arange(min(len(store), 50_000)))
    labels = [
        data.label_summary(label, slices.targets[level][:, place])
        for level in slices.targets
        for place, label in enumerate(store.level_labels(level)[:40])
    ]
    rejected_path = store.folder / "rejected.parquet"
    rejected = pl.read_parquet(rejected_path).to_dicts() if rejected_path.exists() else []
    ingest = store.metadata.get("ingest", {"rows_read": len(store), "rows_kept": len(store)})
    section = run.recipe["data"]["split"]
    return data.data_summary(
        name or str(store.metadata.get("source", card.name)), ingest=ingest, labels=labels, parts=run.info["rows"],
        leaks=run.read_json("leaks.json") if run.path("leaks.json").exists() else None, rejected=rejected, title=card.title,
        source=card.source, licence=card.licence, split=f"{section['kind']}, seed {section['seed']}",
        duplicates_rule=str(store.metadata.get("duplicates", "")),
    )  # fmt: skip


def result_sections(run: RunFolder, store: MoleculeStore, compared: Compared) -> list[ResultTable]:
    """The graph-level table with baselines where it could be made, and one table for each other level."""
    if not compared.labels:
        return pretraining_tables(run, store)
    others = [table for table in pretraining_tables(run, store) if table.tasks[0].level != "graph"]
    return [primary_table(compared, "Held-out molecules"), *others]


def pretraining_tables(run: RunFolder, store: MoleculeStore) -> list[ResultTable]:
    """One table a level from the run's own metrics, each value beside that of always predicting the mean."""
    metrics = run.read_json("metrics.json")
    part = "test" if "test" in metrics else "valid"
    tables = []
    for level, found in metrics.get(part, {}).items():
        labels = [
            label for label in store.level_labels(level)
            if label.kind == "regression" and np.isfinite(found[label.name]["r2"]) and found[label.name]["r2"] < 1
        ]  # fmt: skip
        if not labels:
            continue
        model = [found[label.name]["rmse"] for label in labels]
        mean = [found[label.name]["rmse"] / np.sqrt(1 - found[label.name]["r2"]) for label in labels]
        tables.append(
            build.result_table(
                f"{run.recipe['name']}: {level}-level labels", labels, "rmse", {"model": model, "mean": mean},
                higher_is_better=False, baselines=("mean",), part=part, note="mean: always the mean of these held-out labels",
            )
        )  # fmt: skip
    return tables


def plot_sections(pool: MoleculePool, compared: Compared, model: str, *, limit: int = 6) -> dict[str, Any]:
    """Parity or ROC and PR curves, calibration, best and worst molecules of the first labels."""
    parity: list[Any] = []
    binary: list[Any] = []
    reliability: list[Any] = []
    coverage: list[Any] = []
    galleries: list[Any] = []
    for number, label in enumerate(compared.labels[:limit]):
        true = compared.truth[:, number]
        if label.kind == "regression":
            low, high = compared.bounds(number)
            bars = "90 % conformal interval"
            parity.append(
                build.parity(
                    pool, task=label.name, model=model, smiles=compared.smiles, measured=true,
                    predicted=compared.predictions[model][:, number], low=low, high=high, bars=bars, unit=label.unit,
                )
            )  # fmt: skip
            coverage += compared.coverage_section(number, model)
            coverage += compared.spread_section(number, model)
            galleries += build.gallery(
                pool, task=label.name, model=model, smiles=compared.smiles, measured=true,
                predicted=compared.predictions[model][:, number], low=low, high=high, unit=label.unit,
            )  # fmt: skip
        elif label.kind == "binary" and len(np.unique(true[~np.isnan(true)])) == 2:
            from hooke.evaluate.calibration import reliability as measure

            probabilities = {name: values[:, number] for name, values in compared.predictions.items() if name != "mean"}
            binary.append(build.binary_curves(label.name, true, probabilities))
            reliability.append(
                build.reliability(label.name, model, measure(compared.predictions[model][:, number], true))
            )
            galleries += build.gallery(
                pool, task=label.name, model=model, smiles=compared.smiles, measured=true,
                predicted=compared.predictions[model][:, number],
            )  # fmt: skip
    return {
        "parity": tuple(parity), "binary": tuple(binary), "reliability": tuple(reliability), "coverage": tuple(coverage),
        "galleries": tuple(galleries),
    }  # fmt: skip


def map_sections(
    pool: MoleculePool, run: RunFolder, store: MoleculeStore, *, show_progress: bool, limit: int = 1200
) -> tuple[Any, ...]:
    """One map of the encoder's embeddings, coloured by the first labels and by the part of the split."""
    from hooke.inference.loaded import LoadedRun
    from hooke.molecules.batch import collate

    generator = np.random.default_rng(0)
    rows = np.sort(generator.permutation(len(store))[:limit])
    ensemble = LoadedRun.open(run.folder).ensemble
    vectors = np.concatenate([ensemble.embed(collate(store.read(rows[i : i + 256]))) for i in range(0, len(rows), 256)])
    values, _ = store.graph_labels(rows)
    labels = store.level_labels("graph")[:6]
    colours: dict[str, Any] = {label.name: values[:, place] for place, label in enumerate(labels)}
    parts = np.array(["not used", *("train", "valid", "test")])
    codes = {"": 0, "train": 1, "valid": 2, "test": 3}
    colours["part"] = parts[[codes[name] for name in read_split(run)[rows]]]
    units = {label.name: label.unit for label in labels}
    return (embedding_map(pool, "What the encoder sees", vectors, store.smiles(rows), colours, units=units),)


def citations_of(run: RunFolder) -> list[str]:
    """Names in `core.citations` that this run stands on."""
    recipe = run.recipe
    names = [recipe["model"]["name"], recipe["data"]["name"], "adamw", "conformal", "morgan"]
    encodings = ("random_walk", "laplacian", "heat_kernel", "electrostatic", "commute", "cycles", "functional_groups")
    names += [name for name in encodings if recipe["encodings"].get(name)]
    names += list(recipe["task"].get("objectives", [recipe["task"]["name"]]))
    return [name for name in names if name in CITATIONS]
