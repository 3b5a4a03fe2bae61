"""`hooke finetune`: adapt a pretrained run to another data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, RunName, Runs, Workers, named, print_run

EXAMPLES = (
    "Examples: `hooke finetune runs/pretrain/20260101T120000-1a2b3c4d assay.csv --smiles smiles` · "
    "`hooke finetune tiny assay.csv` · `hooke finetune tiny assay.csv model.dropout=0.2 train.encoder_layers=0` · "
    "`hooke finetune runs/pretrain/20260101T120000-1a2b3c4d assay.csv --keep-heads`"
)


def finetune(
    pretrained: Annotated[str, typer.Argument(help="The pretrained run folder, LATEST, or tiny.")],
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="Your own table of molecules (CSV, TSV, Parquet, xlsx, SDF, SMILES), or a recipe: a TOML file or a built-in name."
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="Changes to the recipe, as a.b=c; more tables, which are learnt together, joined by molecule."
        ),
    ] = None,
    csv: Annotated[
        list[Path] | None, typer.Option(help="A table, where a recipe comes first; may be repeated.")
    ] = None,
    smiles: Annotated[str | None, typer.Option(help="The SMILES column of your table.")] = None,
    targets: Annotated[str, typer.Option(help="Label columns of your table, comma-separated, or auto.")] = "auto",
    transform: Annotated[
        list[str] | None,
        typer.Option(
            help='Learn a logarithm of a column, as COLUMN=NAME: "IC50 (nM)=pIC50", or log10, log1p, minus_log10.'
        ),
    ] = None,
    mode: Annotated[str, typer.Option(help="full: train everything; probe: keep the encoder frozen.")] = "full",
    keep_heads: Annotated[
        bool,
        typer.Option("--keep-heads", help="Keep the old heads beside the new ones: RUN/kept predicts the old labels."),
    ] = False,
    split: Annotated[
        str | None, typer.Option(help="random, scaffold, scaffold_balanced, cluster, time or column.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    name: RunName = None,
    runs: Runs = Path("runs"),
    new: Annotated[bool, typer.Option("--new", help="Start afresh, even if an unfinished run exists.")] = False,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Train the baselines and write report.html.")
    ] = True,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Fine-tune a pretrained encoder; model, encodings and standardisation follow from the pretrained run, dropouts can be changed."""
    import hooke

    changes = [*(overrides or []), *(["train.keep_heads=true"] if keep_heads else [])]
    run = hooke.finetune(
        pretrained, recipe, overrides=[*changes, *named(name)], csv=csv or None, smiles=smiles, targets=targets,
        transform=transform or (), mode=mode,
        split=split,
        seed=seed, runs=runs, new=new, report=report, workers=workers,
    )  # fmt: skip
    print_run(run, as_json)
