from __future__ import annotations

from itertools import product

import pytest

from hooke.atoms.methods import BASES, DISPERSIONS, KINDS, TERMS, Method, parse_method
from hooke.core.errors import UnknownNameError


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("ωB97M-D3(BJ)/def2-TZVPPD", Method("wb97m", "d3(bj)", "def2-tzvppd")),
        ("wB97X/6-31G*", Method("wb97x", "", "6-31g(d)")),
        ("PBE0+MBD", Method("pbe0", "mbd")),
        ("B3LYP / 6-31G(2df,p)", Method("b3lyp", "", "6-31g(2df,p)")),
        ("GFN2-xTB", Method("gfn2")),
        ("DLPNO-CCSD(T)/cc-pVTZ", Method("dlpno-ccsd(t)", "", "cc-pvtz")),
        ("DSD-BLYP-D3(BJ)/def2-TZVP", Method("dsd-blyp", "d3(bj)", "def2-tzvp")),
        ("sapt0/aug-cc-pvdz#exchange", Method("sapt0", "", "aug-cc-pvdz", "exchange")),
        ("b97-3c", Method("b97-3c")),
        ("other:in-house(2)", Method("other:in-house(2)")),
    ],
)
def test_names_are_parsed(text: str, method: Method) -> None:
    assert parse_method(text) == method
    assert parse_method(method.name) == method


def test_no_name_stands_for_another_method() -> None:
    methods = {
        Method(theory, dispersion, basis, term)
        for theory, dispersion, basis, term in product(KINDS, ("", *DISPERSIONS), ("", *BASES[::9]), TERMS)
    }
    names = {method.name: method for method in methods}
    read = {name: parse_method(name) for name in names}
    unequal = {name for name in names if read[name].name != name}
    assert unequal == set()
    clashing = {name for name, method in names.items() if read[name] != method}
    assert clashing == set()
    assert len(names) == len(methods)


def test_every_basis_reads_itself() -> None:
    assert len(set(BASES)) == len(BASES)
    assert [parse_method(f"pbe/{basis}").basis for basis in BASES] == [*BASES]
    assert parse_method("gfn2").kind == "semi-empirical"
    assert parse_method("other:x").kind == "other"


@pytest.mark.parametrize(
    "text", ["b3lip/6-31g", "pbe/6-32g", "pbe-d9", "", "pbe/", "/def2-svp", "sapt0#spin", "other:", "other:a b/"]
)
def test_unknown_parts_are_refused(text: str) -> None:
    with pytest.raises(UnknownNameError):
        parse_method(text)
