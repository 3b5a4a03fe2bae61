"""What the automatic choice of a run compared, what it uses and why: a few lines for people, a table for the report, and test predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    compared = _compared(choice)
    how = f"{choice['folds']}-fold predictions of the {choice['rows']:,} training rows"
    lines = []
    if len(compared) > 1:
        lines.append(
            f"compared {', '.join(entry['name'] for entry in compared)} by {how}, in {choice['seconds']:.0f} s of a budget of "
            f"{choice['budget']:g} s"
        )
    for place, name in list(enumerate(choice["labels"]))[:_SHOWN]:
        ranked = sorted(compared, key=lambda entry: number_or(entry["errors"][place], np.inf))
        used = sorted(
            (entry for entry in ranked if entry["weights"][place]), key=lambda entry: -entry["weights"][place]
        )
        told = f"{choice['metrics'][place]} {number(number_or(choice['errors'][place]))}"
        if len(used) > 1:
            weights = " + ".join(f"{entry['weights'][place]:.0%} {entry['name']}" for entry in used)
            others, told = ranked, told.replace(choice["metrics"][place], f"{choice['metrics'][place]} of their blend")
        else:
            weights, others = used[0]["name"], [entry for entry in ranked if entry is not used[0]]
        errors = ", ".join(f"{entry['name']} {number(number_or(entry['errors'][place]))}" for entry in others)
        told += f", of {errors}" if errors else f" by {how}"
        learnt = "" if choice["floors"][place] is None else ", learnt as logarithms"
        lines.append(f"chosen  {name}: {weights} ({told}{learnt})")
    if len(choice["labels"]) > _SHOWN:
        lines.append(f"chosen  ... and {len(choice['labels']) - _SHOWN} more labels in {BLEND}")
    lines += [
        f"left out {entry['name']}: {entry['reason']}" for entry in choice["candidates"] if entry["status"] == LEFT_OUT
    ]
    return lines


def _compared(choice: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in choice["candidates"] if entry["status"] != LEFT_OUT]


def chosen_name(run: RunFolder) -> str | None:
    """What a run with an automatic choice predicts by: "blend", or the one candidate that it uses; None where its model was named."""
    choice = choice_of(run)
    if choice is None:
        return None
    used = [entry["name"] for entry in choice["candidates"] if entry["used"]]
    return used[0] if len(used) == 1 else BLENDED


def candidate_table(run: RunFolder, labels: Sequence[Label]) -> ResultTable | None:
    """The out-of-fold errors of all candidates and of their blend; None where there was nothing to compare."""
    choice, chosen = choice_of(run), chosen_name(run)
    if choice is None or chosen is None or len(compared := _compared(choice)) < 2:
        return None
    places = [choice["labels"].index(label.name) for label in labels]
    scores: dict[str, list[Any]] = {chosen: [choice["errors"][place] for place in places]}
    scores |= {entry["name"]: [entry["errors"][place] for place in places] for entry in compared}
    metrics = dict(zip(choice["labels"], choice["metrics"], strict=True))
    return build.result_table(
        "Candidates on rows that they were not fitted on", labels, metrics, scores, higher_is_better=False,
        baselines=[entry["name"] for entry in compared if entry["name"] != chosen],
        part=f"{choice['folds']} folds of the training rows", note=" ".join(_notes(choice)),
    )  # fmt: skip


def candidate_predictions(run: RunFolder, labels: Sequence[Label], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Candidate → (rows, labels) what it alone says of the test rows, as `decided`; none where the run predicts by one candidate."""
    path = run.path(CANDIDATE_PREDICTIONS)
    if chosen_name(run) != BLENDED or not path.exists():
        return {}
    table, columns = pl.read_parquet(path), [name for label in labels for name in label.column_names]
    found = {}
    for (name,), part in table.group_by(["candidate"], maintain_order=True):
        ordered = pl.DataFrame({"row": rows}).join(part, on="row", how="left", maintain_order="left")
        found[str(name)] = decided(ordered.select(columns).to_numpy(), labels)
    return found


def _notes(choice: dict[str, Any]) -> list[str]:
    notes = [
        "The weights of a blend are at least 0, sum to one, give the least error of the blend on these rows, and are pulled towards equal "
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
