"""Metrics of predicted responses: pure functions of predicted profiles and of a target whose controls are all measured.

A target holds the profiles that are scored and two disjoint halves of the real controls: one is subtracted from the truth, the other from
predictions. Predicted controls are read nowhere. Undefined values (a constant delta has no correlation) are NaN, and counted by whoever
averages. Values are for each perturbation of one context.

Source: Pearson about the perturbed centroid and centroid accuracy: Systema (Nature Biotechnology 2025). Weighted errors: bioRxiv
2025.10.20.683304. Discrimination: cell-eval, here with real controls, half of the ties, and a range of exactly 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy.stats
from scipy.spatial.distance import cdist

from hooke.core.errors import UnknownNameError
from hooke.evaluate.ceilings import correlation, nan_mean
from hooke.evaluate.metrics import average_precision

DE_GENES = 50
_TIE = 1e-12  # of the squared lengths: closer distances are equal


@dataclass(frozen=True)
class Target:
    """What predictions of P perturbations of one context are scored against; G genes.

    Attributes:
        truth: (P, G) measured mean profiles.
        truth_control: (P, G) control half that is subtracted from the truth.
        reference: (P, G) the other control half, which is subtracted from predictions.
        scored: (P, G) bool: genes that count.
        weights: (P, G) non-negative, from cells that are not scored; rows sum to 1 over the genes that count.
        significant: (P, G) bool: truly differential genes.
    """

    truth: np.ndarray
    truth_control: np.ndarray
    reference: np.ndarray
    scored: np.ndarray
    weights: np.ndarray
    significant: np.ndarray

    @property
    def delta(self) -> np.ndarray:
        """(P, G) of the truth."""
        return self.truth - self.truth_control

    @property
    def ranked(self) -> np.ndarray:
        """(G,) genes by which perturbations are told apart: targets of none of them, so that no name is given away."""
        return np.asarray(self.scored.all(axis=0))


@dataclass(frozen=True)
class ResponseMetric:
    """How a metric is computed and read.

    Attributes:
        compute: (predicted (P, G), target) → (P,).
        perfect: Value of the truth itself.
        higher_is_better: Else lower is.
        needs_mean: Whether its zero is the control, since it is measured from the mean of the perturbed profiles.
        text: Definition in a line.
    """

    compute: Callable[[np.ndarray, Target], np.ndarray]
    perfect: float
    higher_is_better: bool
    text: str
    needs_mean: bool = False


def pearson_delta(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Correlation of the predicted with the measured change from control."""
    return correlation(predicted - target.reference, target.delta, target.scored)


def pearson_centroid(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Correlation of the deviations from the mean perturbed profile, which takes away the shift that all perturbations share."""
    centroid = nan_mean(target.truth, axis=0)
    return correlation(predicted - centroid, target.truth - centroid, target.scored)


def spearman_delta(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Rank correlation of the predicted with the measured change."""
    first, second = (
        scipy.stats.rankdata(np.where(target.scored, delta, np.inf), axis=1)
        for delta in (predicted - target.reference, target.delta)
    )
    return np.where(_known(predicted, target), correlation(first, second, target.scored), np.nan)


def cosine_delta(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Cosine of the predicted and the measured change."""
    first, second = (np.where(target.scored, delta, 0.0) for delta in (predicted - target.reference, target.delta))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first * second).sum(axis=1) / np.where(lengths > 0, lengths, np.nan)


def mse(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Mean squared error of profiles."""
    return _mean((predicted - target.truth) ** 2, target)


def mae(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Mean absolute error of profiles."""
    return _mean(np.abs(predicted - target.truth), target)


def weighted_mse(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Squared error, weighted by how differential each gene is in the other half."""
    return np.where(_weighted(target), (target.weights * (predicted - target.truth) ** 2).sum(axis=1), np.nan)


def weighted_r2_delta(predicted: np.ndarray, target: Target) -> np.ndarray:
    """1 - sum w (d - d')^2 / sum w (d - sum w d)^2 of the changes, with the same weights."""
    delta, weights = target.delta, target.weights
    centred = delta - (weights * delta).sum(axis=1, keepdims=True)
    spread = (weights * centred**2).sum(axis=1)
    errors = (weights * (delta - (predicted - target.reference)) ** 2).sum(axis=1)
    return np.where(_weighted(target), 1 - errors / np.where(spread > 0, spread, np.nan), np.nan)


def discrimination(predicted: np.ndarray, target: Target, kind: str = "l2") -> np.ndarray:
    """1 - (closer + ties / 2) / (N - 1): the rank of the own truth among all truths, by the distance of changes; NaN for N = 1.

    Args:
        predicted: (N, G).
        target: What is predicted.
        kind: "l1", "l2" or "cosine".
    """
    ranked = target.ranked
    return rank_of_own((predicted - target.reference)[:, ranked], target.delta[:, ranked], kind)


def centroid_accuracy(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Share of the other perturbations' mean profiles that are farther away than the own one; ties count half."""
    ranked = target.ranked
    return rank_of_own(predicted[:, ranked], target.truth[:, ranked], "l2")


def rank_of_own(predicted: np.ndarray, truth: np.ndarray, kind: str = "l2") -> np.ndarray:
    """(N,) 1 - (closer + ties / 2) / (N - 1); a constant prediction has a mean of exactly one half.

    Args:
        predicted, truth: (N, G); rows that are not known are left out of all ranks.
        kind: "l1", "l2" or "cosine".
    """
    if kind not in ("l1", "l2", "cosine"):
        raise UnknownNameError("distance", kind, ("l1", "l2", "cosine"))
    result = np.full(len(truth), np.nan)
    known = np.flatnonzero(~np.isnan(predicted).any(axis=1) & ~np.isnan(truth).any(axis=1))
    if len(known) < 2 or not truth.shape[1]:
        return result
    predicted, truth = predicted[known], truth[known]
    if kind == "l1":
        distances = cdist(predicted, truth, "cityblock")
        size = np.abs(predicted).sum(axis=1)[:, None] + np.abs(truth).sum(axis=1)
    elif kind == "cosine":
        distances = 1 - _unit(predicted) @ _unit(truth).T
        size = np.ones_like(distances)
    else:
        centre = truth.mean(axis=0)
        predicted, truth = predicted - centre, truth - centre
        own, other = (predicted**2).sum(axis=1)[:, None], (truth**2).sum(axis=1)
        distances = own - 2 * predicted @ truth.T + other
        size = own + other
    own = np.diagonal(distances)[:, None]
    size = np.maximum(size, np.diagonal(size)[:, None]) * _TIE
    closer = (distances < own - size).sum(axis=1)
    ties = (np.abs(distances - own) <= size).sum(axis=1) - 1
    result[known] = 1 - (closer + ties / 2) / (len(known) - 1)
    return result


def de_overlap(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Share of the truly differential genes, the 50 most changed at most, that are among as many most changed ones of the prediction."""
    genes = target.significant & target.scored
    count = np.minimum(genes.sum(axis=1), DE_GENES)
    change = np.abs(predicted - target.reference)
    measured = _top(np.where(genes, np.abs(target.delta), -np.inf), count)
    overlap = (measured & _top(np.where(target.scored, change, -np.inf), count)).sum(axis=1)
    defined = _known(predicted, target) & _moves(change, target) & (count > 0)
    return np.where(defined, overlap / np.maximum(count, 1), np.nan)


def de_direction(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Share of the truly differential genes that change in the right direction; NaN where there is none."""
    genes = target.significant & target.scored
    change = predicted - target.reference
    right = np.where(change == 0, 0.5, np.sign(change) == np.sign(target.delta))
    count = genes.sum(axis=1)
    share = np.where(genes, right, 0.0).sum(axis=1) / np.where(count > 0, count, np.nan)
    return np.where(_known(predicted, target), share, np.nan)


def de_pr_auc(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Average precision of the size of the predicted change for the truly differential genes; NaN where there is none."""
    genes = (target.significant & target.scored).astype(np.float64)
    change = np.where(target.scored, np.abs(predicted - target.reference), -1.0)
    values = average_precision(np.nan_to_num(change).T, genes.T)
    return np.where(_known(predicted, target) & _moves(np.abs(predicted - target.reference), target), values, np.nan)


def vcc_discrimination(predicted: np.ndarray, target: Target) -> np.ndarray:
    """1 - rank / N by the l1 distance of changes, equal distances in the order of the rows, as the Virtual Cell Challenge counts."""
    known = _known(predicted, target)
    change, delta = ((values)[known][:, target.ranked] for values in (predicted - target.reference, target.delta))
    result = np.full(len(predicted), np.nan)
    if not len(change):
        return result
    order = np.argsort(cdist(change, delta, "cityblock"), axis=1, kind="stable")
    result[known] = 1 - np.argmax(order == np.arange(len(change))[:, None], axis=1) / len(change)
    return result


def vcc_overlap(predicted: np.ndarray, target: Target) -> np.ndarray:
    """Overlap of the N truly differential genes with the N most changed ones of the prediction, without a limit of N."""
    genes = target.significant & target.scored
    count = genes.sum(axis=1)
    change = np.where(target.scored, np.abs(predicted - target.reference), -np.inf)
    overlap = (genes & _top(change, count)).sum(axis=1) / np.maximum(count, 1)
    return np.where(_known(predicted, target) & (count > 0), overlap, np.nan)


METRICS: Mapping[str, ResponseMetric] = {
    "pearson_delta": ResponseMetric(pearson_delta, 1.0, True, "correlation of changes from control"),
    "pearson_centroid": ResponseMetric(
        pearson_centroid, 1.0, True, "correlation of deviations from the mean perturbed profile", True
    ),
    "spearman_delta": ResponseMetric(spearman_delta, 1.0, True, "rank correlation of changes"),
    "cosine_delta": ResponseMetric(cosine_delta, 1.0, True, "cosine of changes"),
    "mse": ResponseMetric(mse, 0.0, False, "mean squared error of profiles"),
    "mae": ResponseMetric(mae, 0.0, False, "mean absolute error of profiles"),
    "weighted_mse": ResponseMetric(weighted_mse, 0.0, False, "squared error by how differential a gene is elsewhere"),
    "weighted_r2_delta": ResponseMetric(weighted_r2_delta, 1.0, True, "explained share of weighted changes"),
    "discrimination": ResponseMetric(discrimination, 1.0, True, "rank of the own truth among all, changes, l2"),
    "centroid_accuracy": ResponseMetric(centroid_accuracy, 1.0, True, "rank of the own truth among all, profiles, l2"),
    "de_overlap": ResponseMetric(de_overlap, 1.0, True, "share of the most differential genes that are found"),
    "de_direction": ResponseMetric(de_direction, 1.0, True, "share of differential genes with the right sign"),
    "de_pr_auc": ResponseMetric(de_pr_auc, 1.0, True, "average precision for differential genes"),
}

VCC: Mapping[str, ResponseMetric] = {  # for comparison alone: with real controls, and one prediction a perturbation
    "vcc_mae": ResponseMetric(mae, 0.0, False, "mean absolute error of profiles"),
    "vcc_discrimination_l1": ResponseMetric(vcc_discrimination, 1.0, True, "1 - rank / N, l1, ties by row"),
    "vcc_overlap_at_n": ResponseMetric(vcc_overlap, 1.0, True, "overlap of differential genes"),
}
EVERY: Mapping[str, ResponseMetric] = {**METRICS, **VCC}


def score(predicted: np.ndarray, target: Target, names: tuple[str, ...] = tuple(METRICS)) -> dict[str, np.ndarray]:
    """Metric → (P,) values, each computed by itself.

    Raises:
        UnknownNameError: No such metric.
    """
    for name in names:
        if name not in EVERY:
            raise UnknownNameError("metric of responses", name, EVERY)
    return {name: EVERY[name].compute(predicted, target) for name in names}


def energy_distance(first: np.ndarray, second: np.ndarray) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'| of two sets of cells, with pairs of different cells; its mean is 0 for equal distributions.

    Args:
        first: (n, G), n > 1.
        second: (m, G), m > 1.
    """
    if min(len(first), len(second)) < 2:
        return np.nan
    within = [cdist(cells, cells).sum() / (len(cells) * (len(cells) - 1)) for cells in (first, second)]
    return float(2 * cdist(first, second).mean() - sum(within))


def de_weights(statistic: np.ndarray, scored: np.ndarray) -> np.ndarray:
    """(P, G) u^2 / sum u^2, u = |t| scaled to 0 ... 1 over the genes that count; rows without any signal are zero.

    Args:
        statistic: (P, G) t of cells that are not scored; NaN counts as 0.
        scored: (P, G) bool.
    """
    size = np.abs(np.nan_to_num(statistic, posinf=0, neginf=0))
    low = np.where(scored, size, np.inf).min(axis=1, keepdims=True)
    high = np.where(scored, size, -np.inf).max(axis=1, keepdims=True)
    spread = np.where(high > low, high - low, 1.0)
    squares = np.where(scored & (high > low), (size - low) / spread, 0.0) ** 2
    total = squares.sum(axis=1, keepdims=True)
    return squares / np.where(total > 0, total, 1.0)


def _known(predicted: np.ndarray, target: Target) -> np.ndarray:
    return ~(np.isnan(predicted).any(axis=1) | np.isnan(target.delta).any(axis=1))


def _moves(change: np.ndarray, target: Target) -> np.ndarray:
    """Whether a prediction changes anything: without a change it ranks no genes."""
    return np.where(target.scored, change, 0.0).max(axis=1) > 0


def _weighted(target: Target) -> np.ndarray:
    return target.weights.sum(axis=1) > 0


def _mean(values: np.ndarray, target: Target) -> np.ndarray:
    return np.where(target.scored, values, 0.0).sum(axis=1) / np.maximum(target.scored.sum(axis=1), 1)


def _unit(values: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(lengths > 0, lengths, 1.0)


def _top(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(P, G) bool: the `counts` (P,) largest of each row, the first of equal ones."""
    ranks = np.empty(values.shape, np.int64)
    np.put_along_axis(ranks, np.argsort(-values, axis=1, kind="stable"), np.arange(values.shape[1])[None], axis=1)
    return ranks < counts[:, None]
