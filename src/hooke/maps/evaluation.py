"""What wells and their map are worth beyond the recall of relations; every score stands beside its null or chance.

- Each perturbation: agreement of its replicates (consistency), distance from the controls (magnitude), and how well its replicates
  in other batches are found (average precision).
- k-means clusters of wells: accuracy with an assignment fitted on other batches, agreement with the perturbation and with the batch.
- Mixing of batches in the manner of scIB.
- Compounds: curves of dose and distance; rank of their known targets.
- Genes: cosines inside known clusters against those to the rest.
- Plates: edges, rows, columns, and heat maps.

Plates as heat maps on one page of HTML: every well a square with its number, blue below the middle of all plates, red above.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from hooke.cells.annotations import complexes
from hooke.cells.controls import batch_names, negative_controls
from hooke.cells.entities import build_map, entities_of, from_controls
from hooke.cells.files import read_measured
from hooke.cells.plates import PlateMap, plate_maps
from hooke.cells.profiles import Profiles
from hooke.core.checked import write_parquet
from hooke.core.errors import DataError
from hooke.core.files import exclusive, write_durably
from hooke.core.json_text import json_text
from hooke.core.notebook import card
from hooke.core.reading import check_text_table, read_bytes, reading
from hooke.core.writable import check_output_folder
from hooke.evaluate.clustering import cluster_benchmark, over_clustering_curve
from hooke.evaluate.consistency import PerturbationScores, consistency, magnitude
from hooke.evaluate.dose_response import fit_dose_response
from hooke.evaluate.mixing import mixing_scores
from hooke.evaluate.multiple_testing import benjamini_hochberg
from hooke.evaluate.retrieval import average_precisions, compound_gene_benchmark

_LOW, _MIDDLE, _HIGH = np.array([47, 111, 184]), np.array([244, 241, 234]), np.array([200, 84, 10])
_STYLE = """
body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem;color:#1d2630;background:#faf8f4}
h1,h2{font-weight:600;margin:1.2rem 0 .3rem}h1{font-size:1.4rem}h2{font-size:1.1rem}p{margin:0 0 .6rem;color:#4d5864}
.plates{display:flex;flex-wrap:wrap;gap:1.6rem}figure{margin:0}figcaption{font-size:.82rem;color:#4d5864;max-width:30rem}
table{border-collapse:separate;border-spacing:1px}td,th{width:16px;height:16px;padding:0;font:10px sans-serif;color:#4d5864}
td{border-radius:2px}td.none{background:repeating-linear-gradient(45deg,#eee,#eee 2px,#fff 2px,#fff 4px)}
"""


def plate_page(maps: Mapping[str, Sequence[PlateMap]], title: str) -> str:
    """One section a quantity, one heat map a plate; colours span the middle 90 % of all wells of a quantity.

    Args:
        maps: Quantity -> plates.
        title: Of the page.
    """
    sections = [_section(name, plates) for name, plates in maps.items()]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{html.escape(title)}</h1>{''.join(sections)}</html>\n"
    )


def _section(name: str, plates: Sequence[PlateMap]) -> str:
    wells = np.concatenate([plate.grid[np.isfinite(plate.grid)] for plate in plates])
    low, middle, high = np.quantile(wells, [0.05, 0.5, 0.95]) if len(wells) else (0.0, 0.0, 0.0)
    figures = "".join(_figure(plate, float(low), float(middle), float(high)) for plate in plates)
    return (
        f"<section><h2>{html.escape(name)}</h2><p>blue {low:.3g}, white {middle:.3g}, red {high:.3g}; striped: no well</p>"
        f'<div class="plates">{figures}</div></section>'
    )


def _figure(plate: PlateMap, low: float, middle: float, high: float) -> str:
    heads = "".join(f"<th>{column + 1}" for column in range(plate.grid.shape[1]))
    rows = "".join(
        f"<tr><th>{_letters(row)}" + "".join(_cell(value, low, middle, high) for value in values)
        for row, values in enumerate(plate.grid)
    )
    numbers = (
        (plate.edge, "edge {:+.2f} deviations"),
        (plate.row_share, "rows explain {:.0%}"),
        (plate.column_share, "columns {:.0%}"),
    )
    said = ", ".join(text.format(number) for number, text in numbers if np.isfinite(number))
    return f"<figure><table><tr><th>{heads}{rows}</table><figcaption>{html.escape(plate.plate)}: {said}</figcaption></figure>"


def _cell(value: float, low: float, middle: float, high: float) -> str:
    if not np.isfinite(value):
        return '<td class="none">'
    reach = (high if value > middle else low) - middle
    share = float(np.clip((value - middle) / reach, 0, 1)) if reach else 0.0
    red, green, blue = np.round(_MIDDLE + share * ((_HIGH if value > middle else _LOW) - _MIDDLE)).astype(int)
    return f'<td style="background:rgb({red},{green},{blue})" title="{value:.4g}">'


def _letters(row: int) -> str:
    return chr(ord("A") + row) if row < 26 else "A" + chr(ord("A") + row - 26)


MOST_CLUSTERED = 100  # perturbations that k-means is asked to find
_DOSES = 4  # a curve has four parameters
Value = TypeVar("Value")


@dataclass
class Evaluation:
    """Tables and what they come to.

    Attributes:
        summary: Numbers for people and scripts; `not_measured` says what could not be, and why.
        tables: Name -> table: perturbations, k_means, doses, compound_gene, clusters, plates.
        maps: Quantity -> plates.
    """

    summary: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    maps: dict[str, list[PlateMap]] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """For notebooks: the summary."""
        return card("Evaluation of wells", self.summary)

    def write(self, folder: Path) -> list[Path]:
        """Write summary.json, a Parquet file a table, and plates.html."""
        folder = Path(folder)
        written = [folder / "summary.json"]
        write_durably(written[0], json_text(self.summary, indent=1))
        for name, table in self.tables.items():
            written.append(folder / f"{name}.parquet")
            write_parquet(table, written[-1])
        if self.maps:
            written.append(folder / "plates.html")
            write_durably(written[-1], plate_page(self.maps, "Plates"))
        return written

    def measure(self, name: str, work: Callable[[], Value]) -> Value | None:
        """What `work` gives, or None with the reason noted where the data do not suffice."""
        try:
            return work()
        except DataError as error:
            self.summary.setdefault("not_measured", {})[name] = str(error)
            return None


@dataclass(frozen=True)
class _Wells:
    profiles: Profiles  # measured from the controls
    labels: np.ndarray  # (n,) perturbations, "" for controls and what is none
    controls: np.ndarray  # (n,) bool
    batches: np.ndarray  # (n,) names

    @property
    def treated(self) -> np.ndarray:
        return self.labels != ""


def evaluate(
    profiles: Profiles,
    *,
    batch: str = "batch",
    targets: Mapping[str, Sequence[str]] | None = None,
    clusters: Mapping[str, Sequence[str]] | None = None,
    rate: float = 0.05,
    seed: int = 0,
) -> Evaluation:
    """Measure everything that the wells allow.

    Args:
        profiles: Wells, best after correction, with negative controls.
        batch: Column of the batches.
        targets: Compound -> genes it acts on.
        clusters: Name -> genes, such as complexes.
        rate: False-discovery rate.
        seed: Seed of all random numbers.

    Raises:
        DataError: There are no negative controls.
        UsageError: No column says what the perturbation is.
    """
    controls = negative_controls(profiles)
    entities = entities_of(profiles.metadata)["entity"].to_numpy().astype(str)
    wells = _Wells(
        profiles.with_values(from_controls(profiles)),
        np.where(controls, "", entities),
        controls,
        batch_names(profiles, batch),
    )
    found = Evaluation({"wells": len(profiles), "perturbations": len(np.unique(wells.labels[wells.treated]))})
    _perturbations(found, wells, rate, seed)
    _k_means(found, wells, seed)
    _mixing(found, wells, seed)
    _doses(found, wells, rate)
    _known(found, profiles, targets or {}, clusters or {}, rate, seed)
    _plates(found, wells)
    return found


def _perturbations(found: Evaluation, wells: _Wells, rate: float, seed: int) -> None:
    values, generator = wells.profiles.values, np.random.default_rng(seed)
    agreed = found.measure(
        "consistency", lambda: consistency(values, wells.labels, wells.controls, generator=generator)
    )
    strong = found.measure("magnitude", lambda: magnitude(values, wells.labels, wells.controls, generator=generator))
    precise = average_precisions(values, wells.labels, exclude=wells.batches)
    rows = pl.DataFrame({"entity": wells.labels, "average_precision": precise}).filter(pl.col("entity") != "")
    table = rows.group_by("entity").agg(pl.len().alias("replicates"), pl.col("average_precision").fill_nan(None).mean())
    for name, scores in (("consistency", agreed), ("magnitude", strong)):
        if scores is not None:
            table = table.join(_scores(name, scores), on="entity", how="left")
            found.summary[name] = {
                "active": int(scores.active(rate).sum()), "measured": int(np.isfinite(scores.scores).sum()),
                "false_discovery_rate": rate, "null_size": scores.null_size,
            }  # fmt: skip
    found.tables["perturbations"] = table.sort("entity")
    found.summary["mean_average_precision"] = _number(np.nanmean(precise)) if np.isfinite(precise).any() else None


def _scores(name: str, scores: PerturbationScores) -> pl.DataFrame:
    columns = {name: scores.scores, f"{name}_p": scores.p_values, f"{name}_q": scores.q_values}
    return pl.DataFrame({"entity": scores.names, **columns})


def _k_means(found: Evaluation, wells: _Wells, seed: int) -> None:
    """Clusters are named on every other batch and scored on the rest (every other replicate where there is one batch)."""
    _, place = np.unique(wells.batches, return_inverse=True)
    first = place % 2 == 0
    if first.all():
        turns = pl.DataFrame({"label": wells.labels}).select(pl.int_range(pl.len()).over("label")).to_series()
        first = turns.to_numpy() % 2 == 0
    both = np.intersect1d(wells.labels[wells.treated & first], wells.labels[wells.treated & ~first])
    if len(both) > MOST_CLUSTERED:
        both = np.random.default_rng(seed).choice(both, MOST_CLUSTERED, replace=False)
    chosen = np.isin(wells.labels, both)
    fitted, scored = np.flatnonzero(chosen & first), np.flatnonzero(chosen & ~first)

    def curve() -> list[Any]:
        if len(both) < 2:
            raise DataError("fewer than two perturbations have replicates in different batches")
        values, labels = wells.profiles.values, wells.labels
        return over_clustering_curve(
            values[fitted], labels[fitted], values[scored], labels[scored], scored_batches=wells.batches[scored]
        )

    scores = found.measure("k_means", curve)
    if scores is None:
        return
    table = pl.DataFrame([asdict(score) for score in scores])
    found.tables["k_means"] = table
    found.summary["k_means"] = {"perturbations": len(both), "wells": len(scored)} | {
        name: _number(table.filter(pl.col("clusters") == len(both))[name].mean())
        for name in ("hungarian", "majority", "ami", "ami_batch", "ari", "v_measure", "fowlkes_mallows", "silhouette")
    }


def _mixing(found: Evaluation, wells: _Wells, seed: int) -> None:
    rows = wells.treated
    generator = np.random.default_rng(seed)
    scores = found.measure(
        "mixing",
        lambda: mixing_scores(
            wells.profiles.values[rows], wells.labels[rows], wells.batches[rows], generator=generator
        ),
    )
    if scores is not None:
        whole = {"batch": scores.batch, "biology": scores.biology, "total": scores.total}
        found.summary["mixing"] = {name: _number(value) for name, value in (asdict(scores) | whole).items()}


def _doses(found: Evaluation, wells: _Wells, rate: float) -> None:
    """Curves of the distance from the controls, in standard deviations of the controls, over the dose."""
    about = entities_of(wells.profiles.metadata)
    compounds = np.where(wells.controls, "", about["compound"].to_numpy().astype(str))
    doses = about["concentration_um"].cast(pl.Float64).to_numpy().astype(np.float64)
    distances, rows = _distances(wells), []
    for name in np.unique(compounds[compounds != ""]):
        own = np.flatnonzero((compounds == name) & (doses > 0))
        if len(np.unique(doses[own])) >= _DOSES and len(own) > _DOSES:
            curve = fit_dose_response(doses[own], distances[own])
            rows.append({"compound": str(name), "wells": len(own), **asdict(curve)})
    if not rows:
        return
    table = pl.DataFrame(rows).with_columns(
        pl.Series("q_value", benjamini_hochberg(np.array([row["p_value"] for row in rows])))
    )
    found.tables["doses"] = table
    found.summary["doses"] = {
        "compounds": len(table), "active": int((table["q_value"] <= rate).sum()), "false_discovery_rate": rate
    }  # fmt: skip


def _distances(wells: _Wells) -> np.ndarray:
    """(n,) root mean square over features of the deviation from the controls, over that of the controls."""
    own = wells.profiles.values[wells.controls]
    spread = np.maximum(own.std(axis=0), 1e-6 * max(float(own.std()), 1e-12))
    return np.sqrt((((wells.profiles.values - own.mean(axis=0)) / spread) ** 2).mean(axis=1))


def _known(
    found: Evaluation,
    profiles: Profiles,
    targets: Mapping[str, Sequence[str]],
    clusters: Mapping[str, Sequence[str]],
    rate: float,
    seed: int,
) -> None:
    made = build_map(profiles, ordered=False)
    kinds, genes = made.column("kind"), made.take(made.column("kind") == "gene")
    if targets:
        drugs = made.take(kinds == "compound")
        scores = compound_gene_benchmark(
            drugs.values, drugs.column("compound"), genes.values, genes.column("entity"), targets,
            generator=np.random.default_rng(seed),
        )  # fmt: skip
        found.tables["compound_gene"] = table = pl.DataFrame([asdict(score) for score in scores])
        found.summary["compound_gene"] = {"compounds": len(scores), "chance_auroc": 0.5} | {
            name: _number(table[name].mean()) for name in ("auroc", "average_precision", "chance") if len(table)
        }
    if clusters:
        named = cluster_benchmark(genes.values, genes.column("entity"), clusters)
        found.tables["clusters"] = pl.DataFrame([asdict(one) for one in named])
        near = [one for one in named if one.q_value <= rate and one.within > one.between]
        found.summary["clusters"] = {
            "clusters": len(named),
            "closer_than_the_rest": len(near),
            "false_discovery_rate": rate,
        }


def _plates(found: Evaluation, wells: _Wells) -> None:
    columns = wells.profiles.metadata.columns
    if not {"plate", "well"} <= set(columns):
        return
    found.maps["distance from the controls"] = plate_maps(wells.profiles, _distances(wells))
    if "cell_count" in columns:
        found.maps["cell count"] = plate_maps(wells.profiles, "cell_count")
    rows = [
        {
            "quantity": name,
            "plate": one.plate,
            "edge": one.edge,
            "row_share": one.row_share,
            "column_share": one.column_share,
        }
        for name, plates in found.maps.items()
        for one in plates
    ]
    found.tables["plates"] = pl.DataFrame(rows)


def _number(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 4)


def evaluate_file(
    path: Path,
    out: Path,
    *,
    metadata: Path | None = None,
    targets: Path | None = None,
    clusters: str = "none",
    show_progress: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """`evaluate` of a file of wells into a folder; the summary with the files written.

    Args:
        path: Profiles.
        out: Folder.
        metadata: Joined to them.
        targets: CSV with the columns compound and gene.
        clusters: "corum" (non-commercial), "none", or a file with a line "name<TAB>gene gene ..." a cluster.
        show_progress: Show downloads.
        options: Of `evaluate`.
    """
    check_output_folder(out)
    known = read_targets(targets) if targets else {}
    groups = (
        {}
        if clusters == "none"
        else complexes(show_progress=show_progress)
        if clusters == "corum"
        else read_clusters(Path(clusters))
    )
    found = evaluate(read_measured(path, metadata), targets=known, clusters=groups, **options)
    with exclusive(Path(out), f"is writing {out}"):
        return {**found.summary, "written": [str(written) for written in found.write(out)]}


def read_targets(path: Path) -> dict[str, list[str]]:
    """Compound -> genes, from a CSV with the columns compound and gene.

    Raises:
        DataError: It is missing or lacks the columns.
    """
    with reading(path, "a table with the columns compound and gene"):
        check_text_table(Path(path))
        table = pl.read_csv(path, columns=["compound", "gene"], infer_schema=False).drop_nulls()
    return dict(table.group_by("compound", maintain_order=True).agg("gene").rows())


def read_clusters(path: Path) -> dict[str, tuple[str, ...]]:
    """Name -> genes, from lines "name<TAB>gene gene ...".

    Raises:
        DataError: It is missing, or a line has no genes.
    """
    with reading(path, "clusters"):
        if not Path(path).is_file():
            raise DataError(f"there is no file {path} with clusters; `corum` takes the complexes of CORUM")
        lines = read_bytes(Path(path)).decode().splitlines()
    found = {}
    for number, line in enumerate(lines, start=1):
        name, _, genes = line.strip().partition("\t")
        if name and not genes:
            raise DataError(f"{path} line {number} has a name and no genes after a tab")
        if name:
            found[name] = tuple(sorted(set(genes.split())))
    return found
