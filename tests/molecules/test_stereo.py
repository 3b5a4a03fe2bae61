"""Descriptors of stereo are functions of the molecule, and tell its isomers apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers

from hooke.molecules.featurise import featurise
from hooke.molecules.parse import parse, silence_rdkit
from hooke.molecules.vocabulary import ATOM_COLUMNS, BOND_COLUMNS

silence_rdkit()
CHIRALITY, RELATION, GROUP, ISOTOPE = (
    ATOM_COLUMNS.index(name) for name in ("chirality", "relation", "stereo_group", "isotope")
)
STEREO = BOND_COLUMNS.index("stereo")
ISOMERS = (
    ("C[C@H](F)Br", "C[C@@H](F)Br", "CC(F)Br", "C[C@H](F)Br |&1:1|", "C[C@H](F)Br |o1:1|"),
    ("F/C=C/F", "F/C=C\\F", "FC=CF"),
    ("F/C=N/O", "F/C=N\\O"),
    ("C[C@H]1CC[C@@H](C)CC1", "C[C@H]1CC[C@H](C)CC1", "CC1CCC(C)CC1"),
    ("O[C@H]1C[C@@H](O)C1", "O[C@H]1C[C@H](O)C1"),
    ("C[C@H](O)[C@H](O)[C@@H](C)O", "C[C@H](O)[C@@H](O)[C@@H](C)O", "C[C@H](O)C(O)[C@H](C)O", "C[C@@H](O)C(O)[C@@H](C)O"),
    ("OC(=O)[C@H](O)[C@@H](O)C(O)=O", "OC(=O)[C@@H](O)[C@H](O)C(O)=O", "OC(=O)[C@H](O)[C@H](O)C(O)=O"),
    ("CC[S@](C)=O", "CC[S@@](C)=O"),
    ("Cc1cccc(I)c1-c1c(C)cccc1Br |wU:7.6|", "Cc1cccc(I)c1-c1c(C)cccc1Br |wD:7.6|", "Cc1cccc(I)c1-c1c(C)cccc1Br"),
    (
        "C[C@H](F)[C@H](Cl)Br", "C[C@H](F)[C@@H](Cl)Br", "C[C@H](F)[C@H](Cl)Br |&1:1,3|", "C[C@H](F)[C@@H](Cl)Br |&1:1,3|",
        "C[C@H](F)[C@H](Cl)Br |&1:1,&2:3|", "C[C@H](F)[C@H](Cl)Br |&1:1|", "C[C@H](F)[C@H](Cl)Br |o1:1,3|",
    ),
    ("C", "[13CH4]", "[14CH4]", "[12CH4]", "[2H]C"),
    ("C[C@H]1C[C@@H](C)C[C@H](C)C1", "C[C@H]1C[C@@H](C)C[C@@H](C)C1"),
)  # fmt: skip
SAME = (
    ("C[C@H](F)Br", "F[C@H](Br)C", "[H][C@](C)(Br)F", "Br[C@@H](F)C", "C[C@H](F)Br |a:1|"),
    ("C[C@H](F)Br |&1:1|", "C[C@@H](F)Br |&1:1|", "F[C@H](C)Br |&2:1|"),
    ("C[C@H](F)[C@H](Cl)Br |&1:1,3|", "C[C@@H](F)[C@@H](Cl)Br |&1:1,3|"),
    ("F/C=C/F", "F\\C=C\\F", "[H]/C(F)=C\\F", "C(\\F)=C/F"),
    ("Cc1cccc(I)c1-c1c(C)cccc1Br |wU:7.6|", "Cc1cccc(I)c1-c1c(C)cccc1Br |wD:7.7|", "Cc1cccc(I)c1-c1c(C)cccc1Br |wU:8.9|"),
    ("CC=C(C)F", "CC=C(C)F |w:1.0|"),
)  # fmt: skip


def graph(molecule: Chem.Mol) -> tuple[object, ...]:
    """What a network can see of a molecule at most: the classes of Weisfeiler and Leman over the codes, whatever the order."""
    arrays = featurise([molecule])
    colours: list[object] = [tuple(codes) for codes in arrays.atom_codes.tolist()]
    bonds = [
        (*ends, tuple(codes))
        for ends, codes in zip(arrays.bond_atoms.tolist(), arrays.bond_codes.tolist(), strict=True)
    ]
    for _ in range(len(colours)):
        near: list[list[object]] = [[] for _ in colours]
        for a, b, codes in bonds:
            near[a].append((codes, colours[b]))
            near[b].append((codes, colours[a]))
        colours = [hash((own, tuple(sorted(map(hash, others))))) for own, others in zip(colours, near, strict=True)]
    return tuple(sorted(colours))  # type: ignore[type-var]


@pytest.mark.parametrize("isomers", ISOMERS, ids=lambda isomers: isomers[0])
def test_isomers_are_told_apart(isomers: tuple[str, ...]) -> None:
    distinct = {Chem.MolToCXSmiles(parse(smiles)) for smiles in isomers}
    assert len({graph(parse(smiles)) for smiles in isomers}) == len(isomers) == len(distinct)


@pytest.mark.parametrize(
    ("skeleton", "count"), [("OC1C(O)C(O)C(O)C(O)C1O", 9), ("CC1CC(C)C1C", 4), ("CC1CC(C)CC(C)C1", 2)]
)
def test_all_isomers_of_a_ring_are_told_apart(skeleton: str, count: int) -> None:
    isomers = {Chem.MolToSmiles(isomer) for isomer in EnumerateStereoisomers(Chem.MolFromSmiles(skeleton))}
    assert len({graph(parse(smiles)) for smiles in isomers}) == len(isomers) == count


@pytest.mark.parametrize("writings", SAME, ids=lambda writings: writings[0])
def test_writings_of_a_molecule_have_the_same_codes(writings: tuple[str, ...]) -> None:
    assert len({graph(parse(smiles)) for smiles in writings}) == 1


@settings(max_examples=100)
@given(
    st.sampled_from([smiles for isomers in ISOMERS for smiles in isomers if "w" not in smiles]),
    st.randoms(use_true_random=False),
)
def test_renumbered_atoms_have_the_codes_of_the_molecule(smiles: str, random: object) -> None:
    molecule = parse(smiles)
    order = list(range(molecule.GetNumAtoms()))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert graph(Chem.RenumberAtoms(molecule, order)) == graph(molecule)


@settings(max_examples=50)
@given(st.sampled_from([smiles for isomers in ISOMERS for smiles in isomers if "|" not in smiles]))
def test_a_mirror_image_has_the_other_handedness_and_the_same_relations(smiles: str) -> None:
    image = smiles.replace("@@", "!").replace("@", "@@").replace("!", "@")
    own, other = featurise([parse(smiles)]).atom_codes, featurise([parse(image)]).atom_codes
    np.testing.assert_array_equal(own[:, RELATION], other[:, RELATION])
    changed = own[:, CHIRALITY] != other[:, CHIRALITY]
    pseudo = ~changed & (own[:, CHIRALITY] > 0)
    assert (own[changed, CHIRALITY] + other[changed, CHIRALITY] == 3).all()
    assert pseudo.sum() <= 1  # a centre between mirror images


def test_a_molecule_alone_has_the_codes_that_it_has_among_others() -> None:
    smiles = [smiles for isomers in ISOMERS for smiles in isomers]
    together = featurise([parse(text) for text in smiles])
    for row, text in enumerate(smiles):
        alone = featurise([parse(text)])
        atoms = slice(together.atom_offsets[row], together.atom_offsets[row + 1])
        bonds = slice(together.bond_offsets[row], together.bond_offsets[row + 1])
        np.testing.assert_array_equal(together.atom_codes[atoms], alone.atom_codes)
        np.testing.assert_array_equal(together.bond_codes[bonds], alone.bond_codes)


def test_handedness_is_that_of_cahn_ingold_and_prelog_where_the_first_atoms_decide() -> None:
    descriptors = set()
    for smiles in ("C[C@H](F)Br", "N[C@@H](CO)F", "O[C@](F)(Cl)N", "C[P@](O)Cl", "C[S@](=O)N"):
        molecule = parse(smiles)
        codes = featurise([molecule]).atom_codes[:, CHIRALITY]
        labels = {atom.GetIdx(): atom.GetProp("_CIPCode") for atom in molecule.GetAtoms() if atom.HasProp("_CIPCode")}
        assert set(np.flatnonzero(codes).tolist()) == set(labels)
        descriptors |= {(int(codes[atom]), label) for atom, label in labels.items()}
    assert len(descriptors) == 2


def test_sides_of_double_bonds_and_hydrogens_that_are_atoms() -> None:
    assert [
        int(featurise([parse(text)]).bond_codes[:, STEREO].max()) for text in ("F/C=C\\F", "F/C=C/F", "[H]/N=C/C")
    ] == [2, 3, 3]
    ends = featurise([parse("CF.F/C(C)=C\\F")]).atom_codes[:, RELATION].tolist()
    assert ends == [0, 0, 0, 13, 0, 13, 0]  # Z, said of both carbons
    molecule = parse("C[C@H](F)Br")
    with_hydrogens = featurise([Chem.AddHs(molecule)]).atom_codes
    assert with_hydrogens[1, CHIRALITY] == featurise([molecule]).atom_codes[1, CHIRALITY] > 0


def test_large_and_symmetric_molecules_are_finished() -> None:
    peptide = "N[C@@H](C)C(=O)" * 120 + "O"
    arrays = featurise([parse(peptide)])
    assert (arrays.atom_codes[:, CHIRALITY] > 0).sum() == 120
    assert len(set(arrays.atom_codes[:, CHIRALITY].tolist())) == 2
    cage = parse("C1[C@@H]2C[C@@H]3C[C@H]1C[C@@H](C2)C3")
    assert (featurise([cage]).atom_codes[:, CHIRALITY] == 0).all()


def test_what_no_code_describes_is_unknown_and_told_from_none() -> None:
    platinum = featurise([parse("Cl[Pt@SP1](Cl)([NH3])[NH3]")])
    assert 3 in platinum.atom_codes[:, CHIRALITY]
    assert featurise([parse("[99CH4]")]).atom_codes[0, ISOTOPE] == 34
