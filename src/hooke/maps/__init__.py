"""Maps of biology: correct, build, evaluate, recall.

    import hooke

    wells = hooke.maps.read("wells.parquet", metadata="plates.csv")  # or AnnData, or a table of pandas or polars
    made = hooke.maps.build(hooke.maps.correct(wells))
    hooke.maps.recall(made.map, sources=["pairs.csv"])

Each function does what the command of its name does (`hooke map correct` ...) with wells in memory; files stay with the commands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from hooke.cells.annotated import from_anndata, to_anndata
    from hooke.cells.profiles import Profiles
    from hooke.evaluate.known_pairs import KnownPairs
    from hooke.maps.construction import BuiltMap, Layout
    from hooke.maps.evaluation import Evaluation

Table = TypeVar("Table")
__all__ = ["build", "compare", "correct", "evaluate", "from_anndata", "read", "recall", "to_anndata"]


def __getattr__(name: str) -> Any:
    if name in ("from_anndata", "to_anndata"):
        from hooke.cells import annotated

        return getattr(annotated, name)
    raise AttributeError(f"module 'hooke.maps' has no attribute {name!r}")


def read(path: Path | str, *, metadata: Path | str | None = None) -> Profiles:
    """Wells of a file as `Profiles`, without the rows that hold no number, which a warning counts.

    Args:
        path: A store of profiles, .parquet, .h5ad, a table (CellProfiler's among them), or a folder of DeepProfiler's npz files.
        metadata: A table joined by wells and plates, else by the columns that both have.

    Raises:
        DataError, UsageError: See `cells.files.read_profiles`.
    """
    from hooke.cells.files import read_measured

    return read_measured(Path(path), None if metadata is None else Path(metadata))


def correct(
    wells: Table,
    *,
    method: str = "tvn",
    batch: str = "batch",
    average_cells: bool = False,
    normalise: Literal["none", "standardise", "robust"] = "none",
    select_features: bool = False,
    save: Path | str | None = None,
    apply: Path | str | None = None,
    seed: int = 0,
) -> Table:
    """Correct batch effects by the negative controls.

    Args:
        wells: `Profiles`, AnnData, or a table of pandas or polars: numbers, and metadata with a column of controls.
        method: One of `evaluate.correction.METHODS`.
        batch: Column of the batches; experiment or plate where it is absent.
        average_cells: Rows are cells: first take the median of each well.
        normalise: Features in units of each plate's controls before.
        select_features: Leave out blocked, missing, constant and repeated features before.
        save: Keep the fitted correction (.npz) for new plates.
        apply: Apply a kept correction instead of fitting one.
        seed: Of methods that draw.

    Returns:
        Corrected wells of the kind that was given; rows that hold no number are left out with a warning.

    Raises:
        UsageError: Both `save` and `apply`, or a selection of features with `apply`.
        DataError: No controls, or too few.
    """
    from hooke.cells.in_memory import Given
    from hooke.core.errors import UsageError
    from hooke.maps.correction import Preparation, prepared_and_corrected, save_correction

    if save is not None and apply is not None:
        raise UsageError("apply uses a correction that is saved already; leave out save")
    given = Given.read(wells)
    fitted, prepared, corrected = prepared_and_corrected(
        given.profiles, method=method, batch=batch, apply=None if apply is None else Path(apply),
        preparation=Preparation(average_cells, normalise, select_features), seed=seed,
    )  # fmt: skip
    if save is not None:
        save_correction(fitted, prepared, Path(save))
    return given.like(corrected)


def compare(
    wells: Any,
    *,
    methods: Sequence[str] | None = None,
    sources: Sequence[str] | str | Mapping[str, KnownPairs] | None = None,
    batch: str = "batch",
    seed: int = 0,
    show_progress: bool = True,
) -> Any:
    """Corrections of batches side by side, as `hooke map correct --compare`.

    Args:
        wells: As for `correct`.
        methods: Some of `evaluate.correction.METHODS`; None takes all.
        sources: Known relations for the recall on the map; None leaves it out.
        batch: Column of the batches.
        seed: Seed of all random numbers.
        show_progress: Show which method is at work.

    Returns:
        One row a method, a polars table (pandas where that or AnnData was given); recalls as `recall_SOURCE`.
    """
    from hooke.cells.annotations import known_pairs
    from hooke.cells.in_memory import Given
    from hooke.evaluate.correction import METHODS
    from hooke.maps.correction import compare_corrections

    given = Given.read(wells)
    known = sources if isinstance(sources, Mapping) or sources is None else known_pairs(sources)
    scores = compare_corrections(
        given.profiles, methods=methods or METHODS, sources=known, batch=batch, seed=seed, show_progress=show_progress
    )
    rows = [
        {
            **{name: value for name, value in vars(one).items() if not isinstance(value, Mapping)},
            **{f"recall_{source}": values[0] for source, values in one.recall.items()},
        }
        for one in scores
    ]
    return given.table_of(rows)


def build(
    wells: Any,
    *,
    average: Literal["mean", "median"] = "mean",
    replicates: int = 1,
    arms: str | None = None,
    remove_count: bool = False,
    layout: Layout = "auto",
    rate: float = 0.05,
    seed: int = 0,
) -> BuiltMap:
    """Average wells to genes and compounds, with quality control, hit calls and a layout.

    Args:
        wells: As for `correct`, best corrected.
        average: Of the wells of a guide or dose.
        replicates: Leave out perturbations with fewer wells.
        arms: Column of chromosome arms, whose means are taken away.
        remove_count: Take away what the number of cells (column cell_count) explains.
        layout: Method of the layout in two dimensions; "none" leaves it out.
        rate: False-discovery rate of the hit calls.
        seed: Seed of all random numbers.

    Returns:
        The map as `Profiles` (`.map`; `to_anndata` converts it), the tables `.hits` and `.judged`, and `.report`.

    Raises:
        UsageError: A column is missing.
        DataError: Nothing is left to map.
    """
    from hooke.cells.in_memory import Given
    from hooke.maps.construction import build as construct

    return construct(
        Given.read(wells).profiles, how=average, least_replicates=replicates, arms=arms, without_count=remove_count,
        layout_method=layout, rate=rate, seed=seed,
    )  # fmt: skip


def recall(
    entities: Any,
    *,
    sources: Sequence[str] | str | Mapping[str, KnownPairs] = "all",
    scope: Literal["gene", "compound", "all"] = "gene",
    whitened: bool = True,
    resamples: int = 200,
    seed: int = 0,
    show_progress: bool = True,
) -> Any:
    """Share of known relations in the tails of all cosines, with chance, null size and number of queries.

    Args:
        entities: A map (`build(...).map`), or what holds one row an entity with a column entity, gene or perturbation, as for `correct`.
        sources: "all", names of published ones, files of pairs, or `KnownPairs` by name.
        scope: Entities of the null and the queries.
        whitened: Whitened profiles beside the raw ones.
        resamples: Of the bootstrap over entities.
        seed: Of the bootstrap.
        show_progress: Show downloads.

    Returns:
        One row a form, source and pair of thresholds, a polars table (pandas where that or AnnData was given).

    Raises:
        UsageError: It is no map.
        DataError: The relations are neither here nor to be had.
    """
    from hooke.cells.in_memory import Given
    from hooke.maps.known_relations import map_recall

    given = Given.read(entities)
    rows = map_recall(
        given.profiles, sources=sources, null_scope=scope, forms=("raw", "whitened") if whitened else ("raw",),
        resamples=resamples, seed=seed, show_progress=show_progress,
    )  # fmt: skip
    return given.table_of([row.to_json() for row in rows])


def evaluate(
    wells: Any,
    *,
    batch: str = "batch",
    targets: Mapping[str, Sequence[str]] | None = None,
    clusters: Mapping[str, Sequence[str]] | None = None,
    rate: float = 0.05,
    seed: int = 0,
) -> Evaluation:
    """Consistency and magnitude of perturbations, k-means, mixing, dose response, targets, clusters, plates.

    Args:
        wells: As for `correct`, best corrected.
        batch: Column of the batches.
        targets: Compound -> genes it acts on.
        clusters: Name -> genes, such as complexes.
        rate: False-discovery rate.
        seed: Seed of all random numbers.

    Returns:
        `.summary` (what could not be measured stands in `not_measured` with its reason), `.tables` and `.write(folder)`.

    Raises:
        DataError: There are no negative controls.
    """
    from hooke.cells.in_memory import Given
    from hooke.maps.evaluation import evaluate as measure

    return measure(Given.read(wells).profiles, batch=batch, targets=targets, clusters=clusters, rate=rate, seed=seed)
