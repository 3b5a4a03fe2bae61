"""`hooke search`: hyper-parameters by random search, TPE or CMA-ES; or a space tabulated once and optimisers compared on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Json, Runs, print_fields, print_json, print_table, refuse_options

EXAMPLES = (
    "Examples: `hooke search tiny_gine space.toml --trials 30 --workers 2` · `hooke search csv space.toml data.path=assay.csv --prune` · "
    "`hooke search tiny_gine space.toml --tabulate table.parquet --seeds 3 --repeats 200`"
)


def search(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe: a TOML file or a built-in name.")],
    space: Annotated[Path, typer.Argument(help="The options to search, as TOML.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to the recipe, as a.b=c.")] = None,
    sampler: Annotated[str, typer.Option(help="random, tpe, cma_es, optuna_random or optuna_tpe.")] = "tpe",
    trials: Annotated[int, typer.Option(min=1, help="Trials in all; more of them continue the same search.")] = 30,
    workers: Annotated[int, typer.Option(min=1, help="Processes that train at the same time.")] = 1,
    prune: Annotated[bool, typer.Option("--prune", help="End trials that are worse than the median.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the optimiser.")] = 0,
    tabulate: Annotated[
        Path | None, typer.Option(help="Train at every point once, keep the table, replay optimisers.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds a point of the table.")] = 1,
    repeats: Annotated[int, typer.Option(min=2, help="Replays of each optimiser on the table.")] = 200,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Search the options of a recipe, judged on validation rows; a killed search goes on with the same command."""
    import hooke
    from hooke.report.wording import number

    given: dict[str, Any] = {"overrides": overrides or [], "trials": trials, "seed": seed, "runs": runs}
    if tabulate is not None:
        refuse_options(
            context, "does not go with --tabulate, which trains at every point", "sampler", "workers", "prune"
        )
        found = hooke.compare_optimisers(recipe, space, tabulate, seeds=seeds, repeats=repeats, **given)
        if as_json:
            print_json(found)
            return
        lines = [
            [name, number(entry["test_mean"], 4), number(entry["regret"], 4)]
            for name, entry in found["optimisers"].items()
        ]
        print_table(["optimiser", "test", "regret"], lines)
        pairs = [[pair["first"], pair["second"], number(pair["corrected"]), pair["verdict"]] for pair in found["pairs"]]
        print_table(["first", "second", "p (Holm)", "verdict"], pairs)
        return
    refuse_options(context, "belongs to --tabulate", "seeds", "repeats")
    result = hooke.run_search(recipe, space, sampler=sampler, workers=workers, prune=prune, **given)
    if as_json:
        print_json(result.to_json())
    else:
        shown = result.to_json()
        best, reasons = shown.pop("best"), shown.pop("reasons")
        del shown["incumbents"]
        print_fields({**shown, **({f"best {name}": value for name, value in best.items()} if best else {})})
        for reason, count in reasons.items():
            typer.echo(f"{count} failed: {reason}")
