"""From cells to responses: one pass over the matrix of a screen, then the mean change of each condition from the controls of its batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.expression import Expression
from hooke.cells.response_store import MeasuredResponses
from hooke.cells.screen import Columns, Scale, Screen
from hooke.cells.statistics import gather, parts_of
from hooke.core.errors import DataError
from hooke.evaluate.ceilings import changes_from, context_controls, control_means

NO_CONTROLS = "no controls in its batches"


def measured_responses(
    expression: Expression, columns: Columns, scale: Scale | None, folder: Path | None = None, *, smiles: Mapping[str, str] | None = None,
    seed: int = 0, show_progress: bool = True,
) -> MeasuredResponses:  # fmt: skip
    """The conditions of a screen with their changes; those without controls are rejected by name.

    Args:
        expression: The open file.
        columns: Which columns say what.
        scale: Of the numbers; None takes the file's own word.
        folder: Where the pass is saved, so that a stopped one goes on; None saves nothing.
        smiles: Compound → its structure.
        seed: Deals cells into parts.
        show_progress: Show cells, rate and time left.

    Raises:
        UsageError: No scale is declared.
        DataError: The screen is at fault, or no context has controls.
    """
    screen = Screen.of(expression, columns, scale=scale)
    statistics = gather(expression, screen, folder, seed=seed, show_progress=show_progress)
    parts = parts_of(statistics)
    if not len(parts.batch_context):
        raise DataError(f"{expression.path.name} has no controls: changes are measured from them")
    numbers, controls = context_controls(parts, len(screen.contexts))
    changes = changes_from(parts, control_means(parts))
    done = [screen.perturbations[one] for one in statistics.layout.groups[:, 0]]
    where = [screen.contexts[one] for one in statistics.layout.groups[:, 1]]
    good = ~np.isnan(changes).all(axis=1)
    rejected = [
        (each.name, context, NO_CONTROLS) for each, context, kept in zip(done, where, good, strict=True) if not kept
    ]
    conditions = Conditions.of(done, where, np.maximum(parts.counts.sum(axis=1), 1.0))
    left_out = {f"cells: {reason}": count for reason, count in statistics.screen.left_out.items()}
    left_out |= {f"genes: {reason}": count for reason, count in Counter(screen.genes_left_out.values()).items()}
    return MeasuredResponses(
        conditions.take(good), changes[good], tuple(screen.genes), tuple(screen.contexts[number] for number in numbers), controls,
        screen.scale.name, dict(smiles or {}), rejected=rejected, left_out=left_out,
    )  # fmt: skip
