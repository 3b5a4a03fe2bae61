"""Models and baselines on the same test rows: predictions, primary metrics with intervals, paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.evaluate.bootstrap import Interval, bootstrap, paired_bootstrap
from hooke.evaluate.calibration import coverage, coverage_curve, reliability, set_coverage, spread_calibration
from hooke.evaluate.censoring import count, exact
from hooke.evaluate.conformal import IntervalCalibration, SetCalibration, calibration_from_json
from hooke.evaluate.metrics import METRICS, PRIMARY, Metric
from hooke.inference.loaded import LoadedRun, read_recipe
from hooke.modalities import identified, trainable
from hooke.report import build
from hooke.report.schema import Coverage, Difference, Reliability, ResultTable, SetCoverage
from hooke.studies.baselines import baseline_predictions
from hooke.studies.candidates import candidate_predictions
from hooke.train.measure import censored_lines, decided, uncalibrated

MAX_BASELINE_LABELS = 12  # beyond them baselines would take longer than the model
_FEWEST_A_BIN = 10  # rows of a reliability curve


@dataclass(frozen=True)
class Compared:
    """Everything that tables and plots of one test set need.

    Attributes:
        labels: Of whole rows, that are compared.
        names: (N,) by which people know the test rows (or groups): SMILES; experiment, plate and well.
        items: What they are called.
        truth: (N, T), NaN = not measured.
        bounds: (N, T) int8 of censored labels: 0 exact, +1 the truth is above the value, -1 below.
        predictions: Model name -> (N, T).
        scores: Model name -> interval of the primary metric of each label.
        metrics: The primary metric of each label.
        runs: The runs behind the models (not the baselines).
        group: Level above rows that is compared ("well"); "" for rows.
        caveats: What a reader must know.
    """

    labels: tuple[Label, ...]
    names: list[str]
    items: str
    truth: np.ndarray
    bounds: np.ndarray
    predictions: dict[str, np.ndarray]
    scores: dict[str, list[Interval]]
    metrics: list[Metric]
    runs: Mapping[str, RunFolder]
    split: str
    group: str = ""
    caveats: tuple[str, ...] = ()

    def interval(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Conformal interval of the first run for one label; NaN where it has none."""
        mean, std, fitted = self._uncertain(number)
        return fitted.interval(mean, std)

    def coverage_section(self, number: int, model: str) -> list[Coverage]:
        """Observed against nominal coverage on the test rows, calibrated on the validation rows; both on exact measurements alone."""
        run = self._first
        label = self.labels[number]
        if not run.path("predictions_valid.parquet").exists():
            return []
        mean, std, fitted = self._uncertain(number)
        valid = pl.read_parquet(run.path("predictions_valid.parquet"))
        measured = exact(valid[f"{label.name}_measured"].to_numpy().astype(np.float64), _bounds(valid, [label])[:, 0])
        known = fitted.scores(valid[label.name].to_numpy(), _disagreement(valid, label), measured)
        known, true = known[~np.isnan(known)], exact(self.truth[:, number], self.bounds[:, number])
        new = fitted.scores(mean, std, true)[~np.isnan(true)]
        if len(known) < 10 or len(new) < 10:
            return []
        wanted = np.linspace(0.1, 0.9, 9)
        low, high = self.interval(number)
        censored = count(self.truth, self.bounds)[number]
        return [
            build.coverage(
                label.name, model, wanted, coverage_curve(known, new, wanted), len(new), used=fitted.level,
                used_reached=coverage(low, high, true), mean_width=float(np.nanmean(high - low)), unit=label.unit,
                note=f"exact measurements alone; {censored:,} censored ones are left out" if censored else "",
            )
        ]  # fmt: skip

    def spread_section(self, number: int, model: str) -> list[Coverage]:
        """Observed against nominal coverage of Gaussian intervals from the standard deviation that predictions carry."""
        mean, std, fitted = self._uncertain(number)
        deviation, what = (
            fitted.deviation(mean, std),
            f"standard deviation, calibrated on {fitted.count:,} validation measurements",
        )
        if deviation is None:
            deviation, what = std, "disagreement of the members, uncalibrated"
        found = spread_calibration(mean, deviation, exact(self.truth[:, number], self.bounds[:, number]))
        if found.count < 10 or not deviation.any():
            return []
        label = self.labels[number]
        note = f"{what}: ENCE {found.ence:.2f}, miscalibration area {found.miscalibration_area:.3f}"
        shown = slice(5, 100, 5)
        return [build.coverage(label.name, model, found.wanted[shown], found.reached[shown], found.count, note=note)]

    def set_section(self, number: int, model: str) -> list[SetCoverage]:
        """How often the conformal sets of the first run hold the true class of the test rows, and how large they are."""
        label, fitted = self.labels[number], self._fitted(number)
        if fitted is None:
            return []
        assert isinstance(fitted, SetCalibration)
        found = set_coverage(fitted.contains(self._probabilities(number)), self.truth[:, number])
        if not found.count:
            return []
        return [
            build.set_coverage(
                label.name, model, found, wanted=fitted.level, classes=max(2, label.classes), calibrated_on=fitted.count
            )
        ]  # fmt: skip

    def confidence_section(self, number: int, model: str) -> Reliability:
        """How often the most probable of several classes is right, against its probability."""
        probabilities, true = self._probabilities(number), self.truth[:, number]
        right = np.where(np.isnan(true), np.nan, probabilities.argmax(axis=1) == true)
        bins = int(np.clip((~np.isnan(true)).sum() // _FEWEST_A_BIN, 1, 10))
        found = reliability(probabilities.max(axis=1), right, bins=bins)
        return build.reliability(self.labels[number].name, model, found, note="probability of the most probable class")

    @property
    def _first(self) -> RunFolder:
        return next(iter(self.runs.values()))

    def _fitted(self, number: int) -> IntervalCalibration | SetCalibration | None:
        """The conformal calibration of a label; None where nothing was calibrated."""
        if not self._first.path("uncertainty.json").exists():
            return None
        return calibration_from_json(self._first.read_json("uncertainty.json")[self.labels[number].name])

    def _probabilities(self, number: int) -> np.ndarray:
        """(N, classes) of the first run."""
        table = pl.read_parquet(self._first.path("predictions_test.parquet"), columns=self.labels[number].column_names)
        found = table.to_numpy()
        return found if self.labels[number].classes else np.hstack([1 - found, found])

    def _uncertain(self, number: int) -> tuple[np.ndarray, np.ndarray, IntervalCalibration]:
        label = self.labels[number]
        table = pl.read_parquet(self._first.path("predictions_test.parquet"))
        fitted = self._fitted(number) or IntervalCalibration(float("nan"), 0.0, 0.9, 0)
        assert isinstance(fitted, IntervalCalibration)
        return table[label.name].to_numpy(), _disagreement(table, label), fitted


def read_split(run: RunFolder) -> np.ndarray:
    """(N,) part of each row of the store: "train", "valid", "test" or ""."""
    return pl.read_parquet(run.path("split.parquet"))["split"].to_numpy()


def compare_with_baselines(
    runs: Mapping[str, RunFolder], store: Any, *, show_progress: bool = True, seed: int = 0
) -> Compared:
    """Collect the runs' test predictions and fit the baselines on the same training rows.

    The runs must share store and split. Baselines are fitted on train and valid rows together: they choose nothing on valid.
    """
    first = next(iter(runs.values()))
    recipe = read_recipe(first)
    modality = trainable(recipe.modality, "benchmark")
    spec, split = modality.read_spec(first), read_split(first)
    items = f"{modality.group}s" if modality.group else modality.items
    how = f"{recipe.split.kind}, seed {recipe.split.seed}"
    labels = tuple(label for label in modality.compared(spec) if recipe.learns_labels)
    if not labels or not first.path("predictions_test.parquet").exists():
        return Compared(
            (),
            [],
            items,
            np.zeros((0, 0)),
            np.zeros((0, 0), np.int8),
            {},
            {},
            [],
            runs,
            how,
            caveats=(f"no {modality.items} were held out",),
        )
    tables = {name: pl.read_parquet(run.path("predictions_test.parquet")) for name, run in runs.items()}
    table = tables[next(iter(tables))]
    truth = table.select(f"{label.name}_measured" for label in labels).to_numpy().astype(np.float64)
    bounds = _bounds(table, labels)
    predictions = {name: _decided(found, labels) for name, found in tables.items()}
    caveats = [*simulated_caveat(first), *censored_lines(first)]
    caveats += [f"{name}: {reason}" for name, reason in list(uncalibrated(first).items())[:MAX_BASELINE_LABELS]]
    if candidates := candidate_predictions(first, labels, table["row"].to_numpy()):  # they are the baselines
        predictions |= candidates
    elif len(labels) <= MAX_BASELINE_LABELS and len(store) <= modality.most_baseline_rows:
        network = None if recipe.has_estimator or not modality.untrained_baseline else LoadedRun.open(first.folder)
        known, test = np.flatnonzero((split == "train") | (split == "valid")), np.flatnonzero(split == "test")
        found = baseline_predictions(
            modality, recipe, spec, store, labels, known, test, run=network, seed=seed, show_progress=show_progress
        )
        predictions |= {name: values for name, values in found.items() if name not in predictions}
    else:
        caveats.append(
            f"baselines are left out: {len(labels)} labels, {len(store):,} {modality.items} "
            f"(at most {MAX_BASELINE_LABELS} and {modality.most_baseline_rows:,})"
        )
    if len(truth) < 50:
        caveats.append(f"only {len(truth)} test {items}: intervals are wide")
    metrics = [METRICS[PRIMARY[label.kind]] for label in labels]
    generator = np.random.default_rng(seed)
    scores = {
        name: [
            bootstrap(metrics[number], values[:, number], truth[:, number], bounds[:, number], generator=generator)
            for number in range(len(labels))
        ]
        for name, values in predictions.items()
    }
    names = identified(modality, store, table["row"].to_numpy())
    return Compared(
        labels, names, items, truth, bounds, predictions, scores, metrics, runs, how, modality.group, tuple(caveats)
    )


def simulated_caveat(run: RunFolder) -> list[str]:
    """What a reader must know of numbers on simulated data."""
    text = "the data are simulated: numbers compare methods, and say nothing about biology"
    return [text] if run.info.get("simulated") else []


def _disagreement(table: pl.DataFrame, label: Label) -> np.ndarray:
    """(N,) of a file of predictions; runs of the first releases call it _std."""
    name = f"{label.name}_disagreement"
    return table[name if name in table.columns else f"{label.name}_std"].to_numpy()


def _bounds(table: pl.DataFrame, labels: Sequence[Label]) -> np.ndarray:
    """(N, T) int8 of a file of predictions: 0 where nothing is censored."""
    none = pl.zeros(len(table), pl.Int8, eager=True)
    names = (f"{label.name}_bound" for label in labels)
    return np.stack([table.get_column(name, default=none).to_numpy() for name in names], axis=1)


def _decided(table: pl.DataFrame, labels: Sequence[Label]) -> np.ndarray:
    """(N, T) of a file of predictions: values, probabilities, or the most probable class."""
    return decided(table.select(name for label in labels for name in label.column_names).to_numpy(), labels)


def primary_table(compared: Compared, title: str) -> ResultTable:
    """All models on the primary metric of each label, with bootstrap intervals."""
    names = {label.name: metric.name for label, metric in zip(compared.labels, compared.metrics, strict=True)}
    higher = {
        label.name: metric.higher_is_better for label, metric in zip(compared.labels, compared.metrics, strict=True)
    }
    labels = [replace(label, level=compared.group or label.level) for label in compared.labels]
    return build.result_table(
        title, labels, names, compared.scores, higher_is_better=higher,
        counts=(~np.isnan(compared.truth)).sum(axis=0).tolist(), baselines=[name for name in compared.scores if name not in compared.runs],
        split=compared.split, intervals=f"95 % bootstrap over test {compared.items}",
    )  # fmt: skip


def difference_between(compared: Compared, first: str, second: str, number: int) -> Difference:
    """`first` minus `second` on one label's primary metric, paired over the test rows."""
    label, metric = compared.labels[number], compared.metrics[number]
    found = paired_bootstrap(
        metric, compared.predictions[first][:, number], compared.predictions[second][:, number], compared.truth[:, number],
        compared.bounds[:, number], generator=np.random.default_rng(0),
    )  # fmt: skip
    return build.difference(
        first, second, label.name, metric.name, found, higher_is_better=metric.higher_is_better,
        unit=label.unit if metric.name == "rmse" else "", pairs=len(compared.names), paired_over=f"test {compared.items}",
    )  # fmt: skip
