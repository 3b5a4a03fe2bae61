from __future__ import annotations

import pickle

import pytest

from hooke.core.errors import DataError, HookeError, UnknownNameError, UsageError, nearest


def test_each_error_has_its_exit_code() -> None:
    codes = {HookeError: 1, UsageError: 2, UnknownNameError: 2, DataError: 3}
    assert {error: error.exit_code for error in codes} == codes


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    error = UnknownNameError("model", "gin3", ["gine", "gcn"])
    assert (error.name, error.nearest, error.valid) == ("gin3", "gine", ["gcn", "gine"])
    assert str(error) == "unknown model 'gin3'. Did you mean 'gine'? Valid: gcn, gine"


def test_nothing_is_offered_when_nothing_is_near_or_valid() -> None:
    assert nearest("zzz", ["gine"]) is None
    assert "Did you mean" not in str(UnknownNameError("model", "zzz", ["gine"]))
    assert "(none)" in str(UnknownNameError("model", "zzz", []))


def test_long_lists_are_cut() -> None:
    assert str(UnknownNameError("label", "x", [f"label{number}" for number in range(1000)])).endswith(", ...")


@pytest.mark.parametrize(
    "error",
    [
        UnknownNameError("model", "gin3", ["gine"]),
        UnknownNameError("column", "a", ["b"], remedy="--b names it"),
        DataError("broken"),
    ],
)
def test_errors_cross_process_borders_whole(error: HookeError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
