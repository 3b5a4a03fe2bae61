"""`hooke label`."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("tblite")
FRAMES = "3\ncharge=0\nO 0 0 0\nH 0 0 0.96\nH 0.93 0 -0.24\n2\ncharge=-1\nO 0 0 0\nH 0 0 0.96\n1\n\nxx\n"


def test_molecules(hooke) -> None:  # type: ignore[no-untyped-def]
    Path("m.smi").write_text("CCO a\nC( b\n")
    found = hooke("label", "m.smi", "--method", "gfn2", "--conformers", "2", "-o", "l.parquet", "--workers", "1")
    assert found.code == 0, found.err
    assert "4 frames: 2 done, 2 rejected, written to l.parquet" in found.out
    assert "hooke data prepare frames path=l.parquet" in found.out
    prepared = hooke("data", "prepare", "frames", "path=l.parquet")
    assert prepared.code == 0, prepared.err
    assert "total, eV" in prepared.out
    again = json.loads(
        hooke("label", "m.smi", "--method", "gfn2", "--conformers", "2", "-o", "l.parquet", "--json").out
    )
    assert (again["rows"], again["done"], again["resumed_rows"], again["method"]) == (4, 2, 4, "gfn2")


def test_frames_of_a_file(hooke) -> None:  # type: ignore[no-untyped-def]
    Path("f.xyz").write_text(FRAMES)
    found = hooke("label", "f.xyz", "--method", "gfn1", "-o", "l.extxyz", "--workers", "1")
    assert found.code == 0, found.err
    assert "3 frames: 2 done, 1 rejected, written to l.extxyz" in found.out
    assert Path("l.extxyz").read_text().count(' methods="gfn1"') == 2
    rows = pl.read_parquet("l.extxyz.parquet")
    assert rows["charge"].to_list() == [0, -1, None]
    assert rows["reason"][2] == "atom 1 has 1 columns, plain XYZ has 4"
    asked = hooke("label", "f.xyz", "charge_key=charg", "--method", "gfn1", "-o", "m.parquet", "--workers", "1")
    assert pl.read_parquet("m.parquet")["charge"].to_list() == [0, None, None], asked.err


def test_isolated_atoms(hooke) -> None:  # type: ignore[no-untyped-def]
    found = hooke("label", "--atoms", "--method", "gfn2", "--elements", "H, O", "-o", "a.extxyz", "--workers", "1")
    assert found.code == 0, found.err
    assert found.out.split("\n")[2].split()[:3] == ["H", "2", "-10.7072"]
    assert 'energy_unit="eV"' in Path("a.extxyz").read_text()
    told = json.loads(hooke("label", "--atoms", "--method", "gfn2", "--elements", "H", "--json").out)
    assert told["atoms"][0]["element"] == "H"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("m.smi", "-o", "l.parquet"), 2, "--method is missing"),
        (("m.smi", "--method", "gfn2"), 2, "--output is missing"),
        (("--method", "gfn2", "-o", "l.parquet"), 2, "name what to label"),
        (("m.smi", "--method", "gfn2", "-o", "l.csv"), 2, "the output must end in .parquet or .extxyz"),
        (("m.smi", "--method", "gfn4", "-o", "l.parquet"), 2, "Did you mean 'gfn"),
        (("m.smi", "--method", "pbe/def2-svp", "-o", "l.parquet"), 2, "pyscf:pbe/def2-svp"),
        (("m.smi", "--method", "gfn2", "--grid", "1", "-o", "l.parquet"), 2, "belong to pyscf"),
        (
            ("m.smi", "unit=eV", "--method", "gfn2", "-o", "l.parquet"),
            2,
            "is a table of molecules and takes no options",
        ),
        (("none.smi", "--method", "gfn2", "-o", "l.parquet"), 3, "there is no file or data set 'none.smi'"),
        (("pocketmix", "--method", "gfn2", "-o", "l.parquet"), 2, "is a data set of molecules"),
        (("m.smi", "--method", "gfn2", "--elements", "H", "-o", "l.parquet"), 2, "--elements belongs to --atoms"),
        (("m.smi", "--atoms", "--method", "gfn2"), 2, "--atoms takes no source"),
        (("--atoms", "--method", "gfn2", "--charge", "1"), 2, "--charge belongs to frames"),
        (("--atoms", "--method", "gfn2", "-o", "a.csv"), 2, "must end in .extxyz"),
        (("f.sdf", "--method", "gfn2", "-o", "l.parquet"), 3, "--conformers"),
    ],
)
def test_refusals_are_one_line(hooke, arguments, code, message) -> None:  # type: ignore[no-untyped-def]
    from rdkit import Chem
    from rdkit.Chem import rdDepictor

    Path("m.smi").write_text("C a\n")
    flat = Chem.MolFromSmiles("CCO")
    rdDepictor.Compute2DCoords(flat)
    Path("f.sdf").write_text(Chem.MolToMolBlock(flat) + "$$$$\n")
    found = hooke("label", *arguments)
    assert (found.code, message in found.err) == (code, True), found.err
    assert found.err.startswith("hooke: ")
    assert found.err.count("\n") == 1
