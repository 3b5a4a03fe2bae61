"""Models and baselines on the same test molecules: predictions, primary metrics with intervals, paired differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from hooke.core.label import Label
from hooke.core.progress import progress
from hooke.core.runs import RunFolder
from hooke.evaluate.bootstrap import Interval, bootstrap, paired_bootstrap
from hooke.evaluate.calibration import coverage, coverage_curve, spread_calibration
from hooke.evaluate.metrics import METRICS, PRIMARY, Metric
from hooke.molecules.store import MoleculeStore
from hooke.report import build
from hooke.report.schema import Coverage, Difference, ResultTable
from hooke.studies.baselines import BASELINES, baseline_predictions

MAX_BASELINE_LABELS, MAX_BASELINE_ROWS = 12, 20_000  # beyond them baselines would take longer than the model


@dataclass(frozen=True)
class Compared:
    """Everything that tables and plots of one test set need.

    Attributes:
        labels: The graph-level regression and binary labels.
        all_labels: All labels of the store.
        smiles: (N,) test molecules.
        truth: (N, T), NaN = not measured.
        predictions: Model name -> (N, T).
        scores: Model name -> interval of the primary metric of each label.
        metrics: The primary metric of each label.
        runs: The runs behind the models (not the baselines).
        caveats: What a reader must know.
    """

    labels: tuple[Label, ...]
    all_labels: tuple[Label, ...]
    smiles: list[str]
    truth: np.ndarray
    predictions: dict[str, np.ndarray]
    scores: dict[str, list[Interval]]
    metrics: list[Metric]
    runs: Mapping[str, RunFolder]
    split: str
    caveats: tuple[str, ...] = ()

    def bounds(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Conformal interval of the first run for one label; NaN where it has no finite width."""
        run = next(iter(self.runs.values()))
        mean, std, fitted = self._uncertain(run, number)
        half = np.where(np.isfinite(fitted["quantile"]), fitted["quantile"], np.nan) * (std + fitted["floor"])
        return mean - half, mean + half

    def coverage_section(self, number: int, model: str) -> list[Coverage]:
        """Wanted against reached coverage on the test molecules, calibrated on the validation molecules."""
        run = next(iter(self.runs.values()))
        label = self.labels[number]
        if not run.path("predictions_valid.parquet").exists():
            return []
        mean, std, fitted = self._uncertain(run, number)
        valid = pl.read_parquet(run.path("predictions_valid.parquet"))
        measured = valid[f"{label.name}_measured"].to_numpy()
        seen = ~np.isnan(measured)
        known = np.abs(measured - valid[label.name].to_numpy())[seen] / (
            valid[f"{label.name}_std"].to_numpy()[seen] + fitted["floor"]
        )
        true = self.truth[:, number]
        new = (np.abs(true - mean) / (std + fitted["floor"]))[~np.isnan(true)]
        if len(known) < 10 or len(new) < 10:
            return []
        wanted = np.linspace(0.1, 0.9, 9)
        low, high = self.bounds(number)
        return [
            build.coverage(
                label.name, model, wanted, coverage_curve(known, new, wanted), len(new), used=fitted["level"],
                used_reached=coverage(low, high, true), mean_width=float(np.nanmean(high - low)), unit=label.unit,
            )
        ]  # fmt: skip

    def spread_section(self, number: int, model: str) -> list[Coverage]:
        """Wanted against reached coverage of Gaussian intervals from the stated spread alone, before any calibration."""
        mean, std, _ = self._uncertain(next(iter(self.runs.values())), number)
        found = spread_calibration(mean, std, self.truth[:, number])
        if found.count < 10 or not std.any():
            return []
        label = self.labels[number]
        note = (
            f"stated spread, uncalibrated: ENCE {found.ence:.2f}, miscalibration area {found.miscalibration_area:.3f}"
        )
        shown = slice(5, 100, 5)
        return [build.coverage(label.name, model, found.wanted[shown], found.reached[shown], found.count, note=note)]

    def _uncertain(self, run: RunFolder, number: int) -> tuple[np.ndarray, np.ndarray, Any]:
        label = self.labels[number]
        table = pl.read_parquet(run.path("predictions_test.parquet"))
        fitted = run.read_json("uncertainty.json")[label.name] if run.path("uncertainty.json").exists() else None
        fitted = fitted or {"quantile": float("nan"), "floor": 0.0, "level": 0.9}
        return table[label.name].to_numpy(), table[f"{label.name}_std"].to_numpy(), fitted


def read_split(run: RunFolder) -> np.ndarray:
    """(N,) part of each row of the store: "train", "valid", "test" or ""."""
    return pl.read_parquet(run.path("split.parquet"))["split"].to_numpy()


def compare_with_baselines(
    runs: Mapping[str, RunFolder], store: MoleculeStore, *, show_progress: bool = True, seed: int = 0
) -> Compared:
    """Collect the runs' test predictions and fit the baselines on the same training molecules.

    The runs must share store and split. Baselines are fitted on train and valid rows together: they choose nothing on valid.
    """
    first = next(iter(runs.values()))
    split = read_split(first)
    test = np.flatnonzero(split == "test")
    kinds = ("regression", "binary")
    labels = tuple(label for label in store.level_labels("graph") if label.kind in kinds)
    section = first.recipe["data"]["split"]
    how = f"{section['kind']}, seed {section['seed']}"
    if not labels or not first.path("predictions_test.parquet").exists():
        return Compared((), store.labels, [], np.zeros((0, 0)), {}, {}, [], runs, how, ("no molecules were held out",))
    tables = {name: pl.read_parquet(run.path("predictions_test.parquet")) for name, run in runs.items()}
    order = tables[next(iter(tables))]["row"].to_numpy()
    truth = store.graph_labels(order, [label.name for label in labels])[0].astype(np.float64)
    predictions = {name: table.select([label.name for label in labels]).to_numpy() for name, table in tables.items()}
    caveats: list[str] = []
    if len(labels) <= MAX_BASELINE_LABELS and len(store) <= MAX_BASELINE_ROWS:
        predictions |= _baselines(
            store, labels, np.flatnonzero((split == "train") | (split == "valid")), order, seed, show_progress
        )
    else:
        caveats.append(
            f"baselines are left out: {len(labels)} labels, {len(store):,} molecules "
            f"(at most {MAX_BASELINE_LABELS} and {MAX_BASELINE_ROWS:,})"
        )
    if len(test) < 50:
        caveats.append(f"only {len(test)} test molecules: intervals are wide")
    metrics = [METRICS[PRIMARY[label.kind]] for label in labels]
    generator = np.random.default_rng(seed)
    scores = {
        name: [
            bootstrap(metrics[number], values[:, number], truth[:, number], generator=generator)
            for number in range(len(labels))
        ]
        for name, values in predictions.items()
    }
    return Compared(
        labels, store.labels, store.smiles(order), truth, predictions, scores, metrics, runs, how, tuple(caveats)
    )


def _baselines(
    store: MoleculeStore, labels: tuple[Label, ...], train: np.ndarray, test: np.ndarray, seed: int, show_progress: bool
) -> dict[str, np.ndarray]:
    from hooke.molecules.descriptors import baseline_features

    rows = np.concatenate([train, test])
    targets = store.graph_labels(rows, [label.name for label in labels])[0].astype(np.float64)
    places = np.arange(len(rows))
    found = {}
    with progress(1 + len(BASELINES), "fitting baselines", "steps", show=show_progress) as bar:
        features = baseline_features(store.smiles(rows))
        bar.advance()
        for name in BASELINES:
            found[name] = baseline_predictions(
                name, features, targets, labels, places[: len(train)], places[len(train) :], seed=seed
            )
            bar.advance(baseline=name)
    return found


def primary_table(compared: Compared, title: str) -> ResultTable:
    """All models on the primary metric of each label, with bootstrap intervals."""
    names = {label.name: metric.name for label, metric in zip(compared.labels, compared.metrics, strict=True)}
    higher = {
        label.name: metric.higher_is_better for label, metric in zip(compared.labels, compared.metrics, strict=True)
    }
    return build.result_table(
        title, compared.labels, names, compared.scores, higher_is_better=higher,
        counts=(~np.isnan(compared.truth)).sum(axis=0).tolist(), baselines=[name for name in BASELINES if name in compared.scores],
        split=compared.split, intervals="95 % bootstrap over test molecules",
    )  # fmt: skip


def difference_between(compared: Compared, first: str, second: str, number: int) -> Difference:
    """`first` minus `second` on one label's primary metric, paired over the test molecules."""
    label, metric = compared.labels[number], compared.metrics[number]
    found = paired_bootstrap(
        metric, compared.predictions[first][:, number], compared.predictions[second][:, number], compared.truth[:, number],
        generator=np.random.default_rng(0),
    )  # fmt: skip
    return build.difference(
        first, second, label.name, metric.name, found, higher_is_better=metric.higher_is_better,
        unit=label.unit if metric.name == "rmse" else "", pairs=len(compared.smiles), paired_over="test molecules",
    )  # fmt: skip
