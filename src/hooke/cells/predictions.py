"""Predicted responses as files: one row or more for each perturbation in a context, genes as columns; controls in them are not read.

A prediction is a profile, on the scale of the screen, or a change from control; which one is declared. Several rows of one perturbation (cells)
are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hooke.cells.expression import Entries, Expression, open_expression
from hooke.cells.perturbations import Perturbation
from hooke.cells.screen import CONTROL, Columns, Scale, labels_of
from hooke.cells.statistics import contradiction
from hooke.core.errors import DataError, UnknownNameError

SPACES = ("profiles", "changes")


@dataclass(frozen=True)
class Predictions:
    """Mean predictions, row by row as they were asked for.

    Attributes:
        values: (rows, genes); NaN where nothing is predicted.
        space: "profiles" or "changes".
        genes: (genes,) bool: which of the genes asked for are in the file.
        rows: Number of rows of the file that count.
        left_out: Reason → rows of the file.
    """

    values: np.ndarray
    space: str
    genes: np.ndarray
    rows: int
    left_out: Mapping[str, int]

    def profiles(self, reference: np.ndarray) -> np.ndarray:
        """(rows, genes) as profiles, above controls where changes are predicted; genes that are not predicted do not change."""
        filled = np.where(self.genes, self.values, 0.0 if self.space == "changes" else reference)
        return np.where(
            np.isnan(self.values).all(axis=1, keepdims=True),
            np.nan,
            filled + (reference if self.space == "changes" else 0.0),
        )


def read_predictions(
    path: Path, groups: Sequence[tuple[Perturbation, str]], genes: Sequence[str], *, columns: Columns, space: str = "profiles",
    scale: Scale | None = None,
) -> Predictions:  # fmt: skip
    """Read the predictions of some perturbations in contexts.

    Args:
        path: .h5ad, or a table.
        groups: Perturbation and context of each row that is asked for.
        genes: Asked for, by name.
        columns: Of the file; guessed as for screens. Without a column of contexts it must be one that is asked for.
        space: "profiles" or "changes".
        scale: Of the screen: profiles that contradict it are refused.

    Raises:
        DataError: The file is at fault, holds none of the genes or perturbations, or contradicts the scale.
        UnknownNameError: No such space.
    """
    if space not in SPACES:
        raise UnknownNameError("space of predictions", space, SPACES)
    contexts = sorted({context for _, context in groups})
    with open_expression(path) as expression:
        labels = labels_of(expression, columns)
        named = labels.contexts
        if labels.no_context:
            if len(contexts) > 1:
                raise DataError(
                    f"{path} does not say the context of its predictions, and there are {len(contexts)}: {', '.join(contexts[:5])}"
                )
            named = (contexts[0],)
        place = {group: row for row, group in enumerate(groups)}
        target = np.full((len(labels.perturbations) + 1, len(named)), -1)
        for number, perturbation in enumerate(labels.perturbations):
            for column, context in enumerate(named):
                target[number, column] = place.get((perturbation, context), -1)
        usable = labels.perturbation >= 0
        rows = np.where(usable, target[np.where(usable, labels.perturbation, -1), labels.context], -1)
        left_out = dict(labels.left_out)
        left_out["controls, which are not read"] = int((labels.perturbation == CONTROL).sum())
        left_out["not measured"] = int((usable & (rows < 0)).sum())
        names = {name: column for column, name in reversed(list(enumerate(expression.genes())))}
        there = np.array([gene in names for gene in genes])
        if not there.any():
            raise DataError(f"{path} holds none of the {len(genes):,} genes of the screen")
        if not (rows >= 0).any():
            raise DataError(f"{path} predicts none of the perturbations of the screen")
        sums = _sums(expression, rows, len(groups))
        counts = np.bincount(rows[rows >= 0], minlength=len(groups))
    values = np.full((len(groups), len(genes)), np.nan)
    columns_there = np.array([names[gene] for gene, known in zip(genes, there, strict=True) if known])
    given = counts > 0
    values[np.ix_(given, there)] = sums[np.ix_(given, columns_there)] / counts[given][:, None]
    found = values[np.ix_(given, there)]
    if not np.isfinite(found).all():
        raise DataError(
            f"{path}: {int((~np.isfinite(found)).any(axis=1).sum())} predictions hold NaN or infinite values"
        )
    if scale is not None and space == "profiles":
        try:
            contradiction(scale, np.array([found.min(), found.max(), 1.0 if scale.name != "counts" else 0.0, 0.0]))
        except DataError as error:
            raise DataError(
                f"{path} is on another scale than the screen ({scale.name}): {str(error).partition(', but ')[2]}"
            ) from error
    return Predictions(
        values, space, there, int((rows >= 0).sum()), {reason: count for reason, count in left_out.items() if count}
    )


def _sums(expression: Expression, rows: np.ndarray, count: int) -> np.ndarray:
    """(count, columns) float64 sums of the rows of the file."""
    sums = np.zeros((count, expression.shape[1]))
    for block in expression.blocks():
        if isinstance(block, Entries):
            own = rows[block.cells]
            kept = own >= 0
            np.add.at(sums, (own[kept], block.genes[kept]), block.values[kept].astype(np.float64))
        else:
            own = rows[block.span.start : block.span.stop]
            np.add.at(sums, own[own >= 0], block.values[own >= 0].astype(np.float64))
    return sums
