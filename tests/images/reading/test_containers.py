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


def _problems(plate: Path) -> list[tuple[Any, Any, str]]:
    return [(row.get("well"), row.get("site"), row["problem"][1]) for row in zarr_planes(plate) if "problem" in row]


def test_a_well_or_field_of_a_zarr_that_cannot_be_used_costs_itself_alone(tmp_path: Path, plane: Plane) -> None:
    write_plate(tmp_path / "a.zarr", plane, axes="tczxy")
    problems = _problems(tmp_path / "a.zarr")
    assert [found[:2] for found in problems] == [(well, site) for well in ("A01", "B12") for site in (1, 2)]
    assert all("has the axes" in found[2] for found in problems)
    write_plate(tmp_path / "b.zarr", plane)
    group = zarr.open_group(str(tmp_path / "b.zarr"), mode="a")
    listed = ["A/1", "A/2", "B/12", "B/3", "nowhere"]
    group.attrs.update({"ome": {"plate": {"wells": [{"path": path} for path in listed]}}})
    zarr.open_group(str(tmp_path / "b.zarr" / "B" / "3"), mode="w").attrs["well"] = {"images": [{"path": "0"}]}
    zarr.open_group(str(tmp_path / "b.zarr" / "B" / "3" / "0"), mode="w")
    problems = _problems(tmp_path / "b.zarr")
    assert [found[:2] for found in problems] == [("A02", None), ("B03", 1), (None, None)]
    assert "A/2 is not a Zarr group" in problems[0][2]
    assert "no multiscales" in problems[1][2]
    index = index_folder(tmp_path / "b.zarr")
    assert index.sites["well"].to_list() == ["A01", "A01", "B12", "B12"]
    assert [(entry.well, entry.kind) for entry in index.refused] == [
        ("A02", "missing_group"), ("B03", "missing_field"), ("", "no_well"),
    ]  # fmt: skip


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


def test_damaged_containers(tmp_path: Path) -> None:
    for name, find in (("A01.tif", ome_tiff_planes), ("A01.npz", npz_planes)):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(DataError, match=f"{name} (is truncated|cannot be read)"):
            find(tmp_path / name)


def test_time_series_are_refused(tmp_path: Path, plane: Plane) -> None:
    path = tmp_path / "A01.ome.tif"
    tifffile.imwrite(path, np.stack([plane(1), plane(2)]), metadata={"axes": "TYX"}, photometric="minisblack")
    with pytest.raises(DataError, match="axes TYX"):
        ome_tiff_planes(path)


def test_the_plane_map_of_ome_xml_goes_before_the_order_of_pages(tmp_path: Path, plane: Plane) -> None:
    xml = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT"
    Type="uint16" SizeX="40" SizeY="24" SizeC="2" SizeZ="1" SizeT="1"><Channel ID="Channel:0:0" Name="DNA"/><Channel ID="Channel:0:1"
    Name="ER"/>{}</Pixels></Image></OME>"""
    swapped = '<TiffData FirstC="1" IFD="0"/><TiffData FirstC="0" IFD="1"/>'
    stack = np.stack([plane(1), plane(2)])
    tifffile.imwrite(
        tmp_path / "A01.ome.tif", stack, description=xml.format(swapped), photometric="minisblack", metadata=None
    )
    found = ome_tiff_planes(tmp_path / "A01.ome.tif")
    assert [(entry["channel"], entry["key"]) for entry in found] == [("ER", "0"), ("DNA", "1")]
    other = tmp_path / "set"
    other.mkdir()
    parts = "".join(
        f'<TiffData FirstC="{number}" IFD="0"><UUID FileName="A01_part{number}.ome.tif">urn:uuid:{number}</UUID></TiffData>'
        for number in (0, 1)
    )
    only = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><BinaryOnly MetadataFile="A01_part0.ome.tif" UUID="x"/></OME>'
    for number, text in ((0, xml.format(parts)), (1, only)):
        tifffile.imwrite(other / f"A01_part{number}.ome.tif", plane(number), description=text, metadata=None)
    index = index_folder(other)
    assert sorted(index.planes.select("channel", "path").rows()) == [
        ("DNA", "A01_part0.ome.tif"),
        ("ER", "A01_part1.ome.tif"),
    ]
    (other / "A01_part0.ome.tif").unlink()
    with pytest.raises(PlaneError, match="its OME metadata is in A01_part0.ome.tif, which is not beside it"):
        ome_tiff_planes(other / "A01_part1.ome.tif")


def test_two_channels_of_one_name_are_named(tmp_path: Path, plane: Plane) -> None:
    stack = np.stack([plane(1), plane(2)])
    metadata = {"axes": "CYX", "Channel": {"Name": ["FITC", "FITC"]}}
    tifffile.imwrite(tmp_path / "A01.ome.tif", stack, metadata=metadata, photometric="minisblack")
    with pytest.raises(PlaneError, match="the channel name 'FITC' stands twice in its OME metadata"):
        ome_tiff_planes(tmp_path / "A01.ome.tif")


def test_channels_of_npz_may_come_last(tmp_path: Path, plane: Plane) -> None:
    image = np.stack([plane(1), plane(2), plane(3)], axis=-1)
    np.savez(tmp_path / "A01.npz", image=image)
    found = npz_planes(tmp_path / "A01.npz")
    assert [entry["channel"] for entry in found] == ["1", "2", "3"]
    assert all(
        np.array_equal(read_plane(tmp_path / "A01.npz", entry["key"]), plane(number))
        for number, entry in enumerate(found, 1)
    )
    np.savez(tmp_path / "B01.npz", image=image[:3, :3], channels=np.array(["DNA", "ER", "Mito"]))
    with pytest.raises(PlaneError, match="none of its sides is short enough"):
        npz_planes(tmp_path / "B01.npz")
    np.savez(tmp_path / "C01.npz", image=image[None])
    with pytest.raises(PlaneError, match="expected channels and two sides"):
        npz_planes(tmp_path / "C01.npz")
    np.savez(tmp_path / "D01.npz", x=np.arange(3))
    with pytest.raises(PlaneError, match="holds no plane, only x"):
        npz_planes(tmp_path / "D01.npz")


def test_parquet_of_something_else(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    assert list(parquet_planes(tmp_path / "a.parquet")) == []
    (tmp_path / "b.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read as a Parquet file"):
        list(parquet_planes(tmp_path / "b.parquet"))
