"""What a screen of perturbations can teach, and how well predictions of its responses are: check and evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.cells.differential import differential_genes
from hooke.cells.expression import open_expression
from hooke.cells.perturbations import of_genes
from hooke.cells.screen import Columns, Scale, Screen
from hooke.cells.statistics import Statistics, gather, parts_of
from hooke.core.checked import write_parquet
from hooke.core.csv_text import csv_text
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.files import write_durably
from hooke.core.hashing import content_hash
from hooke.core.paths import cache_folder
from hooke.core.writable import check_output
from hooke.evaluate.ceilings import DRAWS, LOW, Ceiling, Parts, ceilings, full_reliability, noise_free_limit
from hooke.evaluate.metric_range import DRAWS as RANGE_DRAWS
from hooke.evaluate.metric_range import RESISTANT, SOLVED, Additive, MetricRange, additive, metric_ranges
from hooke.evaluate.multiple_testing import benjamini_hochberg

TABLES = (".csv", ".parquet")
ONE_CELL = "fewer than two cells"
NO_CONTROLS = "too few controls in its batches"


@dataclass(frozen=True)
class ContextCheck:
    """What one context of a screen can teach.

    Attributes:
        name: Of the context.
        ceiling: Reproducibility, null and verdict.
        perturbations: Names, in the order of the ceiling's rows.
        ranges: What each metric can tell apart here.
        saturation: (P,) how much of the way from control to duplicate the mean of the others goes.
        doubles: Names of the doubles whose singles are both measured.
        additive: The sum of single effects on them; None without any.
    """

    name: str
    ceiling: Ceiling
    perturbations: tuple[str, ...]
    ranges: Sequence[MetricRange]
    saturation: np.ndarray
    doubles: tuple[str, ...] = ()
    additive: Additive | None = None

    @property
    def verdict(self) -> str:
        """One line: evaluable, or why not and how many cells would do."""
        found, interval = self.ceiling, self.ceiling.interval
        low, high = found.null_band
        count = f"{int(found.evaluable.sum())} of {len(found.evaluable)} perturbations"
        scores = (
            f"r_half {interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}], null band [{low:.2f}, {high:.2f}]"
        )
        if found.is_evaluable:
            return f"evaluable: {count} reproduce above the null ({scores})"
        return f"not evaluable: {count} reproduce above the null ({scores}); {self._remedy()}"

    def _remedy(self) -> str:
        found, interval = self.ceiling, self.ceiling.interval
        least, likely = found.cells_needed(interval.high), found.cells_needed(interval.value)
        if np.isnan(least):
            return "no number of cells can be named: no reproducible signal shows"
        cells = int(np.median(found.cells))
        at_least = f"at least {least:.1f} times the cells and controls would be needed ({least * cells:,.0f} cells a perturbation)"
        if np.isnan(likely) or interval.low <= 0:
            return f"{at_least}; r_half may be zero"
        return f"{at_least}, about {likely:.1f} times ({likely * cells:,.0f}) by the mean r_half"

    @property
    def warning(self) -> str:
        """What a control that is shared by prediction and truth would do to the sum of singles; "" without doubles."""
        if self.additive is None:
            return ""
        disjoint, shared, ceiling = (
            float(np.nanmean(values))
            for values in (self.additive.disjoint, self.additive.shared, self.additive.ceiling)
        )
        return (
            f"additive on {len(self.doubles)} doubles: r {disjoint:.2f} with disjoint controls (ceiling {ceiling:.2f}); "
            f"one control shared by prediction and truth would show {shared:.2f}"
        )

    def rows(self) -> list[dict[str, Any]]:
        """A row for each perturbation."""
        found = self.ceiling
        r_half = found.r_half
        low = np.full(len(r_half), np.nan)
        defined = ~np.isnan(found.draws).any(axis=0)
        low[defined] = np.quantile(found.draws[:, defined], LOW, axis=0)
        return [
            {
                "context": self.name, "perturbation": name, "cells": int(found.cells[place]), "r_half": float(r_half[place]),
                "r_half_5_percent": float(low[place]), "replicate_reaches": float(full_reliability(r_half[place])),
                "noise_free_limit": float(noise_free_limit(r_half[place])), "evaluable": bool(found.evaluable[place]),
                "saturation": float(self.saturation[place]),
                "reason": "" if defined[place] else ONE_CELL if found.cells[place] < 2 else NO_CONTROLS,
            }
            for place, name in enumerate(self.perturbations)
        ]  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain values."""
        found = self.ceiling
        doubles = None
        if self.additive is not None:
            parts = {
                name: np.asarray(getattr(self.additive, name)).tolist() for name in ("disjoint", "shared", "ceiling")
            }
            doubles = {"doubles": list(self.doubles), **parts}
        return {
            "context": self.name, "verdict": self.verdict, "evaluable": found.is_evaluable,
            "evaluable_perturbations": int(found.evaluable.sum()), "perturbations": len(self.perturbations),
            "cells": int(found.cells.sum()), "control_cells": found.control_cells, "r_half": asdict(found.interval),
            "null_band": list(found.null_band), "replicate_reaches": found.replicate_reaches,
            "noise_free_limit": found.noise_free_limit,
            "metrics": [{**asdict(each), "blind": each.blind} for each in self.ranges],
            "solved": int((self.saturation > SOLVED).sum()), "resistant": int((self.saturation < RESISTANT).sum()),
            "additive": doubles, "rows": self.rows(),
        }  # fmt: skip


@dataclass(frozen=True)
class ScreenCheck:
    """What a screen can teach.

    Attributes:
        path: The file.
        said: How its columns were chosen.
        cells: In the file.
        used: Cells that were used.
        left_out: Reason → cells.
        genes: Used.
        genes_left_out: Name → reason.
        unscored: What was left of the scores unasked.
        contexts: One check each.
    """

    path: str
    said: Mapping[str, str]
    cells: int
    used: int
    left_out: Mapping[str, int]
    genes: int
    genes_left_out: Mapping[str, str]
    unscored: str
    contexts: Sequence[ContextCheck]

    def context(self, name: str) -> ContextCheck:
        """The check of one context."""
        return next(each for each in self.contexts if each.name == name)

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain values."""
        facts = {name: getattr(self, name) for name in ("path", "cells", "used", "genes", "unscored")}
        counted = {
            "left_out": dict(self.left_out),
            "genes_left_out": dict(self.genes_left_out),
            "columns": dict(self.said),
        }
        return {**facts, **counted, "contexts": [each.to_json() for each in self.contexts]}


def check_screen(
    path: Path | str, output: Path | str | None = None, *, differential: Path | str | None = None, scale: str | None = None,
    target_sum: float | None = None, layer: str | None = None, with_targets: bool = False, draws: int = DRAWS, seed: int = 0,
    show_progress: bool = True, **columns: Any,
) -> ScreenCheck:  # fmt: skip
    """What a screen can teach: ceilings, nulls and verdicts by context, and what each metric can tell apart.

    Args:
        path: .h5ad, read in blocks; the state of the pass is kept in the cache, so that a stopped one goes on.
        output: A table of perturbations, .csv or .parquet; None writes none.
        differential: A table of differential genes by rank sums at a false-discovery rate of 5 %, .csv or .parquet; None makes none.
        scale: "counts", "log1p" or "z-score"; None takes the file's own word (uns/log1p).
        target_sum: Of log1p, where it is known.
        layer: A layer instead of X.
        with_targets: Whether a perturbation's own genes count in its scores.
        draws: Of the ceilings, 40 or more.
        seed: Seed of all random numbers.
        show_progress: Show cells, rate and time left.
        columns: Which columns say what; see `hooke.cells.screen.Columns`.

    Raises:
        UsageError: An option is none, or no scale is declared.
        DataError: The file is at fault.
    """
    if draws < DRAWS:
        raise UsageError(f"ceilings need {DRAWS} draws or more, got {draws}")
    for table in (output, differential):
        if table is not None:
            check_output(table, path, suffixes=TABLES)
    statistics = statistics_of(
        path, read_columns(columns), scale=scale, target_sum=target_sum, layer=layer, seed=seed, show_progress=show_progress
    )  # fmt: skip
    parts = parts_of(statistics, with_targets=with_targets)
    screen = statistics.screen
    contexts = [_checked(statistics, parts, ceiling, seed) for ceiling in ceilings(parts, draws=draws, seed=seed)]
    targets = int((~parts.scored).any(axis=1).sum())
    unscored = (
        "none: targeted genes count in the scores" if with_targets else f"the targeted genes of {targets} perturbations"
    )
    check = ScreenCheck(
        str(path), screen.said, len(screen), screen.used, screen.left_out, len(screen.genes), screen.genes_left_out, unscored,
        contexts,
    )  # fmt: skip
    if output is not None:
        put_table(pl.DataFrame([row for each in contexts for row in each.rows()]), Path(output))
    if differential is not None:
        put_table(_differential(Path(path), layer, screen, show_progress), Path(differential))
    return check


def statistics_of(
    path: Path | str, columns: Columns, *, scale: str | None = None, target_sum: float | None = None, layer: str | None = None,
    seed: int = 0, show_progress: bool = True,
) -> Statistics:  # fmt: skip
    """Sufficient statistics of a file; a pass that was stopped goes on, a finished one is read from the cache."""
    declared = _scale(scale, target_sum)
    with open_expression(Path(path), layer) as expression:
        screen = Screen.of(expression, columns, scale=declared)
        folder = cache_folder() / "screens" / content_hash([str(Path(path).resolve()), layer])[:16]
        return gather(expression, screen, folder, seed=seed, show_progress=show_progress)


def complete_doubles(statistics: Statistics, rows: np.ndarray) -> list[tuple[int, int, int]]:
    """Places within `rows` of every double and of its two singles, where all three are measured."""
    perturbations = [statistics.screen.perturbations[statistics.layout.groups[row, 0]] for row in rows]
    place = {each: number for number, each in enumerate(perturbations)}
    doubles = []
    for number, each in enumerate(perturbations):
        singles = [of_genes(gene) for gene in sorted(each.genes)]
        if len(singles) == 2 and all(single in place for single in singles):
            doubles.append((number, place[singles[0]], place[singles[1]]))
    return doubles


def _checked(statistics: Statistics, parts: Parts, ceiling: Ceiling, seed: int) -> ContextCheck:
    own = parts.of_context(ceiling.context)
    ranges, saturation = metric_ranges(own, draws=RANGE_DRAWS, seed=seed)
    names = tuple(statistics.screen.perturbations[statistics.layout.groups[row, 0]].name for row in ceiling.rows)
    doubles = complete_doubles(statistics, ceiling.rows)
    found = additive(own, doubles, draws=RANGE_DRAWS, seed=seed) if doubles else None
    return ContextCheck(
        statistics.screen.contexts[ceiling.context], ceiling, names, ranges, saturation, tuple(names[double[0]] for double in doubles),
        found,
    )  # fmt: skip


def put_table(table: pl.DataFrame, path: Path) -> None:
    """A table as Parquet or CSV, by its name."""
    if path.suffix == ".parquet":
        write_parquet(table, path)
    else:
        write_durably(path, csv_text(table))


def _differential(path: Path, layer: str | None, screen: Screen, show_progress: bool) -> pl.DataFrame:
    """A row for every differential gene of every perturbation in a context."""
    with open_expression(path, layer) as expression:
        found = differential_genes(expression, screen, show_progress=show_progress)
    tables = []
    for each in found:
        rows, genes = np.nonzero(each.tests.significant())
        adjusted = np.stack([_adjusted(p_values) for p_values in each.tests.p_value])
        tables.append(
            pl.DataFrame(
                {
                    "context": [screen.contexts[each.context]] * len(rows),
                    "perturbation": [screen.perturbations[each.perturbations[row]].name for row in rows],
                    "gene": [screen.genes[gene] for gene in genes],
                    "change": each.change[rows, genes], "z": each.tests.statistic[rows, genes],
                    "p_value": each.tests.p_value[rows, genes], "adjusted": adjusted[rows, genes],
                },
                schema_overrides={"context": pl.String, "perturbation": pl.String, "gene": pl.String},
            )
        )  # fmt: skip
    return pl.concat(tables)


def _adjusted(p_values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(p_values)
    found = np.full(len(p_values), np.nan)
    if known.any():
        found[known] = benjamini_hochberg(p_values[known])
    return found


def _scale(name: str | None, target_sum: float | None) -> Scale | None:
    """What is declared of the numbers; None leaves it to the file."""
    if name is None:
        if target_sum is not None:
            raise UsageError("a target sum belongs to the scale log1p: declare it (--scale log1p)")
        return None
    return Scale(name, target_sum)


def read_columns(options: Mapping[str, Any]) -> Columns:
    """Options by name as columns.

    Raises:
        UnknownNameError: No such option.
    """
    valid = [each.name for each in fields(Columns)]
    for name in options:
        if name not in valid:
            raise UnknownNameError("option", name, valid)
    return Columns(**{**options, "control": tuple(options.get("control", ()))})
