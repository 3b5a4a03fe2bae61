"""Printing for people and for scripts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import hooke
from hooke.cli.output import is_given, print_fields, print_json, print_table


def test_printing(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"path": Path("a"), "n": 1})
    assert json.loads(capsys.readouterr().out) == {"path": "a", "n": 1}
    print_fields({"a": 1, "long": 2})
    assert capsys.readouterr().out == "a     1\nlong  2\n"
    print_fields(
        {
            "a": float("nan"),
            "b": None,
            "c": {"y": {"r2": float("inf"), "rmse": 0.123456, "n": 3}},
            "d": [1.5, None],
            "e": 0.1,
        }
    )
    assert capsys.readouterr().out == (
        "a  –\nb  –\nd  1.5, –\ne  0.1\n\nc\n   r2  rmse   n\n-  --  -----  -\ny  –   0.123  3\n"
    )
    print_table(["x", "yy"], [[1, "abc"]])
    assert capsys.readouterr().out == "x  yy\n-  ---\n1  abc\n"
    print_fields({})


@pytest.mark.parametrize(("arguments", "given"), [([], False), (["--seeds", "3"], True)])
def test_an_option_at_its_default_is_not_given(arguments: list[str], given: bool) -> None:
    app, answers = typer.Typer(), []

    @app.command()
    def verb(context: typer.Context, seeds: int = 3) -> None:
        answers.append(is_given(context, "seeds"))

    CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert answers == [given]


def test_click_is_no_dependency() -> None:
    sources = Path(hooke.__file__).parent.rglob("*.py")
    assert not [
        path for path in sources if re.search(r"^\s*(import|from) click\b", path.read_text("utf-8"), re.MULTILINE)
    ]
