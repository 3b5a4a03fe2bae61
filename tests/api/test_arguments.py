"""Recipes, tables and changes behind the name of a verb."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.api.arguments import Arguments, sorted_arguments
from hooke.core.errors import UsageError
from hooke.core.recipe_files import read


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.SDF", "x=y.csv", "my.toml", "frames.xyz"):
        Path(name).write_text("")
    Path("plates").mkdir()
    Path("results.csv").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("given", "sorted_as"),
    [
        (("a.csv",), Arguments(None, (Path("a.csv"),), ())),
        (("a.csv", "train.epochs=5", "b.SDF"), Arguments(None, (Path("a.csv"), Path("b.SDF")), ("train.epochs=5",))),
        (("train.epochs=5", "a.csv"), Arguments(None, (Path("a.csv"),), ("train.epochs=5",))),
        (("my.toml", "a.csv", "seed=1"), Arguments("my.toml", (Path("a.csv"),), ("seed=1",))),
        (("my.toml#row",), Arguments("my.toml#row")),
        (("x=y.csv",), Arguments(None, (Path("x=y.csv"),), ())),
        (("data.path=none.csv",), Arguments(None, (), ("data.path=none.csv",))),
        (("none.csv.gz",), Arguments(None, (Path("none.csv.gz"),), ())),  # that it is not there is said where it is read
        (("tiny_gine",), Arguments("tiny_gine")),
        (("tiny_ginee",), Arguments("tiny_ginee")),
        ((), Arguments()),
    ],
)  # fmt: skip
def test_each_argument_is_what_it_looks_like(given: tuple[str, ...], sorted_as: Arguments) -> None:
    assert sorted_arguments(None, given) == sorted_as
    assert sorted_arguments(*(given[:1] or [None]), given[1:]) == sorted_as


def test_tables_named_as_such_come_first() -> None:
    assert sorted_arguments(None, ["a.csv"], "b.SDF").tables == (Path("b.SDF"), Path("a.csv"))
    assert sorted_arguments("csv", (), [Path("a.csv")]) == Arguments("csv", (Path("a.csv"),))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("plates",), "hooke fit own_images data.path=plates"),
        (("frames.xyz",), "hooke fit own_potential data.path=frames.xyz"),
        (("results.csv",), "is a folder"),
        (("tiny_gine", "tiny_ca_mae"), "tiny_gine and tiny_ca_mae would both be recipes"),
    ],
)
def test_what_is_neither_is_named(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        sorted_arguments(None, given)


def test_a_file_and_a_recipe_of_one_name_are_both_named() -> None:
    Path("csv").write_text('[train]\nepochs = 3\n[model]\nname = "gine"\n')
    with pytest.raises(UsageError, match=r"csv is a recipe of Hooke and also the file .*csv: write \./csv"):
        read("csv")
    assert read("./csv")["train"] == {"epochs": 3}
    assert read("gpse_pretrain")["data"]["name"] == "csv"  # what built-in recipes extend is built in
