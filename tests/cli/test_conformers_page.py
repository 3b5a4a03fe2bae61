"""docs/conformers.md: its commands and its Python run."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom
from tests.cli.conftest import run_page

PAGE = (Path(__file__).parents[2] / "docs" / "conformers.md").read_text(encoding="utf-8")


def test_the_page(hooke) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("tblite")
    Path("drugs.csv").write_text("name,smiles\na,CCO\nb,C[C@H](O)C(=O)NC\nc,CO\nd,CN\n")
    with Chem.SDWriter("crystal.sdf") as writer:
        for smiles in ("CCO", "C[C@H](O)C(=O)NC"):
            molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
            rdDistGeom.EmbedMolecule(molecule, randomSeed=1)
            writer.write(molecule)
    for outcome in run_page(hooke, PAGE):
        assert outcome.err == ""
    columns = pl.read_parquet("conformers.sdf.parquet").columns
    assert {name for name in columns if f"`{name}`" not in PAGE} <= {
        "z",
        "pos",
        "charge",
        "multiplicity",
        "name_input",
        "smiles_input",
    }
