"""Energy distance of predicted to measured cells: does a model predict the spread of cells, not only their mean?

    E(X, Y) = 2 E|x - y| - E|x - x'| - E|y - y'|

Cells of a perturbation are dealt into two halves. A prediction is held against the first half; the ceiling is the second half, the null are
control cells of the same context, both against the same first half. Only files with several rows a perturbation (cells) have a distance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hooke.cells.expression import Entries, open_expression
from hooke.cells.screen import CONTROL, Columns, Screen, labels_of
from hooke.core.errors import UsageError
from hooke.core.reading import refuse_larger
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.response import energy_distance

Cells = dict[tuple[str, str], np.ndarray]  # (perturbation, context) → (cells, genes)


@dataclass(frozen=True)
class EnergyScore:
    """Mean energy distance of one model in one context; 0 is perfect.

    Attributes:
        context, model: Which.
        distance: Of predicted cells, with its interval over perturbations.
        null: Of control cells.
        ceiling: Of the other half of the measured cells.
        scored: Perturbations with a distance.
        undefined: Perturbations that are predicted by fewer than two rows, or measured in fewer than four cells.
    """

    context: str
    model: str
    distance: Interval
    null: float
    ceiling: float
    scored: int
    undefined: int


def energy_scores(
    predicted: Mapping[str, Path | str], measured: Path | str, screen: Screen, columns: Columns, *, genes: tuple[str, ...],
    cells: int, layer: str | None = None,
    seed: int = 0,
) -> list[EnergyScore]:  # fmt: skip
    """Energy distances of several files of predicted cells.

    Args:
        predicted: Model → its file, on the scale of the screen.
        measured: The file of the screen.
        screen: Of that file.
        columns: Of the files.
        genes: Of the screen, that all files have.
        cells: Most of them a set.
        layer: Of the measured file.
        seed: Of which cells are taken.

    Raises:
        UsageError: Fewer than two cells a set.
        DataError: A file is at fault.
    """
    if cells < 2:
        raise UsageError(f"an energy distance needs two cells a set or more, not {cells}")
    names = [each.name for each in screen.perturbations]
    groups = np.full(len(screen), -1, np.int64)
    keys: list[tuple[str, str]] = [(name, where) for where in screen.contexts for name in (*names, "control")]
    width = len(names) + 1
    used = screen.perturbation >= CONTROL
    column = np.where(screen.perturbation == CONTROL, len(names), screen.perturbation)
    groups[used] = (screen.context * width + column)[used]
    own = _cells(Path(measured), layer, genes, keys, groups, 2 * cells, seed)
    found = []
    for model, path in predicted.items():
        made = _predicted(Path(path), columns, screen, genes, cells, seed)
        found += [_scored(model, where, own, made, cells) for where in screen.contexts]
    return [each for each in found if each.scored or each.undefined]


def _scored(model: str, where: str, own: Cells, made: Cells, cells: int) -> EnergyScore:
    rows, undefined = [], 0
    control = own.get(("control", where), np.empty((0, 0)))[:cells]
    for (name, context), values in own.items():
        if context != where or name == "control" or (name, context) not in made:
            continue
        first, second = values[: len(values) // 2], values[len(values) // 2 :]
        distance = energy_distance(made[name, context], first)
        if np.isnan(distance) or len(first) < 2:
            undefined += 1
            continue
        rows.append((distance, energy_distance(control, first), energy_distance(second, first)))
    nothing = Interval(np.nan, np.nan, np.nan)
    if not rows:
        return EnergyScore(where, model, nothing, np.nan, np.nan, 0, undefined)
    distances, nulls, ceilings = np.array(rows).T
    interval = paired_difference(distances, generator=np.random.default_rng(0))
    return EnergyScore(where, model, interval, float(nulls.mean()), float(ceilings.mean()), len(rows), undefined)


def _predicted(path: Path, columns: Columns, screen: Screen, genes: tuple[str, ...], cells: int, seed: int) -> Cells:
    with open_expression(path) as expression:
        labels = labels_of(expression, replace(columns, batch=""))
    contexts = screen.contexts[:1] if labels.no_context and len(screen.contexts) == 1 else labels.contexts
    width = len(labels.perturbations)
    keys = [(each.name, where) for where in contexts for each in labels.perturbations]
    groups = np.where(labels.perturbation >= 0, labels.context * width + labels.perturbation, -1)
    return _cells(path, None, genes, keys, groups, cells, seed)


def _cells(
    path: Path, layer: str | None, genes: tuple[str, ...], keys: list[tuple[str, str]], groups: np.ndarray, most: int, seed: int
) -> Cells:  # fmt: skip
    """At most so many cells of each group, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]
    sorted_groups = groups[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_groups, sorted_groups)
    taken = order[(sorted_groups >= 0) & (rank < most)]
    refuse_larger(4.0 * len(taken) * len(genes), f"the cells of {path} that are compared (--energy takes fewer)")
    slot = np.full(len(groups), -1, np.int64)
    slot[taken] = np.arange(len(taken))
    values = np.zeros((len(taken), len(genes)), np.float32)
    with open_expression(path, layer) as expression:
        place = {gene: column for column, gene in reversed(list(enumerate(expression.genes())))}
        at = np.full(expression.shape[1], -1, np.int64)
        for column, gene in enumerate(genes):
            if gene in place:
                at[place[gene]] = column
        for block in expression.blocks():
            if isinstance(block, Entries):
                kept = (slot[block.cells] >= 0) & (at[block.genes] >= 0)
                values[slot[block.cells[kept]], at[block.genes[kept]]] = block.values[kept]
            else:
                rows = np.arange(block.span.start, block.span.stop)
                inside = slot[rows] >= 0
                values[np.ix_(slot[rows[inside]], at[at >= 0])] = block.values[inside][:, at >= 0]
    of_taken = groups[taken]
    return {keys[group]: values[of_taken == group] for group in np.unique(of_taken).tolist()}
