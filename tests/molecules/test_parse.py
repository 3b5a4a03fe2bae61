"""Parsing and standardising: every refusal has a reason, every choice does what it says."""

from __future__ import annotations

import pytest
from rdkit import Chem, RDLogger

from hooke.molecules.featurise import featurise, same_codes
from hooke.molecules.parse import (
    KEEP_ALL,
    MAX_SMILES_CHARACTERS,
    ParseError,
    StandardiseConfig,
    canonical_smiles,
    molecule_of,
    parse,
    silence_rdkit,
)

silence_rdkit()


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("C1CC", "does not parse"),
        ("not a molecule", "does not parse"),
        ("C(C)(C)(C)(C)C", "valence"),
        ("c1cccc1", "kekulize"),
        ("C" * (MAX_SMILES_CHARACTERS + 1), "at most"),
        ("C(αρσπιςα", "no character of SMILES, 'α', at position 3"),
        ("С", "no character of SMILES, 'С', at position 1"),  # Cyrillic
        ("C( |" + "ε" * 100, "does not parse"),  # RDKit cuts its message within a character
        ("C |$" + "ε" * 100, "does not parse"),
        ("C\x00C", "does not parse"),
        ("C\ud800", "not valid text"),
    ],
)
def test_refusals_name_the_reason(smiles: str, reason: str) -> None:
    with pytest.raises(ParseError, match=f"(?i){reason}"):
        parse(smiles)


@pytest.mark.parametrize(
    "smiles",
    [
        "OCC", "CC=CC", "C1CCCCC1C(O)F", "c1ccc2[nH]ccc2c1", "N#[N+][O-]", "[O][O]", "[Hg]", "CN(=O)=O", "C[H]", "[2H]C", "F/C=C/F",
        "N[C@@H](C)C(=O)O", "CCO |$_AV:a;b;c$|", "C[C@H](C)O", "F/C=C/C=C\\F", "C/C(C)=C/C",
        "O[C@@H]1CC[C@H](O)CC1", "C[S@](=O)CC", "O=C1C=CC(=O)C=C1", "[NH3]->[Cu+2]", "C[N](C)(C)C",
    ],
)  # fmt: skip
def test_molecules_are_those_of_rdkit(smiles: str) -> None:
    """Most texts take a shorter way to the same atoms and bonds; marks of centres that are none go."""
    expected = Chem.MolFromSmiles(smiles)
    if expected is None:
        with pytest.raises(ParseError):
            parse(smiles)
        return
    found = parse(smiles)
    assert same_codes(featurise([found]), featurise([expected]))
    assert Chem.MolToSmiles(found) == Chem.MolToSmiles(expected)
    assert [atom.GetChiralTag() for atom in found.GetAtoms()] == [atom.GetChiralTag() for atom in expected.GetAtoms()]


@pytest.mark.parametrize("smiles", ["C", "[Na+].[Cl-]", "*", "[H][H]", "C" * 300, "[13CH4]"])
def test_unusual_molecules_are_kept(smiles: str) -> None:
    assert parse(smiles).GetNumAtoms() >= 1


@pytest.mark.parametrize(
    ("config", "smiles", "expected"),
    [
        (StandardiseConfig(salts="largest"), "CC(=O)[O-].[Na+]", "CC(=O)[O-]"),
        (StandardiseConfig(charges="neutralise"), "CC(=O)[O-]", "CC(=O)O"),
        (StandardiseConfig(isotopes="drop"), "[13CH3]C", "CC"),
        (StandardiseConfig(stereo="drop"), "C[C@H](N)C(=O)O", "CC(N)C(=O)O"),
        (StandardiseConfig("largest", "neutralise", "drop", "drop"), "[13CH3][C@H](F)C(=O)[O-].[K+]", "CC(F)C(=O)O"),
        (KEEP_ALL, "[13CH3][C@H](F)C(=O)[O-].[K+]", "[13CH3][C@H](F)C(=O)[O-].[K+]"),
    ],
)
def test_standardise(config: StandardiseConfig, smiles: str, expected: str) -> None:
    assert canonical_smiles(parse(smiles, config)) == Chem.CanonSmiles(expected)


@pytest.mark.parametrize("text", ["CC\nO", "CC O", "CCO ethanol", "C\tC"])
def test_half_a_molecule_is_never_read(text: str) -> None:
    with pytest.raises(ParseError, match="text after the SMILES"):
        parse(text)


def test_cxsmiles_extensions_belong_to_the_smiles() -> None:
    assert parse(" C[C@H](O)F |&1:1| ").GetNumAtoms() == 4


def test_a_molecule_accepted_before_is_read_again_without_a_warning(capfd: pytest.CaptureFixture[str]) -> None:
    RDLogger.EnableLog("rdApp.*")  # type: ignore[attr-defined]
    Chem.MolFromSmiles("[H+].CCO")
    assert "WARNING" in capfd.readouterr().err
    assert molecule_of("[H+].CCO").GetNumAtoms() == 4
    assert capfd.readouterr().err == ""
    silence_rdkit()
    with pytest.raises(ValueError, match="not a valid SMILES: 'C1CC'"):
        molecule_of("C1CC")
