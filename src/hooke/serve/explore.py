"""Opening a map for the explore page: files, known relations, images, layout."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import polars as pl

from hooke.cells.annotations import known_pairs
from hooke.cells.entities import layout
from hooke.cells.files import read_measured
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError
from hooke.evaluate.known_pairs import KnownPairs
from hooke.serve.map_server import check_port, map_server
from hooke.serve.map_view import MapView
from hooke.serve.tiles import Tiles


def open_map(path: Path, *, known: Mapping[str, KnownPairs] | None = None) -> MapView:
    """A map, a file or a store, as a view.

    Its own layout is used where it has one, and made otherwise; the hit calls are those that `hooke map build` wrote beside it.
    """
    profiles = read_measured(path)
    metadata = profiles.metadata
    if "entity" not in metadata.columns:
        for name in ("gene", "perturbation", "compound"):
            if name in metadata.columns:
                metadata = metadata.with_columns(pl.col(name).alias("entity"))
                profiles = Profiles(profiles.values, metadata, profiles.features)
                break
    if {"layout_x", "layout_y", "layout_method"} <= set(metadata.columns):
        places = metadata.select("layout_x", "layout_y").to_numpy().astype(np.float32)
        coordinates = (places, str(metadata["layout_method"][0]))
        profiles = Profiles(profiles.values, metadata.drop("layout_x", "layout_y", "layout_method"), profiles.features)
    else:
        coordinates = layout(profiles.values)
    return MapView(profiles, known=known, coordinates=coordinates, title=Path(path).stem, hits=_hits(Path(path)))


def _hits(path: Path) -> dict[str, bool] | None:
    from hooke.maps.construction import BuiltMap

    beside = BuiltMap.beside(path, "hits")
    if not beside.is_file():
        return None
    table = pl.read_parquet(beside)
    if not {"entity", "called"} <= set(table.columns):
        raise DataError(f"{beside} lacks the columns entity and called; `hooke map build` writes it beside the map")
    return dict(zip(table["entity"].to_list(), table["called"].to_list(), strict=True))


def explore(
    path: Path,
    *,
    images: Path | None = None,
    sources: Sequence[str] | str = "all",
    port: int = 8765,
    show_progress: bool = True,
) -> ThreadingHTTPServer:
    """A server for a map; `serve_forever` starts it.

    Args:
        path: The map: .parquet, .h5ad or a store.
        images: An image store with the map's wells.
        sources: Known relations to mark: "all", names, or "none".
        port: 0 takes a free one.
        show_progress: Show downloads.

    Raises:
        DataError: A file cannot be read.
        UsageError: The port is none or taken, or the map has several rows for one entity.
    """
    check_port(port)
    known = {} if sources == "none" else known_pairs(sources, show_progress=show_progress)
    view = open_map(path, known=known)
    tiles = None
    if images is not None:
        tiles = Tiles(importlib.import_module("hooke.images.store").ImageStore.open(Path(images)))
    return map_server(view, tiles=tiles, port=port)
