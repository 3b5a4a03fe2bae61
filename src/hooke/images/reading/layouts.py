"""Which planes a folder of plate images holds: experiment, plate, well, site and channel of every file.

Layouts turn the files of a folder into a *plane index*, one row a plane; each takes the files whose names it knows and leaves the rest to
the next, so that a folder of mixed names is read too. Known layouts:

- "rxrx": `EXP/Plate1/B02_s1_w3.png` of RxRx1 and RxRx3.
- "rxrx3_core": Parquet files of JPEG 2000 images with keys such as `compound-001/Plate1/AA15_s1_1`.
- "phenix": `PLATE/r01c01f01p01-ch1sk1fk1fl1.tiff` of Phenix and Operetta microscopes, as in the Cell Painting Gallery.
- "cellvoyager": `PLATE_B02_T0001F001L01A01Z01C01.tif` of Yokogawa's CV7000 and CV8000.
- "imagexpress": `[PLATE_]G10[_s1][_w2]...tif` of ImageXpress microscopes (MetaXpress), single sites and single channels too.
- "ome_zarr": folders that follow the plate specification of OME-NGFF 0.4 or 0.5.
- "npz": one file a field, named after its well; one array with the channels first or last, or one array a channel.
- "ome_tiff": files named after their wells that hold all channels of a field, or one channel that the name tells (`B02_C01.tif`).
- "pattern": any other names, through a regular expression with the groups well, site, channel, plate, experiment, z.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.reading import reading
from hooke.images.reading import _names as names
from hooke.images.reading._files import IMAGE_SUFFIXES, Seen, files_of, is_plate
from hooke.images.reading.containers import npz_planes, ome_tiff_planes, parquet_planes, zarr_planes
from hooke.images.reading.metadata import Refused
from hooke.images.reading.planes import PICTURE_SUFFIXES, TIFF_SUFFIXES, MissingPackageError, PlaneError

INDEX_SCHEMA = {
    "experiment": pl.String, "plate": pl.String, "well": pl.String, "site": pl.Int64, "z": pl.Int64, "channel": pl.String,
    "path": pl.String, "key": pl.String,
}  # fmt: skip
SITE_KEY = ("experiment", "plate", "well", "site")
NO_WELL, NO_MATCH, CORRECTION = "no well in its name", "its name does not match the pattern", "a dark or shading frame"


@dataclass(frozen=True)
class PlaneIndex:
    """The planes of a folder. Every file of it is in `planes`, `refused` or `ignored`.

    Attributes:
        root: The folder; paths are relative to it.
        layout: The names of the layouts that read it.
        planes: One row a plane; columns of `INDEX_SCHEMA`. `z` is the focal plane.
        refused: What looks like an image of a well and cannot be used, with the reason.
        ignored: File -> the rule by which it is none.
    """

    root: Path
    layout: str
    planes: pl.DataFrame
    refused: tuple[Refused, ...] = field(default=())
    ignored: Mapping[str, str] = field(default_factory=dict)

    @property
    def channels(self) -> tuple[str, ...]:
        """All channels that occur, in natural order ("2" before "10")."""
        return tuple(sorted(self.planes["channel"].unique().to_list(), key=_natural))

    @property
    def sites(self) -> pl.DataFrame:
        """The different fields (experiment, plate, well, site), sorted."""
        return self.planes.select(SITE_KEY).unique().sort(SITE_KEY, nulls_last=False)

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Image files whose names say nothing."""
        unknown = [entry.path for entry in self.refused if entry.kind == "unknown_name"]
        return tuple(sorted([*unknown, *(path for path, rule in self.ignored.items() if rule in (NO_WELL, NO_MATCH))]))


@dataclass
class _Taken:
    """What a layout makes of some files: rows of the index, what it refuses, ignores, and leaves to others."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)

    def refuse(self, row: Mapping[str, Any], kind: str, reason: str) -> None:
        texts = {key: str(row.get(key) or "") for key in ("experiment", "plate", "well", "channel", "path")}
        self.refused.append(Refused(site=row.get("site"), kind=kind, reason=reason, **texts))


def index_folder(root: Path, layout: str = "auto", *, pattern: str = "", z: int | None = None) -> PlaneIndex:
    """Find the planes below a folder.

    Args:
        root: The folder; also one `.parquet`, or one `.zarr` plate.
        layout: One of `LAYOUTS`, or "auto": each file by the first that knows its name.
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
    seen = files_of(root)
    if layout == "pattern":
        chosen: dict[str, _Layout] = {"pattern": _with_pattern(_compiled(pattern))}
    elif layout == "auto":
        chosen = {name: read for name, read in LAYOUTS.items() if name != "pattern"}
    else:
        chosen = {layout: LAYOUTS[layout]}
    rows: list[dict[str, Any]] = []
    all_taken, used, rest = _Taken(), [], seen.images
    for name, read in chosen.items():
        if not rest:
            break
        taken = read(root, rest)
        used += [name] if taken.rows or taken.refused else []
        rows += taken.rows
        all_taken.refused += taken.refused
        all_taken.ignored |= taken.ignored
        rest = taken.rest
    _unknown(rest, all_taken, layout)
    for path, reason in seen.foreign.items():
        all_taken.refuse({"path": path}, "format_not_read", reason)
    rows = _one_time(rows, all_taken)
    if not rows:
        raise DataError(_nothing(root, layout, seen, all_taken, rest))
    base = root if root.is_dir() else root.parent
    found = PlaneIndex(base, "+".join(used), _frame(rows), tuple(all_taken.refused), seen.ignored | all_taken.ignored)
    return _one_focal_plane(found, z)


def _unknown(rest: Sequence[str], taken: _Taken, layout: str) -> None:
    """What becomes of files that no layout took."""
    for path in rest:
        if path.lower().endswith(".parquet"):
            taken.ignored.setdefault(path, "no images in it")
        elif layout == "pattern":
            taken.ignored[path] = NO_MATCH
        elif names.names_a_well(path) and path not in taken.ignored:
            reason = (
                "its name follows no known layout; say how to read it with layout=pattern pattern='(?P<well>..)...'"
            )
            taken.refuse({"path": path}, "unknown_name", reason)
        else:
            taken.ignored.setdefault(path, NO_WELL)


def _nothing(root: Path, layout: str, seen: Seen, taken: _Taken, rest: Sequence[str]) -> str:
    """Why there is nothing to read in a folder."""
    others = [entry for entry in taken.refused if entry.kind not in ("unknown_name", "format_not_read")]
    if others:
        return f"{root} holds no field that can be used; the first of {len(others)} problems: {others[0].path}: {others[0].reason}"
    pictures = [path for path in rest if path.lower().endswith(IMAGE_SUFFIXES)]
    if seen.foreign and not pictures:
        kinds = Counter(seen.foreign.values())
        first, count = kinds.most_common(1)[0]
        more = ", ".join(sorted({Path(path).suffix for path in seen.foreign}))
        return f"{root}: {first} ({count} of {len(seen.foreign)} files; endings {more})"
    if layout != "auto":
        hint = f"; {len(rest)} files have other names, such as {rest[0]}" if rest else ""
        return f"{root} holds no images of the layout {layout!r}{hint}"
    if not pictures:
        ignored = ", ".join(f"{count} x {rule}" for rule, count in Counter(seen.ignored.values()).most_common())
        return f"{root} holds no images that are read ({', '.join(IMAGE_SUFFIXES)}, .parquet, .zarr)" + (
            f"; ignored: {ignored}" if ignored else ""
        )
    return (
        f"{root}: the names of its files follow no known layout ({', '.join(LAYOUTS)}), for example {pictures[0]}; "
        "say how to read them with layout=pattern pattern='(?P<well>..)...'"
    )


def _one_time(rows: list[dict[str, Any]], taken: _Taken) -> list[dict[str, Any]]:
    """The rows of the first time point; later ones of the same fields are refused."""
    if all("time" not in row for row in rows):
        return rows
    first: dict[tuple[Any, ...], int] = {}
    for row in rows:
        key = tuple(row.get(name) for name in SITE_KEY)
        first[key] = min(first.get(key, row.get("time", 1)), row.get("time", 1))
    kept = []
    for row in rows:
        start = first[tuple(row.get(name) for name in SITE_KEY)]
        if row.get("time", 1) == start:
            kept.append({name: value for name, value in row.items() if name != "time"})
        else:
            reason = f"time point {row['time']}; one time point a field is read, here {start}"
            taken.refuse(row, "time_point", reason)
    return kept


def _one_focal_plane(index: PlaneIndex, z: int | None) -> PlaneIndex:
    present = sorted(index.planes["z"].unique().to_list())
    if z is None and len(present) == 1:
        return index
    if z is None:
        raise DataError(f"{index.root} holds the focal planes {present}; choose one with z={present[0]}")
    if z not in present:
        raise DataError(f"{index.root} has no focal plane {z}, only {present}")
    kept = index.planes.filter(pl.col("z") == z)
    gone = set(index.planes["path"]) - set(kept["path"])
    ignored = {**index.ignored, **dict.fromkeys(gone, "another focal plane")}
    return replace(index, planes=kept, ignored=ignored)


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    defaults: dict[str, Any] = {"experiment": "", "plate": "", "site": 1, "z": 1, "key": ""}
    return pl.DataFrame([{**defaults, **row} for row in rows], schema=INDEX_SCHEMA)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"the pattern {pattern!r} is not a regular expression: {error}") from error
    groups = set(compiled.groupindex)
    if not ("well" in groups or {"row", "column"} <= groups) or "channel" not in groups:
        raise UsageError("the pattern needs the groups (?P<well>...) (or row and column) and (?P<channel>...)")
    unknown = groups - {*INDEX_SCHEMA, "row", "column"}
    if unknown:
        raise UnknownNameError("group of the pattern", min(unknown), [*INDEX_SCHEMA, "row", "column"])
    return compiled


_Layout = Callable[[Path, Sequence[str]], _Taken]


def _with_pattern(
    pattern: re.Pattern[str], suffixes: tuple[str, ...] = (*TIFF_SUFFIXES, *PICTURE_SUFFIXES, ".npy")
) -> _Layout:
    def read(root: Path, paths: Sequence[str]) -> _Taken:
        taken = _Taken()
        for path in paths:
            above = "/".join((root if root.is_dir() else root.parent).resolve().joinpath(path).parts[-3:])
            match = None
            if path.lower().endswith(suffixes):
                match = pattern.fullmatch(path) or pattern.fullmatch(above)
            if match is None:
                taken.rest.append(path)
                continue
            try:
                taken.rows.append({**names.of_match(match), "path": path})
            except DataError as error:
                taken.refuse({"path": path}, "no_well", str(error))
        return taken

    return read


def _phenix(root: Path, paths: Sequence[str]) -> _Taken:
    """Plate and experiment are the folders above the images: `[batch/]plate/[Images/]r01c01...tiff`.

    The plate may be the folder itself or lie above it; the experiment is taken from below the folder only.
    """
    taken = _with_pattern(names.PHENIX)(root, paths)
    above = names.folders_of(f"{root.resolve().as_posix()}/x")
    for row in taken.rows:
        folders = names.folders_of(row["path"])
        row["plate"] = (folders or above)[-1].split("__")[0]
        row["experiment"] = folders[-2] if len(folders) > 1 else ""
    return taken


def _cellvoyager(root: Path, paths: Sequence[str]) -> _Taken:
    frames = {path: CORRECTION for path in paths if names.CORRECTION.fullmatch(path)}
    taken = _with_pattern(names.CELLVOYAGER)(root, [path for path in paths if path not in frames])
    for row in taken.rows:
        _place(row, root)
    if taken.rows:
        taken.ignored = frames
    else:
        taken.rest = list(paths)
    return taken


def _imagexpress(root: Path, paths: Sequence[str]) -> _Taken:
    """The plate is in the names, or else the folder of the images; the experiment is the folder above."""
    taken = _Taken()
    for path in paths:
        values = names.of_imagexpress(path)
        if values is None:
            taken.rest.append(path)
        else:
            taken.rows.append(_place({**values, "path": path}, root))
    return taken


def _place(row: dict[str, Any], root: Path) -> dict[str, Any]:
    folders = names.folders_of(row["path"])
    above = folders if row.get("plate") else folders[:-1]
    row["plate"] = row.get("plate") or (folders or names.folders_of(f"{root.resolve().as_posix()}/x"))[-1]
    row["experiment"] = above[-1] if above else ""
    return row


def _rxrx3_core(root: Path, paths: Sequence[str]) -> _Taken:
    taken = _Taken()
    for path in paths:
        if not path.lower().endswith(".parquet"):
            taken.rest.append(path)
            continue
        try:
            keys = list(parquet_planes(_full(root, path)))
        except MissingPackageError:
            raise
        except DataError as error:
            taken.refuse({"path": path}, "damaged", str(error))
            continue
        if not keys:
            taken.rest.append(path)
        for name, key in keys:
            match = names.RXRX3_CORE.fullmatch(name)
            if match is None:
                taken.refuse({"path": f"{path}:{name}"}, "unknown_name", "its key follows no known layout")
            else:
                taken.rows.append({**names.of_match(match), "path": path, "key": key})
    return taken


def _per_field(
    suffixes: tuple[str, ...], planes: Callable[[Path], list[dict[str, Any]]], pictures: tuple[str, ...] = ()
) -> _Layout:
    """Files named after their wells, each with all channels of one field, or with one that the name tells."""

    def read(root: Path, paths: Sequence[str]) -> _Taken:
        taken = _Taken()
        known = names.by_tokens([path for path in paths if path.lower().endswith((*suffixes, *pictures))])
        single: list[tuple[dict[str, Any], tuple[str, ...]]] = []
        for path in paths:
            named = known.get(path)
            picture = path.lower().endswith(pictures) if pictures else False
            if named is None or (picture and "channel" not in named.values):
                taken.rest.append(path)
                continue
            row = {**named.values, "path": path}
            if named.reason:
                taken.refuse(row, "ambiguous_name", named.reason)
                continue
            try:
                found = [{"channel": "1", "key": ""}] if picture else planes(_full(root, path))
            except (PlaneError, DataError) as error:
                if isinstance(error, MissingPackageError):
                    raise
                if "channel" in named.values:  # so that reading it says what is wrong with this plane
                    taken.rows.append(row)
                else:
                    taken.refuse(row, getattr(error, "kind", "damaged"), str(error))
                continue
            if len(found) == 1 and found[0].get("unnamed", picture):
                single.append(({**found[0], **row}, named.rest))
            else:
                taken.rows += [{**row, **plane} for plane in found]
        _name_channels(single)
        taken.rows += [row for row, _ in single]
        for row in taken.rows:
            row.pop("unnamed", None)
        return taken

    return read


def _name_channels(rows: list[tuple[dict[str, Any], tuple[str, ...]]]) -> None:
    """Channels of files of one plane each: what the name says, or the one other token by which the files of a field differ."""
    fields: dict[tuple[Any, ...], list[tuple[dict[str, Any], tuple[str, ...]]]] = defaultdict(list)
    for row, rest in rows:
        key = tuple(row.get(name) for name in (*SITE_KEY, "z", "time", "channel"))
        fields[key].append((row, rest))
    for group in fields.values():
        if len(group) == 1 or len({len(rest) for _, rest in group}) != 1:
            continue
        differing = [
            place for place, tokens in enumerate(zip(*(rest for _, rest in group), strict=True)) if len(set(tokens)) > 1
        ]
        if len(differing) == 1:
            for row, rest in group:
                row["channel"] = rest[differing[0]]


def _ome_zarr(root: Path, paths: Sequence[str]) -> _Taken:
    taken = _Taken()
    for path in paths:
        full = _full(root, path)
        if not is_plate(full) or not full.is_dir():
            taken.rest.append(path)
            continue
        folders = Path(path).parts[:-1]
        plate = re.sub(r"(\.ome)?\.zarr$", "", full.name, flags=re.IGNORECASE)
        place = {"plate": plate, "experiment": folders[-1] if folders else "", "path": path}
        try:
            for plane in zarr_planes(full):
                problem = plane.pop("problem", None)
                if problem is None:
                    taken.rows.append({**place, **plane})
                else:
                    taken.refuse({**place, **plane}, *problem)
        except PlaneError as error:
            taken.refuse(place, error.kind, error.reason)
    return taken


def _full(root: Path, path: str) -> Path:
    return root if path == "." else (root if root.is_dir() else root.parent) / path


def _natural(text: str) -> tuple[tuple[int, int | str], ...]:
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text) if part)


LAYOUTS: dict[str, _Layout] = {
    "rxrx": _with_pattern(names.RXRX),
    "phenix": _phenix,
    "cellvoyager": _cellvoyager,
    "imagexpress": _imagexpress,
    "ome_zarr": _ome_zarr,
    "rxrx3_core": _rxrx3_core,
    "npz": _per_field((".npz",), npz_planes),
    "ome_tiff": _per_field(TIFF_SUFFIXES, ome_tiff_planes, (*PICTURE_SUFFIXES, ".npy")),
    "pattern": lambda root, paths: _Taken(rest=list(paths)),
}
