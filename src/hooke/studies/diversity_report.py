"""The page of a study of diversity: errors over conformations for each kind of test frames, comparisons, and a verdict where one is due."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hooke.core.label import Label
from hooke.evaluate.bootstrap import Interval
from hooke.modalities.atoms.frame_errors import FORCE_ERROR
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.provenance import references, to_toml
from hooke.report.schema import Difference, Report, Reproduce, ResultTable, Summary, Sweep, SweptLine, Text
from hooke.studies.diversity import MEASURES, DiversityResult, Point


def write_diversity_report(result: DiversityResult, *, command: str = "") -> Path:
    """`FILE.report.json` and `FILE.html` beside the study's file; returns the page."""
    study = result.study
    report = Report(
        title=study.suite.title,
        subtitle=f"{len(result.seeds)} seeds, {len(result.finished)} trainings",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=_summary(result),
        sweeps=tuple(
            _panel(result, title, points, measure) for measure in MEASURES for title, points in result.sweeps.items()
        ),
        results=(*(_best(result, measure) for measure in MEASURES), *_detection(result)),
        differences=tuple(
            Difference(
                f"{points[-1][0]} × {points[-1][1]}", f"{points[0][0]} × {points[0][1]}", f"{kind}, {title}", MEASURES[measure].split(",")[0],
                "lower", build.estimate(result.difference(points, measure, kind)), MEASURES[measure].split(", ")[1],
                sum(len(errors) for errors in result.errors(points[0], measure, kind)), "molecules of all seeds",
            )
            for measure in MEASURES for title, points in result.sweeps.items() for kind in study.kinds if _known(result, points, measure, kind)
        ),
        items="frames",
        reproduce=Reproduce(
            commands=(Text("Command", command),) if command else (),
            recipes=(Text("Recipe", to_toml(study.at(study.suite.points[0], 0).to_json())),),
            references=references([]),
        ),
    )  # fmt: skip
    source = report.write(study.file.with_suffix(".report.json"))
    return write_report(source, study.file.with_suffix(".html"))


def _known(result: DiversityResult, points: list[Point], measure: str, kind: str) -> bool:
    return all(any(result.errors(point, measure, kind)) for point in points)


def _panel(result: DiversityResult, title: str, points: list[Point], measure: str) -> Sweep:
    lines = tuple(
        SweptLine(
            kind, tuple(float(point[1]) for point in points), tuple(build.estimate(result.mean(point, measure, kind)) for point in points)
        )
        for kind in result.study.kinds
        if _known(result, points, measure, kind)
    )  # fmt: skip
    molecules = ", ".join(str(point[0]) for point in points)
    return Sweep(
        f"{MEASURES[measure].split(',')[0].capitalize()}, {title}", "conformations a molecule", MEASURES[measure], lines,
        note=f"molecules: {molecules}",
    )  # fmt: skip


def _best(result: DiversityResult, measure: str) -> ResultTable:
    labels: list[Label] = []
    found: list[Interval] = []
    for title, points in result.sweeps.items():
        for kind in result.study.kinds:
            if _known(result, points, measure, kind):
                labels.append(Label(f"{kind}, {title}"))
                found.append(result.best(points, measure, kind))
    return build.result_table(
        f"Conformations a molecule with the smallest {MEASURES[measure].split(',')[0]}", labels, "conformations", {"best": found},
        higher_is_better=True, intervals="95 %: where the smallest lies when test molecules are resampled",
    )  # fmt: skip


def _detection(result: DiversityResult) -> tuple[ResultTable, ...]:
    """What foretells large errors at each point."""
    signals = list(dict.fromkeys(name for trial in result.finished for name in trial.detection))
    points = list(result.study.suite.points)
    if not signals:
        return ()
    labels = [Label(f"{molecules} × {conformations}") for molecules, conformations in points]
    scores = {name: [result.detected(point, name) for point in points] for name in signals}
    return (
        build.result_table(
            "What foretells force errors above three times their median", labels, "AUROC", scores, higher_is_better=True,
            intervals="95 % t interval over seeds; 0.5 is chance",
        ),
    )  # fmt: skip


def _summary(result: DiversityResult) -> Summary:
    (title, points), *_ = result.sweeps.items()
    said, numbers = [], []
    for kind in result.study.kinds:
        if not _known(result, points, FORCE_ERROR, kind):
            continue
        gap = result.difference(points, FORCE_ERROR, kind)
        text = f"{1000 * gap.value:+.0f} meV/Å [{1000 * gap.low:.0f}, {1000 * gap.high:.0f}]"
        numbers.append(
            KeyNumber(
                f"{1000 * gap.value:+.0f} meV/Å",
                f"on {kind} frames",
                f"95 %: {1000 * gap.low:.0f} to {1000 * gap.high:.0f}",
            )
        )
        if gap.decided:
            said.append(f"{'raise' if gap.value > 0 else 'lower'} force errors on {kind} frames by {text}")
        else:
            said.append(f"change force errors on {kind} frames by {text}, which is not decided")
    verdict = (
        f"With {title}, {points[-1][1]} instead of {points[0][1]} conformations a molecule " + "; ".join(said) + "."
    )
    caveats = [
        "equal numbers of labels and of steps; one data set, one network: other sets may differ",
        "a design of our own: the study that asked the question (arXiv 2311.00862) published neither data nor numbers",
    ]
    left_out = max((trial.left_out for trial in result.finished), default=0)
    if left_out:
        caveats.append(
            f"up to {left_out} test molecules a seed hold elements that some point has not seen, and are left out of all"
        )
    if missing := len(result.study.missing()):
        caveats.append(f"{missing} trainings are still missing; the same command goes on")
    return Summary(
        verdict if said else "Nothing was measured on all points yet.", "none", tuple(numbers[:6]), tuple(caveats)
    )
