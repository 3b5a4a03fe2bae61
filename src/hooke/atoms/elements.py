"""Symbols and numbers of the elements."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from rdkit.Chem import GetPeriodicTable

MAX_NUMBER = 118
SYMBOLS = tuple(GetPeriodicTable().GetElementSymbol(number) for number in range(MAX_NUMBER + 1))
NUMBERS = {symbol: number for number, symbol in enumerate(SYMBOLS) if number}


def numbers_of(symbols: Iterable[str]) -> np.ndarray:
    """(atoms,) uint8 atomic numbers of symbols, or of numbers written as text.

    Raises:
        ValueError: A symbol that no element has.
    """
    numbers = []
    for symbol in symbols:
        number = (
            NUMBERS.get(symbol)
            or NUMBERS.get(symbol.capitalize())
            or (int(symbol) if symbol.isascii() and symbol.isdecimal() else 0)
        )
        if not 1 <= number <= MAX_NUMBER:
            raise ValueError(f"{symbol!r} is no element")
        numbers.append(number)
    return np.array(numbers, np.uint8)


def formula(numbers: np.ndarray) -> str:
    """The composition by Hill's rule: carbon, hydrogen, the others by symbol ("C2H6O"); without carbon all by symbol."""
    counts = {SYMBOLS[number]: count for number, count in zip(*np.unique(numbers, return_counts=True), strict=True)}
    first = [symbol for symbol in ("C", "H") if "C" in counts and symbol in counts]
    order = [*first, *sorted(set(counts) - set(first))]
    return "".join(f"{symbol}{counts[symbol] if counts[symbol] > 1 else ''}" for symbol in order)
