"""The probability from which a row is called class 1, for each label with two classes of a run."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.runs import RunFolder
from hooke.evaluate.decision import DEFAULT_THRESHOLD, balanced_threshold

BALANCED = "balanced"  # the greatest balanced accuracy on the run's validation rows


def thresholds(run: RunFolder, labels: Sequence[Label], given: Sequence[float | str] = ()) -> dict[str, float]:
    """Label → threshold, ½ where nothing else is asked for.

    Args:
        run: Whose validation rows "balanced" is chosen on.
        labels: That are predicted; those with two classes have a threshold.
        given: A number or "balanced" for all labels, or "LABEL=NUMBER", "LABEL=balanced" for one.

    Raises:
        UnknownNameError: No such label with two classes.
        UsageError: No label has two classes; no number between 0 and 1; nothing to choose a threshold on.
    """
    binary = [label.name for label in labels if label.kind == "binary"]
    found = dict.fromkeys(binary, DEFAULT_THRESHOLD)
    for entry in given:
        name, _, value = str(entry).rpartition("=")
        if not binary:
            raise UsageError(f"a threshold needs a label with two classes, and {run.folder} predicts none")
        if name and name not in binary:
            raise UnknownNameError("label with two classes", name, binary)
        for label in [name] if name else binary:
            found[label] = _chosen(run, label) if value == BALANCED else _number(value)
    return found


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise UsageError(f"a threshold is a number between 0 and 1, or {BALANCED!r}, not {text!r}")
    return value


def _chosen(run: RunFolder, label: str) -> float:
    path = run.path("predictions_valid.parquet")
    if not path.exists():
        raise UsageError(f"{run.folder} has no predictions of validation rows to choose a threshold on; give a number")
    table = pl.read_parquet(path, columns=[label, f"{label}_measured"])
    found = balanced_threshold(*(table[name].to_numpy() for name in table.columns))
    if found is None:
        raise UsageError(f"the validation rows of {run.folder} hold one class of {label!r} alone; give a threshold")
    return found
