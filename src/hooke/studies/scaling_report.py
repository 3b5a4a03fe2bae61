"""The page of a scaling study: improvement by factor, an error curve with its law for each factor, the table, the recipe."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from hooke.core.label import Label
from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.power_law import FEWEST_SIZES, PowerLaw
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.provenance import references, to_toml
from hooke.report.schema import Estimate, Report, Reproduce, ResultTable, Summary, Sweep, SweptLine, Text
from hooke.report.wording import number
from hooke.studies.scaling_result import MEASURES, OTHER_LABELS, Curve, ScalingResult

_LAW_POINTS = 40


def write_scaling_report(result: ScalingResult, *, command: str = "") -> Path:
    """`FILE.report.json` and `FILE.html` beside the study's file; returns the page."""
    study = result.study
    report = Report(
        title=f"Scaling of {Path(study.recipe).stem}",
        subtitle=f"one factor at a time, {study.seeds} seeds, {len(result.trials)} trainings",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=_summary(result),
        sweeps=(*_improvements(result), *(_panel(curve) for curve in result.curves)),
        results=tuple(_table(result, measure) for measure in MEASURES if _of(result, measure)),
        reproduce=Reproduce(
            commands=(Text("Command", command),) if command else (),
            recipes=(Text("Base point", to_toml(study.at(()).to_json())),),
            references=references(["scaling"]),
        ),
    )
    source = report.write(study.file.with_suffix(".report.json"))
    return write_report(source, study.file.with_suffix(".html"))


def _of(result: ScalingResult, measure: str) -> list[Curve]:
    return [curve for curve in result.curves if curve.measure == measure]


def _improvements(result: ScalingResult) -> list[Sweep]:
    """All factors of a measure in one panel: improvement over the smallest size, by how many times larger a size is."""
    panels = []
    for measure, text in MEASURES.items():
        lines = [
            SweptLine(
                curve.factor,
                tuple(size / curve.sizes[0] for size in curve.sizes),
                tuple(Estimate(100 * (1 - curve.mean(k).value / curve.mean(0).value)) for k in range(len(curve.sizes))),
            )
            for curve in _of(result, measure)
        ]
        if lines:
            title = f"Improvement by factor: {text}"
            panels.append(
                Sweep(
                    title, "times the smallest size", "improvement over the smallest size, %", tuple(lines), log_y=False
                )
            )
    return panels


def _panel(curve: Curve) -> Sweep:
    law, x = curve.law, np.geomspace(curve.sizes[0], curve.sizes[-1], _LAW_POINTS)
    line = SweptLine(
        curve.factor,
        curve.sizes,
        tuple(build.estimate(curve.mean(place)) for place in range(len(curve.sizes))),
        build.numbers(x) if law else (),
        build.numbers(law.at(x)) if law else (),
        formula(law) if law else "",
    )
    note = f"largest distance of a point from the law: {law.misfit:.1%}" if law else ""
    note = note or f"{len(curve.sizes)} sizes: no exponent is fitted to fewer than {FEWEST_SIZES}"
    return Sweep(f"{curve.factor}: {MEASURES[curve.measure]}", curve.factor, "error", (line,), note=note)


def formula(law: PowerLaw) -> str:
    """The law with the interval of its exponent: "0.81 x^−0.12 [0.10, 0.14] + 0.30"."""
    low, high = law.exponent.low, law.exponent.high
    bounds = f" [{number(low, 2)}, {number(high, 2)}]" if math.isfinite(low + high) else ""
    text = f"{number(law.scale.value, 2)} x^{number(-law.exponent.value, 2)}{bounds}"
    return f"{text} + {number(law.floor.value, 2)}" if law.form == "floor" else text


def _table(result: ScalingResult, measure: str) -> ResultTable:
    """Improvement and the exponents of both forms, a row a factor and quantity."""
    rows: dict[str, list[object]] = {"study": []}
    labels, metrics, higher = [], {}, {}
    for curve in _of(result, measure):
        for name, found, up in (
            ("improvement from the smallest to the largest size", curve.improvement, True),
            *((f"exponent, {law.form} form", law.exponent, True) for law in curve.laws),
            *((f"{law.form} value", law.floor, False) for law in curve.laws if law.form == "floor"),
        ):
            label = Label(f"{curve.factor}: {name}")
            labels.append(label)
            metrics[label.name], higher[label.name] = name.partition(",")[0].split()[0], up
            rows["study"].append(found)
    return build.result_table(
        MEASURES[measure], labels, metrics, rows, higher_is_better=higher,  # type: ignore[arg-type]
        intervals="95 %: bootstrap over seeds (laws), t over seeds (improvement)",
    )  # fmt: skip


def _bounds(found: Interval) -> str:
    """Of an improvement, where there is more than one seed."""
    return (
        f" [{found.low:.1%}, {found.high:.1%}]" if math.isfinite(found.low + found.high) else " (one seed, no interval)"
    )


def _summary(result: ScalingResult) -> Summary:
    measure = "probe" if _of(result, "probe") else "test"
    curves = sorted(_of(result, measure), key=lambda curve: -curve.improvement.value)
    caveats = [f"{len(result.failures)} trainings failed and are left out"] if result.failures else []
    caveats += [f"{name}: {OTHER_LABELS}" for name in result.changing_labels]
    missing = len(result.study.missing())
    if missing:
        caveats.append(f"{missing} trainings are still missing; the same command goes on")
    if not curves:
        return Summary("No factor was measured at two sizes.", caveats=tuple(caveats))
    best = curves[0]
    found = best.improvement
    text = (
        f"Of the factors within their ranges, {best.factor} takes most off the {MEASURES[measure]}: {found.value:.1%}"
        f"{_bounds(found)} from {best.sizes[0]:g} to {best.sizes[-1]:g}."
    )
    numbers = tuple(
        KeyNumber(
            f"{curve.improvement.value:.1%}",
            f"by {curve.factor}",
            f"{curve.sizes[0]:g} to {curve.sizes[-1]:g}",
        )
        for curve in curves[:6]
    )
    caveats.append("ranges differ between factors, and laws hold within them: an extrapolation is a guess")
    return Summary(text, "none", numbers, tuple(caveats))
