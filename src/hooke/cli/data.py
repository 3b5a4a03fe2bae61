"""`hooke data`: list, describe, download, prepare and check data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

import typer

from hooke.cli.output import Cluster, EscapeFormulas, Json, Workers, print_fields, print_json, print_table

app = typer.Typer(help="List, describe, download, prepare and check data sets.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A data set; `hooke data list` shows them.")]
Options = Annotated[list[str] | None, typer.Argument(help="Options of the data set, as key=value.")]


@app.command("list", epilog="Examples: `hooke data list --json` · `hooke data list --modality atoms`")
def list_datasets(
    modality: Annotated[
        str | None, typer.Option(help="Only data sets of this modality, with what its cards say.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Every data set with its size, levels and licence."""
    from hooke.core import registry
    from hooke.core.cards import Card
    from hooke.core.errors import UnknownNameError

    if modality is not None and modality not in registry.names("modalities"):
        raise UnknownNameError("modality", modality, registry.names("modalities"))
    cards = [registry.card(name) for name in registry.names("datasets")]
    if modality is not None:
        cards = [card for card in cards if card.modality == modality]
    if as_json:
        print_json([asdict(card) for card in cards])
    else:
        rows = [card.columns() if modality is not None else Card.columns(card) for card in cards]
        print_table([*rows[0]] if rows else ["name"], [[*row.values()] for row in rows])


@app.command(epilog="Example: `hooke data info pocketmix`")
def info(name: Name, as_json: Json = False) -> None:
    """The card of a data set: source, licence, citation, files, split."""
    from hooke.core import registry

    card = registry.card(name)
    if as_json:
        print_json(asdict(card))
        return
    shown: dict[str, object] = {}
    for key, value in asdict(card).items():
        shown |= value if isinstance(value, dict) else {key: value}
    shown = {key: ", ".join(map(str, value)) if isinstance(value, tuple) else value for key, value in shown.items()}
    print_fields({key: value for key, value in shown.items() if key != "files" and value})
    for file in card.files:
        state = f"sha256 {file.sha256[:16]}..." if file.sha256 else "unverified: pinned at first download"
        typer.echo(f"file    {file.name}  {file.url or '(no address)'}  {state}")


@app.command(epilog="Example: `hooke data get moleculenet table=esol`")
def get(name: Name, options: Options = None, as_json: Json = False) -> None:
    """Download a data set's raw files (or find them in HOOKE_MIRROR), with checksum and resume."""
    import hooke

    paths = hooke.get_data(name, options or [])
    if as_json:
        print_json({"files": paths})
    else:
        for path in paths:
            typer.echo(path)


@app.command(epilog="Example: `hooke data prepare moleculenet table=esol`")
def prepare(
    name: Name, options: Options = None, workers: Workers = None, cluster: Cluster = None, as_json: Json = False
) -> None:
    """Read and store a data set; what cannot be used is listed in rejected.parquet. Found again by content hash."""
    import hooke
    from hooke.api.data import described

    store = hooke.prepare_data(name, options or [], workers=workers, cluster=cluster)
    summary = described(name, store)
    if as_json:
        print_json(summary)
    else:
        print_fields({key: value for key, value in summary.items() if not isinstance(value, Mapping)})


@app.command(
    epilog="Examples: `hooke data check ~/.cache/hooke/stores/esol-1a2b3c4d` · `hooke data check STORE --quality wells_quality.parquet`, "
    "then `hooke map build corrected.parquet --metadata wells_quality.parquet -o map.parquet`"
)
def check(
    folder: Annotated[Path, typer.Argument(help="A prepared store.")],
    quality: Annotated[
        Path | None,
        typer.Option(
            help="Images: also measure cells, saturation and focus of every well, into this .parquet or .csv."
        ),
    ] = None,
    workers: Workers = None,
    escape_formulas: EscapeFormulas = False,
    as_json: Json = False,
) -> None:
    """Read every byte of a store and compare it with its checksums; on request what can be trusted. Exit code 3 when something is wrong."""
    from hooke.core.store import check_store

    problems = check_store(folder)
    said: dict[str, object] = {"store": folder, "problems": [asdict(problem) for problem in problems]}
    if quality is not None and not problems:
        from hooke.api.data import measure_quality

        said["quality"] = measure_quality(folder, quality, workers=workers, escape_formulas=escape_formulas)
    if as_json:
        print_json(said)
    elif problems:
        print_table(["file", "problem"], [[problem.file, problem.what] for problem in problems])
    else:
        typer.echo(f"{folder}: every checksum holds")
        if quality is not None:
            print_fields(cast(Mapping[str, object], said["quality"]))
    if problems:
        raise typer.Exit(3)
