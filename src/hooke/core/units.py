"""Units of label values: parsing, conversion, and a clear refusal where a conversion needs more than a factor.

A unit may be logarithmic: "log10 uM" is the decimal logarithm of the value in uM, "-log10 M" its negative (pIC50).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from hooke.core.errors import UnknownNameError, UsageError

# CODATA 2018: 1 eV per particle = 96.48533212331001 kJ/mol (exact constants e and N_A).
_KJ_PER_MOL_OF_EV = 96.48533212331001
# Unit -> (dimension, factor to the first unit of that dimension).
_UNITS: dict[str, tuple[str, float]] = {
    "eV": ("energy", 1.0),
    "meV": ("energy", 1e-3),
    "hartree": ("energy", 27.211386245988),
    "kcal/mol": ("energy", 4.184 / _KJ_PER_MOL_OF_EV),
    "kJ/mol": ("energy", 1 / _KJ_PER_MOL_OF_EV),
    "M": ("concentration", 1.0),
    "mol/L": ("concentration", 1.0),
    "mM": ("concentration", 1e-3),
    "uM": ("concentration", 1e-6),
    "µM": ("concentration", 1e-6),
    "nM": ("concentration", 1e-9),
    "pM": ("concentration", 1e-12),
    "g/L": ("mass concentration", 1.0),
    "mg/mL": ("mass concentration", 1.0),
    "mg/L": ("mass concentration", 1e-3),
    "ug/mL": ("mass concentration", 1e-3),
    "s": ("time", 1.0),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "angstrom": ("length", 1.0),
    "nm": ("length", 10.0),
    "bohr": ("length", 0.529177210903),
    "debye": ("dipole", 1.0),
    "e*bohr": ("dipole", 2.541746473),
    "%": ("fraction", 0.01),
    "fraction": ("fraction", 1.0),
}
CellLike = TypeVar("CellLike")


@dataclass(frozen=True)
class Unit:
    """A parsed unit: value = sign * log10(quantity / base) if logarithmic, else quantity / base."""

    base: str
    sign: int = 0  # 0 linear, +1 "log10", -1 "-log10"


def parse_unit(text: str) -> Unit:
    """Read a unit, linear or logarithmic.

    Raises:
        UnknownNameError: Its base is not known; the message offers the nearest.
    """
    base = text.strip()
    sign = 0
    for prefix, value in (("-log10 ", -1), ("log10 ", 1)):
        if base.startswith(prefix):
            base, sign = base.removeprefix(prefix).strip(), value
            break
    if base not in _UNITS:
        raise UnknownNameError("unit", base, _UNITS)
    return Unit(base, sign)


def factor(source: str, target: str) -> float:
    """The number that turns a value in `source` into a value in `target`, both linear.

    Raises:
        UnknownNameError: A unit that is not known; the message offers the nearest.
        UsageError: The two measure different things; mass against molar concentration needs the molecular weight.
    """
    (dimension, scale), (other, other_scale) = _UNITS[parse_unit(source).base], _UNITS[parse_unit(target).base]
    if dimension != other:
        hint = ""
        if {dimension, other} == {"concentration", "mass concentration"}:
            hint = ": that needs each compound's molecular weight; convert the column first"
        raise UsageError(f"cannot convert {source} ({dimension}) to {target} ({other}){hint}")
    return scale / other_scale


def convert(value: float, source: str, target: str) -> float:
    """One value in another unit; NaN where a value that is not positive would need a logarithm."""
    before, after = parse_unit(source), parse_unit(target)
    scale = factor(source, target)
    if before.sign == after.sign == 0:
        return value * scale
    if before.sign:
        logarithm = before.sign * value
    elif value > 0:
        logarithm = math.log10(value)
    else:
        return math.nan
    logarithm += math.log10(scale)
    return after.sign * logarithm if after.sign else 10.0**logarithm


def convert_cell(cell: CellLike, source: str, target: str) -> CellLike:
    """A parsed label cell in another unit; a bound stays a bound, turned round where the new scale falls."""
    value = cell.value  # type: ignore[attr-defined]
    if math.isnan(value):
        return cell
    converted = convert(value, source, target)
    if math.isnan(converted):
        return type(cell)(math.nan, problem=f"{value:g} has no logarithm")  # type: ignore[call-arg]
    turned = (parse_unit(source).sign == -1) != (parse_unit(target).sign == -1)
    bound = cell.bound  # type: ignore[attr-defined]
    return type(cell)(converted, -bound if turned else bound, cell.problem)  # type: ignore[call-arg, attr-defined]
