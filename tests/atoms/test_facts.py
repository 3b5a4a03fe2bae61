from __future__ import annotations

from dataclasses import replace

import pytest

from hooke.atoms.facts import Facts, QuantumCard
from hooke.core.errors import UnknownNameError, UsageError

WHOLE = Facts("Hartree", "Å", "Ha/Å", "gradient", "total", ("wB97X/6-31G*", "gfn2"), ("wb97x/6-31g(d)",))


def test_facts_get_canonical_names() -> None:
    known = WHOLE.checked()
    assert (known.energy_unit, known.length_unit, known.force_unit) == ("hartree", "angstrom", "hartree/angstrom")
    assert known.methods == ("wb97x/6-31g(d)", "gfn2")
    assert [method.basis for method in known.parsed] == ["6-31g(d)", ""]


def test_unconfirmed_facts_are_asked_for_by_name() -> None:
    with pytest.raises(
        UsageError, match=r"x: unconfirmed are energy_unit, length_unit, energy_kind, methods; state energy_unit=eV\|"
    ):
        Facts().stated("x")
    stated = Facts().stated(
        "x",
        energy_unit="Hartree",
        length_unit="nm",
        energy_kind="heat_of_formation",
        methods="b3lyp/6-31g(2df,p), gfn2",
    )
    assert stated == Facts("hartree", "nm", energy_kind="heat of formation", methods=("b3lyp/6-31g(2df,p)", "gfn2"))
    half = replace(WHOLE.checked(), energy_unit="unconfirmed")
    assert half.unconfirmed == ("energy_unit",)
    assert half.stated("x", energy_unit="eV", length_unit="Å").energy_unit == "eV"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"energy_unit": "eV"}, "states energy_unit=hartree; it cannot be eV"),
        ({"methods": "pbe/sz"}, "it cannot be pbe/sz"),
    ],
)
def test_confirmed_facts_are_not_contradicted(given: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        WHOLE.checked().stated("x", **given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy_unit": "angstrom"}, "measures length, not energy"),
        ({"force_unit": "hartree"}, "measures energy, not energy/length"),
        ({"energy_kind": "free"}, "none of total"),
        ({"derivative": "slope"}, "none of force, gradient"),
        ({"derivative": ""}, "stated together"),
        ({"methods": ("gfn2", "GFN2-xTB")}, "several columns"),
        ({"force_methods": ("gfn1",)}, "not among the methods"),
    ],
)
def test_facts_that_are_none(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(WHOLE, **changes).checked()
    with pytest.raises(UnknownNameError):
        replace(WHOLE, length_unit="furlong").checked()


def test_cards_show_methods_units_and_isolated_atoms() -> None:
    card = QuantumCard("a", "A", "", "atoms", "s", "MIT", "", "2", facts=WHOLE.checked(), e0="in the file")
    assert card.columns()["units"] == "hartree, angstrom, hartree/angstrom"
    assert card.columns()["methods"] == "wb97x/6-31g(d), gfn2"
    assert card.columns()["E0"] == "in the file"
