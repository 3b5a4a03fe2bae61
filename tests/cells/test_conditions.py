from __future__ import annotations

import numpy as np
import pytest

from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import of_genes, parse_genes, parse_treatment
from hooke.core.errors import DataError


def test_rows_and_what_they_are_made_of() -> None:
    treated = parse_treatment("abc", 0.5, "uM")
    conditions = Conditions.of(
        [parse_genes("B+A"), of_genes("C"), treated, of_genes()], ["x", "y", "x", "x"], [3, 1, 2, 2]
    )
    assert conditions.parts == (("A", "B"), ("C",), ("abc",), ())
    assert conditions.names == ["A", "B", "C", "abc"]
    incidence = conditions.incidence(["C", "A", "NEW", "B"]).toarray()
    assert incidence.tolist() == [[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    some = conditions.take(np.array([False, True, True, False]))
    assert some.perturbations == (of_genes("C"), treated)
    assert (some.contexts, some.counts.tolist()) == (("y", "x"), [1.0, 2.0])
    assert len(conditions.take(np.array([2, 2]))) == 2
    assert Conditions.of_genes("A", ("B", "A")).parts == (("A",), ("A", "B"))


def test_lengths_and_counts() -> None:
    with pytest.raises(DataError, match="2 perturbations, 1 contexts"):
        Conditions.of([of_genes("A"), of_genes("B")], ["x"])
    for count in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(DataError, match="above zero"):
            Conditions.of([of_genes("A")], counts=[count])
