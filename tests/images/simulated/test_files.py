from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hooke.images.reading.layouts import index_folder
from hooke.images.reading.planes import MissingPackageError, read_plane
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.files import NOTE, write_jump_cp, write_npz, write_rxrx1, write_rxrx3, write_rxrx3_core
from hooke.images.simulated.screen import Screen

TINY = {
    "size": 40,
    "modules": 1,
    "genes_per_module": 2,
    "lone_genes": 1,
    "inactive_genes": 0,
    "guides": 1,
    "controls": 1,
    "sites": 1,
}
RXRX = Screen(ScreenConfig("rxrx1", compounds=0, experiments=2, **TINY))  # type: ignore[arg-type]
JUMP = Screen(ScreenConfig(compounds=1, doses_um=(1.0,), experiments=2, **TINY))  # type: ignore[arg-type]
WRITERS = [
    (write_rxrx1, RXRX, "rxrx"),
    (write_rxrx3, RXRX, "rxrx"),
    (write_rxrx3_core, RXRX, "rxrx3_core"),
    (write_jump_cp, JUMP, "phenix"),
    (write_npz, JUMP, "npz"),
]


@pytest.mark.parametrize(("write", "screen", "layout"), WRITERS, ids=[writer[0].__name__ for writer in WRITERS])
def test_every_plane_is_found_by_its_reader(tmp_path: Path, write: Any, screen: Screen, layout: str) -> None:
    for package in ("PIL", "tifffile", "imagecodecs"):
        pytest.importorskip(package)
    table = write(tmp_path, screen)
    assert table.exists()
    assert "simulated" in (tmp_path / NOTE).read_text()
    index = index_folder(tmp_path if layout == "rxrx3_core" else tmp_path / "images")
    assert index.layout == layout
    assert len(index.sites) == (
        len(screen) if layout != "rxrx3_core" and write is not write_rxrx3 else len(screen) // 2
    )
    assert len(index.channels) == len(screen.config.channels)
    first = screen.fields.row(0, named=True)  # of HUVEC
    found = index.planes.filter(pl.col("well") == first["well"]).sort("experiment", "channel").row(0, named=True)
    factor = 257 if write is write_rxrx3 else 1
    wanted = sorted(
        range(len(screen.config.channels)), key=lambda place: found["channel"] != screen.config.channels[place]
    )
    plane = read_plane(index.root / found["path"], found["key"])
    drawn = [field for field in range(len(screen)) if screen.fields["well"][field] == first["well"]]
    assert any(np.array_equal(plane, screen.render(field)[wanted[0]].astype(plane.dtype) * factor) for field in drawn)


@pytest.mark.parametrize(
    ("write", "screen", "package"),
    [(write_rxrx1, RXRX, "PIL"), (write_rxrx3_core, RXRX, "imagecodecs"), (write_jump_cp, JUMP, "tifffile")],
)
def test_missing_packages_are_named(
    tmp_path: Path, write: Any, screen: Screen, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def guarded(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", guarded)
    with pytest.raises(MissingPackageError, match="not installed"):
        write(tmp_path, screen)
