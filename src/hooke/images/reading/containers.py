"""Files that hold several planes: which planes, under which key, with which channel names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError
from hooke.core.reading import check_parquet, open_arrays, read_bytes, reading
from hooke.core.well_names import same_well
from hooke.images.reading.planes import LAST, PlaneError, zarr_module

CHANNELS_ARRAY = "channels"


def ome_tiff_planes(path: Path) -> list[dict[str, Any]]:
    """Channel, focal plane, time point and page of every plane of a (OME-)TIFF; `unnamed` where nothing says what its one channel is.

    What OME-XML says of each page (TiffData, also of sets of several files) goes before their order. Channels without names are called
    "1", "2", ...

    Raises:
        PlaneError: It cannot be opened, its axes are not those of a field, or two channels have one name.
    """
    from hooke.images.reading.planes import MissingPackageError

    try:
        import tifffile
    except ImportError as error:
        raise MissingPackageError("reading OME-TIFF", "tifffile") from error
    with reading(path.name[:80], raised=partial(PlaneError, "damaged")), tifffile.TiffFile(path) as file:
        series = file.series[0]
        axes, shape, count = series.axes, series.shape, len(file.pages)
        xml, images = file.ome_metadata, len(file.series)
    described = plane_map(xml, path, count) if xml else None
    if described is not None:
        return described
    if images > 1 and axes == "YX":  # pages of different sizes, such as a plane and its thumbnail
        raise PlaneError("wrong_axes", f"it holds {images} images of different sizes; expected one field")
    samples = 1
    if axes.endswith("YXS"):
        axes, shape, samples = axes[:-1], shape[:-1], shape[-1]
    outer = list(zip(axes[:-2], shape[:-2], strict=True)) if axes[-2:] == "YX" else [("?", 1)]
    channels = [axis for axis, length in outer if axis in "CQI" and length > 1]
    if (
        any(axis not in "TCZQI" or (axis == "T" and length > 1) for axis, length in outer)
        or count != int(np.prod([length for _, length in outer], dtype=np.int64))
        or len(channels) > 1
    ):
        raise PlaneError(
            "wrong_axes", f"it has the axes {axes} of shape {shape}; expected channels and focal planes before Y, X"
        )
    numbers = [name for name, _ in outer]
    found = []
    for page, places in enumerate(product(*(range(length) for _, length in outer))):
        at = dict(zip(numbers, places, strict=True))
        channel = at.get(channels[0], 0) if channels else 0
        plane = {"channel": str(channel + 1), "z": at.get("Z", 0) + 1, "key": str(page)}
        if samples in (1, 3, 4):  # colours are for the reader of planes to judge
            found.append({**plane, "unnamed": True})
        else:
            found += [{**plane, "channel": str(sample + 1), "key": f"{page}/{sample}"} for sample in range(samples)]
    return found


def plane_map(xml: str, path: Path, pages: int) -> list[dict[str, Any]] | None:
    """The planes of one file as its OME-XML maps them; None where that says nothing of this file.

    Args:
        xml: OME-XML of the file, or a reference to the file that has it (BinaryOnly).
        path: The file.
        pages: How many pages it has.

    Raises:
        PlaneError: Several images in one file, samples that are no planes, or two channels of one name.

    Source: the OME data model, schema 2016-06: TiffData maps IFDs to (C, Z, T), in the order of DimensionOrder where it names only the first.
    """
    root = _ome_root(xml, path)
    if root is None:
        return None
    found: dict[tuple[str, int], dict[str, Any]] = {}
    holders = set()
    for image in root.iterfind("{*}Image"):
        pixels = image.find("{*}Pixels")
        if pixels is None:
            continue
        names = _channel_names(pixels)
        for page, (c, z, t) in _mapped_pages(pixels, path.name, pages):
            holders.add(image.get("ID", ""))
            name = names[c] if c < len(names) else ""
            plane = {"channel": name or str(c + 1), "z": z + 1, "time": t + 1, "key": str(page)}
            if int(pixels.get("SizeC", 1)) == 1 and not name:
                plane["unnamed"] = True
            found[image.get("ID", ""), page] = plane
    if not found:
        return None
    if len(holders) > 1:
        raise PlaneError(
            "wrong_axes", f"its OME metadata holds {len(holders)} images (fields); expected one file a field"
        )
    planes = [plane for _, plane in sorted(found.items(), key=lambda entry: entry[0][1])]
    if len({plane["time"] for plane in planes}) > 1:
        times = len({plane["time"] for plane in planes})
        raise PlaneError(
            "wrong_axes", f"it has {times} time points (axes TYX); expected channels and focal planes of one time"
        )
    return planes


def _ome_root(xml: str, path: Path) -> Any:
    """The OME element; that of the companion file where the XML only refers to one."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None
    elsewhere = root.find("{*}BinaryOnly")
    if elsewhere is None:
        return root
    other = path.with_name(Path(elsewhere.get("MetadataFile", "")).name)
    if not other.is_file():
        raise PlaneError("missing_file", f"its OME metadata is in {other.name}, which is not beside it")
    if other.suffix.lower() in (".tif", ".tiff"):
        import tifffile

        with tifffile.TiffFile(other) as file:
            text = file.ome_metadata or ""
    else:
        text = read_bytes(other).decode("utf-8", "replace")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise PlaneError("damaged", f"{other.name} holds no OME-XML: {error}") from error


def _channel_names(pixels: Any) -> list[str]:
    """The name of each channel, "" for none; channels of several samples count once a sample.

    Raises:
        PlaneError: Two have the same.
    """
    names = [str(channel.get("Name", "")).strip() for channel in pixels.iterfind("{*}Channel")]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise PlaneError(
            "channel_names",
            f"the channel name {twice[0]!r} stands twice in its OME metadata: which is which is not known",
        )
    return names


def _mapped_pages(pixels: Any, name: str, pages: int) -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Page and (C, Z, T) of the planes that lie in the file of this name."""
    samples = [int(channel.get("SamplesPerPixel", 1)) for channel in pixels.iterfind("{*}Channel")] or [1]
    sizes = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in "CZT"}
    if max(samples) > 1:
        sizes["C"] = len(samples)
    order = [axis for axis in pixels.get("DimensionOrder", "XYCZT") if axis in "CZT"]
    total = sizes["C"] * sizes["Z"] * sizes["T"]
    for data in pixels.iterfind("{*}TiffData"):
        file = data.find("{*}UUID")
        if file is not None and file.get("FileName") and Path(file.get("FileName")).name != name:
            continue
        first = int(data.get("IFD", 0))
        start, step = 0, 1
        for axis in order:
            start += step * int(data.get(f"First{axis}", 0))
            step *= sizes[axis]
        left = min(total - start, pages - first)
        count = int(data.get("PlaneCount", 1 if data.get("IFD") is not None else left))
        for number in range(max(min(count, left), 0)):
            place, at = start + number, {}
            for axis in order:
                at[axis], place = place % sizes[axis], place // sizes[axis]
            yield first + number, (at["C"], at["Z"], at["T"])


def npz_planes(path: Path) -> list[dict[str, Any]]:
    """Channel and key of every plane of an npz: 2-dimensional arrays by name, or one array with the channels first or last.

    The channels are the shorter of the first and the last axis, or the one that the names in an array "channels" fit. Only headers are read.

    Raises:
        PlaneError: An array has another number of axes, or names repeat.
        DataError: It is damaged.
    """
    with reading(path.name[:80], raised=partial(PlaneError, "damaged")), open_arrays(path) as file:
        names = [str(name) for name in file[CHANNELS_ARRAY]] if CHANNELS_ARRAY in file.files else []
        shapes = {name: file[name].shape for name in file.files if name != CHANNELS_ARRAY}
    found = []
    for array, shape in shapes.items():
        if len(shape) == 2:
            found.append({"channel": array, "key": array})
        elif len(shape) == 3:
            last = _channels_last(shape, names)
            for number in range(shape[2 if last else 0]):
                named = names[number] if number < len(names) else str(number + 1)
                found.append({"channel": named, "key": f"{array}/{LAST if last else ''}{number}"})
        elif len(shape) > 3:
            raise PlaneError(
                "wrong_axes", f"the array {array!r} has the shape {shape}; expected channels and two sides"
            )
    if not found:
        raise PlaneError("missing_plane", f"it holds no plane, only {', '.join(shapes) or 'nothing'}")
    channels = [plane["channel"] for plane in found]
    twice = sorted({name for name in channels if channels.count(name) > 1})
    if twice:
        raise PlaneError("channel_names", f"the channel {twice[0]!r} stands twice in it: which is which is not known")
    return found


def _channels_last(shape: tuple[int, ...], names: list[str]) -> bool:
    if names and (shape[0] == len(names)) != (shape[2] == len(names)):
        return shape[2] == len(names)
    channels = min(shape[0], shape[2])
    if channels >= min(shape[1], max(shape[0], shape[2])) and channels > 1:
        raise PlaneError(
            "wrong_axes", f"an array of shape {shape}: none of its sides is short enough to be the channels"
        )
    return shape[2] < shape[0]


def parquet_planes(path: Path) -> Iterator[tuple[str, str]]:
    """Name and key of every encoded image of a Parquet file with names in `__key__` (rxrx3-core); none without it."""
    import pyarrow.parquet as pq

    with reading(path, "a Parquet file"):
        check_parquet(path, whole=False)
        file = pq.ParquetFile(path)
    with reading(path, "a Parquet file"), file:
        names = file.schema_arrow.names
        images = [name for name in names if name in ("jp2", "image", "png")]
        if "__key__" not in names or not images:
            return
        for row, name in enumerate(file.read(columns=["__key__"]).column(0).to_pylist()):
            yield name, f"{images[0]}|{row}"


def zarr_planes(plate: Path) -> Iterator[dict[str, Any]]:
    """Well, site, channel, focal plane and key of every plane of an OME-Zarr plate, at full resolution.

    A well or field that cannot be used gives one entry with its place and `problem`, a kind and a reason.

    Raises:
        PlaneError: The folder is no plate of OME-NGFF.
        MissingPackageError: zarr is not installed.
    """
    wells = _attributes(plate, "").get("plate", {}).get("wells")
    if wells is None:
        raise PlaneError(
            "no_plate", f"{plate} has no plate metadata of OME-NGFF; single images are read with the layout 'pattern'"
        )
    for well in wells:
        try:
            row, column = well["path"].strip("/").split("/")[:2]
            place = {"well": same_well(f"{row}{column}")}
        except (DataError, KeyError, ValueError, TypeError) as error:
            yield {"problem": ("no_well", f"the plate metadata list a well that is none: {well}: {error}")}
            continue
        try:
            images = _attributes(plate, well["path"]).get("well", {}).get("images", [])
            if not images:
                raise PlaneError("missing_well", f"{plate.name}/{well['path']} lists no image")
        except PlaneError as error:
            yield {**place, "problem": (error.kind, error.reason)}
            continue
        for site, image in enumerate(images, start=1):
            try:
                planes = list(_field_planes(plate, f"{well['path']}/{image['path']}"))
            except PlaneError as error:
                yield {**place, "site": site, "problem": (error.kind, error.reason)}
                continue
            for plane in planes:
                yield {**place, "site": site, **plane}


def _field_planes(plate: Path, field: str) -> Iterator[dict[str, Any]]:
    attributes = _attributes(plate, field)
    try:
        scale = attributes["multiscales"][0]
        array_path = f"{field}/{scale['datasets'][0]['path']}"
    except (KeyError, IndexError) as error:
        raise PlaneError("missing_field", f"{plate}/{field} has no multiscales metadata of OME-NGFF") from error
    axes = [axis["name"] if isinstance(axis, dict) else axis for axis in scale.get("axes", ["t", "c", "z", "y", "x"])]
    try:
        shape = zarr_module().open_array(str(plate / array_path), mode="r").shape
    except (FileNotFoundError, ValueError, KeyError):
        shape = (1,) * len(axes)  # one plane, so that reading it says what is wrong
    if len(shape) != len(axes):
        raise PlaneError("wrong_axes", f"{plate}/{field} names the axes {axes} of an array of shape {shape}")
    lengths = dict(zip(axes, shape, strict=True))
    if axes[-2:] != ["y", "x"] or not set(axes) <= set("tczyx") or lengths.get("t", 1) != 1:
        raise PlaneError(
            "wrong_axes", f"{plate}/{field} has the axes {axes} of shape {shape}; expected one time, channels, z, y, x"
        )
    labels = [str(channel.get("label", "")) for channel in attributes.get("omero", {}).get("channels", [])]
    twice = sorted({label for label in labels if label and labels.count(label) > 1})
    if twice:
        raise PlaneError(
            "channel_names", f"{plate}/{field}: the channel name {twice[0]!r} stands twice in its metadata"
        )
    for places in product(*(range(lengths[axis]) for axis in axes[:-2])):
        at = dict(zip(axes[:-2], places, strict=True))
        channel = at.get("c", 0)
        name = labels[channel] if channel < len(labels) and labels[channel] else str(channel + 1)
        yield {"channel": name, "z": at.get("z", 0) + 1, "key": f"{array_path}|{','.join(map(str, places))}"}


def _attributes(plate: Path, path: str) -> dict[str, Any]:
    """The attributes of a group, whether they lie under "ome" (0.5) or not (0.4)."""
    try:
        attributes = dict(zarr_module().open_group(str(plate / path), mode="r").attrs)
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise PlaneError("missing_group", f"{plate.name}/{path} is not a Zarr group: {error}") from error
    return dict(attributes.get("ome", attributes))
