"""Names of wells and plates, however they are written: "b7" is "B07", and "7.0", "007" and "Plate7" may be one plate."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hooke.core.errors import DataError

_NAME = re.compile(r"([A-Za-z]{1,2})0*([1-9]\d{0,2})")


def well_position(name: str) -> tuple[int, int]:
    """The row and the column of a well, from 1: "B07" is (2, 7), "AA02" is (27, 2).

    Raises:
        DataError: The text names no well.
    """
    match = _NAME.fullmatch(name.strip())
    if match is None:
        raise DataError(f"{name!r} is not a name of a well; wells are called A01, B7 or AA02")
    row = 0
    for letter in match[1].upper():
        row = 26 * row + ord(letter) - ord("A") + 1
    return row, int(match[2])


def well_name(row: int, column: int) -> str:
    """The usual name of a place on a plate: (2, 7) is "B07".

    Raises:
        DataError: There is no such place.
    """
    if not (1 <= row <= 702 and 1 <= column <= 999):
        raise DataError(f"row {row}, column {column} is no place on a plate; rows and columns count from 1")
    letters = chr(ord("A") + (row - 1) % 26)
    if row > 26:
        letters = chr(ord("A") + (row - 27) // 26) + letters
    return f"{letters}{column:02d}"


def same_well(name: str) -> str:
    """The usual name of a well however it is written: "b7" and "B007" are "B07".

    Raises:
        DataError: The text names no well.
    """
    return well_name(*well_position(name))


def is_well(name: str) -> bool:
    """Whether a text names a well."""
    return _NAME.fullmatch(name.strip()) is not None


def match_plates(names: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    """Which plates of `names` are which of `others`: those written alike, and those that differ only in spaces, case, leading zeros,
    ".0" or the word plate, where that is clear on both sides.
    """
    names, others = set(names), set(others)
    found = {name: name for name in names & others}
    left = _by_plain(names - set(found))
    right = _by_plain(others - set(found))
    found.update((left[plain][0], right[plain][0]) for plain in left.keys() & right.keys()
                 if len(left[plain]) == len(right[plain]) == 1)  # fmt: skip
    return found


def _by_plain(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        plain = re.sub(r"^plate[\s_-]*", "", name.strip().lower())
        plain = re.sub(r"^(\d+)\.0+$", r"\1", plain)
        found.setdefault(plain.lstrip("0") or plain[:1], []).append(name)
    return found
