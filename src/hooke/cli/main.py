"""The `hooke` command: registers the verbs and turns errors into messages and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Annotated

import typer

from hooke.cli import (
    benchmark,
    conformers,
    data,
    diffraction,
    discover,
    dynamics,
    embed,
    export,
    finetune,
    fit,
    label,
    map,
    plan,
    predict,
    probe,
    probe_blocks,
    quickstart,
    relax,
    response,
    resume,
    scale,
    search,
    show,
)
from hooke.cli.commands import as_commands
from hooke.core.errors import DataError, HookeError
from hooke.core.files import is_disk_full
from hooke.version import __version__

_STOPPED = 130
_CONTINUES = "hooke: stopped. The same command continues where it was."

app = typer.Typer(
    name="hooke",
    help="Foundation models from atoms to cells: pretrain, fine-tune, predict, report.",
    epilog="Start with `hooke quickstart`, or `hooke fit assay.csv` with your own molecules.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_START, _MODELS = "Start, data, names", "Models of what you have: molecules, images, profiles, structures"
_ATOMS, _SCREENS, _PATTERNS = (
    "Molecules and atoms in space",
    "Plates of images, screens of cells",
    "Diffraction patterns",
)

app.command("quickstart", epilog=quickstart.EXAMPLES, rich_help_panel=_START)(quickstart.quickstart)
app.add_typer(data.app, name="data", rich_help_panel=_START)
app.add_typer(show.app, name="show", rich_help_panel=_START)
for _verb in (fit, resume, finetune, predict, embed, export, probe, benchmark, search, scale):
    _name = _verb.__name__.rpartition(".")[2]
    app.command(_name, epilog=_verb.EXAMPLES, rich_help_panel=_MODELS)(getattr(_verb, _name))
app.add_typer(plan.app, name="plan", rich_help_panel=_MODELS)
app.command("label", epilog=label.EXAMPLES, rich_help_panel=_ATOMS)(label.label)
app.add_typer(conformers.app, name="conformers", rich_help_panel=_ATOMS)
app.command("relax", epilog=relax.EXAMPLES, rich_help_panel=_ATOMS)(relax.relax)
app.command("dynamics", epilog=dynamics.EXAMPLES, rich_help_panel=_ATOMS)(dynamics.dynamics)
app.command("probe-blocks", epilog=probe_blocks.EXAMPLES, rich_help_panel=_SCREENS)(probe_blocks.probe_blocks)
app.add_typer(map.app, name="map", rich_help_panel=_SCREENS)
app.add_typer(response.app, name="response", rich_help_panel=_SCREENS)
app.add_typer(discover.app, name="discover", rich_help_panel=_SCREENS)
app.add_typer(diffraction.app, name="diffraction", rich_help_panel=_PATTERNS)
as_commands(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Foundation models from atoms to cells: pretrain, fine-tune, predict, report."""


@cache
def _command() -> Callable[[], object]:
    """Verbs with all their options, put together once a process."""
    return typer.main.get_command(app)


def run() -> None:
    """Entry point: a `HookeError` becomes one message on stderr and its exit code, Ctrl-C and SIGTERM become 130.

    So do full disks, and files and folders that cannot be opened, read or written, wherever they are met.
    All else is a defect: it keeps its traceback.
    """
    try:
        _command()()
    except SystemExit as stop:
        if stop.code == _STOPPED:  # Typer has caught the KeyboardInterrupt
            typer.echo(_CONTINUES, err=True)
        raise
    except HookeError as error:
        typer.echo(f"hooke: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo(_CONTINUES, err=True)
        sys.exit(_STOPPED)
    except Exception as error:
        if is_disk_full(error):
            typer.echo(f"hooke: the disk is full ({error}); free space and run the same command again", err=True)
        elif isinstance(error, PermissionError):
            typer.echo(f"hooke: permission denied: {error.filename}", err=True)
        elif isinstance(error, OSError) and error.filename is not None:
            typer.echo(f"hooke: {str(error.filename)[:200]}: {error.strerror}", err=True)
        else:
            raise
        sys.exit(DataError.exit_code)


if __name__ == "__main__":
    run()
