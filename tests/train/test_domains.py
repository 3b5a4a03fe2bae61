"""The domain of a recipe has every function that training asks for."""

from __future__ import annotations

import inspect

import pytest
from hooke.train.domains import Domain, domain_of

from hooke.core.recipe import load_recipe


@pytest.mark.parametrize(("recipe", "file"), [("tiny_gine", "molecule_domain"), ("tiny_ca_mae", "image_domain")])
def test_each_domain_answers_everything(recipe: str, file: str) -> None:
    domain = domain_of(load_recipe(recipe))
    assert domain.__name__ == f"hooke.train.{file}"  # type: ignore[attr-defined]
    for name, wanted in inspect.getmembers(Domain, inspect.isfunction):
        if not name.startswith("_"):
            found = list(inspect.signature(getattr(domain, name)).parameters)
            assert found == list(inspect.signature(wanted).parameters)[1:], name
