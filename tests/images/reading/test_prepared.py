from __future__ import annotations

import os
from pathlib import Path

import pytest

from hooke.core.errors import DataError, UsageError
from hooke.core.how import QUIET
from hooke.images.reading.options import FolderOptions
from hooke.images.reading.prepared import prepare_folder


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
