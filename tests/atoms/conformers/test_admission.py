"""Which molecules are refused, and in which words."""

from __future__ import annotations

import pytest
from rdkit import Chem

from hooke.atoms.conformers.admission import refusal, undefined_stereo


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("CCO", ""),
        ("[He]", ""),
        ("C[NH3+].[Cl-]", ""),
        ("CC(=O)[O-].[Na+]", ""),
        ("OB(O)c1ccccc1", ""),
        ("C[Zn]C", "it has a metal with bonds: Zn2"),
        ("C[CH]C", "it is a radical: C2 has unpaired electrons"),
        ("*C", "it has an atom of no element"),
        ("CC(O)CN", "its stereo is undefined at C2"),
        ("CC=CC", "its stereo is undefined at C2=C3"),
        ("C[C@H](O)C=CC(F)Cl", "its stereo is undefined at C6, C4=C5"),
        ("N=C(N)c1ccccc1", ""),
        ("CN=[N+]=[N-]", ""),
        ("C/C=N/O", ""),
        ("OC1CCC(Cl)CC1", "its stereo is undefined at C2, C5"),
    ],
)
def test_refusals(smiles: str, reason: str) -> None:
    assert refusal(Chem.MolFromSmiles(smiles)) == reason


def test_undefined_stereo_may_be_allowed_and_long_lists_are_cut() -> None:
    molecule = Chem.MolFromSmiles("C" + "C(F)" * 7 + "CC")
    assert refusal(molecule, any_stereo=True) == ""
    assert refusal(molecule).endswith(", ...")
    assert len(undefined_stereo(molecule)) == 7


def test_other_kinds_of_stereo_are_refused() -> None:
    square = Chem.MolFromSmiles("F[S@OH](Cl)(Br)(I)(O)N", sanitize=False)
    assert "not tetrahedral" in refusal(square) or "no element" in refusal(square)
