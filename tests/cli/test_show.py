"""`hooke show`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hooke.core import recipe_files
from hooke.core.recipe import resolve
from hooke.core.registry import KINDS
from hooke.core.runs import run_identity

SMALL = ("model.width=16", "model.depth=2", "train.epochs=1", "train.ensemble=1", "train.threads=1")


def test_names_recipes_and_citations(hooke) -> None:  # type: ignore[no-untyped-def]
    assert {"gine", "dmpnn", "mpnn"} <= set(hooke("show", "names", "models").out.split())
    assert "pocketmix" in json.loads(hooke("show", "names", "recipes", "--json").out)
    assert json.loads(hooke("show", "recipe", "pocketmix", "train.epochs=3", "--json").out)["train"]["epochs"] == 3
    assert "epochs = 3" in hooke("show", "recipe", "pocketmix", "train.epochs=3").out
    assert "@article" in hooke("show", "cite", "gine").out
    assert hooke("show", "cite", "nobody").code == 2
    assert hooke("show", "names", "modles").code == 2
    suites = [
        "admet",
        "discovery",
        "diversity_grid",
        "explanations",
        "moleculeace",
        "moleculenet",
        "potentials",
        "qm1b_scaling",
        "responses",
        "tdc_admet",
    ]
    assert hooke("show", "names", "suites").out.split() == suites


@pytest.mark.parametrize("name", recipe_files.names())
def test_a_shown_recipe_is_the_same_recipe(hooke, name: str) -> None:  # type: ignore[no-untyped-def]
    Path("my.toml").write_text(hooke("show", "recipe", name).out)
    first, again = (resolve(recipe_files.read(each)).to_json() for each in (name, "my.toml"))
    assert again == first
    assert run_identity(again, "data") == run_identity(first, "data")


@pytest.mark.parametrize("kind", [*KINDS, "recipes"])
def test_help_lists_every_kind_of_names(hooke, kind: str) -> None:  # type: ignore[no-untyped-def]
    assert kind in hooke("show", "names", "--help").out
    assert hooke("show", "names", kind).code == 0


def test_the_card_of_a_shipped_encoder(hooke) -> None:  # type: ignore[no-untyped-def]
    assert "licence" in hooke("show", "model", "tiny").out
    assert json.loads(hooke("show", "model", "tiny", "--json").out)["width"] == 384
    assert hooke("show", "model", "tinny").code == 2


def test_run(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "1").code == 0
    assert "finished" in hooke("show", "run", "runs/csv").out
    assert json.loads(hooke("show", "run", "runs/csv", "--json").out)["model"] == "dmpnn"
