"""Cells that say when a row was made: dates as people write them, years, or any number that rises with time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

YEARS = (1500, 2200)  # a whole number between these can be a year
_TIME = r"(?:[T ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?"
_MONTH = r"(?P<word>[A-Za-z]{3,9})\.?"
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?:(?P=mark)(?P<day>\d{1,2}))?" + _TIME,
        r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second_number>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})" + _TIME,
        r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[-/. ]*" + _MONTH + r"[-/., ]*(?P<year>\d{4}|\d{2})" + _TIME,
        _MONTH + r"[- ]*(?P<day>\d{1,2})(?:st|nd|rd|th)?,?[- ]+(?P<year>\d{4})" + _TIME,
        _MONTH + r"[-/, ]*(?P<year>\d{4})",
        r"(?P<month>\d{1,2})[/-](?P<year>\d{4})",
        r"(?P<year>\d{4})[- ]?Q(?P<quarter>[1-4])",
    )
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST = 40
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Moments:
    """How the cells of a column are read as times.

    Attributes:
        dates: Whether they are dates, told in days since 1970; else they are numbers and count as they are.
        day_first: Whether 3/4/2010 is the third of April.
        ambiguous: Whether some cell could be read either way and none says which.
    """

    dates: bool = False
    day_first: bool = True
    ambiguous: bool = False

    def value(self, text: str) -> float:
        """One cell as a number that rises with time; NaN where it says none."""
        if not self.dates:
            return _number(text)
        days = days_of(text, day_first=self.day_first)
        if math.isnan(days) and re.fullmatch(r"\d{4}", text) and YEARS[0] <= int(text) <= YEARS[1]:
            return _days(int(text), 1, 1)
        return days


class MomentsProfile:
    """What the cells of a column are, counted cell by cell."""

    def __init__(self) -> None:
        self.dates = self.numbers = self.others = 0
        self._day_first = self._month_first = self._either = False

    def add(self, cells: Iterable[str]) -> None:
        """Count some more cells."""
        for text in cells:
            cleaned = text.strip()
            if not cleaned:
                continue
            if not math.isnan(_number(cleaned)):
                self.numbers += 1
                continue
            read = [not math.isnan(days_of(cleaned, day_first=day_first)) for day_first in (True, False)]
            self.dates += any(read)
            self.others += not any(read)
            if read[0] != read[1]:
                self._day_first |= read[0]
                self._month_first |= read[1]
            elif any(read) and _orders_matter(cleaned):
                self._either = True

    @property
    def moments(self) -> Moments:
        """How to read them; where nothing says whether day or month comes first, the day does."""
        decided = self._day_first or self._month_first
        day_first = self._day_first or not self._month_first
        return Moments(self.dates > 0, day_first, self._either and not decided)


def days_of(text: str, *, day_first: bool = True) -> float:
    """Days since 1970 of a date, with its time of day; NaN for anything else, and for a bare number.

    Years of two digits lie in 1969 ... 2068. A date without a day is that of the first of its month or quarter.
    """
    cleaned = text.strip()
    if len(cleaned) > _LONGEST:
        return math.nan
    for form in _FORMS:
        match = form.fullmatch(cleaned)
        if match is not None:
            return _of_match(match.groupdict(), day_first)
    return math.nan


def _of_match(parts: dict[str, str | None], day_first: bool) -> float:
    year = int(parts["year"] or 0)
    if len(parts["year"] or "") == 2:
        year += 1900 if year >= 69 else 2000
    if parts.get("word"):
        word = str(parts["word"]).lower()
        if word[:3] not in _MONTHS:
            return math.nan
        month, day = _MONTHS.index(word[:3]) + 1, int(parts.get("day") or 1)
    elif parts.get("quarter"):
        month, day = 3 * int(str(parts["quarter"])) - 2, 1
    elif parts.get("first"):
        first, second = int(str(parts["first"])), int(str(parts["second_number"]))
        day, month = (first, second) if day_first else (second, first)
    else:
        month, day = int(str(parts["month"])), int(parts.get("day") or 1)
    clock = [int(parts.get(name) or 0) for name in ("hour", "minute", "second")]
    return _days(year, month, day, clock, parts.get("zone") or "Z")


def _days(year: int, month: int, day: int, clock: Sequence[int] = (0, 0, 0), zone: str = "Z") -> float:
    offset = timedelta(0)
    if zone[0] in "+-":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    hour, minute, second = clock
    try:
        return (datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset)) - _EPOCH) / timedelta(days=1)
    except (ValueError, OverflowError):  # there is no such day
        return math.nan


def _orders_matter(text: str) -> bool:
    match = _FORMS[1].fullmatch(text)
    return match is not None and match["first"] != match["second_number"]


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
