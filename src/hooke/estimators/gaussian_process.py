"""Exact Gaussian process regression, with kernels for descriptors and for fingerprints.

    k(x, y) = a exp(-|x - y|² / 2 l²) + b T(x, y),    T(x, y) = x·y / (|x|² + |y|² - x·y)
    mean(x) = k(x)ᵀ K⁻¹ y,    var(x) = k(x, x) - k(x)ᵀ K⁻¹ k(x) + σ²,    K = k(X, X) + σ² I

The radial part sees standardised features, the Tanimoto part T counts or bits; two rows of zeros have T = 1. a, b, l and σ² maximise the
log marginal likelihood of (a part of) the training rows, whose targets are standardised. The standard deviation is that of a new
measurement, noise included.

Classes are learnt by regression of ±1, one class against the others where there are more than two:

    p(class | x) = Φ((mean(x) + c) / sqrt(τ² + var(x)))

with c and τ (there β / α and 1 / α) of the greatest leave-one-out likelihood, normalised over the classes. No standard deviation is stated
of probabilities.

Source: Rasmussen and Williams 2006 (doi:10.7551/mitpress/3206.001.0001), algorithm 2.1, equations 5.8, 5.9 and 5.12 and section 6.5; T:
Ralaivola et al. 2005 (doi:10.1016/j.neunet.2005.07.009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hooke.core.errors import UsageError
from hooke.core.types import Spec
from hooke.estimators import Arrays, LabelwiseEstimator, standardisation, standardised

_NOISE, _AMPLITUDE, _LENGTH = (1e-5, 1e1), (1e-3, 1e3), (1e-2, 1e2)  # limits; length in median distances
_WIDTH, _SHIFT = (1e-2, 1e2), (-10.0, 10.0)  # of τ and c


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        counts: How many of the first features are counts or bits, compared by T; the others are compared by the radial part.
        most_rows: Training rows beyond which it refuses: time grows with their cube, memory with their square.
        tuning_rows: Rows, drawn at random, of which the marginal likelihood is computed.
    """

    counts: int = 0
    most_rows: int = 5000
    tuning_rows: int = 500


class Estimator(LabelwiseEstimator):
    """Posterior mean and standard deviation."""

    modality = "any"
    config: Config

    def __init__(self, config: Config, spec: Spec, level: str) -> None:
        super().__init__(config, spec, level)
        self._factors: dict[int, np.ndarray] = {}  # of each label, once needed: not saved, it follows from what is

    def _share(self, features: np.ndarray) -> tuple[Arrays, np.ndarray]:
        counts, most = self.config.counts, self.config.most_rows
        if len(features) > most:
            raise UsageError(
                f"gaussian_process takes at most {most:,} training rows (most_rows); there are {len(features):,}"
            )
        if not 0 <= counts <= self.inputs:
            raise UsageError(f"gaussian_process: counts is {counts:,}, and there are {self.inputs:,} features")
        self._factors = {}
        shared = standardisation(features[:, counts:])
        shared["profiles"] = self._profiles(features, shared)
        return shared, shared["profiles"]

    def _transform(self, features: np.ndarray) -> np.ndarray:
        return self._pairs(self._profiles(features, self.shared), self.shared["profiles"])

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        from scipy.linalg import cho_solve

        targets = _against_the_others(values, classes) if classes else values[:, None]
        offset, scale = targets.mean(axis=0), targets.std(axis=0)
        targets = (targets - offset) / scale
        profiles, some = features[rows], np.arange(len(rows))
        if len(some) > self.config.tuning_rows:
            some = np.sort(np.random.default_rng(seed).choice(some, self.config.tuning_rows, replace=False))
        kernel = _tuned(self._pairs(profiles[some], profiles[some]), targets[some], self.inputs > self.config.counts)
        factor = self._factor(profiles, kernel)
        weights = cho_solve((factor, True), targets)
        learnt = {"rows": rows, "kernel": kernel, "weights": weights, "offset": offset, "scale": scale}
        return {**learnt, "link": _link(factor, weights, targets)} if classes else learnt

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        from scipy.linalg import solve_triangular
        from scipy.special import log_ndtr, softmax

        learnt = self.learnt[number]
        kernel = learnt["kernel"]
        if number not in self._factors:
            self._factors[number] = self._factor(self.shared["profiles"][learnt["rows"]], kernel)
        covariance = np.add.reduce(_terms(features[:, :, learnt["rows"]], kernel))
        explained = np.square(solve_triangular(self._factors[number], covariance.T, lower=True)).sum(axis=0)
        noise, prior = kernel[0], kernel[2:].sum()
        mean = covariance @ learnt["weights"]
        variance = (np.maximum(prior - explained, 0.0) + noise)[:, None]
        if "classes" not in learnt:
            return mean * learnt["scale"] + learnt["offset"], np.sqrt(variance) * learnt["scale"]
        width, shift = learnt["link"]
        scores = (mean + shift) / np.sqrt(width**2 + variance)
        scores = log_ndtr(scores if scores.shape[1] > 1 else np.hstack([-scores, scores]))
        return softmax(scores, axis=1), np.zeros_like(scores)

    def _profiles(self, features: np.ndarray, shared: Arrays) -> np.ndarray:
        counts = self.config.counts
        return np.hstack([features[:, :counts], standardised(features[:, counts:], shared)])

    def _pairs(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """(parts, n, m): squared distances by the features of the radial part, T of the counts; a part without features is left out."""
        counts = self.config.counts
        parts = [_squared_distances(left[:, counts:], right[:, counts:])] if counts < self.inputs else []
        return np.stack([*parts, _tanimoto(left[:, :counts], right[:, :counts])] if counts else parts)

    def _factor(self, profiles: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        """Lower Cholesky factor of K."""
        from scipy.linalg import cholesky

        covariance = np.add.reduce(_terms(self._pairs(profiles, profiles), kernel))
        covariance[np.diag_indices_from(covariance)] += kernel[0]
        return cholesky(covariance, lower=True, overwrite_a=True)


def _against_the_others(values: np.ndarray, classes: int) -> np.ndarray:
    """(n, classes) ±1; of two classes only the second."""
    return 2.0 * np.eye(classes)[values.astype(np.int64)][:, classes == 2 :] - 1.0


def _squared_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    square = np.square(left).sum(axis=1)[:, None] + np.square(right).sum(axis=1)
    return np.maximum(square - 2 * left @ right.T, 0.0)


def _tanimoto(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    product = left @ right.T
    union = np.square(left).sum(axis=1)[:, None] + np.square(right).sum(axis=1) - product
    return np.divide(product, union, out=np.ones_like(product), where=union > 0)


def _terms(pairs: np.ndarray, kernel: np.ndarray) -> list[np.ndarray]:
    """The summands of the kernel; `kernel` is σ², l (0 without radial part) and the amplitude of each part."""
    _, length, *amplitudes = kernel
    parts = [np.exp(pairs[0] / (-2 * length**2)), *pairs[1:]] if length else pairs
    return [amplitude * part for amplitude, part in zip(amplitudes, parts, strict=True)]


def _tuned(pairs: np.ndarray, targets: np.ndarray, radial: bool) -> np.ndarray:
    """The kernel of the greatest marginal likelihood, as `_terms` takes it."""
    from scipy.optimize import minimize

    middle = float(np.sqrt(np.median(pairs[0][np.triu_indices(len(targets), 1)]))) or 1.0
    limits = [_NOISE, *([(_LENGTH[0] * middle, _LENGTH[1] * middle)] if radial else []), *[_AMPLITUDE] * len(pairs)]
    start = [0.1, *([middle] if radial else []), *[1 / len(pairs)] * len(pairs)]

    def unpacked(logarithms: np.ndarray) -> np.ndarray:
        return np.exp(logarithms) if radial else np.insert(np.exp(logarithms), 1, 0.0)

    def loss(logarithms: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = _evidence(pairs, targets, unpacked(logarithms))
        return -value, -(slopes if radial else np.delete(slopes, 1))

    return unpacked(minimize(loss, np.log(start), jac=True, bounds=np.log(limits), method="L-BFGS-B").x)


def _evidence(pairs: np.ndarray, targets: np.ndarray, kernel: np.ndarray) -> tuple[float, np.ndarray]:
    """Log marginal likelihood, summed over the columns of the targets, and its derivatives by the logarithms of the kernel."""
    from scipy.linalg import cho_solve, cholesky

    count, columns = targets.shape
    noise, length = kernel[:2]
    terms = _terms(pairs, kernel)
    covariance = np.add.reduce([noise * np.eye(count), *terms])
    factor = cholesky(covariance, lower=True)
    weights = cho_solve((factor, True), targets)
    value = -0.5 * np.sum(targets * weights) - columns * np.log(np.diag(factor)).sum()
    inner = 0.5 * (weights @ weights.T - columns * cho_solve((factor, True), np.eye(count)))
    stretch = np.sum(inner * terms[0] * pairs[0]) / length**2 if length else 0.0
    slopes = [noise * np.trace(inner), stretch, *(np.sum(inner * term) for term in terms)]
    return float(value - 0.5 * count * columns * math.log(2 * math.pi)), np.array(slopes)


def _link(factor: np.ndarray, weights: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(2, columns) τ and c of each column by leave-one-out prediction."""
    from scipy.linalg import solve_triangular
    from scipy.optimize import minimize
    from scipy.special import log_ndtr

    variance = 1 / np.square(solve_triangular(factor, np.eye(len(factor)), lower=True)).sum(axis=0)
    found = []
    for mean, sign in zip((targets - weights * variance[:, None]).T, np.sign(targets).T, strict=True):

        def loss(given: np.ndarray, mean: np.ndarray = mean, sign: np.ndarray = sign) -> tuple[float, np.ndarray]:
            width, shift = np.exp(given[0]), given[1]
            spread = np.sqrt(width**2 + variance)
            score = sign * (mean + shift) / spread
            likelihood = log_ndtr(score)
            by_score = np.exp(-0.5 * score**2 - 0.5 * math.log(2 * math.pi) - likelihood)
            slopes = np.stack([-score * (width / spread) ** 2, sign / spread]) @ by_score
            return -float(likelihood.sum()), -slopes

        limits = [tuple(np.log(_WIDTH)), _SHIFT]
        best = minimize(loss, [0.0, 0.0], jac=True, bounds=limits, method="L-BFGS-B").x
        found.append([math.exp(best[0]), best[1]])
    return np.array(found).T
