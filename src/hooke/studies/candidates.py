"""What the automatic choice of a run compared, what it uses and why: a few lines for people, a table for the report, and test predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from hooke.core.json_text import number_or
from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.inference.blend import BLEND
from hooke.report import build
from hooke.report.schema import ResultTable
from hooke.report.wording import number
from hooke.train.automatic import CANDIDATE_PREDICTIONS, LEFT_OUT
from hooke.train.measure import decided

BLENDED = "blend"
_SHOWN = 4  # labels


def choice_of(run: RunFolder) -> dict[str, Any] | None:
    """What the run has on its automatic choice (`blend.json`); None where its model was named."""
    return run.read_json(BLEND) if run.path(BLEND).exists() else None


def choice_lines(run: RunFolder) -> list[str]:
    """What was compared, how well each did on rows that it was not fitted on, what is used, and what was left out."""
    choice = choice_of(run)
    if choice is None:
        return []
    compared = [entry for entry in choice["candidates"] if entry["status"] != LEFT_OUT]
    lines = [
        f"compared {', '.join(entry['name'] for entry in compared)} by {choice['folds']}-fold predictions of the {choice['rows']:,} training "
        f"rows, in {choice['seconds']:.0f} s of a budget of {choice['budget']:g} s"
    ]
    for place, name in list(enumerate(choice["labels"]))[:_SHOWN]:
        ranked = sorted(compared, key=lambda entry: number_or(entry["errors"][place], np.inf))
        errors = ", ".join(f"{entry['name']} {number(number_or(entry['errors'][place]))}" for entry in ranked)
        used = sorted(compared, key=lambda entry: -entry["weights"][place])
        weights = " + ".join(
            f"{entry['weights'][place]:.0%} {entry['name']}" for entry in used if entry["weights"][place]
        )
        blend = f"{choice['metrics'][place]} of their blend {number(number_or(choice['errors'][place]))}, of {errors}"
        learnt = "" if choice["floors"][place] is None else ", learnt as logarithms"
        lines.append(f"chosen  {name}: {weights} ({blend}{learnt})")
    if len(choice["labels"]) > _SHOWN:
        lines.append(f"chosen  ... and {len(choice['labels']) - _SHOWN} more labels in {BLEND}")
    lines += [
        f"left out {entry['name']}: {entry['reason']}" for entry in choice["candidates"] if entry["status"] == LEFT_OUT
    ]
    return lines


def candidate_table(run: RunFolder, labels: Sequence[Label]) -> ResultTable | None:
    """The out-of-fold errors of all candidates and of their blend; None where the run's model was named."""
    choice = choice_of(run)
    if choice is None:
        return None
    compared = [entry for entry in choice["candidates"] if entry["status"] != LEFT_OUT]
    places = [choice["labels"].index(label.name) for label in labels]
    scores: dict[str, list[Any]] = {BLENDED: [choice["errors"][place] for place in places]}
    scores |= {entry["name"]: [entry["errors"][place] for place in places] for entry in compared}
    metrics = dict(zip(choice["labels"], choice["metrics"], strict=True))
    return build.result_table(
        "Candidates on rows that they were not fitted on", labels, metrics, scores, higher_is_better=False,
        baselines=[entry["name"] for entry in compared], part=f"{choice['folds']} folds of the training rows", note=" ".join(_notes(choice)),
    )  # fmt: skip


def candidate_predictions(run: RunFolder, labels: Sequence[Label], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Candidate → (rows, labels) what it alone says of the test rows, as `decided`."""
    path = run.path(CANDIDATE_PREDICTIONS)
    if not path.exists():
        return {}
    table, columns = pl.read_parquet(path), [name for label in labels for name in label.column_names]
    found = {}
    for (name,), part in table.group_by(["candidate"], maintain_order=True):
        ordered = pl.DataFrame({"row": rows}).join(part, on="row", how="left", maintain_order="left")
        found[str(name)] = decided(ordered.select(columns).to_numpy(), labels)
    return found


def _notes(choice: dict[str, Any]) -> list[str]:
    notes = [
        "The weights of the blend are at least 0, sum to one, give the least error of the blend on these rows, and are pulled towards equal "
        f"ones (penalty {choice['penalty']:g})."
    ]
    for entry in choice["candidates"]:
        weights = ", ".join(
            f"{name} {weight:.0%}"
            for name, weight in zip(choice["labels"][:_SHOWN], entry["weights"][:_SHOWN], strict=False)
        )
        notes.append(f"{entry['name']}: {entry['reason'] or f'weight {weights}'} ({entry['seconds']:.0f} s).")
        if "minimol" in entry["blocks"]:
            notes.append(
                "It reads MiniMol's vectors; whether MiniMol was pretrained on these measurements is not known."
            )
    logarithms = [name for name, floor in zip(choice["labels"], choice["floors"], strict=True) if floor is not None]
    if logarithms:
        notes.append(f"Learnt as logarithms, because positive and skewed: {', '.join(logarithms)}.")
    return notes
