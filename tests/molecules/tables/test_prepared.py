"""The same bytes and options are prepared once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from hooke.core.errors import DataError
from hooke.core.how import QUIET, How
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.tables.prepared import prepare_table, store_folder
from hooke.molecules.tables.twins import write_twin_table


@dataclass(frozen=True)
class Options:
    targets: tuple[str, ...] = ("log_p",)


def test_found_again_by_content(tmp_path: Path) -> None:
    table = write_twin_table(tmp_path / "t.csv", seed=0, rows=12)
    first = prepare_table(table, tmp_path / "stores", Options(), QUIET)
    stamp = (first.folder / "manifest-000001.json").stat().st_mtime_ns
    copy = tmp_path / "elsewhere" / "t.csv"
    copy.parent.mkdir()
    copy.write_bytes(table.read_bytes())
    again = prepare_table(copy, tmp_path / "stores", Options(), QUIET)
    assert again.folder == first.folder
    assert (again.folder / "manifest-000001.json").stat().st_mtime_ns == stamp
    encoded = prepare_table(
        table, tmp_path / "stores", Options(), How(0, False, {"encodings": EncodingConfig(random_walk=2)})
    )
    assert encoded.folder != first.folder
    table.write_text(table.read_text() + "CCCCCCCC,1,0\n")
    changed = prepare_table(table, tmp_path / "stores", Options(), QUIET)
    assert len(changed) == len(first) + 1


def test_missing_file_and_names(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        prepare_table(tmp_path / "none.csv", tmp_path, Options())
    assert store_folder(tmp_path, "x", [1]) == store_folder(tmp_path, "x", [1]) != store_folder(tmp_path, "x", [2])
