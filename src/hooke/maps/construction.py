"""From corrected wells to a map on disk: quality control, hit calls, averages, chromosome arms, cell count, order, layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from hooke.cells.controls import controls_in_words
from hooke.cells.entities import build_map, entities_of, layout
from hooke.cells.files import read_measured
from hooke.cells.plates import plate_maps
from hooke.cells.profiles import SUFFIXES, Profiles
from hooke.cells.quality import RULES, quality_control, summary
from hooke.core.checked import write_parquet
from hooke.core.errors import UsageError
from hooke.core.files import exclusive
from hooke.core.notebook import card
from hooke.core.writable import check_output
from hooke.evaluate.confounding import count_confounding, remove_count
from hooke.evaluate.correction import chromosome_arm
from hooke.evaluate.hits import call_hits

COUNT = "cell_count"
LEAST_ENTITIES = 6  # for a cubic in the count
Layout = Literal["auto", "umap", "tsne", "pca", "none"]


@dataclass(frozen=True)
class BuiltMap:
    """A map and what was learnt on the way.

    Attributes:
        map: One row an entity; see `cells.entities`.
        judged: Quality of every well, or None where no quality column was there.
        hits: One row a perturbation: distance, p, q, called; or None without controls.
        report: Counts and shares for people and scripts.
    """

    map: Profiles
    judged: pl.DataFrame | None
    hits: pl.DataFrame | None
    report: dict[str, Any] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """For notebooks: the report, and the strongest hits."""
        about = {name: value for name, value in self.report.items() if not isinstance(value, list)}
        strongest = [] if self.hits is None else self.hits.sort("q_value", "p_value").head(10).rows()
        return card(
            f"Map of {len(self.map):,} entities", about, () if self.hits is None else self.hits.columns, strongest
        )

    def write(self, path: Path) -> list[Path]:
        """Write the map (.parquet or .h5ad), and <name>.wells.parquet and <name>.hits.parquet beside it."""
        path = Path(path)
        written = [self.map.write(path)]
        for name, table in (("wells", self.judged), ("hits", self.hits)):
            if table is not None:
                written.append(self.beside(path, name))
                write_parquet(table, written[-1])
        return written

    @staticmethod
    def beside(path: Path, name: str) -> Path:
        """The file of a table beside a map."""
        return path.with_name(f"{path.stem}.{name}.parquet")


def build(
    profiles: Profiles,
    *,
    how: Literal["mean", "median"] = "mean",
    least_replicates: int = 1,
    arms: str | None = None,
    without_count: bool = False,
    layout_method: Layout = "auto",
    rate: float = 0.05,
    seed: int = 0,
) -> BuiltMap:
    """Build a map.

    Args:
        profiles: Wells, best after correction.
        how: Average of the wells.
        least_replicates: Of an entity that is kept.
        arms: Metadata column with the chromosome arm of the gene; None for no such correction.
        without_count: Take away what the number of cells (column cell_count) explains; see `evaluate.confounding`.
        layout_method: See `cells.entities.layout`; "none" leaves the layout to the page.
        rate: False-discovery rate of the hits.
        seed: Seed of all random numbers.

    Raises:
        UsageError: A column is missing.
        DataError: Nothing is left to map.
    """
    report: dict[str, Any] = {"wells": len(profiles), "controls": controls_in_words(profiles)}
    judged = None
    if any(rule.column in profiles.metadata.columns for rule in RULES):
        result = quality_control(profiles)
        report["quality"] = dict(summary(result))
        places = [name for name in ("experiment", "plate", "well", "site") if name in profiles.metadata.columns]
        judged = profiles.metadata.select(places).hstack(result)
        report["plates"] = _plates(profiles)
        profiles = profiles.take(result["passed"].to_numpy())
    hits = _hits(profiles, rate, seed)
    if hits is not None:
        report["hits"] = int(hits["called"].sum())
        report["tested"] = len(hits)
    made = build_map(profiles, how=how, least_replicates=least_replicates)
    if without_count:
        profiles.column(COUNT)  # says which columns there are
    if COUNT in profiles.metadata.columns and (len(made) >= LEAST_ENTITIES or without_count):
        counts = _mean_of(profiles, COUNT, made)
        if np.isfinite(counts).all():
            found = count_confounding(made.values, counts, generator=np.random.default_rng(seed))
            report["cell_count"] = vars(found)
        values = remove_count(made.values, counts) if without_count else made.values
        made = Profiles(values, made.metadata.with_columns(cell_count=counts), made.features)
    if arms is not None:
        made, report["arms"] = _without_arms(profiles, made, arms)
    if layout_method != "none":
        coordinates, method = layout(made.values, method=layout_method, seed=seed)
        made = Profiles(
            made.values,
            made.metadata.with_columns(
                layout_x=coordinates[:, 0], layout_y=coordinates[:, 1], layout_method=pl.lit(method)
            ),
            made.features,
        )
        report["layout"] = method
    report["entities"] = {
        str(kind): int(count) for kind, count in made.metadata.group_by("kind", maintain_order=True).len().iter_rows()
    }
    return BuiltMap(made, judged, hits, report)


def build_file(path: Path, out: Path, *, metadata: Path | None = None, **options: Any) -> dict[str, Any]:
    """`build` from a file of wells to a map file; the report with the files written.

    Raises:
        UsageError, DataError: The map, or a table beside it, would overwrite an input or cannot be written.
    """
    others = [BuiltMap.beside(Path(out), name) for name in ("wells", "hits")]
    for output in (out, *others):
        check_output(output, path, metadata, suffixes=SUFFIXES)
    made = build(read_measured(path, metadata), **options)
    with exclusive(Path(out), f"is writing {out}", others=others):
        return {**made.report, "written": [str(written) for written in made.write(out)]}


def _plates(profiles: Profiles) -> list[dict[str, Any]]:
    if not {"plate", "well", COUNT} <= set(profiles.metadata.columns):
        return []
    return [
        {"plate": plate.plate, "edge": plate.edge, "row_share": plate.row_share, "column_share": plate.column_share}
        for plate in plate_maps(profiles, COUNT)
    ]


def _hits(profiles: Profiles, rate: float, seed: int) -> pl.DataFrame | None:
    if "control" not in profiles.metadata.columns:
        return None
    controls = profiles.column("control") == "negative"
    if controls.sum() < 8:
        return None
    entities = entities_of(profiles.metadata)["entity"].to_numpy().astype(str)
    positive = profiles.column("control") == "positive"
    found = call_hits(
        profiles.values, np.where(positive, "", entities), controls, generator=np.random.default_rng(seed), rate=rate
    )
    return pl.DataFrame(
        {
            "entity": found.names, "replicates": found.replicates, "distance": found.distances, "p_value": found.p_values,
            "q_value": found.q_values, "called": found.called,
        }
    )  # fmt: skip


def _mean_of(profiles: Profiles, column: str, made: Profiles) -> np.ndarray:
    table = entities_of(profiles.metadata).group_by("entity").agg(pl.col(column).cast(pl.Float64).mean())
    return made.metadata.select("entity").join(table, on="entity", how="left", maintain_order="left")[column].to_numpy()


def _without_arms(profiles: Profiles, made: Profiles, column: str) -> tuple[Profiles, int]:
    profiles.column(column)
    table = entities_of(profiles.metadata).group_by("entity").agg(pl.col(column).drop_nulls().first())
    arms = made.metadata.select("entity").join(table, on="entity", how="left", maintain_order="left")[column]
    if arms.dtype != pl.String:
        raise UsageError(f"the column {column!r} must hold names of chromosome arms such as 12q, not {arms.dtype}")
    names = arms.fill_null("").to_numpy().astype(str)
    fitted = chromosome_arm.fit(made.values, names)
    return made.with_values(fitted.transform(made.values, names)), len(fitted.arms)
