"""Mean average precision of finding a profile's own kind (replicates, or items of one class) among the others by cosine.

Do compounds lie near the genes that they act on: ranking of known targets by |cosine|, the best dose counting.

Source: EFAAR, RxRx3-core_benchmarks (compound-gene benchmark).
Differs: chance is printed beside the scores: 0.5 for AUROC, the share of targets for average precision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hooke.core.errors import DataError
from hooke.evaluate.metrics import average_precision, roc_auc
from hooke.evaluate.pair_cosines import unit_rows


@dataclass(frozen=True)
class CompoundScore:
    """One compound: its targets in the map, number of other genes, AUROC, average precision and its chance level."""

    compound: str
    targets: int
    others: int
    auroc: float
    average_precision: float
    chance: float


def compound_gene_benchmark(
    compound_values: np.ndarray,
    compounds: Sequence[str] | np.ndarray,
    gene_values: np.ndarray,
    genes: Sequence[str] | np.ndarray,
    targets: Mapping[str, Sequence[str]],
    *,
    generator: np.random.Generator,
    others: int | None = None,
) -> list[CompoundScore]:
    """Score every compound with a known target and a gene that is none in the map.

    Args:
        compound_values: (c, d), one row a compound and dose.
        compounds: (c,) names; rows with one name are doses of one compound.
        gene_values: (g, d).
        genes: (g,) unique names.
        targets: Compound -> genes.
        generator: Draws the other genes.
        others: How many other genes each compound is scored against; None for all.
    """
    compound_unit, gene_unit = unit_rows(compound_values), unit_rows(gene_values)
    names, gene_names = np.asarray(compounds).astype(str), np.asarray(genes).astype(str)
    scores = []
    for compound in sorted(set(names) & set(targets)):
        known = np.isin(gene_names, list(targets[compound]))
        rest = np.flatnonzero(~known)
        if not known.any() or not len(rest):
            continue
        if others is not None and others < len(rest):
            rest = np.sort(generator.choice(rest, others, replace=False))
        rows = np.concatenate([np.flatnonzero(known), rest])
        strength = np.abs(compound_unit[names == compound] @ gene_unit[rows].T).max(axis=0)[:, None]
        truth = (np.arange(len(rows)) < known.sum()).astype(np.float64)[:, None]
        scores.append(
            CompoundScore(
                compound, int(known.sum()), len(rest), float(roc_auc(strength, truth)[0]),
                float(average_precision(strength, truth)[0]), float(truth.mean()),
            )
        )  # fmt: skip
    return scores


_BLOCK_BYTES = 64 << 20


def average_precisions(
    values: np.ndarray,
    labels: np.ndarray,
    *,
    others: np.ndarray | None = None,
    exclude: np.ndarray | None = None,
) -> np.ndarray:
    """Average precision of every row as a query.

    AP = mean over its positives of (positives ranked so high) / (rank); equal cosines count as the worst order.

    Args:
        values: (n, d).
        labels: (n,) rows with equal labels are each other's positives; "" is never a query nor a positive.
        others: (n,) bool: which rows may be negatives (controls); None for all with another label.
        exclude: (n,) names: rows with the query's name (its well or plate) are left out of its ranking.

    Returns:
        (n,) float64, NaN for rows without a positive.
    """
    unit = unit_rows(values).astype(np.float32)
    labels = np.asarray(labels).astype(str)
    if len(labels) != len(unit):
        raise DataError(f"{len(unit)} profiles for {len(labels)} labels")
    _, codes = np.unique(labels, return_inverse=True)
    _, groups = np.unique(np.arange(len(unit)) if exclude is None else np.asarray(exclude), return_inverse=True)
    negatives = np.ones(len(unit), bool) if others is None else np.asarray(others, bool)
    out = np.full(len(unit), np.nan)
    queries = np.flatnonzero(labels != "")
    step = max(1, _BLOCK_BYTES // (12 * max(len(unit), 1)))
    for start in range(0, len(queries), step):
        rows = queries[start : start + step]
        cosines = unit[rows] @ unit.T
        for row, scores in zip(rows, cosines, strict=True):
            same = codes == codes[row]
            other = groups != groups[row]
            positive, negative = same & other & (labels != ""), ~same & other & negatives
            if not positive.any():
                continue
            wanted = np.sort(scores[positive])[::-1]
            against = np.sort(scores[negative])
            above = len(against) - np.searchsorted(against, wanted, side="left")  # ties stand before the positive
            found = np.arange(1, len(wanted) + 1)
            out[row] = np.mean(found / (found + above))
    return out


def mean_average_precision(values: np.ndarray, labels: np.ndarray, **options: np.ndarray | None) -> float:
    """Mean of the average precisions, first over the rows of each label and then over labels.

    Args:
        values, labels: See `average_precisions`.
        options: The same.

    Returns:
        NaN when no row has a positive.
    """
    scores = average_precisions(values, labels, **options)
    measured = ~np.isnan(scores)
    if not measured.any():
        return float("nan")
    _, codes = np.unique(np.asarray(labels).astype(str)[measured], return_inverse=True)
    return float((np.bincount(codes, scores[measured]) / np.bincount(codes)).mean())
