"""The two featurisers agree on every molecule, and the codes mean what the vocabulary says."""

from __future__ import annotations

import gzip
import logging
import sys
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from hooke.molecules import featurise as module
from hooke.molecules.featurise import PROBES, compiled_route, featurise, perceive_reference, same_codes, same_perceived
from hooke.molecules.parse import silence_rdkit
from hooke.molecules.vocabulary import ATOM_COLUMNS, ATOM_VOCABULARIES, BOND_COLUMNS, BOND_VOCABULARIES

silence_rdkit()
WEIRD = (
    "C" * 300, "[NH4+].[O-]S(=O)(=O)[O-].[NH4+]", "[CH3:5]C", "[CH3:300]C", "C1CC2CC1CC2", "F[C@@](Cl)(Br)I", "[Au]", "*c1ccccc1*",
    "C~C", "[2H]C([2H])([2H])Cl", "[OH2]", "O=[N+]([O-])c1ccccc1", "[Fe+2]", "C1=CC=CC=C1C2CCCC2", "[H]O[H]", "C[Si](C)(C)C",
    "C/C=C\\C/C=C/C", "[O-][Cl+3]([O-])([O-])O", "[NH3]->[Pt](<-[NH3])(Cl)Cl", "c1cc2ccc3cccc4ccc(c1)c2c34", "[Xe]", "[Cl-]",
)  # fmt: skip


def molecules(smiles: tuple[str, ...] | list[str]) -> list[Chem.Mol]:
    return [molecule for molecule in map(Chem.MolFromSmiles, smiles) if molecule is not None]


def test_codes_of_a_known_molecule() -> None:
    arrays = featurise(molecules(["C[C@H]([NH3+])c1ccccc1"]))
    atoms = {name: arrays.atom_codes[:, place].tolist() for place, name in enumerate(ATOM_COLUMNS)}
    assert atoms["element"] == [6, 6, 7, 6, 6, 6, 6, 6, 6]
    assert atoms["charge"] == [0, 0, 2, 0, 0, 0, 0, 0, 0]
    assert atoms["hydrogens"] == [3, 1, 3, 0, 1, 1, 1, 1, 1]
    assert atoms["aromatic"] == atoms["in_ring"] == [0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert atoms["chirality"][1] in (1, 2)
    bonds = {name: arrays.bond_codes[:, place].tolist() for place, name in enumerate(BOND_COLUMNS)}
    assert bonds["order"] == [0, 0, 0, 3, 3, 3, 3, 3, 3]
    assert arrays.atom_counts.tolist() == [9]
    assert arrays.bond_counts.tolist() == [9]


def test_the_compiled_route_is_in_use_and_equal_on_weird_molecules() -> None:
    compiled = compiled_route()
    assert compiled is not None
    chosen = molecules([*PROBES, *WEIRD])
    assert same_perceived(compiled(chosen), perceive_reference(chosen))
    assert len(featurise([])) == 0


def test_what_no_vocabulary_holds_gets_the_unknown_code() -> None:
    arrays = featurise(molecules(["[C+5]", "C$C", "[CH3]C(C)(C)C"]))
    assert arrays.atom_codes[0, 1] == ATOM_VOCABULARIES[1].unknown
    assert arrays.bond_codes[0, 0] == BOND_VOCABULARIES[0].unknown


@pytest.mark.mirror
@pytest.mark.parametrize(
    "table",
    [
        "moleculenet/tox21.csv.gz",
        "molecules/chembl_drugs.csv.gz",
        "molecules/deepchem_chembl_5thresh.csv.gz",
        "moleculenet/qm7.csv.gz",
    ],
)
def test_the_compiled_route_is_equal_on_real_molecules(mirror: Path, table: str) -> None:
    with gzip.open(mirror / table, "rt") as file:
        smiles = [line.split(",")[0].strip() for line in file][1:1501]
    chosen = molecules(smiles)
    assert len(chosen) > 1400
    compiled = compiled_route()
    assert compiled is not None
    assert same_perceived(compiled(chosen), perceive_reference(chosen))


def test_without_numba_the_reference_is_used_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiled_route.cache_clear()
    monkeypatch.setitem(sys.modules, "hooke.molecules.featurise_compiled", None)
    with caplog.at_level(logging.WARNING):
        assert compiled_route() is None
        assert same_codes(featurise(molecules(["CO"]), 1), perceive_reference(molecules(["CO"])).arrays)
    assert caplog.text.count("hooke-bio[fast]") == 1
    monkeypatch.undo()
    compiled_route.cache_clear()


def test_a_disagreement_on_the_probes_falls_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compiled_route.cache_clear()
    monkeypatch.setattr(module, "same_perceived", lambda first, second: False)
    with caplog.at_level(logging.WARNING):
        assert compiled_route() is None
    assert "differs" in caplog.text
    monkeypatch.undo()
    compiled_route.cache_clear()
    assert compiled_route() is not None


def test_every_code_lies_in_its_vocabulary() -> None:
    arrays = featurise(molecules([*PROBES, *WEIRD]))
    assert (arrays.atom_codes.max(axis=0) < np.array([vocabulary.size for vocabulary in ATOM_VOCABULARIES])).all()
    assert (arrays.bond_codes.max(axis=0) < np.array([vocabulary.size for vocabulary in BOND_VOCABULARIES])).all()
