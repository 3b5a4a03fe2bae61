"""`hooke map`: correct wells, build a map of perturbations, measure the recall of known biology, look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, print_fields, print_json, print_table, refuse_options

app = typer.Typer(
    help="Correct wells, build a map, measure its recall of known biology, explore it.", no_args_is_help=True
)
Wells = Annotated[
    Path,
    typer.Argument(
        help="Profiles: a store, .parquet, .h5ad, .csv, a CellProfiler table, or a folder of DeepProfiler npz."
    ),
]
Metadata = Annotated[Path | None, typer.Option(help="Table joined to the profiles by the columns that both have.")]
Sources = Annotated[
    str,
    typer.Option(
        help="all, or CORUM, HuMAP, Reactome, SIGNOR, StringDB, or your own files (entity1,entity2), separated by commas."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]


@app.command(epilog="Examples: `hooke map correct wells.parquet -o corrected.parquet` · `hooke map correct wells.parquet --compare` · "
                    "`hooke map correct new_plate.parquet --apply tvn.npz -o new_corrected.parquet` · "
                    "`hooke map correct Cells.csv --average-cells --normalise robust --select-features -o corrected.parquet`")  # fmt: skip
def correct(
    context: typer.Context,
    wells: Wells,
    out: Annotated[Path | None, typer.Option("--output", "-o", help="Corrected profiles, .parquet or .h5ad.")] = None,
    method: Annotated[
        str, typer.Option(help="none, centre, centre_scale, pca_cs, tvn, sphering, combat, harmony or scanorama.")
    ] = "tvn",
    batch: Annotated[str, typer.Option(help="Column of the batches.")] = "batch",
    save: Annotated[Path | None, typer.Option(help="Keep the fitted correction (.npz) for new plates.")] = None,
    apply: Annotated[Path | None, typer.Option(help="Apply a kept correction instead of fitting one.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Score every method on these wells instead.")] = False,
    average_cells: Annotated[
        bool, typer.Option("--average-cells", help="Rows are cells: first take the median of each well.")
    ] = False,
    normalise: Annotated[
        str, typer.Option(help="Hand-crafted features in units of each plate's controls: robust, standardise or none.")
    ] = "none",
    select_features: Annotated[
        bool, typer.Option("--select-features", help="Leave out blocked, missing, constant and repeated features.")
    ] = False,
    sources: Sources = "all",
    metadata: Metadata = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Correct batch effects by the negative controls, or compare all methods."""
    from hooke.maps import correction as map_correct

    preparation = map_correct.Preparation(average_cells, normalise, select_features)
    if compare:
        refuse_options(
            context, "does not go with --compare, which scores every method", "out", "method", "save", "apply"
        )
        scores = map_correct.compare_file(
            wells, metadata=metadata, sources=sources, batch=batch, preparation=preparation, seed=seed
        )
        if as_json:
            print_json([vars(score) for score in scores])
        else:
            print_table(*map_correct.table(scores))
        return
    refuse_options(context, "belongs to --compare", "sources")
    if apply is not None:
        refuse_options(context, "does not go with --apply, which takes the kept correction", "method")
    summary = map_correct.correct_file(
        wells, out, method=method, batch=batch, save=save, apply=apply, metadata=metadata, preparation=preparation,
        seed=seed,
    )  # fmt: skip
    if as_json:
        print_json(summary)
    else:
        print_fields(summary)


@app.command(
    epilog="Examples: `hooke map build corrected.parquet -o map.parquet` · `hooke map build wells.csv --metadata plates.csv -o map.h5ad`"
)
def build(
    wells: Wells,
    out: Annotated[Path, typer.Option("--output", "-o", help="The map, .parquet or .h5ad.")],
    average: Annotated[str, typer.Option(help="Average of the wells of a guide or dose: mean or median.")] = "mean",
    replicates: Annotated[int, typer.Option(min=1, help="Leave out perturbations with fewer wells.")] = 1,
    arms: Annotated[str | None, typer.Option(help="Column of chromosome arms, whose means are taken away.")] = None,
    remove_count: Annotated[
        bool, typer.Option("--remove-count", help="Take away what the number of cells (column cell_count) explains.")
    ] = False,
    layout: Annotated[str, typer.Option(help="auto, umap, tsne, pca or none.")] = "auto",
    rate: Annotated[float, typer.Option(help="False-discovery rate of the hit calls.")] = 0.05,
    metadata: Metadata = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Average wells to guides and genes, compounds by dose; with quality control, hit calls and cell-count confounding."""
    from hooke.maps import construction as map_build

    summary = map_build.build_file(
        wells, out, metadata=metadata, how=average, least_replicates=replicates, arms=arms, without_count=remove_count,
        layout_method=layout, rate=rate, seed=seed,
    )  # fmt: skip
    if as_json:
        print_json(summary)
    else:
        print_fields(summary)


@app.command(
    epilog="Examples: `hooke map recall map.parquet` · `hooke map recall horlbeck` · `hooke map recall crispr_screens --sources CORUM`"
)
def recall(
    source: Annotated[
        str, typer.Argument(metavar="MAP", help="A map: a file or store, or the name of a data set of cells.")
    ],
    sources: Sources = "all",
    scope: Annotated[str, typer.Option(help="Entities of the null and the queries: gene, compound or all.")] = "gene",
    whitened: Annotated[
        bool, typer.Option("--whitened/--raw-only", help="Whitened profiles beside the raw ones.")
    ] = True,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples over entities.")] = 200,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Share of known relations in the tails of all cosines, with chance, null size and number of queries."""
    from hooke.maps import known_relations as map_recall

    rows = map_recall.recall_of(
        source, sources=sources, null_scope=scope, forms=("raw", "whitened") if whitened else ("raw",), resamples=resamples,
        seed=seed,
    )  # fmt: skip
    if as_json:
        print_json([row.to_json() for row in rows])
    else:
        print_table(*map_recall.table(rows))


@app.command(
    epilog="Examples: `hooke map evaluate corrected.parquet -o evaluation` · "
    "`hooke map evaluate corrected.parquet -o evaluation --targets targets.csv --clusters corum`"
)
def evaluate(
    wells: Wells,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the tables.")],
    batch: Annotated[str, typer.Option(help="Column of the batches.")] = "batch",
    targets: Annotated[
        Path | None, typer.Option(help="Known targets of compounds: CSV with compound and gene.")
    ] = None,
    clusters: Annotated[
        str,
        typer.Option(help="Known clusters of genes: corum (non-commercial), none, or a file of name<TAB>gene gene ..."),
    ] = "none",
    rate: Annotated[float, typer.Option(help="False-discovery rate.")] = 0.05,
    metadata: Metadata = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Consistency and magnitude of perturbations, k-means, mixing, dose response, targets, clusters, plate heat maps."""
    from hooke.maps import evaluation as map_evaluate

    summary = map_evaluate.evaluate_file(
        wells, out, metadata=metadata, targets=targets, clusters=clusters, batch=batch, rate=rate, seed=seed
    )
    if as_json:
        print_json(summary)
    else:
        print_fields(summary)


@app.command(
    epilog="Examples: `hooke map explore map.parquet` · `hooke map explore map.parquet --images store --port 0`"
)
def explore(
    path: Annotated[Path, typer.Argument(metavar="MAP", help="A map: .parquet, .h5ad or a store.")],
    images: Annotated[Path | None, typer.Option(help="Image store with the map's wells.")] = None,
    sources: Annotated[
        str,
        typer.Option(
            help="Known relations to mark: all, names or files (entity1,entity2) separated by commas, or none."
        ),
    ] = "all",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8765,
) -> None:
    """Look at a map in the browser; the page is served to this machine only. Ctrl-C ends it."""
    from hooke.serve.explore import explore as serve

    server = serve(path, images=images, sources=sources, port=port)
    typer.echo(f"http://127.0.0.1:{server.server_address[1]}")
    try:
        server.serve_forever()
    finally:
        server.server_close()
