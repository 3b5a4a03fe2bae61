"""Units of label values: parsing, conversion, and a clear refusal where a conversion needs more than a factor."""

from __future__ import annotations

import math
from typing import TypeVar

from hooke.core.errors import UnknownNameError, UsageError

# Unit -> (dimension, factor to the first unit of that dimension). Energies by CODATA 2018.
_UNITS: dict[str, tuple[str, float]] = {
    "eV": ("energy", 1.0),
    "meV": ("energy", 1e-3),
    "hartree": ("energy", 27.211386245988),
    "kcal/mol": ("energy", 0.0433641042418),
    "kJ/mol": ("energy", 0.0103642688),
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


def factor(source: str, target: str) -> float:
    """The number that turns a value in `source` into a value in `target`.

    Raises:
        UnknownNameError: A unit that is not known; the message offers the nearest.
        UsageError: The two measure different things; mass against molar concentration needs the molecular weight.
    """
    for unit in (source, target):
        if unit not in _UNITS:
            raise UnknownNameError("unit", unit, _UNITS)
    (dimension, scale), (other, other_scale) = _UNITS[source], _UNITS[target]
    if dimension != other:
        hint = ""
        if {dimension, other} == {"concentration", "mass concentration"}:
            hint = ": that needs each compound's molecular weight; convert the column first"
        raise UsageError(f"cannot convert {source} ({dimension}) to {target} ({other}){hint}")
    return scale / other_scale


def convert(value: float, source: str, target: str) -> float:
    """One value in another unit."""
    return value * factor(source, target)


def convert_cell(cell: CellLike, source: str, target: str) -> CellLike:
    """A parsed label cell in another unit; a bound stays a bound."""
    value = cell.value  # type: ignore[attr-defined]
    if math.isnan(value):
        return cell
    return type(cell)(convert(value, source, target), cell.bound, cell.problem)  # type: ignore[call-arg, attr-defined]
