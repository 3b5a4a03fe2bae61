"""Spaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import UnknownNameError, UsageError
from hooke.studies.search.space import Parameter, Space, parameter_of, read_space


def test_a_space_from_toml(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        '["train.learning_rate"]\nlow = 1e-4\nhigh = 1e-2\nlog = true\npoints = 3\n'
        '["model.depth"]\nlow = 2\nhigh = 6\nstep = 2\n'
        '["model.activation"]\nchoices = ["relu", "gelu"]\n'
    )
    space = read_space(tmp_path / "s.toml")
    assert space.sizes == (3, 3, 2)
    assert space.ordered == (True, True, False)
    assert len(space) == len(list(space.points())) == 18
    assert space.values((1, 2, 1)) == {"train.learning_rate": 1e-3, "model.depth": 6, "model.activation": "gelu"}
    assert space.overrides((1, 0, 1)) == ["train.learning_rate=0.001", "model.depth=2", 'model.activation="gelu"']


def test_ranges() -> None:
    assert parameter_of("a", {"low": 0.1, "high": 0.5, "step": 0.1}).values == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert parameter_of("a", {"low": 1, "high": 4}).values == (1, 2, 3, 4)
    assert len(parameter_of("a", {"low": 0.0, "high": 1.0}).values) == 16
    assert not Parameter("a", (True, False)).ordered


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (3, "must be a table"),
        ({}, "needs choices"),
        ({"low": 2, "high": 1}, "low below high"),
        ({"choices": []}, "different values"),
        ({"choices": [1, 1]}, "different values"),
        ({"choices": [1, 2], "low": 1}, "stand alone"),
        ({"low": 0, "high": 1, "log": True}, "log a low above 0"),
        ({"low": 0, "high": 1, "points": 1}, "at least 2 points"),
        ({"low": 0, "high": 1, "step": 0}, "step must be above 0"),
    ],
)
def test_what_is_no_entry(entry: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parameter_of("x", entry)


def test_unknown_fields_and_files(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="'choices'"):
        parameter_of("x", {"choice": [1]})
    (tmp_path / "s.toml").write_text("")
    with pytest.raises(UsageError, match="names no option"):
        read_space(tmp_path / "s.toml")
    with pytest.raises(UsageError, match="none.toml does not exist"):
        read_space(tmp_path / "none.toml")


def test_sizes_of_a_space_of_one_parameter() -> None:
    assert list(Space((Parameter("a", (1, 2)),)).points()) == [(0,), (1,)]
