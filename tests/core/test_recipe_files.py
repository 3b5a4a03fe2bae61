from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.core import recipe_files as recipe
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.recipe_files import build, merge, read


@dataclass(frozen=True)
class Inner:
    width: int = 8
    rate: float = 0.1


@dataclass(frozen=True)
class Outer:
    name: str = "x"
    kind: Literal["a", "b"] = "a"
    inner: Inner = Inner()
    fractions: tuple[float, float] = (0.5, 0.5)
    units: Mapping[str, str] = field(default_factory=dict)
    steps: int | None = None

    def __post_init__(self) -> None:
        if self.name == "forbidden":
            raise ValueError("this name is forbidden")
        if self.name == "damaged":
            raise DataError("its table is damaged")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_recipe_extends_another_and_takes_overrides(tmp_path: Path) -> None:
    write(tmp_path / "base.toml", '[model]\nname = "gine"\nwidth = 4\ndepth = 2\n[train]\nepochs = 3\n')
    child = write(tmp_path / "child.toml", 'extends = "base.toml"\nseed = 1\n[model]\nwidth = 16\n')
    assert read(
        child, ["train.epochs=5", "train.schedule=linear", "data.path=a b.csv", 'data.units."p.IC50"="-log10 M"']
    ) == {
        "name": "child",
        "seed": 1,
        "model": {"name": "gine", "width": 16, "depth": 2},
        "train": {"epochs": 5, "schedule": "linear"},
        "data": {"path": "a b.csv", "units": {"p.IC50": "-log10 M"}},
    }


def test_another_name_replaces_the_options_that_belonged_to_the_first() -> None:
    base = {"model": {"name": "gine", "width": 4}, "train": {"epochs": 3}}
    assert merge(base, {"model": {"name": "gcn"}}) == {"model": {"name": "gcn"}, "train": {"epochs": 3}}
    assert merge(base, {"model": {"name": "gine", "depth": 1}})["model"] == {"name": "gine", "width": 4, "depth": 1}
    assert base == {"model": {"name": "gine", "width": 4}, "train": {"epochs": 3}}


@pytest.mark.parametrize("name", recipe.names())
def test_built_in_recipes_are_found_by_name(name: str) -> None:
    assert read(name)["name"]


def test_a_user_recipe_extends_a_built_in_one(tmp_path: Path) -> None:
    name = recipe.names()[0]
    child = write(tmp_path / "mine.toml", f'extends = "{name}"\nseed = 99\n')
    assert read(child) == {**read(name), "name": "mine", "seed": 99}


ROWS = """
[model]
depth = 4
[rows.small]
model.width = 8
[rows.deep]
extends = "grid.toml#small"
model.depth = 9
"""


def test_a_file_with_rows_holds_one_recipe_a_row(tmp_path: Path) -> None:
    write(tmp_path / "grid.toml", ROWS)
    assert read(tmp_path / "grid.toml#small") == {"name": "grid_small", "model": {"depth": 4, "width": 8}}
    assert read(tmp_path / "grid.toml#deep") == {"name": "grid_deep", "model": {"depth": 9, "width": 8}}
    child = write(tmp_path / "child.toml", 'extends = "grid.toml#deep"\nseed = 2\n')
    assert read(child) == {"name": "child", "model": {"depth": 9, "width": 8}, "seed": 2}


def test_rows_that_are_missing_are_explained(tmp_path: Path) -> None:
    write(tmp_path / "grid.toml", ROWS)
    with pytest.raises(UsageError, match=r"holds the rows small, deep; name one of them: .*grid.toml#small"):
        read(tmp_path / "grid.toml")
    with pytest.raises(UnknownNameError, match="Did you mean 'deep'"):
        read(tmp_path / "grid.toml#depp")
    with pytest.raises(UsageError, match=r"has tables \[rows.NAME\]"):
        read(f"{write(tmp_path / 'plain.toml', 'seed = 1')}#small")
    with pytest.raises(UsageError, match=r"has tables \[rows.NAME\]"):
        read(write(tmp_path / "bad.toml", "rows = 3"))
    with pytest.raises(UsageError, match="in a circle"):
        read(f"{write(tmp_path / 'a.toml', '[rows.x]' + chr(10) + 'extends = ' + repr('a.toml#x'))}#x")


def test_built_in_rows_are_named_after_file_and_row() -> None:
    assert {"largemix_gcn", "largemix_pcba_gin", "molgps_mpnn_3b"} <= set(recipe.names())
    assert "largemix" not in recipe.names()
    model = read("largemix_pcba_gin")["model"]
    assert {name: model[name] for name in ("name", "width", "depth")} == {"name": "gin", "width": 768, "depth": 4}
    assert read("largemix_pcba_gin")["data"]["tables"] == "pcba_1328"
    assert recipe.source("largemix_pcba_gin") == recipe.source("largemix_gcn")
    with pytest.raises(UnknownNameError, match="unknown recipe"):
        recipe.source("largemix")


def test_wrong_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recipe file"):
        read(tmp_path / "missing.toml")
    with pytest.raises(UnknownNameError, match="unknown recipe"):
        read("no_such_recipe")
    with pytest.raises(UsageError, match="cannot be read as TOML"):
        read(write(tmp_path / "bad.toml", "a = ["))
    with pytest.raises(UsageError, match="cannot be read as TOML: it is nested too deeply"):
        read(write(tmp_path / "deep.toml", "a = " + "[" * 5000))
    with pytest.raises(UsageError, match="cannot be read as a recipe.*name too long"):
        read(write(tmp_path / "long.toml", f'extends = "{"x" * 5000}"'))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read as TOML"):
        read(tmp_path / "binary.toml")
    with pytest.raises(UsageError, match="extends must name one recipe"):
        read(write(tmp_path / "list.toml", 'extends = ["a", "b"]'))
    write(tmp_path / "a.toml", 'extends = "b.toml"')
    with pytest.raises(UsageError, match="in a circle"):
        read(write(tmp_path / "b.toml", 'extends = "a.toml"'))


@pytest.mark.parametrize("override", ["train.epochs", "=3", " = 3"])
def test_an_override_without_key_or_value_is_refused(tmp_path: Path, override: str) -> None:
    with pytest.raises(UsageError, match=r"a\.b=c"):
        read(write(tmp_path / "a.toml", ""), [override])


def test_an_override_does_not_reach_into_a_value(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a value, not a table"):
        read(write(tmp_path / "a.toml", "seed = 1"), ["seed.x=3"])


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_can_be_an_override(text: str) -> None:
    out: dict[str, Any] = {}
    recipe._assign(out, recipe._keys("a.b"), recipe._value(text.strip()), text)
    assert set(out["a"]) == {"b"}


def test_build_makes_nested_dataclasses() -> None:
    built = build(Outer, {"inner": {"rate": 1}, "fractions": [0.9, 0.1], "units": {"y": "eV"}, "steps": 3})
    assert built == Outer(inner=Inner(rate=1.0), fractions=(0.9, 0.1), units={"y": "eV"}, steps=3)
    assert isinstance(built.inner.rate, float)
    assert build(Inner, {"width": "16"}) == Inner(width=16)  # as an option on the command line gives it


def test_one_unknown_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown key 'model.inner.widht'. Did you mean 'model.inner.width'"):
        build(Outer, {"inner": {"widht": 3}}, "model")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"inner": {"width": "abc"}}, "m.inner.width: .*integer.*, got 'abc'"),
        ({"inner": {"rate": True}}, "m.inner.rate: should be a number, got True"),
        ({"inner": {"width": 1.5}}, "m.inner.width: .*1.5"),
        ({"inner": 3}, "m.inner: "),
        ({"kind": "c"}, "m.kind: Input should be 'a' or 'b', got 'c'"),
        ({"steps": "many"}, "m.steps.*many"),
        ({"name": "forbidden"}, "m: this name is forbidden$"),
    ],
)
def test_wrong_values_are_named_with_their_place(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build(Outer, mapping, "m")


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(UsageError) as caught:
        build(Outer, {"kinds": "a", "inner": {"width": "abc", "zzz": 1}, "fractions": [1]}, "data")
    lines = str(caught.value).splitlines()[1:]
    assert [line.strip().split(": ")[0] for line in lines] == [
        "data.inner.width", "data.fractions.1", "data.kinds", "data.inner.zzz",
    ]  # fmt: skip
    assert "did you mean 'data.kind'?" in str(caught.value)


def test_errors_of_the_config_itself_pass_through() -> None:
    with pytest.raises(DataError, match="damaged"):
        build(Outer, {"name": "damaged"})
    with pytest.raises(TypeError, match="not a dataclass"):
        build(dict, {})
