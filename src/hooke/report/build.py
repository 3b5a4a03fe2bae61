"""Sections of a report from plain arrays: `result_table`, `parity`, `binary_curves`, `gallery`, `predictions`, ...

Every function here returns a dataclass of `hooke.report.schema`. Large sets of points are thinned by a rule that the
report states. The data section is made in report/data.py, the map in report/embedding_map.py, the last section in
report/provenance.py.
`MoleculePool` (report/drawing.py) keeps each molecule once:

    pool = MoleculePool()
    section = parity(pool, task="logS", model="fine-tuned", smiles=smiles, measured=y, predicted=mean)
    report = Report("My report", Summary("..."), parity=(section,), molecules=pool.molecules)
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from hooke.core.label import Label
from hooke.core.png import encode_png
from hooke.evaluate.censoring import nearest_truth
from hooke.evaluate.metrics import FEWEST, METRICS
from hooke.report.data_schema import KeyNumber
from hooke.report.drawing import MoleculePool
from hooke.report.schema import (
    BinaryCurves,
    Coverage,
    Curve,
    Difference,
    Direction,
    Estimate,
    Gallery,
    LearningCurves,
    Line,
    MoleculeCard,
    Parity,
    Picture,
    PredictedLabel,
    PredictedRow,
    Predictions,
    Reliability,
    ResultTable,
    Score,
    SetCoverage,
    TaskResult,
)
from hooke.report.wording import metric_text, number

MAX_POINTS = 1_000  # points of one plot
MAX_ROWS = 1_000  # rows of one table
MAX_CURVE = 300  # points of one line
_KEPT_EXTREMES = 50

Values = np.ndarray | Sequence[float]


class Interval(Protocol):
    """What `evaluate.bootstrap` returns."""

    @property
    def value(self) -> float: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102


def estimate(found: Interval | float | None) -> Estimate:
    """An interval of `evaluate.bootstrap`, or a bare number, as an `Estimate`; NaN becomes None."""
    if found is None or isinstance(found, int | float | np.number):
        return Estimate(known(found))
    return Estimate(known(found.value), known(found.low), known(found.high))


def thin(total: int, limit: int, *, keep: Values = (), seed: int = 0) -> tuple[np.ndarray, str]:
    """Which of `total` points are shown, in their order, and the rule in words ("" when all are).

    Args:
        total: How many there are.
        limit: How many may be shown.
        keep: (total,) sizes; the 50 largest are always shown. Empty: only chance decides.
        seed: Of the draw.
    """
    if total <= limit:
        return np.arange(total), ""
    sizes = np.nan_to_num(np.asarray(keep, np.float64), nan=-np.inf)
    kept = np.argsort(-sizes, kind="stable")[: min(_KEPT_EXTREMES, limit)] if len(sizes) else np.zeros(0, np.int64)
    others = np.setdiff1d(np.arange(total), kept)
    drawn = np.random.default_rng(seed).choice(others, limit - len(kept), replace=False)
    rule = f"{limit - len(kept):,} of {total:,} drawn at random (seed {seed})"
    if len(kept):
        rule = f"the {len(kept)} largest errors and {rule}"
    return np.sort(np.concatenate([kept, drawn])), rule


def learning_curves(
    title: str,
    lines: Iterable[Mapping[str, Any]] | Mapping[str, Iterable[Mapping[str, Any]]],
    *,
    step: str = "epoch",
    train: str = "train_loss",
    valid: str = "valid_loss",
    loss_name: str = "loss",
    note: str = "",
) -> LearningCurves:
    """Curves from lines of metrics.jsonl.

    Args:
        title: Of the panel.
        lines: Lines of one run, whose members become curves; or several runs by name ("seed 0": lines).
        step: Name of the field across.
        train: Name of the training loss.
        valid: Name of the validation loss.
        loss_name: Of the vertical axis.
        note: Shown below.
    """
    runs = lines if isinstance(lines, Mapping) else {"": lines}
    curves = []
    for run, found in runs.items():
        members: dict[Any, list[Mapping[str, Any]]] = {}
        for line in found:
            if step in line and (train in line or valid in line):
                members.setdefault(line.get("member", 0), []).append(line)
        for member, rows in members.items():
            name = ", ".join(part for part in (run, f"member {member + 1}" if len(members) > 1 else "") if part)
            curves.append(_curve(name or "run", rows, step, train, valid))
    return LearningCurves(title, tuple(curves), step, loss_name, note)


def result_table(
    title: str,
    labels: Sequence[Label],
    metric: str | Mapping[str, str],
    scores: Mapping[str, Sequence[Interval | float | None]],
    *,
    higher_is_better: bool | Mapping[str, bool],
    repeats: Mapping[str, Sequence[Values]] | None = None,
    counts: Sequence[int] = (),
    baselines: Sequence[str] = (),
    units: Mapping[str, str] | None = None,
    limit: int = MAX_ROWS,
    **fields: str,
) -> ResultTable:
    """Tasks × models with the best of each row marked (all that share the best value), where there is more than one.

    Args:
        title: Of the table.
        labels: The rows.
        metric: One metric's name, or label name -> metric name.
        scores: Model name -> one value or interval for each label.
        higher_is_better: Direction of the metric, or label name -> direction.
        repeats: Model name -> for each label, the values of the single seeds.
        counts: Measured test molecules of each label.
        baselines: Which models are baselines.
        units: Metric name -> unit; by default RMSE and MAE carry the label's unit, others none.
        limit: Only the first so many labels are listed, and the note says so.
        fields: `part`, `split`, `intervals`, `note` of `ResultTable`.
    """
    rows = []
    for place, label in enumerate(labels[:limit]):
        name = metric if isinstance(metric, str) else metric[label.name]
        higher = higher_is_better if isinstance(higher_is_better, bool) else higher_is_better[label.name]
        found = {model: estimate(column[place]) for model, column in scores.items()}
        values = [entry.value for entry in found.values() if entry.value is not None]
        best = (max(values) if higher else min(values)) if values and len(scores) > 1 else None
        unit = (units or {}).get(name, label.unit if name.lower() in ("rmse", "mae") else "")
        rows.append(
            TaskResult(
                label.name,
                name,
                direction(higher),
                tuple(
                    Score(
                        model,
                        entry,
                        tuple(known(value) for value in repeats[model][place]) if repeats and model in repeats else (),
                        best=entry.value is not None and entry.value == best,
                    )
                    for model, entry in found.items()
                ),
                unit,
                label.level,
                int(counts[place]) if len(counts) else 0,
            )
        )
    if len(labels) > limit:
        shown = f"the first {limit:,} of {len(labels):,} labels are listed"
        fields["note"] = f"{fields['note']}; {shown}" if fields.get("note") else shown
    return ResultTable(title, tuple(scores), tuple(rows), tuple(baselines), **fields)


def difference(
    first: str, second: str, task: str, metric: str, found: Interval, *, higher_is_better: bool, **fields: Any
) -> Difference:
    """`first` minus `second`, from `evaluate.bootstrap.paired_difference` or `paired_bootstrap`.

    `fields`: unit, pairs, paired_over of `Difference`.
    """
    return Difference(first, second, task, metric, direction(higher_is_better), estimate(found), **fields)


def direction(higher_is_better: bool) -> Direction:
    """The word for it."""
    return "higher" if higher_is_better else "lower"


def parity(
    pool: MoleculePool,
    *,
    task: str,
    model: str,
    smiles: Sequence[str],
    measured: Values,
    predicted: Values,
    bounds: Values | None = None,
    low: Values | None = None,
    high: Values | None = None,
    bars: str = "",
    unit: str = "",
    part: str = "test",
    scores: Sequence[KeyNumber] | None = None,
    limit: int = MAX_POINTS,
) -> Parity:
    """Measured against predicted, without the molecules that were not measured.

    Args:
        pool: Takes the molecules that are shown.
        task: The label.
        model: Whose predictions.
        smiles: (N,) molecules.
        measured: (N,), NaN = not measured.
        predicted: (N,).
        bounds: (N,) of censored measurements; None when nothing is censored.
        low: (N,) lower ends of the predictions' bars.
        high: (N,) upper ends.
        bars: What the bars are.
        unit: Of the label.
        part: Of the split.
        scores: Written above the plot; by default RMSE, MAE and (of ten or more) R² of all measured molecules, and how many are censored.
        limit: Of points; of more, the 50 largest errors and a random draw are shown.
    """
    true, mean = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    sides = np.zeros(len(true), np.int8) if bounds is None else np.asarray(bounds)
    rows = np.flatnonzero(np.isfinite(true) & np.isfinite(mean))
    if scores is None:
        given = mean[rows, None], true[rows, None], sides[rows, None]
        scores = [
            KeyNumber(number(known(METRICS[name](*given)[0])), metric_text(name))
            for name in ("rmse", "mae", *(["r2"] if np.count_nonzero(sides[rows] == 0) >= FEWEST else []))
        ]
        if sides[rows].any():
            scores.append(KeyNumber(f"{np.count_nonzero(sides[rows]):,}", "censored"))
    chosen, rule = thin(len(rows), limit, keep=np.abs(nearest_truth(mean, true, sides) - mean)[rows])
    total, rows = len(rows), rows[chosen]
    if low is not None and high is not None:
        ends = [np.asarray(end, np.float64)[rows] for end in (low, high)]
        ends = [np.where(np.isfinite(end), end, mean[rows]) for end in ends]
    else:
        ends, bars = [np.zeros(0), np.zeros(0)], ""
    return Parity(
        task,
        model,
        numbers(true[rows]),
        numbers(mean[rows]),
        numbers(ends[0]),
        numbers(ends[1]),
        bars,
        unit,
        part,
        pool.indices([smiles[row] for row in rows]),
        total,
        rule,
        tuple(scores),
        tuple(sides[rows].tolist()) if sides[rows].any() else (),
    )


def binary_curves(
    task: str,
    true: Values,
    probabilities: Mapping[str, Values],
    *,
    part: str = "test",
    roc_auc: Mapping[str, Interval] | None = None,
    average_precision: Mapping[str, Interval] | None = None,
) -> BinaryCurves:
    """ROC and precision-recall curves of several models.

    Args:
        task: The label.
        true: (N,) 0 or 1, NaN = not measured.
        probabilities: Model name -> (N,) probability of 1.
        part: Of the split.
        roc_auc: Model name -> interval, where it was computed.
        average_precision: Model name -> interval, where it was computed.

    Raises:
        ValueError: There is only one class.
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    truth = np.asarray(true, np.float64)
    measured = np.isfinite(truth)
    positives = int((truth[measured] > 0.5).sum())
    if not 0 < positives < measured.sum():
        raise ValueError(f"{task}: curves need both classes among the measured molecules")
    roc, recall = [], []
    for model, found in probabilities.items():
        score = np.asarray(found, np.float64)
        use = measured & np.isfinite(score)
        false_rate, true_rate, _ = roc_curve(truth[use], score[use])
        precision, reached, _ = precision_recall_curve(truth[use], score[use])
        area = estimate(roc_auc[model]) if roc_auc and model in roc_auc else None
        roc.append(_line(model, false_rate, true_rate, area))
        area = estimate(average_precision[model]) if average_precision and model in average_precision else None
        recall.append(_line(model, reached[::-1], precision[::-1], area))
    return BinaryCurves(task, tuple(roc), tuple(recall), positives, int(measured.sum()) - positives, part)


def reliability(task: str, model: str, found: Any, *, part: str = "test", note: str = "") -> Reliability:
    """From `evaluate.calibration.Reliability` (predicted, observed, count, expected_error)."""
    counts = tuple(int(count) for count in found.count)
    return Reliability(
        task, model, numbers(found.predicted), numbers(found.observed), counts, known(found.expected_error), part, note
    )


def coverage(task: str, model: str, wanted: Values, reached: Values, count: int, **fields: Any) -> Coverage:
    """Observed against nominal coverage of intervals.

    `fields`: used, used_reached, mean_width, unit, part, note of `Coverage`.
    """
    return Coverage(task, model, numbers(wanted), numbers(reached), int(count), **fields)


def set_coverage(task: str, model: str, found: Any, *, wanted: float, classes: int, calibrated_on: int) -> SetCoverage:
    """From `evaluate.calibration.SetCoverage` (reached, mean_size, empty, count) on test rows."""
    return SetCoverage(
        task, model, wanted, estimate(found.reached), found.mean_size, found.empty, classes, found.count, calibrated_on
    )


def grey_picture(title: str, grey: np.ndarray, note: str, *, scale: int, views: tuple[int, int] = (1, 1)) -> Picture:
    """A plane of grey levels as a picture.

    Args:
        title, note: What it shows.
        grey: (height, width) uint8.
        scale: Pixels of the picture for one of the plane, along each side.
        views: See `Picture`.
    """
    large = grey.repeat(scale, 0).repeat(scale, 1)
    return Picture(title, base64.b64encode(encode_png(np.repeat(large[:, :, None], 3, axis=2))).decode(), note, views)


def gallery(
    pool: MoleculePool,
    *,
    task: str,
    model: str,
    smiles: Sequence[str],
    measured: Values,
    predicted: Values,
    bounds: Values | None = None,
    low: Values | None = None,
    high: Values | None = None,
    unit: str = "",
    part: str = "test",
    count: int = 8,
    notes: Sequence[str] = (),
) -> tuple[Gallery, Gallery]:
    """The molecules with the largest and with the smallest absolute errors, drawn; arguments as of `parity`."""
    true, mean = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    rows = np.flatnonzero(np.isfinite(true) & np.isfinite(mean))
    sides = np.zeros(len(true), np.int8) if bounds is None else np.asarray(bounds)
    order = rows[np.argsort(-np.abs(nearest_truth(mean, true, sides) - mean)[rows], kind="stable")]
    lows, highs = (None if bound is None else np.asarray(bound, np.float64) for bound in (low, high))

    def cards(chosen: np.ndarray) -> tuple[MoleculeCard, ...]:
        return tuple(
            MoleculeCard(
                pool.index(smiles[row]),
                Estimate(
                    float(mean[row]),
                    None if lows is None else known(lows[row]),
                    None if highs is None else known(highs[row]),
                ),
                float(true[row]),
                notes[row] if len(notes) else "",
                int(sides[row]),
            )
            for row in chosen
        )

    count = min(count, len(order) // 2 or len(order))
    worst, best = order[:count], order[::-1][:count]
    return (
        Gallery("Worst", task, model, f"the {count} largest absolute errors", cards(worst), unit, part),
        Gallery("Best", task, model, f"the {count} smallest absolute errors", cards(best), unit, part),
    )


def predictions(
    pool: MoleculePool,
    title: str,
    labels: Sequence[Label],
    smiles: Sequence[str],
    mean: np.ndarray,
    *,
    low: np.ndarray | None = None,
    high: np.ndarray | None = None,
    names: Sequence[str] = (),
    problems: Mapping[int, str] | None = None,
    similarity: Values = (),
    intervals: str = "",
    limit: int = MAX_ROWS,
) -> Predictions:
    """A table of predictions with intervals.

    Args:
        pool: Takes the molecules.
        title: Of the table.
        labels: The T columns.
        smiles: (N,) molecules as they were given.
        mean: (N, T) values, probabilities or class numbers; NaN where there is none.
        low: (N, T) lower bounds.
        high: (N, T) upper bounds.
        names: (N,) what the molecules are called.
        problems: Row -> why it has no predictions.
        similarity: (N,) similarity of the nearest training molecule.
        intervals: What the bounds are.
        limit: Only the first so many rows are shown.
    """
    mean = np.asarray(mean, np.float64).reshape(len(smiles), len(labels))
    rows = []
    for row in range(min(len(smiles), limit)):
        values = tuple(
            Estimate(
                known(mean[row, column]),
                None if low is None else known(low[row, column]),
                None if high is None else known(high[row, column]),
            )
            for column in range(len(labels))
        )
        molecule = pool.index(smiles[row], names[row] if len(names) else "")
        near = known(similarity[row]) if len(similarity) else None
        problem = (problems or {}).get(row, "")
        rows.append(PredictedRow(molecule, () if problem else values, problem, near))
    shown = f"the first {limit:,} of {len(smiles):,}" if len(smiles) > limit else ""
    columns = tuple(PredictedLabel(label.name, label.unit, label.kind) for label in labels)
    return Predictions(title, columns, tuple(rows), intervals, len(smiles), shown)


def _curve(name: str, rows: list[Mapping[str, Any]], step: str, train: str, valid: str) -> Curve:
    validated = [row for row in rows if known(row.get(valid)) is not None]
    best = min(validated, key=lambda row: row[valid])[step] if validated else None
    every = -(-len(rows) // MAX_CURVE)
    shown = [row for place, row in enumerate(rows) if place % every == 0 or place == len(rows) - 1 or row[step] == best]
    columns = [tuple(known(row.get(field)) for row in shown) for field in (train, valid)]
    return Curve(
        name, tuple(float(row[step]) for row in shown), columns[0], columns[1], None if best is None else float(best)
    )


def _line(name: str, x: np.ndarray, y: np.ndarray, area: Estimate | None) -> Line:
    if len(x) > MAX_CURVE:
        chosen = np.unique(np.linspace(0, len(x) - 1, MAX_CURVE).round().astype(int))
        x, y = x[chosen], y[chosen]
    return Line(name, numbers(np.round(x, 5)), numbers(np.round(y, 5)), area)


def numbers(values: Values) -> tuple[float, ...]:
    """An array as a tuple of plain floats."""
    return tuple(np.asarray(values, np.float64).tolist())


def known(value: Any) -> float | None:
    """A finite float, or None."""
    return float(value) if value is not None and np.isfinite(value) else None
