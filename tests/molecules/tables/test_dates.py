"""Dates as people write them; days or months first is decided by the whole column."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.molecules.tables.dates import Moments, MomentsProfile, days_of

JANUARY = (date(2010, 1, 11) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    "text",
    ["2010-01-11", "2010/01/11", "2010.1.11", "11.01.2010", "11/01/2010", "11-1-2010", "11.01.10", "11-Jan-2010", "11 January 2010",
     "11-JAN-10", "11th Jan 2010", "Jan 11, 2010", "January 11th 2010", "2010-01-11T00:00:00Z", "2010-01-11 00:00:00", " 2010-01-11 "],
)  # fmt: skip
def test_ways_of_writing_a_day(text: str) -> None:
    assert days_of(text) == JANUARY


def test_times_of_day_zones_months_and_quarters() -> None:
    assert days_of("2010-01-11 12:00") == JANUARY + 0.5
    assert days_of("2010-01-11T12:00:00+01:00") == pytest.approx(JANUARY + 11 / 24)
    assert days_of("2010-01-11 00:00:00.250") == JANUARY
    assert days_of("2010-01") == days_of("Jan 2010") == days_of("01/2010") == days_of("2010-Q1") == JANUARY - 10
    assert days_of("01/11/2010", day_first=False) == JANUARY
    assert days_of("1.1.69") == days_of("1969-01-01")
    assert days_of("1.1.68") == days_of("2068-01-01")


@pytest.mark.parametrize(
    "text", ["", "2010", "3.5", "2010-13-01", "30.02.2010", "11 Foo 2010", "50-00-0", "CHEMBL25", "n.t.", "1" * 50]
)
def test_what_is_no_date(text: str) -> None:
    assert math.isnan(days_of(text))


@given(st.dates(date(1970, 1, 1), date(2068, 12, 31)))
def test_every_day_comes_back(day: date) -> None:
    wanted = day.toordinal() - date(1970, 1, 1).toordinal()
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%y", "%d %b %Y", "%B %d, %Y"):
        assert days_of(day.strftime(form)) == wanted
    assert days_of((day + timedelta(1)).isoformat()) == wanted + 1


def moments(*cells: str) -> Moments:
    profile = MomentsProfile()
    profile.add(cells)
    return profile.moments


def test_a_column_decides_what_comes_first() -> None:
    assert moments("01/02/2010", "13/02/2010") == Moments(True, True)
    assert moments("01/02/2010", "02/13/2010") == Moments(True, False)
    assert moments("01/02/2010", "03/04/2010") == Moments(True, True, True)
    assert moments("2010-01-02", "03/03/2010") == Moments(True, True)
    assert moments("2001", "2002", "") == Moments()


def test_cells_as_numbers_that_rise_with_time() -> None:
    assert Moments().value("2001") == 2001
    assert math.isnan(Moments().value("unknown"))
    mixed = moments("2010-01-11", "2009")
    assert mixed.value("2009") < mixed.value("2010-01-11") == JANUARY
    assert math.isnan(mixed.value("12"))
    assert moments("02/13/2010", "01/11/2010").value("01/11/2010") == JANUARY
