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
app.add_typer(data.app, name="data")
app.add_typer(map.app, name="map")
app.add_typer(discover.app, name="discover")
app.add_typer(response.app, name="response")
app.add_typer(conformers.app, name="conformers")
app.add_typer(diffraction.app, name="diffraction")
app.command("fit", epilog=fit.EXAMPLES)(fit.fit)
app.command("resume", epilog=resume.EXAMPLES)(resume.resume)
app.command("finetune", epilog=finetune.EXAMPLES)(finetune.finetune)
app.command("predict", epilog=predict.EXAMPLES)(predict.predict)
app.command("embed", epilog=embed.EXAMPLES)(embed.embed)
app.command("export", epilog=export.EXAMPLES)(export.export)
app.command("label", epilog=label.EXAMPLES)(label.label)
app.command("relax", epilog=relax.EXAMPLES)(relax.relax)
app.command("dynamics", epilog=dynamics.EXAMPLES)(dynamics.dynamics)
app.command("search", epilog=search.EXAMPLES)(search.search)
app.command("scale", epilog=scale.EXAMPLES)(scale.scale)
app.command("probe", epilog=probe.EXAMPLES)(probe.probe)
app.command("probe-blocks", epilog=probe_blocks.EXAMPLES)(probe_blocks.probe_blocks)
app.command("benchmark", epilog=benchmark.EXAMPLES)(benchmark.benchmark)
app.add_typer(show.app, name="show")
app.command("quickstart", epilog=quickstart.EXAMPLES)(quickstart.quickstart)


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
