from __future__ import annotations

import pytest

from hooke.cells.perturbations import (
    Perturbation,
    Treatment,
    of_genes,
    parse_each,
    parse_genes,
    parse_treatment,
    refuse_date,
)
from hooke.core.errors import DataError, HookeError, UnknownNameError, UsageError


@pytest.mark.parametrize("text", ["A+B", "B+A", "ctrl+A+B", "A+ctrl+B", "Control+B+A", "A + B", "A+B+A"])
def test_the_order_of_genes_and_added_controls_mean_nothing(text: str) -> None:
    assert parse_genes(text) == of_genes("A", "B")
    assert hash(parse_genes(text)) == hash(of_genes("B", "A"))
    assert parse_genes(text).name == "A+B"


@pytest.mark.parametrize("text", ["control", "ctrl", "ctrl+ctrl", "NT", "Non-Targeting", "", "DMSO"])
def test_controls_perturb_nothing(text: str) -> None:
    assert parse_genes(text) == Perturbation()
    assert parse_genes(text).is_control
    assert parse_genes(text).name == "control"


def test_own_names_of_controls_and_separators() -> None:
    assert parse_genes("eGFP", controls={"egfp"}).is_control
    assert parse_genes("ctrl", controls={"egfp"}) == of_genes("ctrl")
    assert parse_genes("A_B|C", separators="_|") == of_genes("A", "B", "C")
    assert parse_genes("HLA-A") == of_genes("HLA-A")


@pytest.mark.parametrize("text", ["A++B", "+A", "A+"])
def test_a_separator_without_a_gene_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="separator"):
        parse_genes(text)


@pytest.mark.parametrize("gene", ["2-Sep", "1-Mar", "Mar-01", "2001-03-01", "2023-09-02 00:00:00", "9/2/2023", "1-Dec-23"])  # fmt: skip
def test_symbols_turned_into_dates_are_refused(gene: str) -> None:
    with pytest.raises(DataError, match="turned into a date"):
        parse_genes(f"A+{gene}")


@pytest.mark.parametrize("gene", ["SEPT2", "MARCH1", "MARC1", "DEC1", "HLA-A", "NKX2-5", "AP-1", "MT-ND1", "7SK"])
def test_real_symbols_are_no_dates(gene: str) -> None:
    refuse_date(gene)
    assert parse_genes(gene) == of_genes(gene)


def test_unknown_genes_are_named() -> None:
    with pytest.raises(DataError, match="unknown gene 'X'"):
        parse_genes("A+X", known={"A", "B"})


def test_doses_in_any_unit_are_one_dose() -> None:
    assert parse_treatment("abc", 1000, "nM") == parse_treatment("abc", 1, "uM") == parse_treatment(" abc", 1e-6, "M")
    assert parse_treatment("abc", 0.3, "uM", 24).name == "abc @ 0.3 uM, 24 h"
    assert parse_treatment("abc", 2, "mg/L") == Perturbation(treatment=Treatment("abc", 2.0, "ug/mL"))
    assert parse_treatment("abc", float("nan"), "", float("nan")) == Perturbation(treatment=Treatment("abc"))
    assert parse_treatment("DMSO", 0, "").is_control


@pytest.mark.parametrize(
    ("dose", "unit", "hours", "error", "match"),
    [
        (0.0, "uM", None, DataError, "above zero"),
        (-1.0, "uM", None, DataError, "above zero"),
        (float("inf"), "uM", None, DataError, "above zero"),
        (1.0, "", None, DataError, "no unit"),
        (1.0, "uM", 0.0, DataError, "time must be above zero"),
        (1.0, "umm", None, UnknownNameError, "unknown unit"),
        (1.0, "kcal/mol", None, UsageError, "cannot convert"),
    ],
)
def test_bad_doses_are_refused(
    dose: float, unit: str, hours: float | None, error: type[HookeError], match: str
) -> None:
    with pytest.raises(error, match=match):
        parse_treatment("abc", dose, unit, hours)


def test_genes_and_compounds_do_not_mix() -> None:
    with pytest.raises(UsageError, match="not of both"):
        Perturbation(frozenset(["A"]), Treatment("abc"))


def test_every_text_is_read_or_listed_with_its_reason() -> None:
    texts = ["A", "B+A", "1-Mar", "ctrl", "A"]
    read, reasons = parse_each(texts)
    assert set(read) | set(reasons) == set(texts)
    assert read == {"A": of_genes("A"), "B+A": of_genes("A", "B"), "ctrl": Perturbation()}
    assert list(reasons) == ["1-Mar"]


def test_names_sort() -> None:
    assert [p.name for p in sorted([of_genes("B"), of_genes("C", "A"), Perturbation()])] == ["A+C", "B", "control"]
