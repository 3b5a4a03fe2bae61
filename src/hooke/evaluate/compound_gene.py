"""Do compounds lie near the genes that they act on: ranking of known targets by |cosine|, the best dose counting.

Source: EFAAR, RxRx3-core_benchmarks (compound-gene benchmark).
Differs: chance is printed beside the scores: 0.5 for AUROC, the share of targets for average precision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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
