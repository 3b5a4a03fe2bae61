"""`hooke.label` and `hooke.label_atoms`."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import hooke
from hooke.core.errors import UsageError

pytest.importorskip("tblite")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))


def test_a_store_and_a_file_of_frames(tmp_path: Path) -> None:
    (tmp_path / "f.xyz").write_text("2\nmy_energy=3\nH 0 0 0\nH 0 0 0.75\n")
    quiet = {"method": "gfn2", "workers": 0, "show_progress": False}
    hooke.label(tmp_path / "f.xyz", tmp_path / "a.parquet", **quiet)  # energies of the file are not asked about
    stores = [path for path in (tmp_path / "cache" / "stores").iterdir() if path.is_dir()]
    hooke.label(stores[0], tmp_path / "b.parquet", **quiet)
    first, second = (pl.read_parquet(tmp_path / name) for name in ("a.parquet", "b.parquet"))
    assert first.equals(second)
    with pytest.raises(UsageError, match="takes no options"):
        hooke.label(stores[0], tmp_path / "c.parquet", data=["parts=a"], **quiet)


def test_the_output_is_not_the_source(tmp_path: Path) -> None:
    (tmp_path / "f.extxyz").write_text("1\n\nH 0 0 0\n")
    with pytest.raises(UsageError, match="is also an input"):
        hooke.label(tmp_path / "f.extxyz", tmp_path / "f.extxyz", method="gfn2")
    (tmp_path / "f.extxyz.parquet").write_bytes(b"")
    with pytest.raises(UsageError, match="is also an input"):
        hooke.label(tmp_path / "f.extxyz.parquet", tmp_path / "f.extxyz", method="gfn2")


@pytest.mark.mirror
def test_a_data_set_by_name(tmp_path: Path) -> None:
    report = hooke.label(
        "acac", tmp_path / "l.parquet", method="gfn2", data=["parts=test_dihedral"], workers=0, show_progress=False
    )
    assert report.rows == report.done == 45
    rows = pl.read_parquet(tmp_path / "l.parquet")
    assert rows["name"].unique().to_list() == ["C5H8O2"]
    assert rows["subset"].unique().to_list() == ["test_dihedral"]


def test_isolated_atoms_as_text() -> None:
    atoms = hooke.label_atoms("gfn2", "H,He", workers=0, show_progress=False)
    assert [atom.element for atom in atoms] == ["H", "He"]
