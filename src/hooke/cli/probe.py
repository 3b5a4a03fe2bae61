"""`hooke probe`: what a frozen encoder knows of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, print_json, print_table

EXAMPLES = (
    "Examples: `hooke probe runs/pocketmix moleculenet table=esol` · `hooke probe minimol assay.csv --split scaffold` · "
    "`hooke probe tiny assay.csv --layers 1,2,last`"
)


def probe(
    run: Annotated[str, typer.Argument(help="A run folder, tiny, or minimol.")],
    data: Annotated[str, typer.Argument(help="A table, or the name of a data set.")],
    options: Annotated[list[str] | None, typer.Argument(help="Options of the data set, as key=value.")] = None,
    smiles: Annotated[str | None, typer.Option(help="The SMILES column of a table.")] = None,
    targets: Annotated[str, typer.Option(help="Label columns of a table, comma-separated, or auto.")] = "auto",
    split: Annotated[str, typer.Option(help="held_out (fixed test rows), random, scaffold, ...")] = "held_out",
    readouts: Annotated[str, typer.Option(help="linear, forest, or both.")] = "linear,forest",
    layers: Annotated[
        str | None,
        typer.Option(help="Layers of a run, each probed by itself: 1,4,last; default: what its heads read."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    weights: Annotated[Path | None, typer.Option(help="The file of the published weights.")] = None,
    as_json: Json = False,
) -> None:
    """Simple models on frozen embeddings, scored on test rows; embeddings are computed once and kept."""
    import hooke

    report = hooke.probe(
        run, data, options or [], smiles=smiles, targets=targets, split=split,
        readouts=[name for name in readouts.split(",") if name], seed=seed, weights=weights,
        layers=tuple(name.strip() for name in layers.split(",")) if layers else (),
    )  # fmt: skip
    if as_json:
        print_json(report.to_json())
    else:
        print_table(*report.table())
