"""Differential genes of every perturbation against the controls of its context, by rank sums, streamed in blocks of genes.

A matrix stored by genes is read once; one stored by cells once for every block of genes, of which as many fit as the bound on values allows.
All controls of a context count, whatever their batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hooke.cells.expression import Entries, Expression
from hooke.cells.screen import CONTROL, LEFT_OUT, Screen
from hooke.core.progress import progress
from hooke.evaluate.differential import GeneTests, sparse_rank_sums

MOST_VALUES = 1 << 24  # held at a time


@dataclass(frozen=True)
class DifferentialGenes:
    """Tests of one context.

    Attributes:
        context: Its number.
        perturbations: (P,) numbers of the perturbations that have cells in it.
        tests: (P, genes).
        change: (P, genes) mean of perturbed cells minus mean of controls.
    """

    context: int
    perturbations: np.ndarray
    tests: GeneTests
    change: np.ndarray


def differential_genes(
    expression: Expression, screen: Screen, *, most: int = MOST_VALUES, show_progress: bool = True
) -> list[DifferentialGenes]:
    """Rank sums of all perturbations of all contexts.

    Args:
        expression: The open file.
        screen: Of this file, without cells whose numbers cannot be used (`Statistics.screen`).
        most: Values held at a time.
        show_progress: Show genes, rate and time left.
    """
    contexts = []
    for context in range(len(screen.contexts)):
        inside = screen.context == context
        names = np.unique(screen.perturbation[inside & (screen.perturbation >= 0)])
        groups = np.where(inside & (screen.perturbation != LEFT_OUT), screen.perturbation, -2)
        known = groups >= 0
        groups[known] = np.searchsorted(names, groups[known])
        groups[inside & (screen.perturbation == CONTROL)] = -1
        if len(names) and (groups == -1).any():
            contexts.append((context, names, groups))
    width = len(screen.genes)
    z, p, change = ([np.full((len(names), width), np.nan) for _, names, _ in contexts] for _ in range(3))
    with progress(width, f"rank sums of {expression.path.name}", "genes", show=show_progress) as bar:
        for span, cells, genes, values in _gene_blocks(expression, screen, most):
            for place, (_, names, groups) in enumerate(contexts):
                found = sparse_rank_sums(cells, genes, values, groups, len(names), len(span))
                z[place][:, span.start : span.stop], p[place][:, span.start : span.stop] = found
                change[place][:, span.start : span.stop] = _changes(cells, genes, values, groups, len(names), len(span))
            bar.advance(len(span))
    return [
        DifferentialGenes(context, names, GeneTests(z[place], p[place]), change[place])
        for place, (context, names, _) in enumerate(contexts)
    ]


def _changes(
    cells: np.ndarray, genes: np.ndarray, values: np.ndarray, groups: np.ndarray, count: int, width: int
) -> np.ndarray:
    """(count, width) means of groups minus the mean of controls."""
    own = groups[cells]
    sums = np.zeros((count + 2, width))
    np.add.at(sums, (own, genes), values.astype(np.float64))  # -1 and -2 are the last two rows
    sizes = np.bincount(np.where(groups < 0, groups + count + 2, groups), minlength=count + 2)
    means = sums / np.maximum(sizes, 1)[:, None]
    return means[:count] - means[count + 1]


def _gene_blocks(
    expression: Expression, screen: Screen, most: int
) -> Iterator[tuple[range, np.ndarray, np.ndarray, np.ndarray]]:
    """Blocks of the screen's genes: their places, and cell, gene within the block and value of everything that is not zero."""
    place = np.full(expression.shape[1], -1, np.int64)
    place[screen.gene_columns] = np.arange(len(screen.genes))
    if expression.layout == "csc":
        for block in expression.blocks():
            assert isinstance(block, Entries)
            own = place[block.span.start : block.span.stop]
            span = range(int(own[own >= 0].min()), int(own.max()) + 1) if (own >= 0).any() else range(0)
            if len(span):
                yield span, *_kept(block.cells, place[block.genes], block.values, span)
        return
    stored = sum(
        len(block.values) if isinstance(block, Entries) else block.values.size for block in expression.blocks()
    )
    size = max(1, int(most // max(stored / max(len(screen.genes), 1), 1)))
    for start in range(0, len(screen.genes), size):
        span = range(start, min(start + size, len(screen.genes)))
        parts = []
        for block in expression.blocks():
            if isinstance(block, Entries):
                parts.append(_kept(block.cells, place[block.genes], block.values, span))
            else:
                values = block.values[:, screen.gene_columns[span.start : span.stop]]
                cells, genes = np.nonzero(values)
                parts.append((cells + block.span.start, genes, values[cells, genes]))
        cells, genes, values = (np.concatenate(each) for each in zip(*parts, strict=True))
        yield span, cells, genes, values


def _kept(
    cells: np.ndarray, genes: np.ndarray, values: np.ndarray, span: range
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kept = (genes >= span.start) & (genes < span.stop) & (values != 0)
    return cells[kept].astype(np.int64), genes[kept] - span.start, values[kept]
