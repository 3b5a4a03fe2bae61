from __future__ import annotations

import pytest

from hooke.report.schema import Estimate
from hooke.report.wording import (
    bounds_text,
    decimals,
    estimate_text,
    metric_text,
    name_text,
    number,
    percent,
    plain,
    range_text,
    spread_text,
)


def test_what_is_not_known_is_a_dash() -> None:
    for unknown in (float("nan"), float("inf"), float("-inf")):
        assert [decimals(unknown, 3), percent(unknown), range_text(0.1, unknown, 2)] == ["–", "–", ""]
    assert range_text(-0.1, 0.25, 2) == "[−0.10, 0.25]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (1234.5, "1,234"),
        (-6.0249, "−6.02"),
        (0.07314, "0.0731"),
        (1.2e-9, "1.20e−09"),
        (-3e9, "−3.00e+09"),
        (None, "–"),
        (float("nan"), "–"),
        (12.34, "12.3"),
    ],
)
def test_numbers_have_three_digits_and_a_true_minus(value: float | None, text: str) -> None:
    assert number(value) == text


def test_measured_values_have_no_zeros_behind() -> None:
    assert [plain(value) for value in (0.08, -10.0, 2.5, 1.23456, None, 1e-9)] == [
        "0.08",
        "−10",
        "2.5",
        "1.235",
        "–",
        "1e−09",
    ]


def test_an_interval_decides_how_many_decimals_are_shown() -> None:
    assert estimate_text(Estimate(0.9012, 0.78, 1.02), "kcal/mol") == "0.90 [0.78, 1.02] kcal/mol"
    assert estimate_text(Estimate(12.345, 2.0, 40.0)) == "12 [2, 40]"
    assert estimate_text(Estimate(-0.351, -0.49, 0.21), plus=True) == "−0.35 [−0.49, +0.21]"
    assert estimate_text(Estimate(0.3), plus=True) == "+0.300"
    assert estimate_text(Estimate(None)) == "–"
    assert bounds_text(Estimate(1.0, 1.0, 1.0)) == "[1.00, 1.00]"
    assert estimate_text(Estimate(3.1e-9, 1.2e-9, 5e-9)) == "3.10e−09 [1.20e−09, 5.00e−09]"
    assert estimate_text(Estimate(3.1e20, 1.2e20, 5e20)) == "3.10e+20 [1.20e+20, 5.00e+20]"
    assert spread_text(2.5e20, 1e3) == "2.50e+20 ± 1,000"
    assert bounds_text(Estimate(1.0, None, 2.0)) == ""


def test_small_things() -> None:
    assert decimals(-0.001, 2) == "0.00"
    assert percent(0.912, 1) == "91.2 %"
    assert metric_text("roc_auc") == "ROC AUC"
    assert metric_text("my_metric") == "my metric"
    assert name_text("log_solubility") == "log solubility"
