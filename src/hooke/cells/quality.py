"""Which wells can be trusted: cell count, saturation, focus, and embeddings that are no embeddings.

A limit is either a number or found per plate: the median plus or minus so many robust deviations (1.4826 MAD),
on plates with at least four wells that are not mostly equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from hooke.cells.profiles import Profiles
from hooke.core.errors import UsageError


@dataclass(frozen=True)
class Rule:
    """One rule on a metadata column.

    Attributes:
        column: Such as cell_count, saturated_share, focus.
        lowest, highest: Fixed limits.
        deviations: Robust deviations from the plate's median beyond which a well fails; 0 for none.
        side: Which side the deviations count on: "low", "high" or "both".
    """

    column: str
    lowest: float = -np.inf
    highest: float = np.inf
    deviations: float = 0.0
    side: str = "both"


RULES = (
    Rule("cell_count", lowest=10, deviations=5, side="low"),
    Rule("saturated_share", highest=0.01),
    Rule("focus", deviations=5, side="low"),
)


def quality_control(profiles: Profiles, rules: tuple[Rule, ...] = RULES, *, plate: str = "plate") -> pl.DataFrame:
    """Judge every row by every rule whose column is there.

    Returns:
        One row a profile: passed, and why not ("" or "cell_count 3 < 10; ...").

    Raises:
        UsageError: None of the columns is there.
    """
    used = [rule for rule in rules if rule.column in profiles.metadata.columns]
    if not used:
        raise UsageError(f"no quality column: the rules look for {', '.join(rule.column for rule in rules)}")
    plates = profiles.column(plate).astype(str) if plate in profiles.metadata.columns else np.full(len(profiles), "")
    reasons: list[list[str]] = [[] for _ in range(len(profiles))]
    broken = ~np.isfinite(profiles.values).all(axis=1)
    for row in np.flatnonzero(broken):
        reasons[row].append("profile not finite")
    for rule in used:
        values = profiles.metadata[rule.column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        low, high = np.full(len(values), rule.lowest), np.full(len(values), rule.highest)
        if rule.deviations:
            for name in np.unique(plates):
                rows = plates == name
                found = values[rows & np.isfinite(values)]
                if len(found) < 4:
                    continue
                middle = np.median(found)
                reach = rule.deviations * 1.4826 * np.median(np.abs(found - middle))
                if reach == 0:  # most wells are equal: no measure of what is unusual
                    continue
                if rule.side in ("low", "both"):
                    low[rows] = np.maximum(low[rows], middle - reach)
                if rule.side in ("high", "both"):
                    high[rows] = np.minimum(high[rows], middle + reach)
        for row in np.flatnonzero(~((values >= low) & (values <= high))):
            if np.isnan(values[row]):
                reasons[row].append(f"{rule.column} not measured")
            elif values[row] < low[row]:
                reasons[row].append(f"{rule.column} {values[row]:.4g} < {low[row]:.4g}")
            else:
                reasons[row].append(f"{rule.column} {values[row]:.4g} > {high[row]:.4g}")
    texts = ["; ".join(parts) for parts in reasons]
    return pl.DataFrame({"passed": [not text for text in texts], "reason": texts})


def summary(judged: pl.DataFrame) -> Mapping[str, int]:
    """How many rows passed, and how many failed by each column."""
    failed = judged.filter(~pl.col("passed"))["reason"].str.split("; ").explode()
    columns = failed.str.split(" ").list.first().value_counts(sort=True)
    return {"passed": int(judged["passed"].sum()), **dict(columns.iter_rows())}
