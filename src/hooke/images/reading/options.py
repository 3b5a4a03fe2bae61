"""The options that all data sets of image folders share. Nothing heavy is imported here, so that listing data sets is fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class FolderOptions:
    """Where the images lie and how they are read; see `images.reading.ingest.ImageIngestConfig` and `images.reading.layouts.index_folder`.

    Attributes:
        path: The folder of images (or a `.zarr` plate, or one Parquet file).
        metadata: Table of wells or fields; "" for none.
        rename: Column of that table -> standard name (experiment, plate, well, site, perturbation, gene, control, ...).
        layout: How the files are named.
        pattern: Regular expression, for layout="pattern".
        z: Focal plane, where there are several.
        channels, channel_names: Which channels, and what to call them.
        problems: "stop", "skip_site" or "skip_well".
        blank: "reject" or "keep" fields with a plane of one value.
        dtype: "auto", "uint8" or "uint16".
        illumination: "none", or "plate": estimated and divided out.
        downsample: Mean over squares of this side.
        tile: Side of the store's tiles, in pixels.
    """

    path: str = ""
    metadata: str = ""
    rename: Mapping[str, str] = field(default_factory=dict)
    layout: str = "auto"
    pattern: str = ""
    z: int | None = None
    channels: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()
    problems: Literal["stop", "skip_site", "skip_well"] = "stop"
    blank: Literal["reject", "keep"] = "reject"
    dtype: Literal["auto", "uint8", "uint16"] = "auto"
    illumination: Literal["none", "plate"] = "none"
    downsample: int = 1
    tile: int = 128
