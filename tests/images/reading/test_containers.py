from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.images.reading.containers import npz_planes, ome_tiff_planes, parquet_planes, zarr_planes
from hooke.images.reading.layouts import index_folder
from hooke.images.reading.planes import PlaneError, read_plane

Plane = Callable[..., np.ndarray]
zarr = pytest.importorskip("zarr")
tifffile = pytest.importorskip("tifffile")


def write_plate(plate: Path, plane: Plane, version: str = "0.5", axes: str = "tczyx") -> None:
    """Two wells with two fields of two channels."""

    def attributes(path: str, content: dict[str, Any]) -> None:
        group = zarr.open_group(str(plate / path), mode="a", zarr_format=3 if version == "0.5" else 2)
        group.attrs.update({"ome": content} if version == "0.5" else content)

    wells = ["A/1", "B/12"]
    attributes("", {"plate": {"wells": [{"path": path} for path in wells]}})
    seed = 0
    for well in wells:
        attributes(well, {"well": {"images": [{"path": "0"}, {"path": "1"}]}})
        for site in ("0", "1"):
            scales = [{"axes": [{"name": axis} for axis in axes], "datasets": [{"path": "0"}]}]
            labels = {"channels": [{"label": "DNA"}, {"label": "ER"}]}
            attributes(f"{well}/{site}", {"multiscales": scales, "omero": labels})
            shape = (1, 2, 1, 24, 40)
            array = zarr.create_array(
                str(plate / well / site / "0"), shape=shape, dtype="uint16", zarr_format=3 if version == "0.5" else 2
            )
            for channel in range(2):
                seed += 1
                array[0, channel, 0] = plane(seed)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_zarr_plates(tmp_path: Path, plane: Plane, version: str) -> None:
    write_plate(tmp_path / "batch" / "P1.ome.zarr", plane, version)
    index = index_folder(tmp_path)
    assert (index.layout, index.channels) == ("ome_zarr", ("DNA", "ER"))
    assert index.sites.rows() == [("batch", "P1", well, site) for well in ("A01", "B12") for site in (1, 2)]
    for number, row in enumerate(index.planes.iter_rows(named=True), start=1):
        assert np.array_equal(read_plane(tmp_path / row["path"], row["key"]), plane(number))
    alone = index_folder(tmp_path / "batch" / "P1.ome.zarr")
    assert alone.planes.height == 8


def test_zarr_without_plate_metadata(tmp_path: Path) -> None:
    zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    with pytest.raises(DataError, match="no plate metadata"):
        list(zarr_planes(tmp_path / "a.zarr"))


def test_zarr_with_missing_well_or_strange_axes(tmp_path: Path, plane: Plane) -> None:
    write_plate(tmp_path / "a.zarr", plane, axes="tczxy")
    with pytest.raises(DataError, match="has the axes"):
        list(zarr_planes(tmp_path / "a.zarr"))
    group = zarr.open_group(str(tmp_path / "b.zarr"), mode="w")
    group.attrs["plate"] = {"wells": [{"path": "A/1"}]}
    with pytest.raises(PlaneError, match="A/1 is no Zarr group"):
        list(zarr_planes(tmp_path / "b.zarr"))
    zarr.open_group(str(tmp_path / "b.zarr" / "A" / "1"), mode="w").attrs["well"] = {"images": [{"path": "0"}]}
    zarr.open_group(str(tmp_path / "b.zarr" / "A" / "1" / "0"), mode="w")
    with pytest.raises(DataError, match="no multiscales"):
        list(zarr_planes(tmp_path / "b.zarr"))


def test_zarr_field_without_its_array_is_found_when_read(tmp_path: Path, plane: Plane) -> None:
    write_plate(tmp_path / "a.zarr", plane)
    metadata = tmp_path / "a.zarr" / "A" / "1" / "0" / "0" / "zarr.json"
    metadata.write_text(json.dumps({"zarr_format": 3}))
    planes = list(zarr_planes(tmp_path / "a.zarr"))
    with pytest.raises(PlaneError, match="a.zarr cannot be read"):
        read_plane(tmp_path / "a.zarr", planes[0]["key"])


def test_tiff_channels_without_names_are_numbered(tmp_path: Path, plane: Plane) -> None:
    tifffile.imwrite(tmp_path / "A01.tif", np.stack([plane(1), plane(2)]), photometric="minisblack")
    assert [entry["channel"] for entry in ome_tiff_planes(tmp_path / "A01.tif")] == ["1", "2"]


def test_damaged_containers_are_left_to_the_reader(tmp_path: Path) -> None:
    for name, find in (("A01.tif", ome_tiff_planes), ("A01.npz", npz_planes)):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        [entry] = find(tmp_path / name)
        with pytest.raises(PlaneError):
            read_plane(tmp_path / name, entry["key"])


def test_time_series_are_refused(tmp_path: Path, plane: Plane) -> None:
    path = tmp_path / "A01.ome.tif"
    tifffile.imwrite(path, np.stack([plane(1), plane(2)]), metadata={"axes": "TYX"}, photometric="minisblack")
    with pytest.raises(DataError, match="axes TYX"):
        ome_tiff_planes(path)


def test_parquet_of_something_else(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    assert list(parquet_planes(tmp_path / "a.parquet")) == []
    (tmp_path / "b.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read as a Parquet file"):
        list(parquet_planes(tmp_path / "b.parquet"))
