"""How well a screen reproduces itself: ceilings from disjoint halves, the null of controls against controls, and the verdict.

    r_half(p) = mean over draws of corr(y1 - m1, y2 - m2), y1, y2 disjoint halves of the cells of p, m1, m2 of the controls of the same batches
    null(c)   = corr(c1 - c2, c3 - c4), disjoint quarters of the controls of a context

p is evaluable when the 5 % quantile of its draws exceeds the 97.5 % quantile of the null of its context; a context is when half of its
perturbations are. A replicate of the whole experiment reaches 2 r / (1 + r) (Spearman and Brown, r > 0), a predictor without noise the
square root of that.

`shared_control` and `bootstrap` are the estimators that others use: without any effect and with independent noise they show h / (h + n_c)
(h perturbed cells a half, n_c controls) and 1/2 where the disjoint one shows 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hooke.evaluate.bootstrap import Interval

DRAWS = 40
NULL_DRAWS = 200
LOW, HIGH = 0.05, 0.975  # quantiles of the verdict
TASK_SHARE = 0.5
_ROUNDING = 1e-12  # of a row's size: smaller deviations are those of rounding
_ROWS = 256  # perturbations that are worked on at a time


@dataclass(frozen=True)
class Parts:
    """Sums of cells, group by group and part by part; R perturbations in contexts, C batches of controls, G genes.

    Attributes:
        perturbed: (R, K, G) sums.
        counts: (R, K) cells.
        controls: (C, L, G) sums.
        control_counts: (C, L) cells.
        numbers: (R, C, K) cells of a perturbation from each batch.
        squares, control_squares: (R, Q, G), (C, Q', G) sums of squares, of the same parts, or of the first and the second half of them.
        context: (R,) context of a perturbation.
        batch_context: (C,) context of a batch.
        scored: (R, G) bool: genes that count; a perturbation's own targets do not.
    """

    perturbed: np.ndarray
    counts: np.ndarray
    controls: np.ndarray
    control_counts: np.ndarray
    numbers: np.ndarray
    squares: np.ndarray
    control_squares: np.ndarray
    context: np.ndarray
    batch_context: np.ndarray
    scored: np.ndarray

    def of_context(self, context: int) -> Parts:
        """Those of one context."""
        rows, batches = self.context == context, self.batch_context == context
        return Parts(
            self.perturbed[rows], self.counts[rows], self.controls[batches], self.control_counts[batches],
            self.numbers[rows][:, batches], self.squares[rows], self.control_squares[batches], self.context[rows],
            self.batch_context[batches], self.scored[rows],
        )  # fmt: skip


@dataclass(frozen=True)
class Halves:
    """One draw: means of disjoint halves, and of the controls that go with each.

    Attributes:
        profiles: (2, rows, G) means of perturbed cells.
        controls: (2, rows, G) means of control halves, weighted by the batches that the cells come from.
        counts: (2, rows) perturbed cells.
    """

    profiles: np.ndarray
    controls: np.ndarray
    counts: np.ndarray

    @property
    def deltas(self) -> np.ndarray:
        """(2, rows, G) profiles minus their controls."""
        return self.profiles - self.controls


@dataclass(frozen=True)
class Ceiling:
    """Reproducibility of one context.

    Attributes:
        context: Its number.
        rows: (P,) which rows of `Parts` are in it.
        draws: (draws, P) correlation of disjoint halves; NaN where undefined.
        null: (`NULL_DRAWS`,) correlation of control quarters.
        interval: Mean of r_half over perturbations; its interval is over draws and perturbations.
        evaluable: (P,) bool.
        cells: (P,) of each perturbation.
        control_cells: Of the context.
    """

    context: int
    rows: np.ndarray
    draws: np.ndarray
    null: np.ndarray
    interval: Interval
    evaluable: np.ndarray
    cells: np.ndarray
    control_cells: int

    @property
    def r_half(self) -> np.ndarray:
        """(P,) mean over draws; NaN where undefined."""
        return nan_mean(self.draws, axis=0)

    @property
    def null_band(self) -> tuple[float, float]:
        """The 2.5 % and the 97.5 % quantile of the null."""
        low, high = np.nanquantile(self.null, [1 - HIGH, HIGH])
        return float(low), float(high)

    @property
    def is_evaluable(self) -> bool:
        """Whether at least half of the perturbations are evaluable."""
        return bool(self.evaluable.sum() >= TASK_SHARE * len(self.evaluable) and len(self.evaluable))

    @property
    def replicate_reaches(self) -> float:
        """Correlation of the whole experiment with a replicate of it; NaN where the mean r_half is not above 0."""
        return float(full_reliability(np.array(self.interval.value)))

    @property
    def noise_free_limit(self) -> float:
        """Correlation of the whole experiment with a prediction without noise."""
        return float(noise_free_limit(np.array(self.interval.value)))

    def cells_needed(self, r_half: float) -> float:
        """How many times the cells and controls would make a perturbation of this r_half evaluable; NaN where r_half is not above 0.

        With m times the cells r becomes m r / (1 + (m - 1) r); asked for is an r as far above the null's quantile as the draws' 5 %
        quantile now lies below their mean.
        """
        defined = ~np.isnan(self.draws).any(axis=0)
        if not defined.any() or not r_half > 0:
            return np.nan
        own = self.draws[:, defined]
        wanted = self.null_band[1] + float(np.median(own.mean(axis=0) - np.quantile(own, LOW, axis=0)))
        if wanted >= 1:
            return np.nan
        return max(1.0, wanted * (1 - r_half) / (r_half * (1 - wanted)))


def full_reliability(r_half: np.ndarray) -> np.ndarray:
    """2 r / (1 + r), what a replicate of the whole experiment reaches; NaN where r is not above zero."""
    r_half = np.asarray(r_half, np.float64)
    return np.where(r_half > 0, 2 * r_half / (1 + np.where(r_half > 0, r_half, 1)), np.nan)


def noise_free_limit(r_half: np.ndarray) -> np.ndarray:
    """What a predictor without noise reaches against the whole experiment: the root of `full_reliability`."""
    return np.sqrt(full_reliability(r_half))


def ceilings(parts: Parts, *, draws: int = DRAWS, seed: int = 0, resamples: int = 1000) -> list[Ceiling]:
    """The ceiling of every context that has perturbations.

    Args:
        parts: The screen.
        draws: Of halves and of quarters.
        seed: Of all draws.
        resamples: Of the intervals.
    """
    generator = np.random.default_rng([seed, 1])
    values = np.stack([disjoint(parts, halves, rows) for rows, halves in _each_draw(parts, draws, generator)])
    values = values.reshape(draws, -1)
    counts = parts.counts.sum(axis=1)
    found = []
    for context in np.unique(parts.context):
        rows = np.flatnonzero(parts.context == context)
        null = null_draws(parts, int(context), NULL_DRAWS, np.random.default_rng([seed, 2, int(context)]))
        own = values[:, rows]
        low = np.full(len(rows), np.nan)
        defined = ~np.isnan(own).any(axis=0)
        low[defined] = np.quantile(own[:, defined], LOW, axis=0)
        limit = np.nanquantile(null, HIGH) if not np.isnan(null).all() else np.inf
        found.append(
            Ceiling(
                int(context), rows, own, null, _interval(own[:, defined], resamples, np.random.default_rng([seed, 3, int(context)])),
                np.nan_to_num(low, nan=-np.inf) > limit, counts[rows], int(parts.control_counts[parts.batch_context == context].sum()),
            )
        )  # fmt: skip
    return found


def _each_draw(parts: Parts, draws: int, generator: np.random.Generator) -> Iterator[tuple[slice, Halves]]:
    for _ in range(draws):
        yield from draw_halves(parts, generator)


def draw_halves(parts: Parts, generator: np.random.Generator) -> Iterator[tuple[slice, Halves]]:
    """One draw of disjoint halves of all perturbations and of all controls, some rows at a time."""
    chosen, control_chosen = split(parts.counts, 2, generator), split(parts.control_counts, 2, generator)
    means = piece_means(control_chosen, parts.controls, parts.control_counts)
    for start in range(0, len(parts.perturbed), _ROWS):
        rows = slice(start, start + _ROWS)
        yield rows, halves_of(parts, chosen[:, rows], means, rows)


def halves_of(parts: Parts, chosen: np.ndarray, control_means: np.ndarray, rows: slice) -> Halves:
    """Means of two pieces of some rows, with their controls.

    Args:
        parts: All.
        chosen: (2, rows, K) 0 or 1.
        control_means: (2, C, G) of the control halves.
        rows: Which.
    """
    counts = np.einsum("hrk,rk->hr", chosen, parts.counts[rows])
    own = np.einsum("hrk,rck->hrc", chosen, parts.numbers[rows]) / _positive(counts)[..., None]
    controls = np.stack([weighted(own[half], control_means[half]) for half in range(2)])
    return Halves(piece_means(chosen, parts.perturbed[rows], parts.counts[rows]), controls, counts)


def piece_means(chosen: np.ndarray, sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(pieces, groups, G) means of the cells in the chosen parts; NaN of pieces without any.

    Args:
        chosen: (pieces, groups, parts) 0 or 1.
        sums: (groups, parts, G).
        counts: (groups, parts).
    """
    total = np.stack([np.matmul(piece[:, None, :], sums)[:, 0] for piece in chosen.astype(sums.dtype)])
    return total / _positive(np.einsum("pgk,gk->pg", chosen, counts))[..., None]


def split(counts: np.ndarray, pieces: int, generator: np.random.Generator) -> np.ndarray:
    """(pieces, groups, parts) 0 or 1: the filled parts of every group, dealt at random into equal pieces.

    Args:
        counts: (groups, parts) cells; empty parts belong to no piece.
        pieces: How many; a group of fewer filled parts has empty ones.
    """
    keys = np.where(counts > 0, generator.random(counts.shape), np.inf)
    rank = np.argsort(np.argsort(keys, axis=1), axis=1)
    filled = (counts > 0).sum(axis=1, keepdims=True)
    size = filled // pieces
    piece = np.minimum(rank // np.maximum(size, 1), pieces - 1)
    usable = (rank < filled) & (size > 0)
    return np.stack([(piece == number) & usable for number in range(pieces)]).astype(np.float64)


def disjoint(parts: Parts, halves: Halves, rows: slice) -> np.ndarray:
    """(rows,) correlation of two disjoint deltas."""
    first, second = halves.deltas
    return correlation(first, second, parts.scored[rows])


def shared_control(parts: Parts, *, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """(R,) correlation of disjoint halves that both have all controls subtracted: inflated by the noise that they share."""
    generator = np.random.default_rng([seed, 4])
    control = weighted(shares(parts), control_means(parts))
    total = np.zeros((draws, len(parts.perturbed)))
    for draw in range(draws):
        for rows, halves in draw_halves(parts, generator):
            first, second = halves.profiles - control[rows]
            total[draw, rows] = correlation(first, second, parts.scored[rows])
    return nan_mean(total, axis=0)


def bootstrap_halves(cells: np.ndarray, controls: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> float:
    """Correlation of two bootstrap samples of the same cells minus two of the same controls: one half at any number of cells.

    Args:
        cells: (n, G) of one perturbation.
        controls: (m, G) of its batch.
        draws, seed: Of the samples.
    """
    generator = np.random.default_rng([seed, 5])
    every = np.ones((1, cells.shape[1]), bool)

    def resampled(rows: np.ndarray) -> np.ndarray:
        return rows[generator.integers(0, len(rows), len(rows))].mean(axis=0, keepdims=True)

    values = [
        correlation(resampled(cells) - resampled(controls), resampled(cells) - resampled(controls), every)[0]
        for _ in range(draws)
    ]
    return float(nan_mean(np.array(values), axis=0))


def null_draws(parts: Parts, context: int, draws: int, generator: np.random.Generator) -> np.ndarray:
    """(draws,) corr(c1 - c2, c3 - c4) of disjoint quarters of a context's controls; each batch gives a quarter of its own to each."""
    own = parts.batch_context == context
    counts, sums = parts.control_counts[own], parts.controls[own]
    shares = counts.sum(axis=1) / max(counts.sum(), 1)
    values = np.full(draws, np.nan)
    for draw in range(draws):
        quarters = split(counts, 4, generator)
        means = piece_means(quarters, sums, counts)
        first, second, third, fourth = weighted(
            shares[None], means.transpose(1, 0, 2).reshape(len(counts), -1)
        ).reshape(4, -1)
        values[draw] = correlation((first - second)[None], (third - fourth)[None], np.ones((1, len(first)), bool))[0]
    return values


def control_means(parts: Parts) -> np.ndarray:
    """(C, G) means of all controls of each batch."""
    return parts.controls.sum(axis=1) / _positive(parts.control_counts.sum(axis=1))[:, None]


def shares(parts: Parts) -> np.ndarray:
    """(R, C) share of a perturbation's cells that each batch gave."""
    return parts.numbers.sum(axis=2) / _positive(parts.counts.sum(axis=1))[:, None]


def weighted(shares: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Weighted means (shares @ means), where a mean that is not known matters only to those that have a share of it."""
    unknown = np.isnan(means).any(axis=1)
    result = shares @ np.where(unknown[:, None], 0.0, means)
    result[(shares[:, unknown] > 0).any(axis=1)] = np.nan
    return result


def changes_from(parts: Parts, controls: np.ndarray) -> np.ndarray:
    """(R, G) mean profiles minus these (C, G) controls of their batches."""
    counts = parts.counts.sum(axis=1)
    means = parts.perturbed.sum(axis=1) / _positive(counts)[:, None]
    return means - weighted(shares(parts), controls)


def context_controls(parts: Parts, contexts: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the contexts that have controls, and (contexts with controls, G) their mean control profiles, weighted by cells."""
    means, cells = control_means(parts), parts.control_counts.sum(axis=1)
    there = [context for context in range(contexts) if (parts.batch_context == context).any()]
    profiles = [
        np.average(means[own], axis=0, weights=cells[own]) for own in (parts.batch_context == each for each in there)
    ]
    return np.array(there, np.int64), np.stack(profiles)


def correlation(first: np.ndarray, second: np.ndarray, scored: np.ndarray) -> np.ndarray:
    """(rows,) Pearson correlation over the genes that count; NaN where one of the two is constant or not known.

    Args:
        first, second: (rows, G).
        scored: (rows, G) bool.
    """
    count = np.maximum(scored.sum(axis=1), 1)[:, None]
    centred = []
    for values in (first, second):
        kept = np.where(scored, values, 0.0)
        deviations = np.where(scored, kept - kept.sum(axis=1, keepdims=True) / count, 0.0)
        norm = np.sqrt((deviations**2).sum(axis=1))
        constant = norm <= _ROUNDING * np.sqrt((kept**2).sum(axis=1))
        centred.append(deviations / np.where(constant, np.nan, norm)[:, None])
    return (centred[0] * centred[1]).sum(axis=1)


def nan_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean of what is defined; NaN where nothing is."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=axis)
    return np.where(count > 0, np.where(defined, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)


def _interval(draws: np.ndarray, resamples: int, generator: np.random.Generator) -> Interval:
    """Mean over draws and perturbations; each resample takes one draw, whose controls all perturbations share, and resampled perturbations."""
    if not draws.size:
        return Interval(np.nan, np.nan, np.nan)
    count = draws.shape[1]
    which = generator.integers(0, len(draws), resamples)
    columns = generator.integers(0, count, (resamples, count))
    means = draws[which[:, None], columns].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(draws.mean()), float(low), float(high))


def _positive(counts: np.ndarray) -> np.ndarray:
    return np.where(counts > 0, counts, np.nan)
