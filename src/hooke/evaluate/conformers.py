"""Ensembles of conformers against references: coverage and average minimum RMSD, for recall and for precision.

    COV-R(δ) = share of references with a sample within δ        AMR-R = mean over references of the smallest RMSD to a sample
    COV-P(δ) = share of samples with a reference within δ        AMR-P = mean over samples of the smallest RMSD to a reference

Each is computed for a molecule, and averaged over molecules.

Source: Ganea et al. 2021 (arXiv:2106.07802), which names them; the thresholds of Jing et al. 2022 (arXiv:2206.01729) are among those here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hooke.evaluate.bootstrap import Interval, paired_difference

THRESHOLDS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)  # Å


@dataclass(frozen=True)
class EnsembleScores:
    """Of one molecule.

    Attributes:
        coverage_recall, coverage_precision: (T,) at the thresholds; 0 without samples.
        recall, precision: Average minimum RMSD in Å; NaN without samples.
    """

    coverage_recall: np.ndarray
    recall: float
    coverage_precision: np.ndarray
    precision: float


def ensemble_scores(
    distances: np.ndarray, thresholds: Sequence[float] = THRESHOLDS, *, missing: int = 0
) -> EnsembleScores:
    """Scores of one molecule.

    Args:
        distances: (references, samples) RMSD in Å.
        thresholds: δ in Å.
        missing: Samples that were asked for and are not there, or are another isomer: no reference is near them.
    """
    limits = np.asarray(thresholds, np.float64)
    references, samples = distances.shape
    if not references:
        raise ValueError("an ensemble is compared with at least one reference")
    if not samples:
        return EnsembleScores(np.zeros(len(limits)), np.nan, np.zeros(len(limits)), np.nan)
    nearest_sample, nearest_reference = distances.min(axis=1), distances.min(axis=0)
    return EnsembleScores(
        (nearest_sample[:, None] <= limits).mean(axis=0), float(nearest_sample.mean()),
        (nearest_reference[:, None] <= limits).sum(axis=0) / (samples + missing), float(nearest_reference.mean()),
    )  # fmt: skip


@dataclass(frozen=True)
class EnsembleSummary:
    """Means over molecules with intervals over them; medians beside.

    Attributes:
        molecules: How many.
        without: Of them, those without any sample: their coverages are 0, and their RMSDs are left out.
        thresholds: δ in Å.
        coverage_recall, coverage_precision: One interval a threshold.
        recall, precision: Of the average minimum RMSD in Å.
        medians: "recall" and "precision" → median over molecules in Å.
    """

    molecules: int
    without: int
    thresholds: tuple[float, ...]
    coverage_recall: tuple[Interval, ...]
    recall: Interval
    coverage_precision: tuple[Interval, ...]
    precision: Interval
    medians: Mapping[str, float]


def summarise(
    scores: Sequence[EnsembleScores], thresholds: Sequence[float] = THRESHOLDS, *, seed: int = 0
) -> EnsembleSummary:
    """Means over molecules, with 95 % intervals by resampling molecules (of the t distribution for 30 and fewer).

    Args:
        scores: One a molecule.
        thresholds: Those of the scores.
        seed: Of the resampling.
    """
    if not scores:
        raise ValueError("there is no molecule to summarise")

    def mean(values: Sequence[float] | np.ndarray) -> Interval:
        known = np.asarray(values, np.float64)
        known = known[~np.isnan(known)]
        if not len(known):
            return Interval(np.nan, np.nan, np.nan)
        return paired_difference(known, generator=np.random.default_rng(seed))

    recall, precision = ([getattr(each, name) for each in scores] for name in ("recall", "precision"))
    without = int(np.isnan(recall).sum())
    covered_recall, covered_precision = (
        np.stack([getattr(each, name) for each in scores]) for name in ("coverage_recall", "coverage_precision")
    )
    medians = {
        name: float(np.nanmedian(values)) if without < len(scores) else np.nan
        for name, values in (("recall", recall), ("precision", precision))
    }
    return EnsembleSummary(
        len(scores), without, tuple(thresholds), tuple(map(mean, covered_recall.T)), mean(recall), tuple(map(mean, covered_precision.T)),
        mean(precision), medians,
    )  # fmt: skip
