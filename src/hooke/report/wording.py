"""Numbers as people read them: three digits, a true minus sign, intervals with as many decimals as they are worth."""

from __future__ import annotations

import math

from hooke.report.schema import Estimate

UNKNOWN = "–"
_MANY, _MOST_PLACES = 1e7, 6  # from there on numbers are written with an exponent
METRIC_NAMES = {
    "rmse": "RMSE", "mae": "MAE", "r2": "R²", "pearson": "Pearson r", "spearman": "Spearman ρ", "roc_auc": "ROC AUC",
    "average_precision": "average precision", "cross_entropy": "cross-entropy", "normalised_mae": "normalised MAE",
    "normalised_rmse": "normalised RMSE", "macro_roc_auc": "macro ROC AUC", "macro_average_precision": "macro average precision",
}  # fmt: skip


def number(value: float | None, digits: int = 3) -> str:
    """Three digits: "1,234", "0.0731", "−6.02", "1.20e−09"; "–" for what is not known."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    size = math.floor(math.log10(abs(value))) if value else 0
    if value and not (size >= -4 and abs(value) < _MANY):
        return signed(f"{value:.{digits - 1}e}")
    return decimals(value, max(0, digits - 1 - size))


def plain(value: float | None, digits: int = 4) -> str:
    """A measured value as it would be noted down: four digits at most, no zeros behind."""
    text, sign, exponent = number(value, digits).partition("e")
    return (text.rstrip("0").rstrip(".") if "." in text else text) + sign + exponent


def measured_text(value: float | None, bound: int = 0) -> str:
    """A measured value as it would be noted down: "0.5", or ">10" where it is censored."""
    return {1: ">", -1: "<"}.get(bound, "") + plain(value)


def percent(share: float, places: int = 0) -> str:
    """A share as "90 %"; "–" for what is not known."""
    return f"{decimals(100 * share, places)} %" if math.isfinite(share) else UNKNOWN


def decimals(value: float, places: int) -> str:
    """With so many decimals; never "−0.00"; "–" for what is not known."""
    if not math.isfinite(value):
        return UNKNOWN
    text = f"{value:,.{places}f}"
    return signed(text[1:] if text.startswith("-") and not any(sign in "123456789" for sign in text) else text)


def signed(text: str) -> str:
    """With a true minus sign."""
    return text.replace("-", "−")


def places_for(found: Estimate) -> int | None:
    """Decimals that show an interval's width to two digits; None without an interval, or where decimals would not be read."""
    if found.value is None or found.low is None or found.high is None or found.high <= found.low:
        return None
    largest = max(abs(found.value), abs(found.low), abs(found.high))
    places = max(0, 1 - math.floor(math.log10(found.high - found.low)))
    return places if largest < _MANY and places <= _MOST_PLACES else None


def value_text(found: Estimate, *, plus: bool = False) -> str:
    """The value alone."""
    places = places_for(found)
    text = number(found.value) if found.value is None or places is None else decimals(found.value, places)
    return f"+{text}" if plus and found.value is not None and found.value > 0 else text


def range_text(low: float, high: float, places: int) -> str:
    """An interval with so many decimals: "[0.78, 1.02]"; "" where it is not known."""
    return f"[{decimals(low, places)}, {decimals(high, places)}]" if math.isfinite(low) and math.isfinite(high) else ""


def bounds_text(found: Estimate, *, plus: bool = False) -> str:
    """The interval as "[0.78, 1.02]", or "" where there is none."""
    if found.low is None or found.high is None:
        return ""
    places = places_for(found)
    texts = [number(bound) if places is None else decimals(bound, places) for bound in (found.low, found.high)]
    if plus:
        texts = [f"+{text}" if bound > 0 else text for text, bound in zip(texts, (found.low, found.high), strict=True)]
    return f"[{texts[0]}, {texts[1]}]"


def estimate_text(found: Estimate, unit: str = "", *, plus: bool = False) -> str:
    """Value, interval and unit: "0.90 [0.78, 1.02] kcal/mol"."""
    return " ".join(part for part in (value_text(found, plus=plus), bounds_text(found, plus=plus), unit) if part)


def metric_text(metric: str) -> str:
    """A metric's name as papers write it."""
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def spread_text(mean: float, deviation: float) -> str:
    """Mean ± standard deviation, both with the decimals that show the deviation to three digits."""
    if not 1e-4 <= deviation < 1e6 or abs(mean) >= _MANY:
        return f"{number(mean)} ± {number(deviation)}"
    places = max(0, 2 - math.floor(math.log10(deviation)))
    return f"{decimals(mean, places)} ± {decimals(deviation, places)}"


def name_text(name: str) -> str:
    """A column's name in words."""
    return name.replace("_", " ")
