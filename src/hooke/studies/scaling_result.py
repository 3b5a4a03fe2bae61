"""What a scaling study says: an error curve and power laws a factor, the improvement from its smallest to its largest size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core.checked import write_parquet
from hooke.core.csv_text import csv_text
from hooke.core.files import write_durably
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.power_law import FEWEST_SIZES, PowerLaw, better_form, fit_power_law
from hooke.report.wording import decimals, number, percent, range_text
from hooke.studies.scaling import Factor, Study, Trial

MEASURES = {"test": "error on the test rows", "probe": "error of linear probes of the frozen encoder"}
OTHER_LABELS = "its sizes have other labels, whose errors on test rows cannot be compared; probes on other tables can"
_HEADER = (
    "factor",
    "measure",
    "sizes",
    "seeds",
    "smallest",
    "largest",
    "improvement",
    "exponent",
    "exponent above a floor",
    "floor",
)


@dataclass(frozen=True)
class Curve:
    """One factor, measured in one way.

    Attributes:
        factor: Its name.
        measure: Key of `MEASURES`.
        sizes: Rising.
        errors: For each size seed → error.
        laws: The simple form and the one with a floor; empty with fewer than five sizes.
    """

    factor: str
    measure: str
    sizes: tuple[float, ...]
    errors: tuple[dict[int, float], ...]
    laws: tuple[PowerLaw, ...]

    @property
    def law(self) -> PowerLaw | None:
        """The form that predicts sizes better from the others."""
        return better_form(self.laws) if self.laws else None

    def mean(self, place: int) -> Interval:
        """Geometric mean over seeds at a size, with a t interval of the logs."""
        logs = np.log(list(self.errors[place].values()))
        found = paired_difference(logs, generator=np.random.default_rng(0))
        return Interval(*(float(np.exp(bound)) for bound in (found.value, found.low, found.high)))

    @cached_property
    def improvement(self) -> Interval:
        """1 - error at the largest size / error at the smallest: mean over the seeds that both have."""
        first, last = self.errors[0], self.errors[-1]
        both = [1 - last[seed] / first[seed] for seed in first if seed in last]
        if not both:
            return Interval(math.nan, math.nan, math.nan)
        return paired_difference(np.array(both), generator=np.random.default_rng(0))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "factor": self.factor,
            "measure": self.measure,
            "sizes": list(self.sizes),
            "errors": [list(by_seed.values()) for by_seed in self.errors],
            "improvement": {name: _known(value) for name, value in vars(self.improvement).items()},
            "laws": [
                {
                    "form": law.form,
                    **{name: vars(getattr(law, name)) for name in ("scale", "exponent", "floor")},
                    "misfit": law.misfit,
                    "left_out": law.left_out,
                }
                for law in self.laws
            ],
        }


@dataclass(frozen=True)
class ScalingResult:
    """All trainings of a study."""

    study: Study
    trials: tuple[Trial, ...]

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """Every factor on every measure that was taken at two sizes or more, and of the same labels at all of them."""
        found = [
            self._curve(factor, measure)
            for measure in MEASURES
            for factor in self.study.grid.factors
            if measure != "test" or factor.name not in self.changing_labels
        ]
        return tuple(curve for curve in found if len(curve.sizes) > 1)

    @cached_property
    def changing_labels(self) -> tuple[str, ...]:
        """Factors whose sizes are tested on different numbers of labels: their errors on test rows cannot be compared."""
        return tuple(factor.name for factor in self.study.grid.factors if len(self._label_counts(factor)) > 1)

    def _label_counts(self, factor: Factor) -> set[int]:
        points = {factor.overrides(place) for place in range(len(factor.sizes))}
        return {trial.labels for trial in self.trials if trial.overrides in points and trial.labels}

    def _curve(self, factor: Factor, measure: str) -> Curve:
        sizes, errors = [], []
        for place, size in enumerate(factor.sizes):
            by_seed = {
                trial.seed: trial.error if measure == "test" else trial.probed_error
                for trial in self.trials
                if trial.overrides == factor.overrides(place)
            }
            known = {seed: error for seed, error in sorted(by_seed.items()) if math.isfinite(error)}
            if known:
                sizes.append(size)
                errors.append(known)
        laws: tuple[PowerLaw, ...] = ()
        if len(sizes) >= FEWEST_SIZES:
            values = [list(by_seed.values()) for by_seed in errors]
            laws = tuple(
                fit_power_law(sizes, values, floor=floor, generator=np.random.default_rng(0)) for floor in (False, True)
            )
        return Curve(factor.name, measure, tuple(sizes), tuple(errors), laws)

    @property
    def failures(self) -> list[Trial]:
        """Trainings that failed."""
        return [trial for trial in self.trials if trial.reason]

    def frame(self) -> pl.DataFrame:
        """One row a training and factor that it belongs to."""
        rows = [
            {
                "factor": factor.name, "size": size, "seed": trial.seed, "error": trial.error, "probed_error": trial.probed_error,
                "parameters": trial.parameters, "molecules": trial.molecules, "seconds": trial.seconds,
                "overrides": " ".join(trial.overrides), "run": trial.run, "reason": trial.reason,
            }
            for factor in self.study.grid.factors
            for place, size in enumerate(factor.sizes)
            for trial in self.trials
            if trial.overrides == factor.overrides(place)
        ]  # fmt: skip
        return pl.DataFrame(rows)

    def write_tables(self) -> tuple[Path, Path]:
        """The frame as CSV and Parquet beside the study's file."""
        frame, base = self.frame(), self.study.file
        paths = base.with_suffix(".csv"), base.with_suffix(".parquet")
        write_durably(paths[0], csv_text(frame))
        write_parquet(frame, paths[1])
        return paths

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and one line a curve."""
        return list(_HEADER), [_line(curve) for curve in self.curves]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "storage": str(self.study.file),
            "trainings": len(self.trials),
            "failed": len(self.failures),
            "changing_labels": list(self.changing_labels),
            "curves": [curve.to_json() for curve in self.curves],
        }


def _line(curve: Curve) -> list[str]:
    seeds = sorted({len(by_seed) for by_seed in curve.errors})
    shown = [curve.factor, curve.measure, str(len(curve.sizes)), "-".join(map(str, seeds))]
    shown += [number(curve.mean(place).value, 4) for place in (0, -1)]
    shown.append(_shares(curve.improvement))
    if not curve.laws:
        return [*shown, f"- (fewer than {FEWEST_SIZES} sizes)", "-", "-"]
    simple, floor = curve.laws
    return [
        *shown,
        _interval(simple.exponent),
        _interval(floor.exponent),
        _interval(floor.floor),
    ]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _interval(found: Interval) -> str:
    return f"{decimals(found.value, 3)} {range_text(found.low, found.high, 3)}".rstrip()


def _shares(found: Interval) -> str:
    bounds = f" [{percent(found.low, 1)}, {percent(found.high, 1)}]" if math.isfinite(found.low + found.high) else ""
    return percent(found.value, 1) + bounds
