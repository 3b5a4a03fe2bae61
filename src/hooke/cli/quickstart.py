"""`hooke quickstart`: the main job of a domain, in minutes: `molecules` (the default), `images`, `cells` or `diffraction`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hooke.cli.output import Json, Runs, Workers, print_json
from hooke.core.errors import UnknownNameError

EXAMPLES = "Examples: `hooke quickstart --open` · `hooke quickstart images` · `hooke quickstart cells` · `hooke quickstart diffraction`"
DOMAINS = ("molecules", "images", "cells", "diffraction")


def quickstart(
    domain: Annotated[str, typer.Argument(help="molecules, images, cells or diffraction.")] = "molecules",
    runs: Runs = Path("runs"),
    seeds: Annotated[int, typer.Option(min=1, help="Molecules: repeats of fine-tuning and from-scratch training.")] = 3,
    workers: Workers = None,
    open_report: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
    as_json: Json = False,
) -> None:
    """From data to a report: molecules (the default), images of a screen, cells and their responses, or diffraction of single particles.

    Diffraction: simulate snapshots of a particle, find their orientations and the intensity, compare with the truth.
    """
    if domain not in DOMAINS:
        raise UnknownNameError("quickstart", domain, DOMAINS)
    result: Any
    if domain == "images":
        from hooke.studies.quickstart_images import quickstart_images

        result = quickstart_images(runs, workers=workers)
    elif domain == "cells":
        from hooke.studies.quickstart_cells import quickstart_cells

        result = quickstart_cells(runs)
    elif domain == "diffraction":
        from hooke.studies.quickstart_diffraction import quickstart_diffraction

        result = quickstart_diffraction(runs)
    else:
        from hooke.studies.quickstart import quickstart as quickstart_molecules

        result = quickstart_molecules(runs, seeds=seeds)
    if as_json:
        print_json(result.to_json())
    else:
        typer.echo(result.summary())
    if open_report:
        typer.launch(str(result.report))
