"""Exact Gaussian process regression on the mean of kernels: Tanimoto similarity of counts, radial functions of other features.

    mean(x) = k(x)ᵀ (K + λ I)⁻¹ y,    var(x) = a (1 + λ - k(x)ᵀ (K + λ I)⁻¹ k(x))

k is `evaluate.kernels.MeanKernel`, whose summands all weigh the same; y are standardised targets. λ (noise over signal), and by which factor
the radial functions are stretched, leave the least squared error when each row is predicted from all others, in closed form:

    y_i - mean_i = [(K + λ I)⁻¹ y]_i / [(K + λ I)⁻¹]_ii,    a = mean of [(K + λ I)⁻¹ y]_i² / [(K + λ I)⁻¹]_ii

The standard deviation is that of a new measurement, noise included.

Classes are learnt by regression of ±1, one class against the others where there are more than two:

    p(class | x) = Φ((mean(x) + c) / sqrt(τ² + var(x)))

with c and τ (there β / α and 1 / α) of the greatest leave-one-out likelihood, normalised over the classes. No standard deviation is stated
of probabilities.

Source: Rasmussen and Williams 2006 (doi:10.7551/mitpress/3206.001.0001), algorithm 2.1, equations 5.12 and 6.43 and section 6.5; a: Sundararajan
and Keerthi 2001 (doi:10.1162/08997660151134343).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hooke.estimators import Arrays, KernelEstimator, against_the_others, drawn
from hooke.evaluate.kernels import MeanKernel

_NOISES = np.logspace(-4, 1, 26)
_WIDTH, _SHIFT = (1e-2, 1e2), (-10.0, 10.0)  # limits of τ and c


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        counts: Widths of the leading blocks of features that are counts or bits, each compared by Tanimoto similarity.
        radial: Widths of the blocks that follow, each compared by a radial function; features beyond them are one more.
        stretches: Of the radial functions' squared length, times twice the median squared distance, to choose from.
        most_rows: Training rows of a label beyond which so many are drawn at random: time grows with their cube, memory with their square.
        noise_rows, stretch_rows: Rows, drawn at random, by which λ and the stretch are chosen.
    """

    counts: tuple[int, ...] = ()
    radial: tuple[int, ...] = ()
    stretches: tuple[float, ...] = (0.125, 0.5, 2.0)
    most_rows: int = 5000
    noise_rows: int = 1500
    stretch_rows: int = 500


class Estimator(KernelEstimator):
    """Posterior mean and standard deviation."""

    config: Config

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        from scipy.linalg import cho_solve

        config, generator = self.config, np.random.default_rng(seed)
        kept = drawn(len(rows), config.most_rows, generator)
        rows, values = rows[kept], values[kept]
        targets = against_the_others(values, classes) if classes else values[:, None]
        offset, scale = targets.mean(axis=0), targets.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        targets = (targets - offset) / scale
        stretch, some = 1.0, drawn(len(rows), config.stretch_rows, generator)
        if self._kernel.radial and len(config.stretches) > 1:
            kernels = self._kernel.taken(rows[some]).among_stretched(config.stretches)
            stretch = config.stretches[int(np.argmin([_least(kernel, targets[some])[0] for kernel in kernels]))]
        kernel = self._stretched(stretch, rows)
        covariance, some = kernel.among(), drawn(len(rows), config.noise_rows, generator)
        _, noise = _least(covariance[np.ix_(some, some)], targets[some])
        factor = _factor(covariance, noise)
        weights = cho_solve((factor, True), targets)
        amplitude = np.mean(np.square(weights) / _precisions(factor)[:, None])
        learnt = {"rows": rows, "weights": weights, "offset": offset, "scale": scale}
        learnt["kernel"] = np.array([noise, stretch, amplitude])
        return {**learnt, "link": _link(factor, weights, targets, amplitude)} if classes else learnt

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        from scipy.linalg import solve_triangular
        from scipy.special import log_ndtr, softmax

        learnt = self.learnt[number]
        noise, stretch, amplitude = learnt["kernel"]
        if number not in self.derived:
            kernel = self._stretched(stretch, learnt["rows"])
            self.derived[number] = kernel, _factor(kernel.among(), noise)
        kernel, factor = self.derived[number]
        covariance = kernel.against(features)
        explained = np.square(solve_triangular(factor, covariance.T, lower=True)).sum(axis=0)
        mean = covariance @ learnt["weights"]
        variance = amplitude * (np.maximum(1 - explained, 0.0) + noise)[:, None]
        if "classes" not in learnt:
            return mean * learnt["scale"] + learnt["offset"], np.sqrt(variance) * learnt["scale"]
        width, shift = learnt["link"]
        scores = (mean + shift) / np.sqrt(width**2 + variance)
        scores = log_ndtr(scores if scores.shape[1] > 1 else np.hstack([-scores, scores]))
        return softmax(scores, axis=1), np.zeros_like(scores)

    def _stretched(self, stretch: float, rows: np.ndarray) -> MeanKernel:
        kernel = self._kernel.taken(rows)
        return replace(kernel, medians=kernel.medians * stretch)


def _least(kernel: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """The least mean squared error of rows predicted from all others, and its λ."""
    from scipy.linalg import eigh

    values, vectors = eigh(kernel)
    projected, squares = vectors.T @ targets, np.square(vectors)
    errors = []
    for noise in _NOISES:
        inverse = 1 / (np.maximum(values, 0.0) + noise)
        left_out = vectors @ (inverse[:, None] * projected) / (squares @ inverse)[:, None]
        errors.append(float(np.mean(np.square(left_out))))
    best = int(np.argmin(errors))
    return errors[best], float(_NOISES[best])


def _factor(kernel: np.ndarray, noise: float) -> np.ndarray:
    """Lower Cholesky factor of K + λ I."""
    from scipy.linalg import cholesky

    return cholesky(kernel + noise * np.eye(len(kernel)), lower=True, overwrite_a=True)


def _precisions(factor: np.ndarray) -> np.ndarray:
    """The diagonal of (K + λ I)⁻¹."""
    from scipy.linalg import solve_triangular

    return np.square(solve_triangular(factor, np.eye(len(factor)), lower=True)).sum(axis=0)


def _link(factor: np.ndarray, weights: np.ndarray, targets: np.ndarray, amplitude: float) -> np.ndarray:
    """(2, columns) τ and c of each column by leave-one-out prediction."""
    from scipy.optimize import minimize
    from scipy.special import log_ndtr

    precisions = _precisions(factor)
    variance = amplitude / precisions
    links = []
    for mean, sign in zip((targets - weights / precisions[:, None]).T, np.sign(targets).T, strict=True):

        def loss(given: np.ndarray, mean: np.ndarray = mean, sign: np.ndarray = sign) -> tuple[float, np.ndarray]:
            width, shift = np.exp(given[0]), given[1]
            spread = np.sqrt(width**2 + variance)
            score = sign * (mean + shift) / spread
            likelihood = log_ndtr(score)
            by_score = np.exp(-0.5 * score**2 - 0.5 * math.log(2 * math.pi) - likelihood)
            slopes = np.stack([-score * (width / spread) ** 2, sign / spread]) @ by_score
            return -float(likelihood.sum()), -slopes

        limits: Any = [tuple(np.log(_WIDTH)), _SHIFT]
        best = minimize(loss, [0.0, 0.0], jac=True, bounds=limits, method="L-BFGS-B").x
        links.append([math.exp(best[0]), best[1]])
    return np.array(links).T
