"""Choosing some of several named things."""

from __future__ import annotations

import pytest

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.options import choose

VALID = {"a": 1, "bee": 2, "c": 3}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("all", "a bee c"), ("c, a", "a c"), (("bee",), "bee"), (["c", "a", "c"], "a c"), (("all",), "a bee c")],
)
def test_names_are_found_in_the_order_of_the_valid_ones(wanted: object, found: str) -> None:
    assert list(choose("letter", wanted, VALID)) == found.split()  # type: ignore[arg-type]


def test_wrong_and_missing_names_are_answered() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'bee'"):
        choose("letter", "bea", VALID)
    for nothing in ("", ()):
        with pytest.raises(UsageError, match="at least one letter"):
            choose("letter", nothing, VALID)
