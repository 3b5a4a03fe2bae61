from __future__ import annotations

import numpy as np
import pytest

from hooke.cells.conditions import Conditions
from hooke.core.errors import DataError
from hooke.estimators.responses import Knowledge, response_model
from hooke.testing.response_models import GENES, made_knowledge

FIRST, SECOND = np.triu_indices(24, 1)
PAIRS = [(GENES[a], GENES[b]) for a, b in zip(FIRST, SECOND, strict=True)]
HELD = np.random.default_rng(5).permutation(len(PAIRS))[:50]
REST = np.setdiff1d(np.arange(len(PAIRS)), HELD)


def interactions(seed: int = 0) -> np.ndarray:
    """Rank 2, with eigenvalues of either sign, the same within a group of the graph."""
    vectors = np.repeat(np.random.default_rng(seed).normal(size=(8, 2)), 3, axis=0)
    return vectors @ np.diag([1.0, -1.5]) @ vectors.T


def test_main_effects_and_interactions_without_singles() -> None:
    own = np.random.default_rng(1).normal(size=24)
    table = 2 + own[:, None] + own + interactions()
    values = table[FIRST, SECOND, None]
    model = response_model("signed_low_rank")
    model.fit(Conditions.of_genes(*(PAIRS[row] for row in REST)), values[REST])
    found = model.predict(Conditions.of_genes(*(PAIRS[row] for row in HELD)))
    plain = response_model("matching_mean")
    plain.fit(Conditions.of_genes(*(PAIRS[row] for row in REST)), values[REST])
    guess = plain.predict(Conditions.of_genes(*(PAIRS[row] for row in HELD)))
    assert np.corrcoef(found.values[:, 0], values[HELD, 0])[0, 1] > 0.94
    assert np.mean((found.values - values[HELD]) ** 2) < 0.3 * np.mean((guess.values - values[HELD]) ** 2)


def test_interactions_beyond_the_quadratic_of_singles() -> None:
    own = np.random.default_rng(2).normal(size=24)
    total = own[FIRST] + own[SECOND]
    values = 0.9 * total + 0.1 * total**2 + interactions()[FIRST, SECOND]
    train = Conditions.of_genes(*GENES, *(PAIRS[row] for row in REST))
    model, base = response_model("signed_low_rank"), response_model("quadratic_additive")
    for each in (model, base):
        each.fit(train, np.append(own, values[REST])[:, None])
    asked = Conditions.of_genes(*(PAIRS[row] for row in HELD))
    left = values[HELD, None] - base.predict(asked).values
    assert np.corrcoef((model.predict(asked).values - base.predict(asked).values)[:, 0], left[:, 0])[0, 1] > 0.9
    found = model.predict(Conditions.of_genes(GENES[3], (GENES[3], "NEW"), GENES[:3]))
    assert found.values[0, 0] == own[3]
    assert found.fallbacks == ("", "NEW alone not measured", f"{'+'.join(GENES[:3])} is no pair")


def test_new_genes_through_the_graph() -> None:
    table = interactions()
    known = [row for row, pair in enumerate(PAIRS) if not {GENES[0], GENES[7], GENES[13]} & {*pair}]
    graph = made_knowledge().graph
    assert graph is not None
    asked = [(GENES[0], GENES[gene]) for gene in (3, 5, 9, 20)] + [(GENES[0], GENES[7]), (GENES[7], GENES[13])]
    true = np.array([table[GENES.index(a), GENES.index(b)] for a, b in asked])
    errors = {}
    for name, changed in {"graph": graph, "rewired": graph.rewired(1), "none": None}.items():
        model = response_model("signed_low_rank", knowledge=Knowledge(changed))
        model.fit(Conditions.of_genes(*(PAIRS[row] for row in known)), table[FIRST, SECOND, None][known])
        found = model.predict(Conditions.of_genes(*asked))
        errors[name] = float(np.mean((found.values[:, 0] - true) ** 2))
        assert [bool(reason) for reason in found.fallbacks] == [False] * 4 + [name == "none"] * 2
    assert errors["graph"] < 0.5 * errors["none"]
    assert errors["rewired"] > 0.7 * errors["none"]


def test_it_learns_from_pairs() -> None:
    with pytest.raises(DataError, match="there is none in training"):
        response_model("signed_low_rank").fit(Conditions.of_genes("A", "B"), np.ones((2, 1)))
