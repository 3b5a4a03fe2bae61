"""`hooke benchmark`: a model beside honest baselines, over seeds and splits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, Runs, print_json

EXAMPLES = "Example: `hooke benchmark tiny_gine --seeds 3 --splits random,scaffold`"


def benchmark(
    recipe: Annotated[str, typer.Argument(help="A recipe: a TOML file or a built-in name.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to the recipe, as a.b=c.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds.")] = 3,
    splits: Annotated[str, typer.Option(help="Comma-separated splits; default: the recipe's.")] = "",
    pretrained: Annotated[Path | None, typer.Option(help="Also fine-tune this pretrained run.")] = None,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Train over seeds and splits beside mean, ridge and random forest; a killed benchmark continues."""
    import hooke

    result = hooke.benchmark(
        recipe, overrides=overrides or [], seeds=seeds, splits=[name for name in splits.split(",") if name],
        pretrained=pretrained, runs=runs,
    )  # fmt: skip
    if as_json:
        print_json(result.to_json())
    else:
        typer.echo(result.table())
