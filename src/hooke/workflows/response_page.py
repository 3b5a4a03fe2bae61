"""The page of a fitted screen: what it can teach, every model on held-out conditions, what was chosen and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.estimators.responses import is_baseline
from hooke.evaluate.ceilings import Ceiling
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.schema import Report, Reproduce, Summary, Text
from hooke.report.wording import number

if TYPE_CHECKING:
    from hooke.workflows.response_fit import Choice

METRIC = "pearson"


def write_page(
    run: RunFolder, screen: str, choices: Sequence[Choice], verdicts: Mapping[str, str], ceilings: Sequence[Ceiling]
) -> Path:
    """`report.json` and `report.html` of a run.

    Args:
        run: Where they are written.
        screen: Its name.
        choices: For each kind of question.
        verdicts: Context → what it can teach.
        ceilings: Of the contexts, in the order of `verdicts`.
    """
    tables = [
        build.result_table(
            f"Correlation of held-out changes: {each.kind}", [Label(each.kind)], METRIC, {name: [found] for name, found in each.scores.items()},
            higher_is_better=True, counts=[each.conditions], split="inner folds", intervals="95 % bootstrap over held-out conditions",
            baselines=[name for name in each.scores if is_baseline(name)],
            note="; ".join(f"{name} was not fitted: {reason}" for name, reason in each.skipped.items()),
        )
        for each in choices
    ]  # fmt: skip
    tables.append(
        build.result_table(
            "How well the screen reproduces itself", [Label(name) for name in verdicts], METRIC,
            {
                "disjoint halves": [each.interval for each in ceilings],
                "replicate of the experiment": [each.replicate_reaches for each in ceilings],
                "prediction without noise": [each.noise_free_limit for each in ceilings],
                "null, 97.5 % quantile": [each.null_band[1] for each in ceilings],
            },
            higher_is_better=True, counts=[len(each.rows) for each in ceilings], split="all perturbations",
            intervals="95 %, over draws of halves and perturbations", baselines=["null, 97.5 % quantile"],
        )
    )  # fmt: skip
    differences = [
        build.difference(
            next(name for name in each.scores if name not in tables[place].baselines), each.baseline, each.kind, METRIC, each.difference,
            higher_is_better=True, pairs=each.conditions, paired_over="conditions",
        )
        for place, each in enumerate(choices) if not np.isnan(each.difference.value)
    ]  # fmt: skip
    won = sum(not each.is_baseline for each in choices)
    evaluable = sum(each.is_evaluable for each in ceilings)
    reach = [
        KeyNumber(number(each.replicate_reaches), f"r of a replicate, {name}")
        for name, each in zip(verdicts, ceilings, strict=True)
        if each.is_evaluable
    ]
    report = Report(
        title=f"Responses of {screen}",
        subtitle="models of responses, compared on inner folds",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=Summary(
            ". ".join(each.verdict for each in choices) + ".",
            "none",
            (
                KeyNumber(f"{evaluable} of {len(ceilings)}", "contexts that are evaluable"),
                KeyNumber(f"{won} of {len(choices)}", "kinds of question in which a model beats the baselines"),
                *reach,
            ),
            tuple(f"{name}: {verdict}" for name, verdict in verdicts.items()),
        ),
        results=tuple(tables),
        differences=tuple(differences),
        items="conditions",
        reproduce=Reproduce(commands=(Text("Command", run.info["command"]),)),
    )  # fmt: skip
    report.write(run.path("report.json"))
    return write_report(run.path("report.json"), run.path("report.html"))
