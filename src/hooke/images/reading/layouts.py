"""Which planes a folder of plate images holds: experiment, plate, well, site and channel of every file.

A layout turns a folder into a *plane index*, one row a plane. Known layouts:

- "rxrx": `EXP/Plate1/B02_s1_w3.png` of RxRx1 and RxRx3.
- "rxrx3_core": Parquet files of JPEG 2000 images with keys such as `compound-001/Plate1/AA15_s1_1`.
- "phenix": `PLATE/r01c01f01p01-ch1sk1fk1fl1.tiff` of Phenix and Operetta microscopes, as in the Cell Painting Gallery.
- "imagexpress": `[PLATE_]G10_s1_w2...tif` of ImageXpress microscopes (MetaXpress).
- "ome_tiff": files that hold all channels of a field, named after their wells, with or without OME metadata.
- "ome_zarr": folders that follow the plate specification of OME-NGFF 0.4 or 0.5.
- "npz": one file a field, named after its well; one array with the channels first, or one array a channel.
- "pattern": any other names, through a regular expression with the groups well, site, channel, plate, experiment, z.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.reading import reading
from hooke.images.reading.containers import npz_planes, ome_tiff_planes, parquet_planes, zarr_planes
from hooke.images.reading.planes import PICTURE_SUFFIXES, TIFF_SUFFIXES
from hooke.images.wells import same_well, well_name

INDEX_SCHEMA = {
    "experiment": pl.String, "plate": pl.String, "well": pl.String, "site": pl.Int64, "z": pl.Int64, "channel": pl.String,
    "path": pl.String, "key": pl.String,
}  # fmt: skip
SITE_KEY = ("experiment", "plate", "well", "site")
IMAGE_SUFFIXES = (*TIFF_SUFFIXES, *PICTURE_SUFFIXES, ".npy")
RXRX = re.compile(
    r"(?:.*/)?(?P<experiment>[^/]+)/Plate(?P<plate>\d+)/(?P<well>[A-Z]{1,2}\d{2})_s(?P<site>\d+)_w(?P<channel>\d+)\.\w+"
)
PHENIX = re.compile(
    r"(?:.*/)?r(?P<row>\d+)c(?P<column>\d+)f(?P<site>\d+)p(?P<z>\d+)-ch(?P<channel>\d+)(?:sk\d+)?(?:fk\d+)?(?:fl\d+)?\.tiff?"
)
IMAGEXPRESS = re.compile(
    r"(?:.*/)?(?:(?P<plate>[^/]+)_)?(?P<well>[A-P]\d{2})_s(?P<site>\d+)_w(?P<channel>\d+)(?!_thumb)[^/]*\.(?:tiff?|png)",
    re.IGNORECASE,
)
RXRX3_CORE = re.compile(
    r"(?P<experiment>[^/]+)/Plate(?P<plate>\d+)/(?P<well>[A-Z]{1,2}\d{2})_s(?P<site>\d+)_(?P<channel>\d+)"
)
FIELD = re.compile(
    r"(?:.*/)?(?:[^/]*[_-])?(?P<well>[A-P]\d{2})(?:[_-]?[sf](?P<site>\d+))?(?=[^0-9A-Za-z])[^/]*", re.IGNORECASE
)


@dataclass(frozen=True)
class PlaneIndex:
    """The planes of a folder.

    Attributes:
        root: The folder; paths are relative to it.
        layout: The name of the layout that read it.
        planes: One row a plane; columns of `INDEX_SCHEMA`. `z` is the focal plane.
        unmatched: Image files whose names the layout does not know.
    """

    root: Path
    layout: str
    planes: pl.DataFrame
    unmatched: tuple[str, ...] = field(default=())

    @property
    def channels(self) -> tuple[str, ...]:
        """All channels that occur, in natural order ("2" before "10")."""
        return tuple(sorted(self.planes["channel"].unique().to_list(), key=_natural))

    @property
    def sites(self) -> pl.DataFrame:
        """The different fields (experiment, plate, well, site), sorted."""
        return self.planes.select(SITE_KEY).unique().sort(SITE_KEY, nulls_last=False)


def index_folder(root: Path, layout: str = "auto", *, pattern: str = "", z: int | None = None) -> PlaneIndex:
    """Find the planes below a folder.

    Args:
        root: The folder; also one `.parquet`, or one `.zarr` plate.
        layout: One of `LAYOUTS`, or "auto": the first that knows at least half of the image files.
        pattern: For the layout "pattern": a regular expression that the path below the folder must match as a whole, with the
            groups well (or row and column) and channel, and perhaps site, plate, experiment and z.
        z: The focal plane to take where there are several.

    Raises:
        DataError: The folder does not exist, holds no images of that layout, or several focal planes and `z` is not given.
        UsageError: An unknown layout, a pattern without the layout "pattern" or the other way round.
    """
    with reading(root, "a folder of images"):
        return _indexed(Path(root), layout, pattern, z)


def _indexed(root: Path, layout: str, pattern: str, z: int | None) -> PlaneIndex:
    if not root.exists():
        raise DataError(f"there is no folder {root}")
    if layout not in ("auto", *LAYOUTS):
        raise UnknownNameError("image layout", layout, ["auto", *LAYOUTS])
    if (layout == "pattern") != bool(pattern):
        raise UsageError("the layout 'pattern' needs a pattern, and a pattern needs the layout 'pattern'")
    if layout == "pattern":
        found = _with_pattern(root, _compiled(pattern), "pattern")
    elif layout == "auto":
        found = _detect(root)
    else:
        found = LAYOUTS[layout](root)
    if not len(found.planes):
        hint = (
            f"; {len(found.unmatched)} files have other names, such as {found.unmatched[0]}" if found.unmatched else ""
        )
        raise DataError(f"{root} holds no images of the layout {layout!r}{hint}")
    return _one_focal_plane(found, z)


def _detect(root: Path) -> PlaneIndex:
    best: PlaneIndex | None = None
    for name, read in LAYOUTS.items():
        if name == "pattern":
            continue
        found = read(root)
        files = found.planes["path"].n_unique()
        if files and files >= len(found.unmatched):
            return found
        if best is None or len(found.unmatched) > len(best.unmatched):
            best = found
    example = f", for example {best.unmatched[0]}" if best is not None and best.unmatched else ""
    raise DataError(
        f"{root}: the names of its files follow no known layout ({', '.join(LAYOUTS)}){example}; "
        "say how to read them with layout=pattern pattern='(?P<well>..)...'"
    )


def _one_focal_plane(index: PlaneIndex, z: int | None) -> PlaneIndex:
    present = sorted(index.planes["z"].unique().to_list())
    if z is None and len(present) == 1:
        return index
    if z is None:
        raise DataError(f"{index.root} holds the focal planes {present}; choose one with z={present[0]}")
    if z not in present:
        raise DataError(f"{index.root} has no focal plane {z}, only {present}")
    return PlaneIndex(index.root, index.layout, index.planes.filter(pl.col("z") == z), index.unmatched)


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    defaults: dict[str, Any] = {"experiment": "", "plate": "", "site": 1, "z": 1, "key": ""}
    return pl.DataFrame([{**defaults, **row} for row in rows], schema=INDEX_SCHEMA)


def _images(root: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> Iterator[tuple[Path, str]]:
    """Image files below a folder with their paths relative to it, sorted; what lies in an OME-Zarr is left out."""
    if root.name.endswith(".zarr"):
        return
    for path in sorted(_below(root)) if root.is_dir() else [root]:
        if path.name.lower().endswith(suffixes):
            yield path, path.relative_to(root if root.is_dir() else root.parent).as_posix()


def _below(root: Path) -> Iterator[Path]:
    """All files below a folder, and the folders of OME-Zarr, which are not entered.

    Raises:
        DataError: A folder cannot be listed: its images would be missed without a word.
    """
    for folder, names, files in os.walk(root, onerror=_unlisted):
        yield from (Path(folder) / name for name in (*files, *(name for name in names if name.endswith(".zarr"))))
        names[:] = [name for name in names if not name.endswith(".zarr")]


def _unlisted(error: OSError) -> None:
    raise DataError(f"the folder {error.filename} cannot be read: {error.strerror}") from error


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"the pattern {pattern!r} is no regular expression: {error}") from error
    groups = set(compiled.groupindex)
    if not ("well" in groups or {"row", "column"} <= groups) or "channel" not in groups:
        raise UsageError("the pattern needs the groups (?P<well>...) (or row and column) and (?P<channel>...)")
    unknown = groups - {*INDEX_SCHEMA, "row", "column"}
    if unknown:
        raise UnknownNameError("group of the pattern", min(unknown), [*INDEX_SCHEMA, "row", "column"])
    return compiled


def _named(match: re.Match[str]) -> dict[str, Any]:
    """What a name says, with wells written the usual way and numbers as numbers."""
    found: dict[str, Any] = {name: text for name, text in match.groupdict().items() if text is not None}
    if "row" in found:
        found["well"] = well_name(int(found.pop("row")), int(found.pop("column")))
    found["well"] = same_well(found["well"])
    for name in ("site", "z"):
        if name in found:
            found[name] = int(found[name])
    return found


def _with_pattern(root: Path, pattern: re.Pattern[str], layout: str) -> PlaneIndex:
    rows, unmatched = [], []
    for path, relative in _images(root):
        match = pattern.fullmatch(relative) or pattern.fullmatch("/".join(path.resolve().parts[-3:]))
        if match is None:
            unmatched.append(relative)
        else:
            rows.append({**_named(match), "path": relative})
    return PlaneIndex(root, layout, _frame(rows), tuple(unmatched))


def _rxrx(root: Path) -> PlaneIndex:
    return _with_pattern(root, RXRX, "rxrx")


def _phenix(root: Path) -> PlaneIndex:
    """Plate and experiment are the folders above the images: `[batch/]plate/[Images/]r01c01...tiff`.

    The plate may be the folder itself or lie above it; the experiment is taken from below the folder only.
    """
    found = _with_pattern(root, PHENIX, "phenix")
    above = _named_folders(root.resolve().parts)
    rows = []
    for row in found.planes.iter_rows(named=True):
        folders = _named_folders(Path(row["path"]).parts[:-1])
        plate = (folders or above)[-1].split("__")[0]
        rows.append({**row, "plate": plate, "experiment": folders[-2] if len(folders) > 1 else ""})
    return PlaneIndex(root, "phenix", _frame(rows), found.unmatched)


def _imagexpress(root: Path) -> PlaneIndex:
    """The plate is in the names, or else the folder of the images; the experiment is the folder above."""
    found = _with_pattern(root, IMAGEXPRESS, "imagexpress")
    rows = []
    for row in found.planes.iter_rows(named=True):
        folders = Path(row["path"]).parts[:-1]
        plate = row["plate"] or (folders[-1] if folders else root.resolve().name)
        above = folders if row["plate"] else folders[:-1]
        rows.append({**row, "plate": plate, "experiment": above[-1] if above else ""})
    return PlaneIndex(root, "imagexpress", _frame(rows), found.unmatched)


def _named_folders(parts: Sequence[str]) -> list[str]:
    return [part for part in parts if part.lower() not in ("images", "orig")]


def _rxrx3_core(root: Path) -> PlaneIndex:
    rows, unmatched = [], []
    for path, relative in _images(root, (".parquet",)):
        for name, key in parquet_planes(path):
            match = RXRX3_CORE.fullmatch(name)
            if match is None:
                unmatched.append(f"{relative}:{name}")
            else:
                rows.append({**_named(match), "path": relative, "key": key})
    return PlaneIndex(root, "rxrx3_core", _frame(rows), tuple(unmatched))


def _per_field(root: Path, suffixes: tuple[str, ...], layout: str, planes: Callable[[Path], Any]) -> PlaneIndex:
    """Files named after their wells, each with all channels of one field."""
    rows, unmatched = [], []
    for path, relative in _images(root, suffixes):
        match = FIELD.fullmatch(relative)
        if match is None:
            unmatched.append(relative)
            continue
        folders = Path(relative).parts[:-1]
        place = {"plate": folders[-1] if folders else "", "experiment": folders[-2] if len(folders) > 1 else ""}
        rows += [{**place, **_named(match), "path": relative, **plane} for plane in planes(path)]
    return PlaneIndex(root, layout, _frame(rows), tuple(unmatched))


def _ome_tiff(root: Path) -> PlaneIndex:
    return _per_field(root, TIFF_SUFFIXES, "ome_tiff", ome_tiff_planes)


def _npz(root: Path) -> PlaneIndex:
    return _per_field(root, (".npz",), "npz", npz_planes)


def _ome_zarr(root: Path) -> PlaneIndex:
    plates = (
        [root]
        if root.name.endswith(".zarr")
        else sorted(path for path in _below(root) if path.suffix == ".zarr" and path.is_dir())
    )
    rows = []
    for plate in plates:
        relative = "." if plate == root else plate.relative_to(root).as_posix()
        folders = Path(relative).parts[:-1]
        place = {
            "plate": plate.name.removesuffix(".zarr").removesuffix(".ome"),
            "experiment": folders[-1] if folders else "",
        }
        rows += [{**place, "path": relative, **plane} for plane in zarr_planes(plate)]
    return PlaneIndex(root, "ome_zarr", _frame(rows))


def _natural(text: str) -> tuple[tuple[int, int | str], ...]:
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text) if part)


LAYOUTS: dict[str, Callable[[Path], PlaneIndex]] = {
    "rxrx": _rxrx,
    "phenix": _phenix,
    "imagexpress": _imagexpress,
    "ome_zarr": _ome_zarr,
    "rxrx3_core": _rxrx3_core,
    "npz": _npz,
    "ome_tiff": _ome_tiff,
    "pattern": lambda root: PlaneIndex(root, "pattern", _frame([])),
}
