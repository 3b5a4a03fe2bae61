from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.how import QUIET
from hooke.core.store import check_store
from hooke.images.reading.ingest import ILLUMINATION, ImageIngestConfig, ingest_images, prepare_folder, read_well
from hooke.images.reading.layouts import index_folder
from hooke.images.reading.metadata import read_metadata, standard_names
from hooke.images.reading.options import FolderOptions
from hooke.images.reading.planes import MissingPackageError
from hooke.images.store import FILES, REJECTED, ImageStore

tifffile = pytest.importorskip("tifffile")
Plane = Callable[..., np.ndarray]
SKIP = ImageIngestConfig(problems="skip_site")


def _image(root: Path, well: str = "r01c01", site: int = 1, channel: int = 1) -> Path:
    return root / "batch1" / "BR1__2020" / "Images" / f"{well}f{site:02d}p01-ch{channel}sk1fk1fl1.tiff"


def _ingest(root: Path, folder: Path, config: ImageIngestConfig = SKIP, **options: Any) -> ImageStore:
    return ingest_images(index_folder(root), folder, config, workers=0, **options)


def _rejected(store: ImageStore) -> list[tuple[str, int, str, str]]:
    return pl.read_parquet(store.folder / REJECTED).select("well", "site", "channel", "kind").rows()


def test_a_whole_screen(phenix: Path, tmp_path: Path, plane: Plane) -> None:
    (tmp_path / "wells.csv").write_text(
        "Metadata_Plate,Metadata_Well,Metadata_Symbol,Metadata_pert_type\nBR1,A01,TP53,trt\nBR1,B12,,negcon\n"
    )
    config = ImageIngestConfig(channels=("3", "1"), channel_names=("Mito", "DNA"), tile=16)
    store = _ingest(phenix, tmp_path / "store", config, metadata=read_metadata(tmp_path / "wells.csv"))
    assert store.channels == ("Mito", "DNA")
    assert store.dtype == np.uint16
    assert store.metadata.select(
        "experiment", "plate", "well", "site", "gene", "control", "height", "width"
    ).rows() == [
        ("batch1", "BR1", "A01", 1, "TP53", "", 24, 40),
        ("batch1", "BR1", "A01", 2, "TP53", "", 24, 40),
        ("batch1", "BR1", "B12", 1, None, "negative", 24, 40),
        ("batch1", "BR1", "B12", 2, None, "negative", 24, 40),
    ]
    assert np.array_equal(store.read([1])[0], np.stack([plane(6), plane(4)]))
    assert store.description["counts"] == {
        "fields": 4, "wells": 2, "refused": 0, "files": 12, "files_used": 8, "files_refused": 0, "files_ignored": 4,
    }  # fmt: skip
    files = pl.read_parquet(store.folder / FILES)
    assert set(files.filter(fate="ignored")["reason"]) == {"its channel was not asked for"}
    assert not store.simulated
    assert check_store(store.folder) == []
    again = _ingest(phenix, tmp_path / "store", config, metadata=read_metadata(tmp_path / "wells.csv"))
    assert again.content_hash == store.content_hash


def test_files_add_up_and_one_bad_field_does_not_stop_the_others(tmp_path: Path, plane: Plane) -> None:
    """Every file below the folder is used, refused or ignored by a named rule; the refused ones stop the reading unless a rule says skip."""
    root = tmp_path / "mixed"
    root.mkdir()
    stack = np.stack([plane(1), plane(2)])
    names = {"axes": "CYX", "Channel": {"Name": ["DNA", "ER"]}}
    for well in ("A01", "A02"):
        tifffile.imwrite(root / f"{well}_s1.ome.tif", stack, metadata=names, photometric="minisblack")
    tifffile.imwrite(
        root / "B01_s1.ome.tif", np.stack([stack[0]] * 4), metadata={"axes": "TYX"}, photometric="minisblack"
    )
    np.savez(root / "B02_s1.npz", image=np.stack([plane(3), plane(4)], axis=-1), channels=np.array(["DNA", "ER"]))
    (root / "C01_s1.ome.tif").write_bytes(b"no TIFF")
    (root / "C02_s1.czi").write_bytes(b"ZISRAW")
    (root / ".DS_Store").write_bytes(b"x")
    (root / "readme.txt").write_text("x")
    with pytest.raises(DataError, match="problems=skip_site"):
        _ingest(root, tmp_path / "strict", ImageIngestConfig())
    store = _ingest(root, tmp_path / "store")
    assert store.metadata["well"].to_list() == ["A01", "A02", "B02"]
    assert np.array_equal(store.read([2])[0], np.stack([plane(3), plane(4)]))
    files = pl.read_parquet(store.folder / FILES)
    assert dict(files.select("path", "fate").rows()) == {
        ".DS_Store": "ignored", "A01_s1.ome.tif": "used", "A02_s1.ome.tif": "used", "B01_s1.ome.tif": "refused", "B02_s1.npz": "used",
        "C01_s1.ome.tif": "refused", "C02_s1.czi": "refused", "readme.txt": "ignored",
    }  # fmt: skip
    assert files.filter(pl.col("fate") != "used")["reason"].str.len_chars().min() > 0
    counts = store.description["counts"]
    assert counts["files"] == len([path for path in root.rglob("*") if path.is_file()])
    assert counts["files"] == counts["files_used"] + counts["files_refused"] + counts["files_ignored"]
    assert store.description["ignored"] == {"hidden": 1, "no image": 1}


def test_two_files_of_one_plane_are_both_named(tmp_path: Path, plane: Plane) -> None:
    for name in ("a/P_A01_s1_w1.tif", "b/P_A01_s1_w1.tif"):
        (tmp_path / "x" / name).parent.mkdir(parents=True)
        tifffile.imwrite(tmp_path / "x" / name, plane(1))
    with pytest.raises(
        DataError, match=r"two files hold this plane: a/P_A01_s1_w1.tif and b/P_A01_s1_w1.tif"
    ) as caught:
        pattern = r"(a|b)/(?P<plate>P)_(?P<well>A\d+)_s(?P<site>\d)_w(?P<channel>\d).tif"
        ingest_images(index_folder(tmp_path / "x", "pattern", pattern=pattern), tmp_path / "store", SKIP, workers=0)
    assert "the same plate, well, site and channel" in str(caught.value)


def _truncate(root: Path, _: Plane) -> None:
    path = _image(root)
    os.truncate(path, path.stat().st_size // 2)


def _remove(root: Path, _: Plane) -> None:
    _image(root).unlink()


def _eight_bit(root: Path, plane: Plane) -> None:
    tifffile.imwrite(_image(root), plane(1, "uint8"))


def _black(root: Path, plane: Plane) -> None:
    tifffile.imwrite(_image(root), np.zeros_like(plane(1)))


def _smaller(root: Path, plane: Plane) -> None:
    tifffile.imwrite(_image(root, channel=2), plane(1, shape=(24, 39)))


def _twice(root: Path, plane: Plane) -> None:
    tifffile.imwrite(_image(root).with_name("r01c01f01p01-ch1sk1fk1fl2.tiff"), plane(9))


FAULTS = [
    (_truncate, "1", "damaged", "is truncated"),
    (_remove, "1", "missing_channel", "no image of channel 1"),
    (_eight_bit, "1", "wrong_dtype", "uint8 pixels in a screen of uint16"),
    (_black, "1", "blank", "every pixel is 0"),
    (_smaller, "2", "wrong_shape", "24 x 39 pixels, other channels of the field have 24 x 40"),
    (_twice, "1", "duplicate", "two files hold this plane"),
]


@pytest.mark.parametrize(("spoil", "channel", "kind", "reason"), FAULTS, ids=[fault[2] for fault in FAULTS])
def test_every_fault_is_reported_by_well_and_skipped_only_by_rule(
    phenix: Path, tmp_path: Path, plane: Plane, spoil: Callable[..., None], channel: str, kind: str, reason: str
) -> None:
    spoil(phenix, plane)
    with pytest.raises(DataError, match=rf"1 x {kind}\): batch1/BR1/A01.*site 1 {channel}: .*{reason}"):
        _ingest(phenix, tmp_path / "store", ImageIngestConfig())
    store = _ingest(phenix, tmp_path / "store")
    assert _rejected(store) == [("A01", 1, channel, kind)]
    assert len(store) == 3
    by_well = _ingest(phenix, tmp_path / "by_well", ImageIngestConfig(problems="skip_well"))
    assert by_well.metadata["well"].to_list() == ["B12", "B12"]
    assert _rejected(by_well) == [("A01", 1, channel, kind), ("A01", 2, "", "well")]


def test_black_fields_may_be_kept(phenix: Path, tmp_path: Path, plane: Plane) -> None:
    _black(phenix, plane)
    store = _ingest(phenix, tmp_path / "store", ImageIngestConfig(blank="keep"))
    assert store.read([0], ["1"]).max() == 0


def test_disagreements_with_the_table(phenix: Path, tmp_path: Path) -> None:
    table = standard_names(
        pl.DataFrame({"plate": "BR1", "well": ["A01", "C05", "B12", "B12"], "gene": ["TP53", "ATM", "X", "Y"]})
    )
    with pytest.raises(DataError, match=r"2 problems in 2 wells \(1 x duplicate, 1 x no_images\)"):
        _ingest(phenix, tmp_path / "store", ImageIngestConfig(), metadata=table)
    store = _ingest(phenix, tmp_path / "store", metadata=table)
    assert store.metadata["well"].to_list() == ["A01", "A01"]
    assert _rejected(store) == [("B12", None, "", "duplicate"), ("C05", None, "", "no_images")]
    with pytest.raises(DataError, match="no field .* has a row"):
        _ingest(phenix, tmp_path / "other", metadata=standard_names(pl.DataFrame({"plate": ["BR2"], "well": ["A01"]})))


def test_what_the_names_do_not_say_the_table_does(phenix: Path, tmp_path: Path, plane: Plane) -> None:
    table = pl.DataFrame(
        {"experiment": ["e1", "e2"], "plate": ["BR1", "BR1"], "well": ["A01", "B12"], "control": ["negcon", ""]}
    )
    folder = phenix / "batch1" / "BR1__2020"
    store = ingest_images(
        index_folder(folder), tmp_path / "store", ImageIngestConfig(illumination="plate"),
        metadata=standard_names(table), workers=0,
    )  # fmt: skip
    assert store.batches == ("e1", "e2")
    assert store.metadata["experiment"].to_list() == ["e1", "e1", "e2", "e2"]
    raw = ingest_images(index_folder(folder), tmp_path / "raw", metadata=standard_names(table), workers=0)
    assert np.array_equal(raw.read([2], ["1"])[0, 0], plane(7))
    assert raw.batch_index.tolist() == [0, 0, 1, 1]


def test_a_missing_package_is_no_fault_of_the_files(
    phenix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_codec(path: Path, key: str) -> np.ndarray:
        raise MissingPackageError("reading a.tiff (LZW compression)", "imagecodecs")

    monkeypatch.setattr("hooke.images.reading.ingest.read_plane", no_codec)
    with pytest.raises(MissingPackageError, match=r'LZW.*pip install "hooke-bio\[images\]"'):
        _ingest(phenix, tmp_path / "store")


def test_the_type_of_most_planes_is_taken(phenix: Path, tmp_path: Path, plane: Plane) -> None:
    for path in phenix.rglob("*.tiff"):
        tifffile.imwrite(path, plane(1, "uint8"))
    _truncate(phenix, plane)
    assert _ingest(phenix, tmp_path / "store").dtype == np.uint8
    with pytest.raises(DataError, match="nothing is left"):
        _ingest(phenix, tmp_path / "other", ImageIngestConfig(dtype="uint16", problems="skip_site"))
    for path in phenix.rglob("*.tiff"):
        path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="x damaged"):
        _ingest(phenix, tmp_path / "third")


def test_downsampling_and_illumination(phenix: Path, tmp_path: Path) -> None:
    light = np.linspace(0.5, 1.5, 40)
    for number, path in enumerate(sorted(phenix.rglob("*.tiff"))):
        cells = np.random.default_rng(number).uniform(2000, 3000, (24, 40))
        tifffile.imwrite(path, (cells * light).astype(np.uint16))
    raw = _ingest(phenix, tmp_path / "raw", ImageIngestConfig(downsample=2))
    assert raw.sizes.tolist() == [[12, 20]] * 4
    config = ImageIngestConfig(illumination="plate")
    store = _ingest(phenix, tmp_path / "store", config)
    profile = store.read(range(4)).mean(axis=(0, 1, 2))
    before = raw.read(range(4)).mean(axis=(0, 1, 2))
    assert profile.std() / profile.mean() < 0.6 * before.std() / before.mean()
    assert (store.folder / ILLUMINATION).exists()
    assert _ingest(phenix, tmp_path / "store", config).content_hash == store.content_hash
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", "screen", "store"]
    os.truncate(_image(phenix, channel=2), 100)
    skipping = ImageIngestConfig(illumination="plate", problems="skip_site")
    assert len(_ingest(phenix, tmp_path / "other", skipping)) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel_names": ("DNA",)}, "as many names as channels"),
        ({"channels": ("1", "1")}, "must not repeat"),
        ({"problems": "skip_sites"}, "Did you mean 'skip_site'"),
        ({"downsample": 0}, "at least 1"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises((UsageError, UnknownNameError), match=message):
        ImageIngestConfig(**options)


def test_unknown_channel(phenix: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown channel"):
        _ingest(phenix, tmp_path / "store", ImageIngestConfig(channels=("DNA",)))


def test_worker_is_a_plain_function() -> None:
    assert read_well.__module__ == "hooke.images.reading.ingest"


@pytest.mark.mirror
def test_the_real_site_with_each_fault(mirror: Path, tmp_path: Path) -> None:
    real = mirror / "microscopy" / "cytodataframe" / "pediatric_cancer_atlas_profiling" / "images" / "orig"
    store = ingest_images(index_folder(real), tmp_path / "whole", workers=0)
    assert store.sizes.tolist() == [[1080, 1080]]
    assert len(store.channels) == 6
    original = tifffile.imread(real / "r03c03f03p01-ch5sk1fk1fl1.tiff")
    assert np.array_equal(
        store.read_crops([0], np.array([300]), np.array([500]), (256, 256), ["5"])[0, 0], original[300:556, 500:756]
    )
    compressed = sum(path.stat().st_size for path in store.folder.rglob("*.bin"))
    assert compressed < 0.65 * 6 * original.nbytes
    for channel, kind in ((2, "damaged"), (4, "blank")):
        copy = tmp_path / kind
        copy.mkdir()
        for path in real.glob("*.tiff"):
            (copy / path.name).write_bytes(path.read_bytes())
        target = copy / f"r03c03f03p01-ch{channel}sk1fk1fl1.tiff"
        if kind == "damaged":
            os.truncate(target, 700_000)
        else:
            tifffile.imwrite(target, np.zeros((1080, 1080), np.uint16), compression="lzw")
        with pytest.raises(DataError, match=f"1 x {kind}"):
            ingest_images(index_folder(copy), tmp_path / f"store-{kind}", workers=0)


def test_the_same_folder_is_read_once_and_another_option_makes_another_store(phenix: Path, tmp_path: Path) -> None:
    (tmp_path / "wells.csv").write_text("Position,gene\nA01,TP53\nB12,ATM\n")
    options = FolderOptions(path=str(phenix), metadata=str(tmp_path / "wells.csv"), rename={"Position": "well"})
    store = prepare_folder(options, tmp_path / "stores", QUIET, name="mine")
    assert store.metadata["gene"].to_list() == ["TP53", "TP53", "ATM", "ATM"]
    again = prepare_folder(options, tmp_path / "stores", QUIET, name="mine")
    assert again.folder == store.folder
    other = prepare_folder(FolderOptions(path=str(phenix), channels=("1",)), tmp_path / "stores", QUIET, name="mine")
    assert other.folder != store.folder
    assert store.folder.name.startswith("mine-")
    repaired = next(phenix.rglob("*.tiff"))
    os.utime(repaired, ns=(0, repaired.stat().st_mtime_ns + 1))  # written anew, and as long as before
    third = prepare_folder(options, tmp_path / "stores", QUIET, name="mine")
    assert third.folder != store.folder
    assert third.content_hash == store.content_hash
    with pytest.raises(UsageError, match="path=FOLDER"):
        prepare_folder(FolderOptions(), tmp_path, name="mine")


def test_what_an_earlier_attempt_left_is_removed_once_all_is_well(phenix: Path, tmp_path: Path) -> None:
    options = FolderOptions(path=str(phenix))
    broken = next(phenix.rglob("*.tiff"))
    whole = broken.read_bytes()
    broken.write_bytes(whole[:400])
    with pytest.raises(DataError, match="1 x damaged"):
        prepare_folder(options, tmp_path / "stores", QUIET, name="mine")
    assert sorted(path.suffix for path in (tmp_path / "stores").iterdir()) == [".parquet", ".partial"]
    broken.write_bytes(whole)
    store = prepare_folder(options, tmp_path / "stores", QUIET, name="mine")
    assert list((tmp_path / "stores").iterdir()) == [store.folder]
