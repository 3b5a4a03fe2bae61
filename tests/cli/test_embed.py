"""`hooke embed`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

SMALL = ("model.width=16", "model.depth=2", "train.epochs=1", "train.ensemble=1", "train.threads=1")


def test_embed(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "1").code == 0
    Path("new.smi").write_text("CCO a\nC( b\nC c\n")
    found = hooke("embed", "runs/csv", "new.smi", "-o", "out.parquet", "--workers", "1")
    assert found.code == 0, found.err
    rows = pl.read_parquet("out.parquet")
    assert len(rows) == 3
    assert rows["embedding"].is_null().to_list() == [False, True, False]
    assert len(rows["embedding"][0]) == 16
    assert (
        json.loads(hooke("embed", "runs/csv", "new.smi", "-o", "b.parquet", "--json", "--workers", "1").out)["rows"]
        == 3
    )


def test_an_unknown_encoder_and_weights_of_a_run_are_refused(hooke, image_run: Path) -> None:  # type: ignore[no-untyped-def]
    found = hooke("embed", "minimoll", "new.smi", "-o", "out.parquet")
    assert found.code == 3
    assert "published weights 'minimol'" in found.err
    assert hooke("embed", "minimol", "new.smi", "-o", "out.parquet", "--weights", "none.whl").code == 3
    assert "block is no option" in hooke("embed", "minimol", "new.smi", "-o", "out.parquet", "--block", "1").err


def test_wells_of_images(hooke, image_run: Path, screen) -> None:  # type: ignore[no-untyped-def]
    found = hooke("embed", image_run, screen.folder, "-o", "w.parquet", "--grid", "1x1", "--crop", "16", "--block", "1")
    assert found.code == 0, found.err
    assert "hooke map correct" in found.out
    assert "gene" in pl.read_parquet("w.parquet").columns
    small = ("size=32", "tile=32", "modules=1", "lone_genes=0", "experiments=1", "controls=2", "sites=1")
    prepared = hooke("embed", image_run, "screen", *small, "-o", "x.parquet", "--channels", "DNA, ER", "--json")
    assert json.loads(prepared.out)["channels"] == ["DNA", "ER"]


def test_options_of_the_other_domain_are_refused(hooke, image_run: Path, screen) -> None:  # type: ignore[no-untyped-def]
    for arguments, message in (
        (("--smiles", "s"), "smiles_column is no option for a run on images"),
        (("--weights", "some.whl"), "only published weights (minimol, openphenom) take a weights file"),
        (("--grid", "2by2"), "--grid has the form"),
        (("seed=3",), "prepared already"),
    ):
        found = hooke("embed", image_run, screen.folder, *arguments, "-o", "w.parquet")
        assert found.code == 2
        assert message in found.err
    assert "is a data set of molecules" in hooke("embed", image_run, "pocketmix", "-o", "w.parquet").err


CHANNELS, WELLS = (1, 2, 3), (1, 2, 3, 4, 5, 6)
KILLED = """
import os, signal
from hooke.core import files
from hooke.modalities import images
from hooke.cli.main import run
images.PART_WELLS = 4
def die(step, path):
    if (step, path.name) == ("place", "part-000002.parquet"):
        os.kill(os.getpid(), signal.SIGKILL)
files.watchers.append(die)
run()
"""


def _plane(experiment: str, well: int, site: int = 1, channel: int = 1) -> Path:
    return Path(
        "plates", experiment, f"P{experiment}", "Images", f"r01c{well:02d}f{site:02d}p01-ch{channel}sk1fk1fl1.tiff"
    )


def _write_plates() -> None:
    """Two plates of 6 wells, each with 2 fields of 3 channels, and their table; one channel is compressed by LZW."""
    tifffile = pytest.importorskip("tifffile")
    rows = ["experiment,plate,well,gene,control"]
    seed = 0
    for experiment in ("one", "two"):
        for well in WELLS:
            rows.append(
                f"{experiment},P{experiment},A{well:02d},{'' if well == 6 else f'G{well}'},{'negcon' * (well == 6)}"
            )
            for site in (1, 2):
                for channel in CHANNELS:
                    seed += 1
                    path = _plane(experiment, well, site, channel)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    pixels = np.random.default_rng(seed).integers(100, 4000, (32, 32), dtype=np.uint16)
                    tifffile.imwrite(path, pixels, compression="lzw" if channel == 2 else None)
    Path("wells.csv").write_text("\n".join(rows) + "\n")


def _spoil_plates() -> None:
    """Every fault once, each in a well of its own."""
    import tifffile

    os.truncate(_plane("one", 1), 900)
    _plane("one", 2).unlink()
    tifffile.imwrite(_plane("one", 3), np.ones((32, 32), np.uint8))
    tifffile.imwrite(_plane("one", 4), np.zeros((32, 32), np.uint16))  # as many bytes as the true plane
    tifffile.imwrite(_plane("one", 5).with_name("r01c05f01p01-ch1sk1fk1fl2.tiff"), np.ones((32, 32), np.uint16))
    with open("wells.csv", "a") as file:
        file.write("two,Ptwo,A01,OTHER,\ntwo,Ptwo,H12,G9,\n")


def test_plates_with_every_fault_end_in_all_wells_after_repair(  # type: ignore[no-untyped-def]
    hooke, image_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hooke.modalities.images.PART_WELLS", 4)
    embed = ("embed", image_run, "image_folder", "path=plates", "metadata=wells.csv", "--workers", "0", "--crop", "16")
    _write_plates()
    assert hooke(*embed, "-o", "expected.parquet").code == 0
    _spoil_plates()
    stopped = hooke(*embed, "-o", "wells.parquet")
    assert stopped.code == 3
    assert "7 problems in 7 wells" in stopped.err
    for kind in ("damaged", "missing_channel", "wrong_dtype", "blank", "2 x duplicate", "no_images"):
        assert kind in stopped.err
    assert "problems=skip_site" in stopped.err
    assert not Path("wells.parquet").exists()

    skipped = hooke(*embed, "problems=skip_site", "-o", "some.parquet")
    assert skipped.code == 0
    assert "11 wells: 11 done, 0 rejected" in skipped.out
    assert "fields 17" in skipped.out
    rejected = pl.read_parquet(skipped.out.split("left out for 7 problems: ")[1].split("\n")[0])
    assert sorted(set(rejected["well"])) == ["A01", "A02", "A03", "A04", "A05", "H12"]

    _plane("one", 5).with_name("r01c05f01p01-ch1sk1fk1fl2.tiff").unlink()
    _write_plates()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED, *map(str, embed), "-o", "wells.parquet"]
    killed = subprocess.run(command, env=environment, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not Path("wells.parquet").exists()
    again = hooke(*embed, "-o", "wells.parquet", "--json")
    assert again.code == 0, again.err
    report = json.loads(again.out)
    assert (report["rows"], report["fields"], report["resumed_rows"], report["left_out"]) == (12, 24, 8, "")
    assert not Path("wells.parquet.parts").exists()
    found, expected = pl.read_parquet("wells.parquet"), pl.read_parquet("expected.parquet")
    assert found.drop("embedding").equals(expected.drop("embedding"))
    assert np.allclose(found["embedding"].to_numpy(), expected["embedding"].to_numpy(), atol=1e-6)


def test_lzw_without_a_codec_names_the_package(hooke, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    _write_plates()
    prepare = (
        "data",
        "prepare",
        "image_folder",
        "path=plates",
        "metadata=wells.csv",
        "problems=skip_site",
        "--workers",
        "0",
    )
    with monkeypatch.context() as patch:
        patch.setattr("hooke.images.reading.planes._read_with_pillow", _no_codec)
        import tifffile

        patch.setattr(tifffile.TiffPage, "asarray", _needs_imagecodecs)
        found = hooke(*prepare)
    assert found.code == 3
    assert 'pip install "hooke-bio[images]"' in found.err
    assert "imagecodecs" in found.err
    assert json.loads(hooke(*prepare, "--json").out)["fields"] == 24


def _needs_imagecodecs(page: object) -> np.ndarray:
    raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")


def _no_codec(data: bytes, name: str, page: int, what: str, package: str = "imagecodecs") -> np.ndarray:
    from hooke.images.reading.planes import MissingPackageError

    raise MissingPackageError(f"reading {what}", package)
