"""A folder of plate images and a metadata table into an image store: parallel, resumable, every field accounted for.

Every field of the folder and every row of the table is in the store or in `rejected.parquet`, with its well and the reason.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from hooke.core.checked import read_arrays, write_arrays
from hooke.core.errors import DataError, HookeError, UnknownNameError, UsageError
from hooke.core.files import exclusive, remove, remove_folder, write_durably
from hooke.core.hashing import content_hash
from hooke.core.how import How
from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.images.reading.building import PROBLEMS, Account, Done, Header, Problems, build_store
from hooke.images.reading.illumination import correct, flat_field
from hooke.images.reading.layouts import SITE_KEY, PlaneIndex, index_folder
from hooke.images.reading.metadata import Refused, join_metadata, read_metadata
from hooke.images.reading.options import FolderOptions
from hooke.images.reading.planes import PIXEL_DTYPES, PlaneError, read_plane
from hooke.images.store import DEFAULT_TILE, REJECTED, ImageStore
from hooke.images.tiles import shrink

INGEST_VERSION = 2  # raise it when the same folder would become another store
ILLUMINATION = "illumination.npz"
ILLUMINATION_FIELDS = 48  # fields a plate from which the light is estimated
_HASHED_ROWS = 1 << 18
_PROBED = 9  # planes from which the pixel type is taken


@dataclass(frozen=True)
class ImageIngestConfig:
    """How a folder becomes a store.

    Attributes:
        channels: Channels as the files call them, in the order to store; () takes all.
        channel_names: What to call them, one a channel; () keeps the files' names.
        problems: What becomes of fields that cannot be used; see `building.build_store`.
        blank: Whether a field with a plane of one single value is refused ("reject") or kept ("keep").
        dtype: "uint8", "uint16", or "auto": the type that most of nine probed planes have. Others are refused.
        illumination: "none", or "plate": estimated for each plate and channel, and divided out.
        downsample: Mean over squares of this side.
        tile: Side of the store's tiles, in pixels.
    """

    channels: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()
    problems: Problems = "stop"
    blank: Literal["reject", "keep"] = "reject"
    dtype: Literal["auto", "uint8", "uint16"] = "auto"
    illumination: Literal["none", "plate"] = "none"
    downsample: int = 1
    tile: int = DEFAULT_TILE

    def __post_init__(self) -> None:
        if self.channel_names and len(self.channel_names) != len(self.channels):
            raise UsageError("channel_names needs as many names as channels, and channels must be given with it")
        if len(set(self.channel_names)) != len(self.channel_names) or len(set(self.channels)) != len(self.channels):
            raise UsageError("channels and channel_names must not repeat")
        if self.problems not in PROBLEMS:
            raise UnknownNameError("rule for problems", self.problems, PROBLEMS)
        if self.downsample < 1 or self.tile < 8:
            raise UsageError("downsample must be at least 1 and tile at least 8")


@dataclass(frozen=True)
class Field:
    """One field: its number in the table and where its planes lie, one (path, key) a channel; None for a missing one."""

    row: int
    site: int
    planes: tuple[tuple[str, str] | None, ...]
    double: tuple[tuple[str, str], ...] = ()  # channel, and which files hold it


@dataclass(frozen=True)
class WellJob:
    """The fields of one well and all that is needed to read them."""

    root: str
    experiment: str
    plate: str
    well: str
    fields: tuple[Field, ...]
    channels: tuple[str, ...]
    dtype: str
    blank: str
    whole_well: bool
    downsample: int
    flats: str = ""


def prepare_folder(
    options: FolderOptions,
    root: Path,
    how: How = How(),
    *,
    name: str,
    metadata: pl.DataFrame | None = None,
    source: Mapping[str, object] | None = None,
) -> ImageStore:
    """Read a folder of images into a store below `root`, or open the store that an earlier call made of the same files.

    Args:
        options: Which folder and how.
        root: Folder of stores.
        how: No section is read.
        name: The store's folder begins with it.
        metadata: The table, where a data set makes it; else it is read from `options.metadata`.
        source: Kept in the store.

    Raises:
        UsageError: No folder is named.
        DataError: As in `ingest_images`.
    """
    if not options.path:
        raise UsageError(f"name the folder of the images of {name}: path=FOLDER")
    index = index_folder(Path(options.path), options.layout, pattern=options.pattern, z=options.z)
    if metadata is None and options.metadata:
        metadata = read_metadata(Path(options.metadata), options.rename)
    config = ImageIngestConfig(
        options.channels, options.channel_names, options.problems, options.blank, options.dtype, options.illumination,
        options.downsample, options.tile,
    )  # fmt: skip
    rows = None if metadata is None else table_hash(metadata)
    digest = content_hash([INGEST_VERSION, planes_hash(index), times_hash(index), rows, config, dict(source or {})])
    place = content_hash([str(Path(options.path).resolve()), options.metadata, config])
    folder = Path(root) / f"{name}-{place[:6]}-{digest[:12]}"
    store = ingest_images(
        index, folder, config, metadata=metadata, source=source, workers=how.workers, show_progress=how.show_progress
    )
    _forget(sorted(folder.parent.glob(f"{name}-{place[:6]}-*")))
    return store


def _forget(paths: Iterable[Path]) -> None:
    """Remove what earlier attempts at the same folder left unfinished before files or table were put right."""
    for path in paths:
        if path.name.endswith(f".{REJECTED}"):
            remove(path)
        elif path.name.endswith(".partial"):
            with (
                suppress(HookeError),
                exclusive(path.with_suffix(""), "is preparing it"),
            ):  # refused where somebody is at it
                remove_folder(path)


def ingest_images(
    index: PlaneIndex,
    folder: Path,
    config: ImageIngestConfig = ImageIngestConfig(),
    *,
    metadata: pl.DataFrame | None = None,
    source: Mapping[str, object] | None = None,
    workers: int | None = None,
    show_progress: bool = True,
) -> ImageStore:
    """Make the store of a folder of images, or open it if it is already there; a killed ingest continues.

    Args:
        index: The planes; see `layouts.index_folder`.
        folder: The store.
        config: How.
        metadata: As of `metadata.read_metadata`.
        source: Kept in the store: data set, licence, whether it is simulated.
        workers: Processes; None takes all cores.
        show_progress: Show progress bars.

    Raises:
        DataError: Fields cannot be used and `config.problems` is "stop", or none can.
        MissingPackageError: The files need a package that is not installed.
        UnknownNameError: A channel that the folder does not have.
    """
    index = index if config.channels else _without_odd_channels(index)
    chosen = config.channels or index.channels
    for name in chosen:
        if name not in index.channels:
            raise UnknownNameError(f"channel of {index.root}", name, index.channels)
    names = config.channel_names or chosen
    fields, refused = join_metadata(index.sites, metadata)
    refused = [*index.refused, *refused]
    recipe = content_hash([INGEST_VERSION, planes_hash(index), table_hash(fields), _fixed(config), names])
    account = _account(index, fields, chosen)
    index, fields = _renamed(index, fields), fields.drop("named_experiment", "named_plate")
    if not len(fields):
        raise DataError(f"no field of {index.root} has a row in the metadata table; {refused[0].reason}")
    dtype = _dtype(index, chosen) if config.dtype == "auto" else config.dtype
    flats = (
        _flat_fields(index, fields, chosen, folder, workers, show_progress) if config.illumination == "plate" else None
    )
    jobs = _WellJobs(index, fields, chosen, dtype, config, str(flats or ""))
    header = Header(
        recipe, tuple(names), dtype, config.tile,
        {**(source or {}), "layout": index.layout, "unmatched_files": len(index.unmatched), "downsample": config.downsample,
         "illumination": config.illumination, "ignored": dict(sorted(Counter(index.ignored.values()).items()))},
        state=times_hash(index),
    )  # fmt: skip
    store = build_store(
        folder, header, fields, jobs, read_well, refused=refused, problems=config.problems,
        files={ILLUMINATION: flats.read_bytes()} if flats else None, account=account, workers=workers,
        description=f"reading {index.root.name}", show_progress=show_progress,
    )  # fmt: skip
    if flats:
        remove(flats)
    return store


def read_well(job: WellJob) -> Done:
    """In a worker: read the fields of a well; what cannot be used is said, not raised."""
    rows: list[int] = []
    pixels: list[np.ndarray] = []
    refused: list[Refused] = []
    for one in job.fields:
        found, problems = _read_field(job, one)
        refused += problems
        if not problems:
            rows.append(one.row)
            pixels.append(np.stack(found))
    if refused and job.whole_well:
        spoilt = f"another field of the well cannot be used ({refused[0].reason})"
        refused += [_refused(job, one, "", "", "well", spoilt) for one in job.fields if one.row in rows]
        rows, pixels = [], []
    return Done(tuple(rows), tuple(pixels), tuple(refused))


def _read_field(job: WellJob, one: Field) -> tuple[list[np.ndarray], list[Refused]]:
    planes: list[np.ndarray] = []
    problems = [
        _refused(
            job,
            one,
            name,
            "",
            "duplicate",
            f"two files hold this plane: {paths}; their names say the same plate, well, site and channel",
        )
        for name, paths in one.double
    ]
    if problems:
        return planes, problems
    for number, (name, place) in enumerate(zip(job.channels, one.planes, strict=True)):
        if place is None:
            problems.append(_refused(job, one, name, "", "missing_channel", f"there is no image of channel {name}"))
            continue
        try:
            plane = _checked(read_plane(Path(job.root) / place[0], place[1]), job, planes)
        except PlaneError as error:
            problems.append(_refused(job, one, name, place[0], error.kind, error.reason))
            continue
        if job.flats:
            plane = correct(plane, _flats(job.flats)[f"{job.experiment}/{job.plate}/{number}"])
        planes.append(shrink(plane, job.downsample))
    return planes, problems


def _checked(plane: np.ndarray, job: WellJob, others: list[np.ndarray]) -> np.ndarray:
    if plane.dtype.name != job.dtype:
        raise PlaneError("wrong_dtype", f"{plane.dtype.name} pixels in a screen of {job.dtype}")
    if others and shrink(plane, job.downsample).shape != others[0].shape:
        size, other = plane.shape, tuple(job.downsample * side for side in others[0].shape)
        raise PlaneError(
            "wrong_shape", f"{size[0]} x {size[1]} pixels, other channels of the field have {other[0]} x {other[1]}"
        )
    if job.blank == "reject" and plane.min() == plane.max():
        raise PlaneError("blank", f"every pixel is {plane.flat[0]}")
    return plane


def _refused(job: WellJob, one: Field, channel: str, path: str, kind: str, reason: str) -> Refused:
    return Refused(job.experiment, job.plate, job.well, one.site, channel, path, kind, reason)


@functools.lru_cache(maxsize=2)
def _flats(path: str) -> dict[str, np.ndarray]:
    return read_arrays(Path(path))


def _renamed(index: PlaneIndex, fields: pl.DataFrame) -> PlaneIndex:
    """The planes of the fields under the experiments and plates that the table gives them."""
    named = fields.select(
        pl.col("named_experiment").alias("experiment"), pl.col("named_plate").alias("plate"), "well", "site",
        pl.col("experiment").alias("final_experiment"), pl.col("plate").alias("final_plate"),
    )  # fmt: skip
    planes = index.planes.join(named, on=SITE_KEY, how="inner", maintain_order="left").with_columns(
        pl.col("final_experiment").alias("experiment"), pl.col("final_plate").alias("plate")
    )
    return replace(index, planes=planes.drop("final_experiment", "final_plate"))


def _without_odd_channels(index: PlaneIndex) -> PlaneIndex:
    """The planes of channels that at least half of the fields have; the others, which would make all those fields incomplete, are refused."""
    fields = len(index.sites)
    counts = dict(index.planes.group_by("channel").agg(pl.struct(SITE_KEY).n_unique()).iter_rows())
    odd = [name for name in index.channels if 2 * counts[name] < fields]
    if not odd or len(odd) == len(counts):
        return index
    is_odd = pl.col("channel").is_in(odd)
    planes = index.planes.filter(is_odd).sort(*SITE_KEY, "channel", "path")
    refused = [
        Refused(
            row["experiment"], row["plate"], row["well"], row["site"], row["channel"], row["path"], "odd_channel",
            f"only {counts[row['channel']]} of {fields} fields have a channel {row['channel']}; channels=... names those to take",
        )
        for row in planes.iter_rows(named=True)
    ]  # fmt: skip
    return replace(index, planes=index.planes.filter(~is_odd), refused=(*index.refused, *refused))


def _account(index: PlaneIndex, fields: pl.DataFrame, channels: Sequence[str]) -> Account:
    """What became of every file of the folder, once it is known which fields are stored: path, fate, reason."""
    places = fields.with_row_index("field").select(
        pl.col("named_experiment").alias("experiment"), pl.col("named_plate").alias("plate"), "well", "site", "field"
    )
    planes = index.planes.select(*SITE_KEY, "channel", "path").join(places, on=SITE_KEY, how="left")

    def account(rows: list[int], refused: list[Refused]) -> pl.DataFrame:
        stored = pl.col("field").is_in(rows).fill_null(False)
        wanted = pl.col("channel").is_in(list(channels))
        files = planes.group_by("path").agg((stored & wanted).any().alias("used"), wanted.any().alias("wanted"))
        reasons = {entry.path: entry.reason for entry in reversed(refused) if entry.path}
        found = {path: ("ignored", rule) for path, rule in index.ignored.items()}
        found |= {entry.path: ("refused", entry.reason) for entry in index.refused if entry.path}
        for path, used, needed in files.iter_rows():
            if used:
                found[path] = ("used", "")
            elif needed or path in reasons:
                found[path] = ("refused", reasons.get(path, f"its field is left out: see {REJECTED}"))
            else:
                found[path] = ("ignored", "its channel was not asked for")
        rows_of = [(path, fate, reason) for path, (fate, reason) in sorted(found.items())]
        return pl.DataFrame(rows_of, schema={"path": pl.String, "fate": pl.String, "reason": pl.String}, orient="row")

    return account


def planes_hash(index: PlaneIndex) -> str:
    """Hash of the names, keys and sizes of all planes, and of what is refused: what a store is made of, without reading it."""
    paths = index.planes["path"].unique().to_list()
    sizes = [(index.root / path).stat().st_size if (index.root / path).is_file() else 0 for path in paths]
    table = index.planes.join(pl.DataFrame({"path": paths, "bytes": sizes}), on="path", how="left")
    planes = table_hash(table.sort(*SITE_KEY, "channel", "path", "key"))
    return content_hash([planes, [[entry.path, entry.kind, entry.reason] for entry in index.refused]])


def times_hash(index: PlaneIndex) -> str:
    """Hash of when each file was last written: a plane that was put right has the same size as often as not."""
    paths = [index.root / path for path in sorted(index.planes["path"].unique().to_list())]
    return content_hash([path.stat().st_mtime_ns for path in paths if path.exists()])


def table_hash(table: pl.DataFrame) -> str:
    """SHA-256 of a table's columns and rows, in order."""
    digest = hashlib.sha256()
    for rows in table.iter_slices(_HASHED_ROWS):
        digest.update(rows.write_csv(null_value="\0").encode())
    return digest.hexdigest() if len(table) else content_hash(table.columns)


def _fixed(config: ImageIngestConfig) -> list[object]:
    """The options that decide what is stored; skipping fields and stopping at them read the same."""
    return [
        config.channels, config.problems == "skip_well", config.blank, config.dtype, config.illumination, config.downsample,
        config.tile,
    ]  # fmt: skip


def _dtype(index: PlaneIndex, channels: tuple[str, ...]) -> str:
    """The pixel type of most of a few planes, spread over the folder."""
    planes = index.planes.filter(pl.col("channel").is_in(channels)).sort(*SITE_KEY, "channel")
    found: Counter[str] = Counter()
    for number in np.unique(np.linspace(0, len(planes) - 1, _PROBED).astype(int)):
        row = planes.row(int(number), named=True)
        try:
            found[read_plane(index.root / row["path"], row["key"]).dtype.name] += 1
        except PlaneError:
            continue  # it is reported with its well when its turn comes
    return found.most_common(1)[0][0] if found else PIXEL_DTYPES[0]


class _WellJobs(Sequence[WellJob]):
    """The job of each well, made when it is asked for, so that millions of planes stay in one table."""

    def __init__(
        self,
        index: PlaneIndex,
        fields: pl.DataFrame,
        channels: tuple[str, ...],
        dtype: str,
        config: ImageIngestConfig,
        flats: str,
    ) -> None:
        self._root, self._dtype, self._config, self._flats = str(index.root), dtype, config, flats
        self._channels, self._names = channels, config.channel_names or channels
        places = fields.select(SITE_KEY).with_row_index("field")
        order = pl.DataFrame({"channel": channels, "number": range(len(channels))})
        planes = index.planes.join(order, on="channel").join(places, on=SITE_KEY)
        self._planes = planes.select("field", "number", "path", "key").sort("field", "number", "path", "key")
        self._plane_ends = np.searchsorted(self._planes["field"].to_numpy(), np.arange(len(fields) + 1))
        self._sites = fields["site"].to_list()
        well = places.group_by(SITE_KEY[:3], maintain_order=True).agg(pl.col("field").first())
        self._wells = well.select(SITE_KEY[:3]).rows()
        self._starts = [*well["field"].to_list(), len(fields)]

    def __len__(self) -> int:
        return len(self._wells)

    def __getitem__(self, number: int) -> WellJob:  # type: ignore[override]
        if not 0 <= number < len(self):
            raise IndexError(number)
        found = tuple(self._field(row) for row in range(self._starts[number], self._starts[number + 1]))
        config, (experiment, plate, well) = self._config, self._wells[number]
        return WellJob(
            self._root, experiment, plate, well, found, tuple(self._names), self._dtype, config.blank,
            config.problems == "skip_well", config.downsample, self._flats,
        )  # fmt: skip

    def _field(self, row: int) -> Field:
        planes: list[tuple[str, str] | None] = [None] * len(self._channels)
        double: dict[str, str] = {}
        for _, channel, path, key in self._planes[self._plane_ends[row] : self._plane_ends[row + 1]].iter_rows():
            other = planes[channel]
            if other is not None:
                double.setdefault(self._channels[channel], f"{other[0]} and {path}")
            planes[channel] = (path, key)
        return Field(row, self._sites[row], tuple(planes), tuple(double.items()))


@dataclass(frozen=True)
class _FlatJob:
    name: str
    root: str
    planes: list[tuple[str, str]] = field(default_factory=list)


def _flat_fields(
    index: PlaneIndex, fields: pl.DataFrame, channels: tuple[str, ...], folder: Path, workers: int | None, show: bool
) -> Path:
    """Estimate the light of every plate and channel into a file beside the store."""
    path = folder.with_name(f"{folder.name}.{ILLUMINATION}")
    if folder.exists():  # nothing will be read
        write_durably(path, (folder / ILLUMINATION).read_bytes())
        return path
    usable = index.planes.join(fields.select(SITE_KEY), on=SITE_KEY, how="semi")
    jobs = []
    for (experiment, plate), group in sorted(usable.group_by("experiment", "plate")):
        for number, channel in enumerate(channels):
            planes = group.filter(pl.col("channel") == channel).sort(*SITE_KEY, "path", "key")
            spread = np.unique(np.linspace(0, len(planes) - 1, ILLUMINATION_FIELDS).astype(int))
            chosen = [planes.row(int(place), named=True) for place in spread if len(planes)]
            jobs.append(
                _FlatJob(
                    f"{experiment}/{plate}/{number}", str(index.root), [(row["path"], row["key"]) for row in chosen]
                )
            )
    with progress(len(jobs), "estimating illumination", "channels", show=show) as bar:
        found = {}
        for name, flat in ordered_map(_flat, jobs, workers=workers if len(jobs) > 4 else 0):
            if flat is not None:
                found[name] = flat
            bar.advance()
    with exclusive(path, "is estimating the same illumination", wait=True):
        write_arrays(path, found)
    return path


def _flat(job: _FlatJob) -> tuple[str, np.ndarray | None]:
    """In a worker: the light of one plate and channel; fields that cannot be read or have another size are left out."""
    planes: list[np.ndarray] = []
    for path, key in job.planes:
        try:
            plane = read_plane(Path(job.root) / path, key)
        except PlaneError:
            continue  # it is reported with its well when its turn comes
        if not planes or plane.shape == planes[0].shape:
            planes.append(plane)
    return job.name, flat_field(planes) if planes else None
