"""Units and p-values in names of columns."""

from __future__ import annotations

import pytest

from hooke.core.concentrations import (
    is_concentration,
    is_molar,
    p_name_of,
    speaks_of_concentration,
    speaks_of_logarithm,
    split_unit,
)


@pytest.mark.parametrize(
    ("name", "rest", "unit", "p_name"),
    [
        ("IC50 (nM)", "IC50", "nM", "pIC50"),
        ("IC50_nM", "IC50", "nM", "pIC50"),
        ("ic50_nm", "ic50", "nM", "pIC50"),
        ("IC50_NM", "IC50", "nM", "pIC50"),
        ("IC50(nM) mean", "IC50 mean", "nM", "pIC50Mean"),
        ("IC50 in nM", "IC50", "nM", "pIC50"),
        ("IC50, nM", "IC50", "nM", "pIC50"),
        ("Ki [uM]", "Ki", "uM", "pKi"),
        ("EC50/µM", "EC50", "µM", "pEC50"),
        ("EC50 (\u03bcM)", "EC50", "µM", "pEC50"),
        ("Kd (M)", "Kd", "M", "pKd"),
        ("Kd_M", "Kd", "M", "pKd"),
        ("GI50 (mM)", "GI50", "mM", "pGI50"),
        ("EC50 (pM)", "EC50", "pM", "pEC50"),
        ("IC50 (nmol/l)", "IC50", "nM", "pIC50"),
        ("IC50 (µmol/L)", "IC50", "µM", "pIC50"),
        ("IC50 nanomolar", "IC50", "nM", "pIC50"),
        ("Standard Value (nM)", "Standard Value", "nM", "pStandardValue"),
        ("MIC (ug/ml)", "MIC", "ug/mL", "pMIC"),
        ("solubility (mol/L)", "solubility", "M", "pSolubility"),
        ("LC50_mg/L", "LC50", "mg/L", "pLC50"),
    ],
)
def test_units_in_names(name: str, rest: str, unit: str, p_name: str) -> None:
    found = split_unit(name)
    assert (found[0], is_concentration(found[1])) == (rest, True)
    assert found[1] == unit or {found[1], unit} == {"M", "mol/L"}
    assert p_name_of(name) == p_name


@pytest.mark.parametrize(
    "name",
    [
        "IC50",
        "wavelength (nm)",
        "height_mm",
        "standard_value_nm",
        "Group M",
        "EC50 (%)",
        "pIC50",
        "log IC50 (nM)",
        "-log10(IC50) (M)",
        "pKi_nM",
        "",
    ],
)
def test_names_without_a_unit_of_concentration(name: str) -> None:
    assert split_unit(name)[1] == ""


def test_words() -> None:
    for name in ("IC50", "ec50_x", "Ki", "KD", "AC50 (uM)", "MIC90", "Potency"):
        assert speaks_of_concentration(name)
    for name in ("kit", "skid", "logS", "activity", "pIC50", "LD50x"):
        assert not speaks_of_concentration(name)
    for name in ("pIC50", "pKi", "log(IC50)", "LogD", "-log10 M", "pEC50_mean", "pKd"):
        assert speaks_of_logarithm(name)
    for name in ("IC50", "Ki", "logistic? no", "psi"):
        assert speaks_of_logarithm(name) == name.startswith("log")
    assert is_molar("nM")
    assert is_molar("nmol/L")
    assert not is_molar("mg/L")
    assert is_concentration("mg/L")
    assert not is_concentration("-log10 M")
