"""`hooke predict`: predictions with uncertainty for new molecules, wells or profiles, streamed and resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Adapt, EscapeFormulas, Json, New, Workers, print_json, refuse_options
from hooke.core.errors import UsageError
from hooke.core.piped import PIPE, piped_output, piped_source
from hooke.core.writable import check_output

EXAMPLES = (
    "Examples: `hooke predict LATEST new.csv -o out.parquet` · `hooke predict RUN library.smi -o out.csv` · "
    "`hooke predict RUN new.csv -o out.sdf` · `cat new.smi | hooke predict RUN - -o -` · "
    "`hooke predict RUN new.csv -o out.parquet --explain atoms.html` · `hooke predict runs/profiles wells.parquet -o out.parquet` · "
    "`hooke predict runs/own_potential frames.xyz -o out.extxyz`"
)


def predict(
    context: typer.Context,
    run: Annotated[
        Path,
        typer.Argument(
            help="A run folder, a folder of runs (its newest finished one), or LATEST: the newest below runs."
        ),
    ],
    source: Annotated[
        Path,
        typer.Argument(
            help="Molecules: CSV(.gz), Parquet, xlsx, SDF or SMILES file, or - for stdin. Images: a store. Profiles: a table or a store."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Where to write: .parquet or .csv, or - for stdout; molecules also .sdf or .xlsx, frames .extxyz or .xyz.",
        ),
    ],
    smiles: Annotated[str | None, typer.Option(help="Molecules: name of the SMILES column, if not recognised.")] = None,
    positions: Annotated[
        str | None,
        typer.Option(help="Coordinates for a run that reads them: rdkit, or an SD file; default: as in training."),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(
            help="Levels of labels, separated by commas: frame,atom for energies and forces; default: that of whole rows."
        ),
    ] = None,
    domain: Annotated[
        bool | None,
        typer.Option(
            help="Also whether each row is like the training rows (in or out), and why; by default for potentials, which keep what it takes."
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            help="Probability from which a row is called class 1: 0.3, balanced (chosen on the validation rows) or LABEL=0.3; "
            "may be repeated. Default: 0.5."
        ),
    ] = None,
    dropout_samples: Annotated[
        int, typer.Option(min=0, help="Also the spread over so many passes with dropout left on.")
    ] = 0,
    explain: Annotated[
        Path | None, typer.Option(help="Also a page that shows what each atom of the first 100 molecules added.")
    ] = None,
    explain_label: Annotated[
        str | None, typer.Option(help="Column of the predictions that is explained; by default the first.")
    ] = None,
    adapt: Adapt = False,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Mini-batch size, in molecules, crops or profiles.")
    ] = None,
    workers: Workers = None,
    new: New = False,
    escape_formulas: EscapeFormulas = False,
    as_json: Json = False,
) -> None:
    """Predict new rows with a trained run; every input row (of images: every well) has its output row, in order."""
    import hooke

    if as_json and output == PIPE:
        raise UsageError("--json and -o - both write to the standard output: choose one")
    if explain is None:
        refuse_options(context, "belongs to --explain", "explain_label")
    else:
        check_output(explain, source, output)
    given = {"smiles_column": smiles, "positions": positions}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if levels is not None:
        options["levels"] = [level.strip() for level in levels.split(",")]
    if adapt:
        options["adapt"] = True
    shown = None
    with piped_source(source) as read, piped_output(output) as written:
        report = hooke.predict(
            run, read, written, domain=domain, threshold=tuple(threshold or ()), dropout_samples=dropout_samples,
            batch_size=batch_size, workers=workers, resume=not new, escape_formulas=escape_formulas, **options,
        )  # fmt: skip
        if explain is not None:
            shown = hooke.explain(run, read, explain, label=explain_label, smiles_column=smiles)
    if as_json:
        print_json({**report.to_json(), **({"explained": shown} if shown else {})})
        return
    to_stderr = output == PIPE  # the rows are on stdout
    typer.echo(report.summary(), err=to_stderr)
    if shown:
        typer.echo(f"explained {shown['label']}: {shown['page']}\n{shown['sentence']}", err=to_stderr)
