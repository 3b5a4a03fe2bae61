"""Run by test_stream.py as a script of its own: preparing and embedding on a local Ray cluster beside one process."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.cluster import Cluster, on_cluster
from hooke.core.errors import HookeError
from hooke.core.how import QUIET, How
from hooke.core.parallel import ordered_map
from hooke.encoders import Encoder
from hooke.inference.embed import embed
from hooke.inference.loaded import LoadedRun
from hooke.modalities import images
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.ingest import ingest


class Dying(Encoder):
    """A run whose worker is killed in the middle of its first chunk."""

    def __init__(self, run: LoadedRun, marker: Path) -> None:
        self.run, self.marker = run, marker

    @property
    def modality(self) -> str:
        return self.run.modality

    @property
    def spec(self) -> Any:
        return self.run.spec

    @property
    def width(self) -> int:
        return self.run.width

    def stamp(self) -> dict[str, Any]:
        return self.run.stamp()

    def vectors(self, batch: Any, options: Any = None) -> np.ndarray:
        if not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.run.vectors(batch, options)


def refused(number: int) -> int:
    raise HookeError(f"shard {number} is damaged")


def endless() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


@contextmanager
def started() -> Iterator[Cluster]:
    """Exit code 5 when Ray itself does not start: it gives its helpers 15 seconds, too few on a very busy machine."""
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(on_cluster("local", 2))
        except HookeError as error:
            print(error, file=sys.stderr)
            sys.exit(5)
        yield cluster


def main(run: Path, table: Path, image_run: Path, screen: Path, folder: Path) -> None:
    found: dict[str, Any] = {}
    images.PART_WELLS = 5
    of_images = LoadedRun.open(image_run, "cpu")
    embed(of_images, screen, folder / "wells-one.parquet", show_progress=False)
    loaded = LoadedRun.open(run, "cpu")
    options: dict[str, Any] = {"batch_size": 64, "show_progress": False}
    embed(loaded, table, folder / "one.parquet", workers=0, **options)
    here = ingest([Table(paths=(table,))], folder / "here", QUIET)
    with started() as cluster:
        found["workers"] = cluster.workers
        report = embed(Dying(loaded, folder / "killed"), table, folder / "two.parquet", **options)
        found["rows"] = report.rows
        report = embed(of_images, screen, folder / "wells-two.parquet", show_progress=False)
        found["wells"] = report.rows
        there = ingest([Table(paths=(table,))], folder / "there", How(show_progress=False))
        found["same store"] = here.content_hash == there.content_hash
        squares = ordered_map(abs, endless(), window=2)
        found["first"] = [next(squares) for _ in range(3)]
        squares.close()  # type: ignore[attr-defined]
        try:
            list(ordered_map(refused, range(3)))
        except HookeError as error:
            found["error"] = str(error)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*(Path(text) for text in sys.argv[1:]))
