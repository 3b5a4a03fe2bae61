"""`hooke response`: what a screen of perturbations can teach, models of it, and how good predicted responses are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Json, Runs, print_fields, print_json, print_table
from hooke.core.reading import reading
from hooke.report.wording import number

app = typer.Typer(
    help="Responses of cells to perturbations: check a screen, evaluate predictions.", no_args_is_help=True
)
Screen = Annotated[Path, typer.Argument(help="Cells: .h5ad (CSR, CSC or dense, read in blocks), or a table of wells.")]
ScaleOption = Annotated[
    str | None,
    typer.Option("--scale", help="counts, log1p or z-score; declared here or by the file (uns/log1p), never guessed."),
]
TargetSum = Annotated[
    float | None, typer.Option(help="What counts were normalised to before log1p, where it is known.")
]
Perturbation = Annotated[
    str | None, typer.Option("--perturbation", help="Column of the perturbations; guessed from the names.")
]
Control = Annotated[
    list[str] | None,
    typer.Option("--control", help="A perturbation that is the control; may be repeated. Default: the usual names."),
]
Context = Annotated[str | None, typer.Option("--context", help='Column of cell lines or donors; guessed, "" for none.')]
Batch = Annotated[str | None, typer.Option("--batch", help='Column of the experimental batches; guessed, "" for none.')]
Kind = Annotated[str | None, typer.Option(help="genes or compounds; guessed from the column.")]
Dose = Annotated[str, typer.Option(help="Compounds: column of the doses.")]
Unit = Annotated[str, typer.Option(help="Compounds: unit of the doses (uM, nM, ug/mL ...).")]
Hours = Annotated[str, typer.Option(help="Compounds: column of the times, in hours.")]
Separators = Annotated[str, typer.Option(help="Characters between the genes of one perturbation.")]
Layer = Annotated[str | None, typer.Option(help="A layer instead of X.")]
WithTargets = Annotated[
    bool, typer.Option("--with-targets", help="Let the targeted genes count in the scores of their perturbation.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]


@app.command(
    epilog="Examples: `hooke response check screen.h5ad` · `hooke response check screen.h5ad --scale log1p --control NT -o perturbations.csv` · "
    "`hooke response check compounds.h5ad --scale counts --perturbation drug --dose dose --unit uM --json`"
)
def check(
    source: Screen,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="A row for each perturbation, .csv or .parquet.")
    ] = None,
    differential: Annotated[
        Path | None,
        typer.Option(help="A row for each differential gene of each perturbation (rank sums), .csv or .parquet."),
    ] = None,
    scale: ScaleOption = None,
    target_sum: TargetSum = None,
    perturbation: Perturbation = None,
    control: Control = None,
    context: Context = None,
    batch: Batch = None,
    kind: Kind = None,
    dose: Dose = "",
    unit: Unit = "",
    hours: Hours = "",
    separators: Separators = "+",
    layer: Layer = None,
    with_targets: WithTargets = False,
    draws: Annotated[int, typer.Option(help="Draws of disjoint halves, 40 or more.")] = 40,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """What a screen can teach: ceilings, nulls, verdicts, and what each metric can tell apart; a stopped pass goes on."""
    import hooke

    found = hooke.check_screen(
        source, out, differential=differential, scale=scale, target_sum=target_sum,
        perturbation=perturbation, control=tuple(control or ()), context=context, batch=batch,
        kind=kind, dose=dose, unit=unit, hours=hours, separators=separators, layer=layer, with_targets=with_targets, draws=draws, seed=seed,
    )  # fmt: skip
    if as_json:
        print_json(found.to_json())
        return
    print_fields(
        {
            **found.said,
            "cells": f"{found.used:,} of {found.cells:,} used",
            **{f"  {reason}": f"{count:,}" for reason, count in found.left_out.items()},
            "genes": f"{found.genes:,} used",
            **{f"  {name}": reason for name, reason in found.genes_left_out.items()},
            "not scored": found.unscored,
        }
    )
    for each in found.contexts:
        typer.echo("")
        typer.echo(f"{each.name}: {each.verdict}")
        if not each.ceiling.is_evaluable:
            continue
        reach = number(each.ceiling.replicate_reaches), number(each.ceiling.noise_free_limit)
        typer.echo(f"a replicate of the experiment reaches r = {reach[0]}, a prediction without noise {reach[1]}")
        print_table(*_ranges(each))
        if each.warning:
            typer.echo(each.warning)


@app.command(
    epilog="Examples: `hooke response evaluate --predicted mine.h5ad --measured screen.h5ad` · "
    "`hooke response evaluate --predicted a=a.h5ad --predicted b=b.parquet --measured screen.h5ad --space changes -o scores.csv --json`"
)
def evaluate(
    predicted: Annotated[list[str], typer.Option(help="File of predictions, or NAME=FILE; may be repeated.")],
    measured: Annotated[Path, typer.Option(help="The screen, with its controls.")],
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="A row for each context, metric and model, .csv or .parquet.")
    ] = None,
    space: Annotated[
        str, typer.Option(help="What is predicted: profiles, on the scale of the screen, or changes from control.")
    ] = "profiles",
    profile: Annotated[
        str, typer.Option(help="hooke, or vcc, which adds the three numbers of the Virtual Cell Challenge.")
    ] = "hooke",
    metrics: Annotated[
        str, typer.Option(help="Which metrics are printed: all, or names separated by commas.")
    ] = "pearson_delta,weighted_mse,discrimination",
    scale: ScaleOption = None,
    target_sum: TargetSum = None,
    perturbation: Perturbation = None,
    control: Control = None,
    context: Context = None,
    batch: Batch = None,
    kind: Kind = None,
    dose: Dose = "",
    unit: Unit = "",
    hours: Hours = "",
    separators: Separators = "+",
    layer: Layer = None,
    with_targets: WithTargets = False,
    draws: Annotated[int, typer.Option(min=1, help="Draws of disjoint halves.")] = 20,
    energy: Annotated[
        int,
        typer.Option(
            min=0,
            help="Also the energy distance of predicted cells (several rows a perturbation), of at most so many a set.",
        ),
    ] = 0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Score any model's predictions beside null, ceiling and baselines; models are ranked only where the screen can tell them apart."""
    import hooke

    found = hooke.evaluate_responses(
        _named(predicted), measured, out, space=space, profile=profile, scale=scale, target_sum=target_sum, perturbation=perturbation,
        control=tuple(control or ()), context=context, batch=batch, kind=kind, dose=dose, unit=unit, hours=hours, separators=separators,
        layer=layer, with_targets=with_targets, draws=draws, energy=energy, seed=seed,
    )  # fmt: skip
    if as_json:
        print_json(found.to_json())
        return
    for name, facts in found.predictions.items():
        listed = {
            **facts["left_out"],
            "perturbations without a prediction": len(facts["not_predicted"]),
            "genes missing": len(facts["missing_genes"]),
        }
        typer.echo(
            f"{name}: {facts['rows']:,} rows read"
            + "".join(f"; {count:,} {reason}" for reason, count in listed.items() if count)
        )
    typer.echo(f"{found.genes:,} genes scored, without {found.unscored}")
    for each in found.contexts:
        typer.echo("")
        typer.echo(f"{each.name}: {each.verdict}")
        if each.evaluable:
            print_table(*_scores(each, metrics))
    if found.energies:
        typer.echo("\nenergy distance of cells, 0 is perfect")
        print_table(
            ["context", "model", "distance", "95 %", "control cells", "other half", "scored", "undefined"],
            [
                [
                    each.context, each.model, number(each.distance.value), _bounds(each.distance), number(each.null), number(each.ceiling),
                    str(each.scored), str(each.undefined),
                ] for each in found.energies
            ],
        )  # fmt: skip


@app.command(
    epilog="Examples: `hooke response fit screen.h5ad` · `hooke response fit screen.h5ad --graph StringDB,own.csv --library genes.txt` · "
    "`hooke response fit screen.h5ad --networks txpert` · "
    "`hooke response fit drugs.h5ad --kind compounds --dose dose --unit uM --smiles structures.csv --networks latent_additive` · "
    "`hooke response fit screen.h5ad --graph none --models global_mean,additive --json`"
)
def fit(
    source: Screen,
    runs: Runs = Path("runs"),
    graph: Annotated[
        str, typer.Option(help="Known relations: sources and own files (.csv, .tsv) separated by commas, or none.")
    ] = "StringDB,Reactome,HuMAP",
    library: Annotated[
        Path | None, typer.Option(help="Genes that will be asked for, one a line: they join the graph.")
    ] = None,
    models: Annotated[
        str,
        typer.Option(
            help="Which models are compared: all, or names separated by commas (`hooke show names response_models`)."
        ),
    ] = "all",
    networks: Annotated[
        str,
        typer.Option(
            help="Networks that are compared as well, alone and as residuals: recipes separated by commas (txpert, latent_additive)."
        ),
    ] = "",
    smiles: Annotated[
        Path | None,
        typer.Option(
            help="Compounds: a table with the columns compound and smiles, also of compounds that will be asked for."
        ),
    ] = None,
    compounds: Annotated[
        str,
        typer.Option(
            help="Compounds: their encoder in networks, any model of molecules and a preset, such as gine:tiny."
        ),
    ] = "",
    non_commercial: Annotated[
        bool, typer.Option("--non-commercial", help="Take sources that are for non-commercial use alone.")
    ] = False,
    scale: ScaleOption = None,
    target_sum: TargetSum = None,
    perturbation: Perturbation = None,
    control: Control = None,
    context: Context = None,
    batch: Batch = None,
    kind: Kind = None,
    dose: Dose = "",
    unit: Unit = "",
    hours: Hours = "",
    separators: Separators = "+",
    layer: Layer = None,
    with_targets: WithTargets = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compare models with baselines on inner folds, fit what wins, and say so when a baseline does; a finished run is not repeated."""
    import hooke

    genes: list[str] = []
    if library is not None:
        with reading(library, "a list of genes, one a line"):
            genes = [line.strip() for line in library.read_text(encoding="utf-8").splitlines() if line.strip()]
    found = hooke.fit_response(
        source, runs, graph="" if graph == "none" else graph, library=genes, models=models, networks=networks, smiles=smiles,
        compounds=compounds, non_commercial=non_commercial, scale=scale, target_sum=target_sum, perturbation=perturbation,
        control=tuple(control or ()),
        context=context, batch=batch, kind=kind, dose=dose, unit=unit, hours=hours, separators=separators, layer=layer,
        with_targets=with_targets, seed=seed,
    )  # fmt: skip
    if as_json:
        print_json(found.to_json())
        return
    for name, verdict in found.verdicts.items():
        typer.echo(f"{name}: {verdict}")
    if lost := found.without_structure:
        typer.echo(
            f"{len(lost)} compounds without a structure that can be read: {', '.join(lost[:5])}{' ...' * (len(lost) > 5)}"
        )
    for each in found.choices:
        typer.echo("")
        print_table(
            ["model", "r", "95 %", "relative error", "fallbacks"],
            [
                [name, number(score.value), _bounds(score), number(each.errors[name]), str(each.fallbacks[name])]
                for name, score in each.scores.items()
            ],
        )
        for name, reason in each.skipped.items():
            typer.echo(f"{name} was not fitted: {reason}")
        typer.echo(each.verdict)
    typer.echo(f"\nrun     {found.folder}\nreport  {found.report}")


@app.command(
    epilog="Examples: `hooke response predict runs/response-screen genes.csv -o predicted.h5ad` · "
    "`hooke response predict RUN genes.csv -o predicted.parquet --space profiles --context k562`"
)
def predict(
    run: Annotated[
        Path, typer.Argument(help="A run of `hooke response fit` (a folder of runs: its newest finished one).")
    ],
    asked: Annotated[
        Path, typer.Argument(help="A table with a column perturbation, and context where there are several.")
    ],
    out: Annotated[Path, typer.Option("--output", "-o", help="Predictions, .h5ad or .parquet.")],
    space: Annotated[
        str, typer.Option(help="changes from control, or profiles (never negative on scales of expression).")
    ] = "changes",
    context: Annotated[
        str | None, typer.Option(help="Context of rows that state none; all of the run by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict perturbations: every row has its prediction, a flag where only the mean is known, or the reason why there is none."""
    import hooke

    summary = hooke.predict_response(run, asked, out, space=space, context=context).summary()
    if as_json:
        print_json(summary)
    else:
        print_fields(summary)


@app.command(
    epilog="Examples: `hooke response explain runs/response-screen KLF1 -o why.html` · "
    "`hooke response explain RUN KLF1+BAK1 --context k562 --json` · "
    "`hooke response explain RUN KLF1 --model graph_kernel_ridge --pathways sets.gmt`"
)
def explain(
    run: Annotated[
        Path, typer.Argument(help="A run of `hooke response fit` (a folder of runs: its newest finished one).")
    ],
    perturbation: Annotated[str, typer.Argument(help="Genes, such as KLF1 or KLF1+BAK1; measured or not.")],
    out: Annotated[Path | None, typer.Option("--output", "-o", help="A page, .html.")] = None,
    context: Annotated[
        str | None, typer.Option(help="Context of the run; one where it was measured by default.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model of responses instead of the chosen one.")] = None,
    pathways: Annotated[
        str, typer.Option(help="go (biological processes of Gene Ontology), none, or a file .gmt.")
    ] = "go",
    verify: Annotated[
        str,
        typer.Option(
            help="What verifies interactions: all known relations that are not in the graph, names, files, or none."
        ),
    ] = "all",
    non_commercial: Annotated[
        bool, typer.Option("--non-commercial", help="Take sources that are for non-commercial use alone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Why a response is predicted: who adds what through the graph, pathways, and a chain of claims, each with its verdict."""
    import hooke

    found = hooke.explain_response(
        run,
        perturbation,
        out,
        context=context,
        model=model,
        pathways=pathways,
        verify=verify,
        non_commercial=non_commercial,
    )
    if as_json:
        print_json(found.to_json())
        return
    print_fields(
        {
            "perturbation": f"{found.perturbation} in {found.context}" if found.context else found.perturbation,
            "model": found.model,
            "question": found.kind,
            **{f"note {place}": note for place, note in enumerate(found.notes, 1)},
            "r, measured": number(found.r),
            "r of halves": number(found.ceiling),
            "claims": ", ".join(f"{count} {name}" for name, count in found.verdicts().items()),
        }
    )
    if found.edges is not None:
        typer.echo(
            f"\nedges of the graph add {found.edges.total:.1%} of the prediction (closing all of them changes {found.edges.difference:.1%})"
        )
        print_table(
            ["edge", "contribution", "lost without it", "sources"],
            [
                [
                    f"{each.first} - {each.second}",
                    f"{each.contribution:.1%}",
                    f"{each.lost:.1%}",
                    ", ".join(each.sources),
                ]
                for each in found.edges.edges
            ],
        )
    typer.echo("")
    print_table(
        ["adds", "share", "measured similarity", "through the graph", "sources"],
        [
            [
                each.perturbation,
                f"{each.share:.1%}",
                number(each.similarity),
                " - ".join(each.path),
                ", ".join(each.sources),
            ]
            for each in found.neighbours
        ],
    )
    typer.echo("")
    print_table(
        ["claim", "verdict", "q", "evidence"],
        [[each.statement, each.verdict, number(each.q), each.evidence] for each in found.claims],
    )
    if found.output is not None:
        typer.echo(f"\npage  {found.output}")


@app.command(epilog="Examples: `hooke response explore runs/response-screen` · `hooke response explore RUN --port 0`")
def explore(
    run: Annotated[
        Path, typer.Argument(help="A run of `hooke response fit` (a folder of runs: its newest finished one).")
    ],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8765,
) -> None:
    """Look at a fitted screen in the browser; the page is served to this machine only. Ctrl-C ends it."""
    import hooke

    server = hooke.explore_response(run, port=port)
    typer.echo(f"http://127.0.0.1:{server.server_address[1]}")
    try:
        server.serve_forever()
    finally:
        server.server_close()


def _named(predicted: list[str]) -> dict[str, str]:
    """Model → file."""
    from hooke.core.errors import UsageError

    models: dict[str, str] = {}
    for text in predicted:
        name, equals, path = text.partition("=")
        name, path = (name, path) if equals else (Path(text).stem, text)
        if name in models:
            raise UsageError(f"two files of predictions are called {name}: name them (--predicted NAME=FILE)")
        models[name] = path
    return models


def _scores(context: Any, metrics: str) -> tuple[list[str], list[list[str]]]:
    from hooke.core.options import choose

    valid = dict.fromkeys(each.metric for each in context.scores)
    header = [
        "metric",
        "model",
        "score",
        "95 %",
        "normalised",
        "95 %",
        "null",
        "ceiling",
        "against",
        "difference",
        "95 %",
        "scored",
        "undefined",
    ]
    rows = []
    for metric in choose("metric", metrics, valid):
        own = {each.model: each for each in context.scores if each.metric == metric}
        for model in [*context.ranking(metric), *(name for name in own if name not in context.ranking(metric))]:
            each = own[model]
            rows.append(
                [
                    metric, model, number(each.value.value), _bounds(each.value), number(each.normalised.value), _bounds(each.normalised),
                    number(each.null), number(each.ceiling), each.baseline, number(each.difference.value), _bounds(each.difference),
                    str(each.scored), str(each.undefined),
                ]
            )  # fmt: skip
    return header, rows


def _bounds(interval: Any) -> str:
    return f"{number(interval.low)} to {number(interval.high)}"


def _ranges(context: Any) -> tuple[list[str], list[list[str]]]:
    header = ["metric", "perfect", *context.ranges[0].scores, "DRF", ""]
    rows = [
        [
            each.metric,
            number(each.perfect),
            *map(number, each.scores.values()),
            number(each.fraction),
            "blind here" if each.blind else "",
        ]
        for each in context.ranges
    ]
    return header, rows
