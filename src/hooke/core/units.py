"""Units of values: parsing, conversion, and a clear refusal where a conversion needs more than a factor.

A unit may be logarithmic: "log10 uM" is the decimal logarithm of the value in uM, "-log10 M" its negative (pIC50). It may be a product
or a quotient of those listed: "hartree/bohr" (a force), "eV/angstrom^2", "debye^2".

Source: CODATA 2018; everything that follows from exact constants is derived from them here, so that a conversion is the same by every path.
Bohr and hartree are measured: quantum-chemistry programs of other CODATA years differ from these by up to 1e-9 relative.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TypeVar

from hooke.core.errors import UnknownNameError, UsageError

# Exact by definition of the SI.
_CHARGE = 1.602176634e-19  # C, of an electron
_AVOGADRO = 6.02214076e23  # 1/mol
_LIGHT = 299792458.0  # m/s
_PLANCK = 6.62607015e-34  # J s
# CODATA 2018, measured.
_HARTREE = 27.211386245988  # eV
_BOHR = 0.529177210903  # Å
_KJ_PER_MOL_OF_EV = _CHARGE * _AVOGADRO * 1e-3  # 96.48533212331
_DEBYE = 1e-21 / _LIGHT / (_CHARGE * 1e-10)  # e Å
# Unit -> (dimension, factor to the first unit of that dimension).
_UNITS: dict[str, tuple[str, float]] = {
    "eV": ("energy", 1.0),
    "meV": ("energy", 1e-3),
    "hartree": ("energy", _HARTREE),
    "mhartree": ("energy", 1e-3 * _HARTREE),
    "rydberg": ("energy", 0.5 * _HARTREE),
    "kcal/mol": ("energy", 4.184 / _KJ_PER_MOL_OF_EV),
    "kJ/mol": ("energy", 1 / _KJ_PER_MOL_OF_EV),
    "1/cm": ("energy", _PLANCK * _LIGHT * 100 / _CHARGE),
    "M": ("concentration", 1.0),
    "mol/L": ("concentration", 1.0),
    "mM": ("concentration", 1e-3),
    "uM": ("concentration", 1e-6),
    "µM": ("concentration", 1e-6),
    "nM": ("concentration", 1e-9),
    "pM": ("concentration", 1e-12),
    "fM": ("concentration", 1e-15),
    "g/L": ("mass concentration", 1.0),
    "mg/mL": ("mass concentration", 1.0),
    "mg/L": ("mass concentration", 1e-3),
    "ug/mL": ("mass concentration", 1e-3),
    "ng/mL": ("mass concentration", 1e-6),
    "s": ("time", 1.0),
    "min": ("time", 60.0),
    "h": ("time", 3600.0),
    "angstrom": ("length", 1.0),
    "nm": ("length", 10.0),
    "pm": ("length", 0.01),
    "bohr": ("length", _BOHR),
    "debye": ("dipole", 1.0),
    "e*bohr": ("dipole", _BOHR / _DEBYE),
    "e*angstrom": ("dipole", 1 / _DEBYE),
    "%": ("fraction", 0.01),
    "fraction": ("fraction", 1.0),
}
# What files write for them; case counts, since MeV is not meV.
_SPELLINGS = {
    "Hartree": "hartree", "hartrees": "hartree", "Eh": "hartree", "Ha": "hartree",
    "Rydberg": "rydberg", "Ry": "rydberg", "cm^-1": "1/cm",
    "Bohr": "bohr", "a0": "bohr", "Angstrom": "angstrom", "Ang": "angstrom", "angstroms": "angstrom", "Å": "angstrom",
    "μM": "µM", "mmol/L": "mM", "umol/L": "uM", "µmol/L": "µM", "nmol/L": "nM", "pmol/L": "pM", "µg/mL": "ug/mL",
    "molar": "M", "millimolar": "mM", "micromolar": "uM", "nanomolar": "nM", "picomolar": "pM",
    "nanometer": "nm", "nanometers": "nm", "nanometre": "nm", "nanometres": "nm",
}  # fmt: skip
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
    base = unit_name(base)
    _measure(base)
    return Unit(base, sign)


def unit_name(text: str) -> str:
    """The name of a linear unit that files spell in several ways ("Å", "nanometers", "Hartree/Å"); others stay as they are."""
    text = text.strip()
    if text in _UNITS or text in _SPELLINGS:
        return _SPELLINGS.get(text, text)
    before, slash, after = text.rpartition("/")
    if not slash:
        return text
    base, power, exponent = after.partition("^")
    return f"{unit_name(before)}/{unit_name(base)}{power}{exponent}"


def dimension(text: str) -> str:
    """What a unit measures: "energy", "length", "energy/length".

    Raises:
        UnknownNameError: It is not known; the message offers the nearest.
    """
    return _measure(parse_unit(text).base)[0]


def units_of(measured: str) -> tuple[str, ...]:
    """The units of a dimension that is no quotient, the one that factors refer to first."""
    return tuple(name for name, (what, _) in _UNITS.items() if what == measured)


def factor(source: str, target: str) -> float:
    """The number that turns a value in `source` into a value in `target`, both linear.

    Raises:
        UnknownNameError: A unit that is not known; the message offers the nearest.
        UsageError: The two measure different things; mass against molar concentration needs the molecular weight.
    """
    (measured, scale), (other, other_scale) = (_measure(parse_unit(text).base) for text in (source, target))
    if measured != other:
        hint = ""
        if {measured, other} == {"concentration", "mass concentration"}:
            hint = ": that needs each compound's molecular weight; convert the column first"
        raise UsageError(f"cannot convert {source} ({measured}) to {target} ({other}){hint}")
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


def _measure(base: str) -> tuple[str, float]:
    """Dimension and factor of a unit, or of a quotient whose last divisor may have a power: "eV/angstrom^3"."""
    if base in _UNITS:
        return _UNITS[base]
    before, slash, after = base.rpartition("/")
    divisor = re.fullmatch(r"(.+?)(?:\^([2-9]))?", after)
    if not slash or divisor is None or divisor[1] not in _UNITS:
        raise UnknownNameError("unit", base, _UNITS)
    (measured, scale), (divided, by) = _measure(before), _UNITS[divisor[1]]
    power = int(divisor[2] or 1)
    return f"{measured}/{divided}" + (f"^{power}" if power > 1 else ""), scale / by**power
