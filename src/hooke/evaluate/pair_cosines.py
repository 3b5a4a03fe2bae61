"""Exact order statistics of the cosines of all pairs of n vectors, without ever holding the n x n matrix.

A random sample of pairs places a narrow window around each wanted rank; one pass of blocked float32 products counts the
pairs below every window and keeps those inside it; of these, the few that rounding could put on either side of the
wanted rank are computed again in float64. The result is the float64 order statistic: the sample decides how long it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from hooke.core.errors import DataError

_BLOCK_BYTES = 8 << 20
_SAMPLE = 1 << 20
_CROWDED = 1 << 22
_BINS = 1 << 12
_TIED = 1e-14


def unit_rows(values: np.ndarray) -> np.ndarray:
    """(n, d) float64: rows of length one; a row of zeros stays zero, so that its cosines are 0.

    Raises:
        DataError: A value is not finite.
    """
    values = np.asarray(values, np.float64)
    if not np.isfinite(values).all():
        rows = np.flatnonzero(~np.isfinite(values).all(axis=1))
        raise DataError(f"{len(rows)} profiles hold NaN or infinity (first row {rows[0]}); drop or impute them first")
    lengths = np.sqrt(np.einsum("ij,ij->i", values, values))
    return values / np.where(lengths > 0, lengths, 1.0)[:, None]


def pair_cosines(unit: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(p,) float64 cosines of pairs of unit vectors; the same pair always gives the same bits.

    Args:
        unit: (n, d) float64 of length one.
        first, second: (p,) row numbers, first < second.
    """
    out = np.empty(len(first))
    step = max(1, _BLOCK_BYTES // (16 * max(unit.shape[1], 1)))
    for start in range(0, len(first), step):
        part = slice(start, start + step)
        out[part] = np.einsum("ij,ij->i", unit[first[part]], unit[second[part]])
    return out


@dataclass
class _Window:
    """Where the pair of one rank lies: `low` < cosine <= `high` in float32, and what a pass has found there."""

    rank: int
    low: float
    high: float
    below: int = 0
    inside: int = 0
    places: list[np.ndarray] = field(default_factory=list)

    def widen(self, margin: float) -> None:
        """After a miss: nine times as wide."""
        width = self.high - self.low + margin
        self.low, self.high = self.low - 4 * width, self.high + 4 * width


def order_statistics(unit: np.ndarray, ranks: Sequence[int]) -> list[float]:
    """The cosines at given ranks among all n(n-1)/2 unordered pairs.

    Args:
        unit: (n, d) float64 rows of length one (or zero).
        ranks: 0 is the smallest cosine.

    Returns:
        The cosine at each rank.
    """
    total = len(unit) * (len(unit) - 1) // 2
    if not all(0 <= rank < total for rank in ranks):
        raise ValueError(f"ranks must be between 0 and {total - 1}, got {list(ranks)}")
    short = unit.astype(np.float32)
    margin = float(np.finfo(np.float32).eps) * (8 * np.sqrt(unit.shape[1]) + 8)
    windows = _first_windows(unit, ranks, total, margin)
    found: dict[int, float] = {}
    while windows:
        _count(short, windows)
        for window in windows:
            wanted = window.rank - window.below
            if 0 <= wanted < window.inside:
                crowded = window.inside > _CROWDED
                value = _crowded(unit, short, window) if crowded else _among(unit, short, window, wanted, margin)
                if window.low + margin < value < window.high - margin:  # then what lies outside is surely outside
                    found[window.rank] = value
                    continue
            window.widen(margin)
        windows = [window for window in windows if window.rank not in found]
    return [found[rank] for rank in ranks]


def _first_windows(unit: np.ndarray, ranks: Sequence[int], total: int, margin: float) -> list[_Window]:
    generator = np.random.default_rng(0)  # it decides the time taken, not the result
    size = min(_SAMPLE, total)
    first = generator.integers(0, len(unit), size)
    second = (first + generator.integers(1, len(unit), size)) % len(unit)
    sample = np.sort(pair_cosines(unit, first, second))
    windows = []
    for rank in sorted(set(ranks)):
        share = (rank + 0.5) / total
        spread = 6 * np.sqrt(share * (1 - share) / size) + 2 / size
        low, high = np.clip([(share - spread) * size, (share + spread) * size], 0, size - 1).astype(np.int64)
        windows.append(_Window(rank, float(sample[low]) - 3 * margin, float(sample[high]) + 3 * margin))
    return windows


def _blocks(short: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(first row, cosines of some rows with all rows from the first on); what is no pair of the upper triangle is NaN."""
    count = len(short)
    start = 0
    while start < count - 1:
        stop = min(count, start + max(1, _BLOCK_BYTES // (4 * (count - start))))
        block = short[start:stop] @ short[start:].T
        block[np.tril_indices(stop - start)] = np.nan  # compares false with everything
        yield start, block
        start = stop


def _count(short: np.ndarray, windows: list[_Window]) -> None:
    """One pass over all pairs: count what is below each window, keep the places of what is inside."""
    for window in windows:
        window.below, window.inside, window.places = 0, 0, []
    for start, block in _blocks(short):
        for window in windows:
            window.below += int(np.count_nonzero(block <= np.float32(window.low)))
            inside = _inside(block, window)
            window.inside += len(inside)
            if window.inside <= _CROWDED:
                rows, columns = np.divmod(inside, block.shape[1])
                window.places.append(np.stack([rows + start, columns + start]).astype(np.int32))


def _inside(block: np.ndarray, window: _Window) -> np.ndarray:
    return np.flatnonzero((block > np.float32(window.low)) & (block <= np.float32(window.high)))


def _among(unit: np.ndarray, short: np.ndarray, window: _Window, wanted: int, margin: float) -> float:
    """The exact cosine at rank `wanted` among the pairs of a window."""
    places = np.concatenate(window.places, axis=1)
    rough = np.empty(places.shape[1], np.float32)
    step = max(1, _BLOCK_BYTES // (8 * short.shape[1]))
    for start in range(0, len(rough), step):
        first, second = places[:, start : start + step]
        rough[start : start + step] = np.einsum("ij,ij->i", short[first], short[second])
    pivot = np.partition(rough, wanted)[wanted]
    below = int(np.count_nonzero(rough < pivot - 2 * margin))
    first, second = places[:, np.abs(rough - pivot) <= 2 * margin]
    exact = pair_cosines(unit, first, second)
    return float(np.partition(exact, wanted - below)[wanted - below])


def _crowded(unit: np.ndarray, short: np.ndarray, window: _Window) -> float:
    """The same where millions of pairs share a window (equal profiles): narrowed by histograms of exact cosines."""
    low, high, wanted = window.low, window.high, window.rank - window.below
    while True:
        counts, below, smallest, largest = np.zeros(_BINS, np.int64), 0, np.inf, -np.inf
        kept: list[np.ndarray] = []
        for start, block in _blocks(short):
            rows, columns = np.divmod(_inside(block, window), block.shape[1])
            exact = pair_cosines(unit, rows + start, columns + start)
            below += int(np.count_nonzero(exact < low))
            exact = exact[(exact >= low) & (exact <= high)]
            if len(exact):
                smallest, largest = min(smallest, exact.min()), max(largest, exact.max())
                counts += np.histogram(exact, _BINS, (low, high))[0]
            if counts.sum() <= _CROWDED:
                kept.append(exact)
        if smallest == largest or high - low < _TIED:
            return float(smallest)
        if counts.sum() <= _CROWDED:
            return float(np.partition(np.concatenate(kept), wanted - below)[wanted - below])
        place = int(np.searchsorted(below + np.cumsum(counts), wanted, side="right"))
        edges = np.linspace(low, high, _BINS + 1)
        low, high = edges[max(place - 1, 0)], edges[min(place + 2, _BINS)]
