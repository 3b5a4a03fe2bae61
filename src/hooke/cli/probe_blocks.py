"""`hooke probe-blocks`: a linear probe on each block of an image encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hooke.cli.output import Json, print_json, print_table

EXAMPLES = "Example: `hooke probe-blocks runs/screen_ca_mae screen --target perturbation`"


def probe_blocks(
    run: Annotated[
        Path, typer.Argument(help="A run on images (or a folder of runs: the newest finished one is taken).")
    ],
    source: Annotated[str, typer.Argument(help="An image store, or the name of a data set of images.")],
    data: Annotated[list[str] | None, typer.Argument(help="Options of the data set, as key=value.")] = None,
    target: Annotated[str, typer.Option(help="Metadata column of the classes.")] = "perturbation",
    crop: Annotated[int | None, typer.Option(min=0, help="Side of the crops; default: as trained.")] = None,
    limit: Annotated[int, typer.Option(min=2, help="Most wells that are embedded.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    as_json: Json = False,
) -> None:
    """Find the block whose embedding tells perturbations apart best in batches that the probe did not see."""
    import hooke

    scores = hooke.probe_blocks(run, source, target=target, data=data or (), crop=crop, limit=limit, seed=seed)
    from hooke.studies.probe_blocks import table

    if as_json:
        print_json([score.to_json() for score in scores])
    else:
        print_table(*table(scores))
