"""Concentrations among columns: what a name says of its unit, and which numbers are better learnt as logarithms.

IC50, EC50, Ki, Kd and their like are measured over many decades; their p-value is the negative decimal logarithm of the value in M.
"""

from __future__ import annotations

import re

from hooke.core.units import unit_name, units_of

MOLAR, MASS = "concentration", "mass concentration"
_MICRO = str.maketrans("\u03bc", "\u00b5")  # the Greek letter looks like the sign and is another character
_IN_BRACKETS = re.compile(r"[(\[{]\s*([^()\[\]{}]{1,20}?)\s*[)\]}]")
_AT_THE_END = re.compile(r"[\s_,:/-]([A-Za-zµ]{1,5}(?:/m?[Ll])?|[a-z]{0,5}molar)$")
_NAMED = re.compile(r"(?:[a-z]?c|gi|ed|id)(?:10|20|25|50|75|80|90|95|99|100)|k[idmb]|mic\d*|potency")
_LOGARITHM = re.compile(r"log\w*|p(?:[a-z]{1,2}\d{2}|k[a-z]?|mic|potency)|neg|minus")


def speaks_of_concentration(name: str) -> bool:
    """Whether a column's name is that of a concentration: IC50, EC50, Ki, Kd, MIC and their like."""
    return any(_NAMED.fullmatch(word) for word in _words(name))


def speaks_of_logarithm(name: str) -> bool:
    """Whether a column's name says that its numbers are logarithms: log(IC50), pKi."""
    return any(_LOGARITHM.fullmatch(word) for word in _words(name))


def split_unit(name: str) -> tuple[str, str]:
    """A column's name without the unit of concentration that it ends with, and that unit; "" without one.

    "IC50 (nM)", "Ki_nM", "EC50 [nmol/L]". What may mean much else counts only after the name of a concentration: "nm", "M" without brackets.
    """
    text = name.strip().translate(_MICRO)
    bracketed = _IN_BRACKETS.search(text)
    match = bracketed or _AT_THE_END.search(text)
    if match is None or speaks_of_logarithm(text):
        return text, ""
    found, named = match[1], speaks_of_concentration(text)
    for unit in (*units_of(MOLAR), *units_of(MASS)):
        clear = named or bracketed is not None or unit != "M"
        written = unit_name(re.sub(r"/(m?)l$", r"/\1L", found)) == unit and clear
        if written or (named and found.lower() == unit.lower() and unit != "M"):
            rest = text[: match.start()] + text[match.end() :]
            return re.sub(r"\s+in$|[\s_,:/-]+$", "", rest.strip()), unit
    return text, ""


def p_name_of(name: str) -> str:
    """What the p-value of a column is called: "pIC50" of "IC50 (nM)" and "ic50_nm", "pKi" of "Ki [uM]"."""
    words = re.findall(r"[^\W_]+", split_unit(name)[0]) or ["Value"]
    if speaks_of_concentration(name):
        words = [word.upper() if re.fullmatch(r"[a-z]+\d+", word) else word for word in words]
    return "p" + "".join(word if word[:1].isupper() else word.capitalize() for word in words)


def is_molar(unit: str) -> bool:
    """Whether a value in this unit is an amount per volume as it stands."""
    return unit_name(unit) in units_of(MOLAR)


def is_concentration(unit: str) -> bool:
    """Whether a value in this unit is a concentration as it stands, which is never negative."""
    return is_molar(unit) or unit_name(unit) in units_of(MASS)


def _words(name: str) -> list[str]:
    return re.findall(r"[a-zµ]+\d*|\d+", name.lower())
