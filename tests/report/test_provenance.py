from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.report.provenance import references, reproduce, to_toml

SCALARS = (
    st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8"))
)
RECIPES = st.recursive(
    st.dictionaries(st.text(st.characters(codec="utf-8")), SCALARS | st.lists(SCALARS)),
    lambda inner: st.dictionaries(st.text(st.characters(codec="utf-8")), SCALARS | inner),
    max_leaves=8,
)


@given(RECIPES)
def test_every_recipe_is_written_as_toml(recipe: dict[str, object]) -> None:
    assert tomllib.loads(to_toml(recipe)) == recipe


def test_toml_leaves_out_what_it_has_no_word_for() -> None:
    recipe = {"a": None, "b": {"c": None, "d": {}}, "l": [{"x": 1, "y": None}, None], "i": float("inf")}
    assert tomllib.loads(to_toml(recipe)) == {"b": {"d": {}}, "l": [{"x": 1}], "i": float("inf")}
    assert to_toml({"train": {"epochs": 3}, "name": "x"}) == 'name = "x"\n\n[train]\nepochs = 3\n'


def test_a_publication_is_named_once() -> None:
    found = references(["freesolv", "gine", "freesolv"])
    assert [one.key for one in found].count(found[0].key) == 1
    assert all(one.url.startswith("https://") for one in found)
    assert all(one.bibtex.startswith("@") for one in found)
    assert "--" not in "".join(one.text for one in found)


def test_the_environment_is_written_down() -> None:
    found = reproduce(
        commands={"All": "hooke quickstart"},
        recipes={"r": {"name": "r"}},
        run={"started": "now", "versions": {"torch": "1"}, "machine": {"cores": 2}, "status": "finished"},
        facts={"seed": 0, "nothing": None},
    )
    assert dict(found.environment) == {"seed": "0", "started": "now", "cores": "2", "torch": "1"}
    assert found.commands[0].text == "hooke quickstart"
    assert found.references == ()


def test_unknown_names_are_refused() -> None:
    with pytest.raises(KeyError):
        references(["nobody"])
