"""The periodic table, and that every vocabulary fits its byte."""

from __future__ import annotations

from rdkit import Chem

from hooke.molecules.vocabulary import ATOM_VOCABULARIES, BOND_VOCABULARIES, GROUP_OF_ELEMENT, PERIOD_OF_ELEMENT

GROUPS = {"H": 1, "He": 18, "Li": 1, "C": 14, "Ne": 18, "Al": 13, "Cl": 17, "K": 1, "Sc": 3, "Fe": 8, "Zn": 12, "Br": 17,
          "La": 3, "Ce": 0, "Lu": 3, "Hf": 4, "Au": 11, "Pb": 14, "Ac": 3, "U": 0, "Rf": 4, "Og": 18}  # fmt: skip


def test_groups() -> None:
    table = Chem.GetPeriodicTable()
    found = {symbol: GROUP_OF_ELEMENT[table.GetAtomicNumber(symbol)] for symbol in GROUPS}
    assert found == GROUPS


def test_periods_agree_with_rdkit() -> None:
    table = Chem.GetPeriodicTable()
    assert [PERIOD_OF_ELEMENT[number] for number in range(1, 119)] == [table.GetRow(number) for number in range(1, 119)]
    assert PERIOD_OF_ELEMENT[0] == PERIOD_OF_ELEMENT[119] == GROUP_OF_ELEMENT[0] == GROUP_OF_ELEMENT[119] == 0


def test_vocabularies_fit_a_byte_and_end_with_the_unknown_code() -> None:
    for vocabulary in (*ATOM_VOCABULARIES, *BOND_VOCABULARIES):
        assert vocabulary.size <= 256
        assert vocabulary.unknown == vocabulary.size - 1
        assert len(set(vocabulary.values)) == len(vocabulary.values)
