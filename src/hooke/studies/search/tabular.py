"""A space computed once: validation and test score at every point, over seeds; optimisers are then compared on the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from hooke.core.checked import check_seal, write_parquet
from hooke.core.errors import DataError
from hooke.studies.search.live import Search
from hooke.studies.search.space import Point, Space

_SCORES = ("seed", "valid", "test")


@dataclass(frozen=True)
class Table:
    """Scores at all points of a space, lower is better.

    Attributes:
        space: The grid.
        valid: (points, seeds) what an optimiser sees, in the order of `Space.points`.
        test: (points, seeds) what its choice is judged by.
    """

    space: Space
    valid: np.ndarray
    test: np.ndarray

    def row(self, point: Point) -> int:
        """Number of a point."""
        return int(np.ravel_multi_index(point, self.space.sizes))


Scores = Callable[[Point, int], tuple[float, float]]


def tabulate(space: Space, scores: Scores, path: Path, *, seeds: int = 1, save_every: int = 20) -> Table:
    """Compute what is missing of a table, point by point.

    Args:
        space: The grid.
        scores: (point, seed) -> (validation, test) score, lower is better; infinite for a failure.
        path: Parquet; an unfinished one is continued.
        seeds: Number of seeds a point.
        save_every: The file is written after so many scores: a kill loses at most these.
    """
    names = [parameter.key for parameter in space.parameters]
    rows = pl.read_parquet(path).to_dicts() if path.exists() else []
    done = {(*(row[name] for name in names), row["seed"]) for row in rows}
    for seed in range(seeds):
        for point in space.points():
            if (*point, seed) in done:
                continue
            valid, test = scores(point, seed)
            rows.append({**dict(zip(names, point, strict=True)), "seed": seed, "valid": valid, "test": test})
            if len(rows) % save_every == 0:
                _write(rows, path)
    if rows:
        _write(rows, path)
    return read_table(space, path)


def read_table(space: Space, path: Path) -> Table:
    """A finished table.

    Raises:
        DataError: It is of another space, or unfinished.
    """
    check_seal(path)
    found = pl.read_parquet(path)
    names = [parameter.key for parameter in space.parameters]
    if found.columns != [*names, *_SCORES]:
        raise DataError(f"{path} is the table of another space: {', '.join(found.columns)}")
    ordered = found.sort([*names, "seed"])
    seeds = ordered["seed"].n_unique()
    if len(ordered) != len(space) * seeds:
        raise DataError(f"{path} holds {len(ordered)} of {len(space) * seeds} scores: it is unfinished")
    shape = (len(space), seeds)
    return Table(space, ordered["valid"].to_numpy().reshape(shape), ordered["test"].to_numpy().reshape(shape))


def _write(rows: list[dict[str, float]], path: Path) -> None:
    write_parquet(pl.DataFrame(rows), path)


def trained_scores(search: Search) -> Scores:
    """Scores by training: the lowest validation loss, and the first test label's error (1 - score where more is better)."""

    def scores(point: Point, seed: int) -> tuple[float, float]:
        from dataclasses import replace

        from hooke.core.errors import HookeError
        from hooke.train.fit import fit
        from hooke.train.measure import errors_on_test

        try:
            run = fit(replace(search.at(point), seed=seed), runs=search.runs, reuse=True, show_progress=False)
        except HookeError:
            return np.inf, np.inf
        valid = min(line["valid_loss"] for line in run.metrics() if "valid_loss" in line)
        errors = list(errors_on_test(run).values())
        return float(valid), float(np.mean(errors)) if errors else np.inf

    return scores
