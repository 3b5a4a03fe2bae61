"""`hooke benchmark`: a recipe's model beside honest baselines, or systems on a suite of tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, Runs, is_given, listed, print_json, print_table, refuse_options

EXAMPLES = (
    "Examples: `hooke benchmark tiny_gine --seeds 3 --splits random,scaffold` · "
    "`hooke benchmark admet --systems forest,minimol,scratch,probe,finetuned --pretrained RUN` · `hooke benchmark potentials --seeds 1` · "
    "`hooke benchmark responses --tasks horlbeck --systems txpert` · `hooke benchmark explanations --tasks horlbeck`"
)
_SUITES = ("admet", "moleculeace", "moleculenet", "tdc_admet")
_BOARDS = ("potentials",)
_RESPONSES = ("responses",)
_DISCOVERY = ("discovery",)
_EXPLANATIONS = ("explanations",)


def benchmark(
    context: typer.Context,
    recipe: Annotated[
        str,
        typer.Argument(
            help=f"A recipe, or a suite: {', '.join((*_SUITES, *_BOARDS, *_RESPONSES, *_DISCOVERY, *_EXPLANATIONS))}."
        ),
    ],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to the recipe, as a.b=c.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds.")] = 3,
    splits: Annotated[str, typer.Option(help="Comma-separated splits; default: the recipe's. Not of suites.")] = "",
    pretrained: Annotated[
        str | None, typer.Option(help="Also probe and fine-tune this pretrained run, or tiny.")
    ] = None,
    systems: Annotated[
        str,
        typer.Option(
            help="Suites: mean, ridge, forest, minimol, scratch, probe, finetuned; of potentials: networks, mean, elements, gfn2; "
            "of responses: networks beside the models in closed form, txpert."
        ),
    ] = "forest",
    tasks: Annotated[
        str,
        typer.Option(help="Suites: run only these tasks (potentials: data sets; discovery: screens), comma-separated."),
    ] = "",
    training: Annotated[str, typer.Option(help="Suites: recipe of the systems scratch and finetuned.")] = "csv",
    relations: Annotated[
        str,
        typer.Option(
            help="Explanations: sources whose relations are recalled; those of the model's own graph are refused."
        ),
    ] = "",
    own_relations: Annotated[
        bool,
        typer.Option(
            "--own-relations", help="Explanations: also recall relations of the model's own graph, which leaks them."
        ),
    ] = False,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Scores over seeds beside baselines, with intervals and a report; a killed benchmark continues."""
    import hooke

    if recipe in _EXPLANATIONS:
        why = f"does not apply to {recipe}, whose tasks state their models, folds and seeds"
        refuse_options(context, why, "overrides", "seeds", "splits", "pretrained", "systems", "training")
        explained = hooke.run_explanations(
            recipe, tasks=listed(tasks), relations=listed(relations), own_relations=own_relations, runs=runs
        )
        if as_json:
            print_json(explained.to_json())
            return
        print_table(*explained.table())
        typer.echo(f"report {explained.benchmark.file.with_suffix('.html')}")
        return
    refuse_options(context, f"belongs to {', '.join(_EXPLANATIONS)}", "relations", "own_relations")
    if recipe in _RESPONSES:
        why = f"does not apply to {recipe}, whose tasks state their models, folds and seeds"
        refuse_options(context, why, "overrides", "seeds", "splits", "pretrained", "training")
        networks = listed(systems) if is_given(context, "systems") else []
        measured = hooke.run_responses(recipe, tasks=listed(tasks), networks=networks, runs=runs)
        if as_json:
            print_json(measured.to_json())
            return
        print_table(*measured.table())
        typer.echo("\n" + "\n".join(measured.verdicts()))
        typer.echo(f"report {measured.benchmark.file.with_suffix('.html')}")
        return
    if recipe in _DISCOVERY:
        why = f"does not apply to {recipe}: `hooke discover simulate` has its options"
        refuse_options(context, why, "overrides", "splits", "pretrained", "systems", "training")
        seeds = seeds if is_given(context, "seeds") else 10
        loops = hooke.run_discovery(recipe, screens=listed(tasks), seeds=seeds, runs=runs)
        if as_json:
            print_json([loop.to_json() for loop in loops])
            return
        for loop in loops:
            typer.echo(loop.title)
            print_table(*loop.table())
            typer.echo(f"report {loop.file.with_suffix('.html')}\n")
        return
    if recipe in _BOARDS:
        refuse_options(context, f"does not apply to {recipe}", "splits", "pretrained", "training")
        chosen = listed(systems) if is_given(context, "systems") else []
        board = hooke.run_leaderboard(
            recipe, overrides=overrides or [], systems=chosen, sets=listed(tasks), seeds=seeds, runs=runs
        )
        if as_json:
            print_json(board.to_json())
            return
        print_table(*board.table())
        typer.echo(f"\nenergies in meV an atom / forces in meV/Å\nreport {board.board.file.with_suffix('.html')}")
        return
    if recipe in _SUITES:
        refuse_options(context, f"does not apply to suites: {recipe} states its splits", "splits")
        found = hooke.run_suite(
            recipe, training, overrides=overrides or [], systems=listed(systems), tasks=listed(tasks), seeds=seeds,
            pretrained=pretrained, runs=runs,
        )  # fmt: skip
        if as_json:
            print_json(found.to_json())
        else:
            typer.echo(found.table())
        return
    refuse_options(
        context, f"belongs to suites ({', '.join(_SUITES)}), and {recipe} is a recipe", "systems", "tasks", "training"
    )
    result = hooke.benchmark(
        recipe, overrides=overrides or [], seeds=seeds, splits=listed(splits), pretrained=pretrained, runs=runs
    )
    if as_json:
        print_json(result.to_json())
    else:
        typer.echo(result.table())
