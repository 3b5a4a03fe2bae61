"""Files that hold several planes: which planes, under which key, with which channel names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError
from hooke.core.reading import check_parquet, open_arrays, reading
from hooke.images.reading.planes import PlaneError, zarr_module
from hooke.images.wells import same_well

CHANNELS_ARRAY = "channels"


def ome_tiff_planes(path: Path) -> list[dict[str, Any]]:
    """Channel, focal plane and page of every plane of a (OME-)TIFF; channels without names are called "1", "2", ...

    A file that cannot be opened gives one plane of channel "1", so that reading it says what is wrong.

    Raises:
        DataError: Its axes are not those of a field (channels, focal planes, one time).
    """
    from hooke.images.reading.planes import MissingPackageError

    try:
        import tifffile
    except ImportError as error:
        raise MissingPackageError("reading OME-TIFF", "tifffile") from error
    try:
        with tifffile.TiffFile(path) as file:
            series, xml = file.series[0], file.ome_metadata
            axes, shape, pages = series.axes, series.shape, len(file.pages)
    except Exception:  # whatever is wrong, reading the plane says it
        return [{"channel": "1", "key": "0"}]
    outer = list(zip(axes[:-2], shape[:-2], strict=True)) if axes[-2:] == "YX" else [("?", 1)]
    if any(axis not in "TCZQI" or (axis == "T" and length > 1) for axis, length in outer) or pages != int(
        np.prod([length for _, length in outer], dtype=np.int64)
    ):
        raise DataError(f"{path} has the axes {axes} of shape {shape}; expected channels and focal planes before Y, X")
    names = _ome_channel_names(xml, tifffile) if xml else []
    found = []
    for page, places in enumerate(product(*(range(length) for _, length in outer))):
        at = {axis: place for (axis, _), place in zip(outer, places, strict=True)}
        channel = at.get("C", at.get("Q", at.get("I", 0)))
        name = names[channel] if channel < len(names) and names[channel] else str(channel + 1)
        found.append({"channel": name, "z": at.get("Z", 0) + 1, "key": str(page)})
    return found


def _ome_channel_names(xml: str, tifffile: Any) -> list[str]:
    pixels = tifffile.xml2dict(xml).get("OME", {}).get("Image", {})
    image = pixels[0] if isinstance(pixels, list) else pixels
    channels = image.get("Pixels", {}).get("Channel", [])
    return [str(channel.get("Name", "")) for channel in (channels if isinstance(channels, list) else [channels])]


def npz_planes(path: Path) -> list[dict[str, Any]]:
    """Channel and key of every plane of an npz: 2-dimensional arrays by name, or one array with the channels first.

    Names of the latter come from an array "channels" of texts, if there is one. Only headers are read.
    """
    try:
        with open_arrays(path) as file:
            names = [str(name) for name in file[CHANNELS_ARRAY]] if CHANNELS_ARRAY in file.files else []
            shapes = {name: file[name].shape for name in file.files if name != CHANNELS_ARRAY}
    except Exception:  # whatever is wrong, reading the plane says it
        return [{"channel": "1", "key": "image/0"}]
    found = []
    for array, shape in shapes.items():
        if len(shape) == 2:
            found.append({"channel": array, "key": array})
        elif len(shape) == 3:
            for number in range(shape[0]):
                named = names[number] if number < len(names) else str(number + 1)
                found.append({"channel": named, "key": f"{array}/{number}"})
    return found


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

    Raises:
        DataError: The folder is no plate of OME-NGFF, or a field has axes other than time, channel, z, y, x.
        MissingPackageError: zarr is not installed.
    """
    wells = _attributes(plate, "").get("plate", {}).get("wells")
    if wells is None:
        raise DataError(f"{plate} has no plate metadata of OME-NGFF; single images are read with the layout 'pattern'")
    for well in wells:
        row, column = well["path"].split("/")[:2]
        for site, image in enumerate(_attributes(plate, well["path"]).get("well", {}).get("images", []), start=1):
            place = {"well": same_well(f"{row}{column}"), "site": site}
            for plane in _field_planes(plate, f"{well['path']}/{image['path']}"):
                yield {**place, **plane}


def _field_planes(plate: Path, field: str) -> Iterator[dict[str, Any]]:
    attributes = _attributes(plate, field)
    try:
        scale = attributes["multiscales"][0]
        array_path = f"{field}/{scale['datasets'][0]['path']}"
    except (KeyError, IndexError) as error:
        raise DataError(f"{plate}/{field} has no multiscales metadata of OME-NGFF") from error
    axes = [axis["name"] if isinstance(axis, dict) else axis for axis in scale.get("axes", ["t", "c", "z", "y", "x"])]
    try:
        shape = zarr_module().open_array(str(plate / array_path), mode="r").shape
    except (FileNotFoundError, ValueError, KeyError):
        shape = (1,) * len(axes)  # one plane, so that reading it says what is wrong
    lengths = dict(zip(axes, shape, strict=True))
    if axes[-2:] != ["y", "x"] or not set(axes) <= set("tczyx") or lengths.get("t", 1) != 1:
        raise DataError(f"{plate}/{field} has the axes {axes} of shape {shape}; expected one time, channels, z, y, x")
    labels = [str(channel.get("label", "")) for channel in attributes.get("omero", {}).get("channels", [])]
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
        raise PlaneError("damaged", f"{plate.name}/{path} is no Zarr group: {error}") from error
    return dict(attributes.get("ome", attributes))
