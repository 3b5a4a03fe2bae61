"""Split conformal prediction: intervals and class sets that hold the truth at a stated rate, calibrated on held-out rows.

Source: Vovk et al. 2005; Lei et al. 2018 (normalised scores); Sadinle et al. 2019 (least ambiguous sets). The guarantee holds for
molecules exchangeable with the calibration rows; on new scaffolds the coverage can be lower, and reports show what it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from hooke.core.json_text import number_or
from hooke.core.options import later, plain

_FEWEST = 5  # rows that a standard deviation is calibrated on


@dataclass(frozen=True)
class IntervalCalibration:
    """Regression: half-width = quantile * (std + floor). `count` calibration rows; infinite quantile when there are too few (`missing`).

    scale * (std + floor) is a standard deviation of the error; `scale` is None where the rows were too few to say, or not asked (runs of the
    first releases).

    With `logarithms` all this is about the logarithms of positive values: bounds are factors, and never negative.
    """

    quantile: float
    floor: float
    level: float
    count: int
    scale: float | None = later(None)
    logarithms: bool = later(default=False)

    def interval(self, mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds; NaN where there are none."""
        if not np.isfinite(self.quantile):
            return np.full_like(mean, np.nan), np.full_like(mean, np.nan)
        if self.logarithms:
            with np.errstate(over="ignore"):
                factor = np.exp(self.quantile * (std / mean + self.floor))
                return mean / factor, mean * factor
        half = self.quantile * (std + self.floor)
        return mean - half, mean + half

    @property
    def missing(self) -> str:
        """Why there are no intervals; "" where there are."""
        few = _too_few(self.count, self.level)
        return f"no intervals at {self.level:.0%}: {few}" if few else ""

    def deviation(self, mean: np.ndarray, std: np.ndarray) -> np.ndarray | None:
        """The standard deviation of the error where the members disagree by `std`; None where it is not known."""
        if self.scale is None:
            return None
        return self.scale * (std + self.floor * (mean if self.logarithms else 1.0))

    def scores(self, mean: np.ndarray, std: np.ndarray, true: np.ndarray) -> np.ndarray:
        """How far values are from their prediction, in half-widths of an interval of quantile 1."""
        if self.logarithms:
            return np.abs(np.log(true / mean)) / (std / mean + self.floor)
        return np.abs(true - mean) / (std + self.floor)

    def to_json(self) -> dict[str, float]:
        """A plain dictionary."""
        return plain(self)


@dataclass(frozen=True)
class SetCalibration:
    """Classes: a class is in the set when its probability is at least `threshold`."""

    threshold: float
    level: float
    count: int

    @property
    def missing(self) -> str:
        """Why sets hold every class; "" where they say something."""
        few = _too_few(self.count, self.level)
        return f"every class is in the set at {self.level:.0%}: {few}" if few else ""

    def contains(self, probabilities: np.ndarray) -> np.ndarray:
        """(N, classes) probabilities -> (N, classes) bool."""
        return probabilities >= self.threshold

    def to_json(self) -> dict[str, float]:
        """A plain dictionary."""
        return asdict(self)


def calibration_from_json(value: Mapping[str, Any]) -> IntervalCalibration | SetCalibration:
    """A calibration from what `to_json` gave and its kind, "interval" or "set"."""
    fields = {name: entry for name, entry in value.items() if name != "kind"}
    if value["kind"] == "set":
        return SetCalibration(**fields)
    return IntervalCalibration(**{**fields, "quantile": number_or(fields["quantile"], np.inf)})


def missing(calibrations: Mapping[str, IntervalCalibration | SetCalibration], labels: Iterable[str]) -> dict[str, str]:
    """Label → why it has neither intervals nor sets that say anything; labels that have are left out."""
    none = "neither intervals nor sets: no validation rows to calibrate on"
    reasons = {name: calibrations[name].missing if name in calibrations else none for name in labels}
    return {name: reason for name, reason in reasons.items() if reason}


def calibrate_interval(
    mean: np.ndarray, std: np.ndarray, true: np.ndarray, *, level: float = 0.9, logarithms: bool = False
) -> IntervalCalibration:
    """Fit on calibration rows: scores |y - mean| / (std + floor), the floor being the median absolute error.

    `scale` is the root of the mean squared score, so that (y - mean) / (scale (std + floor)) has mean square 1 on these rows. The
    floor keeps intervals honest where the members agree by chance; with one member (std 0) all intervals have one width.

    Args:
        mean, std, true: (N,); NaN = not measured.
        level: Wanted coverage.
        logarithms: Whether errors are those of the logarithms; values and predictions are positive.
    """
    mean, std, true = (values[~np.isnan(true)] for values in (mean, std, true))
    error = np.abs(np.log(true / mean)) if logarithms else np.abs(true - mean)
    floor = float(np.median(error) or error.max()) if len(error) else 0.0
    floor = floor or 1.0  # no error at all: any floor gives intervals of no width
    found = IntervalCalibration(1.0, floor, level, len(error), logarithms=logarithms)
    scores = found.scores(mean, std, true)
    scale = float(np.sqrt(np.mean(scores**2))) if len(scores) >= _FEWEST else None
    return replace(found, quantile=_quantile(scores, level), scale=scale)


def calibrate_set(probabilities: np.ndarray, true: np.ndarray, *, level: float = 0.9) -> SetCalibration:
    """Fit on calibration rows: scores 1 - probability of the true class, kept as probabilities, so that equal ones stay equal.

    Args:
        probabilities: (N, classes).
        true: (N,) class numbers, NaN = not measured.
        level: Wanted coverage.
    """
    measured = ~np.isnan(true)
    chosen = probabilities[measured, true[measured].astype(np.int64)]
    threshold = -_quantile(-chosen, level)
    return SetCalibration(threshold if np.isfinite(threshold) else 0.0, level, int(measured.sum()))


def _too_few(count: int, level: float) -> str:
    """What is missing, where a quantile of so many scores is infinite; else ""."""
    needed = next(number for number in itertools.count(1) if _rank(number, level) <= number)
    return f"{count:,} exact measurements to calibrate on, {needed} are needed" if count < needed else ""


def _rank(count: int, level: float) -> int:
    return int(np.ceil((count + 1) * level))


def _quantile(scores: np.ndarray, level: float) -> float:
    """The ceil((n + 1) level)-th smallest score: the exact finite-sample quantile; infinite when n is too small."""
    rank = _rank(len(scores), level)
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else float("inf")
