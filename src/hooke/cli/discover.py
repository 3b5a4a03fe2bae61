"""`hooke discover`: the next experiments of a campaign, with reasons and a plate; loops simulated on measured screens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, Runs, listed, print_fields, print_json, print_table, refuse_options

app = typer.Typer(
    help="Pick the next experiments with reasons, or simulate the loop on a measured screen.", no_args_is_help=True
)
Graph = Annotated[
    str,
    typer.Option(
        "--graph",
        help="Sources of relations, or your own files of edges, comma-separated; default: StringDB,Reactome,HuMAP.",
    ),
]
NonCommercial = Annotated[
    bool, typer.Option("--non-commercial", help="Also take sources for non-commercial use (CORUM, SIGNOR).")
]
HitShare = Annotated[float, typer.Option(help="Share of genes that count as hits, by |score|.")]


@app.command("next", epilog="Examples: `hooke discover next --library genes.csv --batch 96 -o picks.csv` · "
                            "`hooke discover next measured.csv --library genes.csv -o picks.csv --same-study first.csv`")  # fmt: skip
def next_batch(
    library: Annotated[Path, typer.Option(help="Table with the column gene, and price.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="The picks with reasons and wells, .csv.")],
    measured: Annotated[
        Path | None,
        typer.Argument(help="Table with the columns gene and score (and hit); none before the first round."),
    ] = None,
    batch: Annotated[int, typer.Option(help="Picks of a round.")] = 96,
    policy: Annotated[
        str, typer.Option(help="auto, graph, transfer, combined, greedy, ucb, thompson, core_set, diverse or random.")
    ] = "auto",
    state: Annotated[Path, typer.Option(help="Folder of the campaign.")] = Path("campaign"),
    priors: Annotated[str, typer.Option(help="Tables of earlier screens (gene, score), comma-separated.")] = "",
    same_study: Annotated[
        str, typer.Option(help="Tables of earlier screens of the same study; they count more, and are labelled.")
    ] = "",
    exclude: Annotated[
        Path | None, typer.Option(help="Table of genes that are not to be picked, such as essential ones.")
    ] = None,
    must: Annotated[str, typer.Option(help="Genes that the batch must include, comma-separated.")] = "",
    budget: Annotated[
        float, typer.Option(help="Most that the batch may cost, by the library's prices; 0 for no bound.")
    ] = 0.0,
    controls: Annotated[int, typer.Option(help="Wells of controls a plate.")] = 0,
    replicates: Annotated[int, typer.Option(help="Wells of each pick.")] = 1,
    plate: Annotated[int, typer.Option(help="Wells of a plate: 96 or 384.")] = 96,
    hit_threshold: Annotated[
        float, typer.Option(help="|score| of a hit; 0: from random picks by --hit-share; a column hit goes first.")
    ] = 0.0,
    hit_share: HitShare = 0.05,
    graph: Graph = "",
    pathways: Annotated[
        str, typer.Option(help="For the reasons: go (biological processes of Gene Ontology), a file .gmt, or none.")
    ] = "none",
    non_commercial: NonCommercial = False,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    as_json: Json = False,
) -> None:
    """The next batch of a campaign: the same call gives the same picks, also after a kill."""
    import hooke
    from hooke.api.discovery import summary_of

    found = hooke.next_experiments(
        measured, library, out, batch=batch, policy=policy, state=state, priors=listed(priors), same_study=listed(same_study),
        exclude=exclude, must=listed(must), graph=listed(graph), pathways=pathways, non_commercial=non_commercial, budget=budget,
        controls=controls,        replicates=replicates, plate=plate, hit_threshold=hit_threshold, hit_share=hit_share, seed=seed,
    )  # fmt: skip
    if as_json:
        print_json({**summary_of(found), "picks_file": out})
        return
    print_fields(summary_of(found))
    heads = ["rank", "gene", "policy", "reason"]
    typer.echo()
    print_table(heads, found.picks.head(10).select(heads).rows())
    typer.echo(f"\n{out}: {found.picks.height} picks")


@app.command(epilog="Examples: `hooke discover simulate ifng --batch 128 --rounds 5 --seeds 10` · `hooke discover simulate il2 --priors all` · "
                    "`hooke discover simulate mine.csv --priors other.csv --policies graph,transfer,auto` · "
                    '`hooke discover simulate mine.csv --agent "python agent.py"`')  # fmt: skip
def simulate(
    context: typer.Context,
    screen: Annotated[
        str, typer.Argument(help="ifng, il2, sanchez21, sanchez21_down, sars_cov_2, or a table (gene, score).")
    ],
    batch: Annotated[int, typer.Option(help="Genes of a round.")] = 128,
    rounds: Annotated[int, typer.Option(help="Number of rounds.")] = 5,
    seeds: Annotated[int, typer.Option(help="Number of repetitions.")] = 10,
    policies: Annotated[
        str,
        typer.Option(
            help="Comma-separated; see `hooke discover next --policy`, and agent. Default: fixed ones and auto."
        ),
    ] = "",
    priors: Annotated[
        str, typer.Option(help="none, others (other studies), all, or tables of earlier screens, comma-separated.")
    ] = "none",
    same_study: Annotated[
        str, typer.Option(help="With your own table: tables of earlier screens of the same study.")
    ] = "",
    agent: Annotated[str, typer.Option(help="A command that reads a JSON line a round and answers with picks.")] = "",
    hit_share: HitShare = 0.05,
    graph: Graph = "",
    non_commercial: NonCommercial = False,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Hit curves of policies on a screen whose scores are revealed batch by batch, beside chance and oracle; resumable."""
    import hooke

    if not screen.endswith((".csv", ".tsv", ".txt")):
        refuse_options(context, "belongs to tables of your own: --priors all takes those of the suite", "same_study")
    found = hooke.simulate_discovery(
        screen, batch=batch, rounds=rounds, seeds=seeds, policies=listed(policies),
        priors=priors if priors in ("none", "others", "all") else listed(priors), same_study=listed(same_study), agent=agent,
        hit_share=hit_share, graph=listed(graph), non_commercial=non_commercial, runs=runs,
    )  # fmt: skip
    if as_json:
        print_json(found.to_json())
        return
    print_table(*found.table())
    if found.hindsight is not None:
        typer.echo(f"\nauto finds {found.hindsight:.2f} of what the best fixed policy finds in hindsight")
    typer.echo(f"report {found.file.with_suffix('.html')}")


@app.command(
    epilog="Examples: `hooke discover target runs/response-screen target.csv --library genes.csv -o picks.csv` · "
    "`hooke discover target RUN target.csv --library pairs.csv -o picks.csv --context k562 --batch 20`"
)
def target(
    run: Annotated[Path, typer.Argument(help="A run of `hooke response fit`.")],
    wanted: Annotated[
        Path, typer.Argument(metavar="TARGET", help="Table with the columns gene (a read-out) and change.")
    ],
    library: Annotated[Path, typer.Option(help="Table with the column gene: genes, or sets such as A+B.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="The picks, .csv or .parquet.")],
    batch: Annotated[int, typer.Option(help="Picks.")] = 96,
    context: Annotated[str | None, typer.Option(help="Context of the run; needed where there are several.")] = None,
    as_json: Json = False,
) -> None:
    """Perturbations that are predicted to bring cells nearest to a wanted change, the best first."""
    import hooke
    from hooke.report.wording import number

    found = hooke.toward_target(run, wanted, library, out, batch=batch, context=context)
    if as_json:
        print_json(found.to_json())
        return
    print_fields(
        {
            "candidates": f"{found.candidates:,}",
            **{f"  {reason}": f"{count:,}" for reason, count in found.left_out.items()},
            "read-outs": f"{found.readouts:,} of the target"
            + (f", {len(found.unknown):,} unknown" if found.unknown else ""),
        }
    )
    rows = [
        [
            str(row["rank"]), row["perturbation"], number(row["reached"]), number(row["alignment"]), number(row["p"]), row["kind"],
            row["reason"],
        ] for row in found.picks.head(12).iter_rows(named=True)
    ]  # fmt: skip
    print_table(["rank", "perturbation", "reached", "alignment", "p", "question", "reason"], rows)
    typer.echo(f"\n{found.output}: {len(found.picks)} picks")
