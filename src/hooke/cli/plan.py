"""`hooke plan`: what a verb would need, before anything runs: rows, parameters, memory, time, traffic, disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from hooke.cli import diffraction
from hooke.cli import label as label_verb
from hooke.cli.commands import Command
from hooke.cli.output import Json, print_fields, print_json, print_table
from hooke.core.errors import UsageError

EXAMPLES = {
    "fit": "Examples: `hooke plan fit molgps_mpnn_10m --devices 64 --sharded --parameters 100M,1B` · "
    "`hooke plan fit own_images model.preset=small_16`",
    "predict": "Examples: `hooke plan predict LATEST library.csv` · `hooke plan predict runs/own_potential frames.xyz --json`",
    "embed": "Examples: `hooke plan embed LATEST library.csv` · `hooke plan embed runs/screen_ca_mae plates_store`",
    "label": "Examples: `hooke plan label molecules.csv --method b3lyp/sto-3g` · `hooke plan label molecules.csv --method gfn2 --conformers 8`",
    "reconstruct": "Examples: `hooke plan reconstruct frames.h5 --n 12 --frames 10000000 --devices 256 --accelerator cuda`",
}
_UNITS = {"K": 10**3, "M": 10**6, "B": 10**9}

app = typer.Typer(
    help="Say what a verb would need, before it runs: rows, parameters, memory, time, traffic, disk.",
    no_args_is_help=True,
)
Device = Annotated[str, typer.Option(help="a100-80, h100-80 or h200-141.")]
Devices = Annotated[int | None, typer.Option(min=1, help="How many; default: as the recipe says.")]
Channels = Annotated[int | None, typer.Option(min=1, help="Channels of an image; default: as the recipe says, else 6.")]
Parameters = Annotated[
    str | None, typer.Option(help="Encoders made wider, as 10M,100M,1B,3B; default: as the recipe says.")
]
Molecules = Annotated[int | None, typer.Option(min=1, help="Molecules per epoch; default: those of each mixture.")]
Sharded = Annotated[bool | None, typer.Option("--sharded/--whole", help="FSDP or DDP; default: as the recipe says.")]
Utilisation = Annotated[
    float | None, typer.Option(help="Share of the peak that is reached; default: 0.3, molecules 0.1.")
]
Run = Annotated[Path, typer.Argument(help="A run folder, a folder of runs, or LATEST.")]
Source = Annotated[str, typer.Argument(help="As the verb takes it: a file, a store, or the name of a data set.")]
Data = Annotated[list[str] | None, typer.Argument(help="Options of a data set, as key=value.")]
Smiles = Annotated[str | None, typer.Option(help="Molecules: name of the SMILES column, if not recognised.")]


class Dry(Command):
    """A verb with a plan of its own, which is asked for it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As the verb's, with its --dry-run."""
        return super().parse_args(ctx, [*args, "--dry-run"])


@app.command(epilog=EXAMPLES["fit"])
def fit(
    recipe: Annotated[str, typer.Argument(help="A recipe: a TOML file or a built-in name.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to the recipe, as a.b=c.")] = None,
    device: Device = "h100-80",
    devices: Devices = None,
    channels: Channels = None,
    parameters: Parameters = None,
    molecules: Molecules = None,
    sharded: Sharded = None,
    utilisation: Utilisation = None,
    as_json: Json = False,
) -> None:
    """Training by a recipe: for 1M, 10M and 100M items, of molecules for ToyMix, LargeMix and UltraLarge."""
    plan_fit(
        recipe, overrides or [], as_json, device=device, devices=devices, channels=channels, parameters=parameters,
        molecules=molecules, sharded=sharded, utilisation=utilisation,
    )  # fmt: skip


@app.command(epilog=EXAMPLES["predict"])
def predict(run: Run, source: Source, data: Data = None, smiles: Smiles = None, as_json: Json = False) -> None:
    """Predicting a file: its first rows are predicted for some seconds; nothing is written."""
    _plan_inference("predict", run, source, data, smiles, as_json)


@app.command(epilog=EXAMPLES["embed"])
def embed(run: Run, source: Source, data: Data = None, smiles: Smiles = None, as_json: Json = False) -> None:
    """Embedding a file or plates: its first rows are embedded for some seconds; nothing is written."""
    _plan_inference("embed", run, source, data, smiles, as_json)


app.command(
    "label",
    epilog=EXAMPLES["label"],
    cls=Dry,
    help="Labelling: a few frames are labelled, to estimate the hours of all.",
)(label_verb.label)
app.command(
    "reconstruct",
    epilog=EXAMPLES["reconstruct"],
    cls=Dry,
    help="Orientations of diffraction frames: operations, memory, traffic, hours.",
)(diffraction.reconstruct)


def plan_fit(recipe: str | None, changes: list[str], as_json: bool, **options: Any) -> None:
    """Print what training by a recipe would need."""
    import hooke

    if recipe is None:
        raise UsageError("a plan needs a recipe; `hooke show names recipes` lists the recipes")
    if options["parameters"] is not None:
        options["parameters"] = _counts(options["parameters"])
    given = {name: value for name, value in options.items() if value is not None}
    plans = hooke.plan_training(recipe, overrides=changes, **given)
    from hooke.studies.plan import table

    if as_json:
        print_json([vars(plan) for plan in plans])
    else:
        print_table(*table(plans))


def _plan_inference(
    verb: str, run: Path, source: str, data: list[str] | None, smiles: str | None, as_json: bool
) -> None:
    import hooke

    options: dict[str, Any] = {} if smiles is None else {"smiles_column": smiles}
    found = hooke.plan_inference(run, source, verb=cast(Any, verb), data=data or (), **options)
    if as_json:
        print_json(found.to_json())
    else:
        print_fields({name.replace("_", " "): value for name, value in found.to_json().items()})


def _counts(text: str) -> tuple[int, ...]:
    """10M,1B as numbers."""
    found = []
    for part in text.split(","):
        number, unit = part.strip()[:-1], part.strip()[-1:].upper()
        if unit not in _UNITS or not number.replace(".", "", 1).isdigit():
            raise UsageError(f"--parameters has the form 10M,100M,1B, got {text!r}")
        found.append(round(float(number) * _UNITS[unit]))
    return tuple(found)
