"""A map of perturbations: wells are averaged to guides, guides to genes, compounds by dose; cosine tells who is alike.

The map is `Profiles` with one row an entity, sorted in hierarchical order, and the metadata columns entity (a unique name), kind
("gene" or "compound"), replicates and guides beside the standard ones; it is saved as Parquet or AnnData like any profiles.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Literal

import numpy as np
import polars as pl

from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.screen_columns import is_control_name

KINDS = ("gene", "compound")
SAME_DOSE = 1e-6  # relative difference
_WHOLE = 4000  # above, the order is made in two steps, which keeps memory linear


def build_map(
    profiles: Profiles,
    *,
    how: Literal["mean", "median"] = "mean",
    least_replicates: int = 1,
    origin: Literal["controls", "zero"] = "controls",
    ordered: bool = True,
) -> Profiles:
    """Average replicates to entities.

    Args:
        profiles: Wells (or smaller), best after correction. Needs a column gene, compound or perturbation; control rows
            (column control) are left out.
        how: Average of the wells of a guide or dose; guides are then averaged by mean.
        least_replicates: Entities with fewer rows are left out.
        origin: What cosines are measured from: the mean of all negative controls where there are any, or zero. Methods that
            only mix batches leave a common offset, beside which all profiles look alike.
        ordered: Sort by `hierarchical_order`; by name otherwise.

    Raises:
        UsageError: No column says what the perturbation is.
        DataError: No entity is left.
    """
    if origin not in ("controls", "zero"):
        raise UnknownNameError("origin", origin, ("controls", "zero"))
    if how not in ("mean", "median"):
        raise UnknownNameError("average", how, ("mean", "median"))
    values = from_controls(profiles) if origin == "controls" else profiles.values
    metadata = entities_of(profiles.metadata).with_row_index("_row").filter(pl.col("entity") != "")
    if "control" in metadata.columns:
        metadata = metadata.filter(pl.col("control").fill_null("") == "")
    keys = ["entity", "kind", "gene", "compound", "concentration_um"]
    guides = metadata.group_by([*keys, "guide"], maintain_order=True).agg(pl.col("_row"))
    average = np.mean if how == "mean" else np.median
    rows = guides["_row"].to_list()
    means = np.stack([average(values[own], axis=0) for own in rows]) if rows else np.empty((0, profiles.dim))
    guides = guides.with_columns(pl.col("_row").list.len().alias("replicates")).drop("_row").with_row_index("_guide")
    named = pl.col("guide") != ""
    genes = guides.group_by(keys, maintain_order=True).agg(
        pl.col("_guide"), pl.col("replicates").sum(), pl.col("guide").filter(named).n_unique().alias("guides")
    )
    genes = genes.filter(pl.col("replicates") >= least_replicates).sort("kind", "entity", descending=[True, False])
    if not len(genes):
        raise DataError(
            f"no perturbation has {least_replicates} replicates outside the controls: there is nothing to map"
        )
    found = Profiles(
        np.stack([means[own].mean(axis=0) for own in genes["_guide"].to_list()]),
        genes.drop("_guide"),
        profiles.features,
    )
    return found.take(hierarchical_order(found.values)) if ordered and len(found) > 2 else found


def from_controls(profiles: Profiles) -> np.ndarray:
    """(n, d) profiles minus the mean of all negative controls; as they are where there are none."""
    if "control" not in profiles.metadata.columns:
        return profiles.values
    controls = profiles.column("control") == "negative"
    return profiles.values - profiles.values[controls].mean(axis=0) if controls.any() else profiles.values


def entities_of(table: pl.DataFrame) -> pl.DataFrame:
    """The metadata with entity, kind, gene, guide, compound and concentration_um of each row; entity "" for none.

    A gene is its own name; a compound is its name with the dose where there is one ("abc @ 1 uM"), and with "(compound)" where a gene has
    the same name. Doses equal within 1e-6 relative are one. Names of controls ("control", "DMSO") are neither gene nor compound.

    Raises:
        UsageError: There is neither gene, nor compound, nor perturbation.
    """
    if not {"gene", "compound", "perturbation"} & set(table.columns):
        raise UsageError(
            "a map needs a column gene, compound or perturbation; there are: " + ", ".join(table.columns[:12])
        )
    for name in ("gene", "guide", "compound", "perturbation", "perturbation_type"):
        column = pl.col(name).fill_null("") if name in table.columns else pl.lit("")
        table = table.with_columns(column.alias(name))
    if "concentration_um" not in table.columns:
        table = table.with_columns(pl.lit(None, pl.Float64).alias("concentration_um"))
    table = table.with_columns(
        pl.when(pl.col(name).map_elements(is_control_name, pl.Boolean)).then(pl.lit("")).otherwise(name).alias(name)
        for name in ("gene", "compound", "perturbation")
    )
    plain = (pl.col("gene") == "") & (pl.col("compound") == "")
    is_compound = pl.col("perturbation_type") == "compound"
    table = table.with_columns(
        pl.when(plain & ~is_compound).then("perturbation").otherwise("gene").alias("gene"),
        pl.when(plain & is_compound).then("perturbation").otherwise("compound").alias("compound"),
    )
    as_compound = (pl.col("compound") != "") & ((pl.col("gene") == "") | is_compound)
    table = table.with_columns(_same_doses(table["compound"], table["concentration_um"]))
    named = _with_doses(table["compound"], table["concentration_um"])
    genes = set(table.filter(~as_compound)["gene"])
    apart = named.map_elements(lambda name: f"{name} (compound)" if name and name in genes else name, pl.String)
    return table.with_columns(
        pl.when(as_compound).then(apart).otherwise("gene").alias("entity"),
        pl.when(as_compound).then(pl.lit("compound")).otherwise(pl.lit("gene")).alias("kind"),
        pl.when(as_compound).then(pl.lit("")).otherwise("gene").alias("gene"),
        pl.when(as_compound).then("compound").otherwise(pl.lit("")).alias("compound"),
        pl.when(as_compound).then("concentration_um").otherwise(None).alias("concentration_um"),
        pl.when(as_compound).then(pl.lit("")).otherwise("guide").alias("guide"),
    )


def _same_doses(compounds: pl.Series, doses: pl.Series) -> pl.Series:
    """Doses of a compound that are equal within 1e-6 relative, as one number: the one that is written shortest."""
    found: dict[tuple[str, float], float] = {}
    for (compound,), group in pl.DataFrame({"compound": compounds, "dose": doses}).drop_nulls().group_by("compound"):
        groups: list[list[float]] = []
        for dose in sorted(set(group["dose"])):
            if groups and dose - groups[-1][0] <= SAME_DOSE * abs(dose):
                groups[-1].append(dose)
            else:
                groups.append([dose])
        for alike in groups:
            shortest = min(alike, key=lambda dose: len(repr(dose)))
            found.update(((str(compound), dose), shortest) for dose in alike)
    values = [
        found.get((compound, dose), dose) for compound, dose in zip(compounds.to_list(), doses.to_list(), strict=True)
    ]
    return pl.Series(doses.name, values, pl.Float64)


def _with_doses(compounds: pl.Series, doses: pl.Series) -> pl.Series:
    """The compound with its dose; with more digits where six do not tell two doses apart."""
    pairs = {(compound, dose) for compound, dose in zip(compounds, doses, strict=True) if dose is not None}
    short = Counter((compound, f"{dose:g}") for compound, dose in pairs)
    names = {
        (compound, dose): f"{compound} @ {dose:g} uM"
        if short[compound, f"{dose:g}"] == 1
        else f"{compound} @ {dose!r} uM"
        for compound, dose in pairs
    }
    values = [names.get((compound, dose), compound) for compound, dose in zip(compounds, doses, strict=True)]
    return pl.Series("entity", values, pl.String)


def hierarchical_order(values: np.ndarray) -> np.ndarray:
    """Row numbers in the order of an average-linkage tree on 1 - cosine.

    Above 4,000 rows they are first divided by k-means on the unit sphere into groups of about a hundred; groups are ordered by
    their means, and rows within groups: memory stays linear in the number of rows.
    """
    unit = np.asarray(values, np.float32)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    if len(unit) <= _WHOLE:
        return _leaves(unit)
    from sklearn.cluster import MiniBatchKMeans

    count = max(2, len(unit) // 100)
    groups = MiniBatchKMeans(count, n_init=1, batch_size=2048, max_iter=20, random_state=0).fit(unit).labels_
    present = np.unique(groups)
    means = np.stack([unit[groups == group].mean(axis=0) for group in present])
    parts = []
    for group in present[hierarchical_order(means)]:
        rows = np.flatnonzero(groups == group)
        parts.append(rows[hierarchical_order(unit[rows])] if len(rows) < len(unit) else rows)
    return np.concatenate(parts)


def _leaves(unit: np.ndarray) -> np.ndarray:
    if len(unit) < 3:
        return np.arange(len(unit))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distances = 1 - unit @ unit.T
    np.fill_diagonal(distances, 0)
    return leaves_list(linkage(squareform(np.maximum(distances, 0), checks=False), "average"))


def layout(
    values: np.ndarray, *, method: Literal["umap", "tsne", "pca", "auto"] = "auto", seed: int = 0
) -> tuple[np.ndarray, str]:
    """Two coordinates a row, and the name of the method that made them.

    Args:
        values: (n, d).
        method: "umap" (package umap-learn), "tsne" or "pca" (scikit-learn); "auto" is umap where it is installed, else tsne up to
            5,000 rows, else pca.
        seed: Of umap and tsne.

    Raises:
        UsageError: umap is asked for and not installed.
    """
    if method not in ("umap", "tsne", "pca", "auto"):
        raise UnknownNameError("layout", method, ("umap", "tsne", "pca", "auto"))
    if method == "auto":
        from importlib.util import find_spec

        method = "umap" if find_spec("umap") else ("tsne" if len(values) <= 5000 else "pca")
    unit = np.asarray(values, np.float32)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    if method == "pca" or len(unit) < 10:
        centred = unit - unit.mean(axis=0)
        _, directions = np.linalg.eigh(centred.T @ centred)
        points = centred @ directions[:, ::-1][:, :2]
        return np.pad(points, ((0, 0), (0, 2 - points.shape[1]))).astype(np.float32), "pca"
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (len(unit) - 1) / 3)
        return TSNE(random_state=seed, init="pca", perplexity=perplexity).fit_transform(unit).astype(np.float32), "tsne"
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that a seed means one thread
        try:
            from umap import UMAP
        except ImportError as error:
            raise UsageError("the layout umap needs the package umap-learn: pip install 'hooke-bio[cells]'") from error
        _keep_compiled("umap.umap_", "umap.layouts", "umap.distances", "umap.utils", "umap.sparse")
        points = UMAP(n_neighbors=min(15, len(unit) - 1), metric="cosine", random_state=seed).fit_transform(unit)
    return np.asarray(points, np.float32), "umap"


def _keep_compiled(*modules: str) -> None:
    """Have numba keep what it compiles of these modules on the disk: of umap it takes 14 CPU seconds in every process, and 0.2 from the second
    process on.
    """
    from importlib import import_module

    from numba.core.dispatcher import Dispatcher

    for name in modules:
        for function in vars(import_module(name)).values():
            if isinstance(function, Dispatcher) and function.__module__ == name:
                with suppress(RuntimeError):  # no folder of a cache can be written
                    function.enable_caching()
