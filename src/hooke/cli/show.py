"""`hooke show`: look at a run, a recipe, a shipped encoder, a name of the registry, or a citation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, print_fields, print_json
from hooke.core.registry import KINDS

app = typer.Typer(
    help="Look at a run, a recipe, a shipped encoder, the registered names, or a citation.", no_args_is_help=True
)


@app.command(epilog="Examples: `hooke show run LATEST` · `hooke show run runs/csv/20260101T120000-1a2b3c4d`")
def run(folder: Annotated[Path, typer.Argument(help="A run folder, or LATEST.")], as_json: Json = False) -> None:
    """What a run was, where it stands, and how good it is."""
    import hooke

    summary = hooke.describe_run(folder)
    if as_json:
        print_json(summary)
    else:
        print_fields(summary)


@app.command(epilog="Examples: `hooke show recipe tiny_gine train.epochs=3` · `hooke show recipe csv > my.toml`")
def recipe(
    name: Annotated[str, typer.Argument(help="A TOML file or a built-in name.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes, as a.b=c.")] = None,
    as_json: Json = False,
) -> None:
    """A recipe with everything it inherits, as TOML that `hooke fit` reads."""
    from hooke.core.machine_table import apart
    from hooke.core.recipe_files import read
    from hooke.report.provenance import to_toml

    found = apart(read(name, overrides or []))
    if as_json:
        print_json(found)
    else:
        typer.echo(to_toml(found), nl=False)


@app.command(epilog="Example: `hooke show model tiny`")
def model(
    name: Annotated[str, typer.Argument(help="An encoder that comes with Hooke.")] = "tiny", as_json: Json = False
) -> None:
    """The model card of a shipped encoder: data, licence, metrics, limits."""
    from hooke.inference.shipped import model_card

    card = model_card(name)
    if as_json:
        print_json(card)
    else:
        _print_card({name: value for name, value in card.items() if name != "sha256"})


@app.command(epilog="Example: `hooke show names models`")
def names(
    kind: Annotated[str, typer.Argument(help=f"{', '.join(KINDS)} or recipes.")],
    as_json: Json = False,
) -> None:
    """The registered names of a kind."""
    from hooke.core import recipe_files as recipes
    from hooke.core import registry

    found = recipes.names() if kind == "recipes" else registry.names(kind)
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(found))


@app.command(epilog="Example: `hooke show cite gine`")
def cite(name: Annotated[str, typer.Argument(help="A model, data set, method or library.")]) -> None:
    """BibTeX of the paper behind a name."""
    from hooke.core.citations import cite as bibtex

    typer.echo(bibtex(name))


def _print_card(card: Mapping[str, object]) -> None:
    """Aligned fields; lists and tables take a line an entry."""
    width = max(len(name) for name in card)
    for name, value in card.items():
        entries = [f"{key}: {item}" for key, item in value.items()] if isinstance(value, Mapping) else value
        for number, entry in enumerate(entries if isinstance(entries, list) else [entries]):
            typer.echo(f"{name if number == 0 else '':<{width}}  {entry}")
