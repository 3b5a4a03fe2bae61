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
    smiles_of,
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


KEYS = (
    (
        "Cc1ccccc1",
        "[CH3:1]c1ccccc1",
        "C[c:1]1[cH:2][cH:3][cH:4][cH:5][cH:6]1",
        "CC1=CC=CC=C1",
        "[H]C([H])([H])c1ccccc1",
    ),
    ("CC(C)F", "[CH3:1][C@H]([CH3:2])F"),  # only the numbers made it a centre
    ("C[C@H](F)Br", "C[C@H](F)Br |a:1|", "Br[C@@H](F)C"),
    ("C[C@@H](F)Br",),
    ("C[C@H](F)Br |&1:1|", "C[C@@H](F)Br |&1:1|", "F[C@H](C)Br |&3:1|"),
    ("C[C@H](F)Br |o1:1|", "C[C@@H](F)Br |o2:1|"),
    ("C", "[CH4:7]"),
    ("[13CH4]", "[13CH4:2]"),
    (
        "Cc1cccc(I)c1-c1c(C)cccc1Br |wU:7.6|",
        "Cc1cccc(I)c1-c1c(C)cccc1Br |wD:7.7|",
        "Cc1cccc(I)c1-c1c(C)cccc1Br |wU:8.9|",
    ),
    ("Cc1cccc(I)c1-c1c(C)cccc1Br |wD:7.6|",),
    ("Cc1cccc(I)c1-c1c(C)cccc1[C@H](F)Cl |wU:7.6,&1:15|", "Cc1cccc(I)c1-c1c(C)cccc1[C@@H](F)Cl |wU:7.6,&1:15|"),
)


def test_one_key_for_each_molecule() -> None:
    keys = [{canonical_smiles(parse(smiles)) for smiles in writings} for writings in KEYS]
    assert [len(key) for key in keys] == [1] * len(KEYS)
    assert len(set().union(*keys)) == len(KEYS)
    for [key] in keys:
        assert canonical_smiles(parse(key)) == key
        assert ":" not in key.partition(" |")[0]


@pytest.mark.parametrize("writings", KEYS, ids=lambda writings: writings[0])
def test_the_network_sees_what_the_key_says(writings: tuple[str, ...]) -> None:
    again = [featurise([parse(canonical_smiles(parse(smiles)))]) for smiles in writings]
    assert all(same_codes(arrays, again[0]) for arrays in again)


def test_molecules_of_another_program_have_the_same_key() -> None:
    for writings in KEYS:
        if "w" not in writings[0]:
            for smiles in writings:
                molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
                order = list(range(molecule.GetNumAtoms()))[::-1]
                assert smiles_of(Chem.RenumberAtoms(molecule, order)) == canonical_smiles(parse(smiles))
    with pytest.raises(ParseError, match="valence"):
        smiles_of(Chem.MolFromSmiles("C(C)(C)(C)(C)C", sanitize=False))


def test_numbers_of_atoms_are_kept_where_labels_need_them() -> None:
    assert [atom.GetAtomMapNum() for atom in parse("[CH3:2][OH:1]", numbered=True).GetAtoms()] == [2, 1]
    assert [atom.GetAtomMapNum() for atom in parse("[CH3:2][OH:1]").GetAtoms()] == [0, 0]
