"""Mean changes of conditions against numpy on the cells themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.expression import TableExpression
from hooke.cells.profiles import Profiles
from hooke.cells.pseudobulk import measured_responses
from hooke.cells.screen import Columns, Scale
from hooke.core.errors import HookeError


def cells() -> Profiles:
    generator = np.random.default_rng(0)
    rows = [
        (name, line, f"{line}{batch}")
        for line in "uv"
        for batch in "12"
        for name in ("control", "A", "A+B")
        for _ in range(6)
    ]
    rows += [("C", "w", "w1")] * 4
    table = pl.DataFrame(rows, schema=["perturbation", "cell_type", "batch"], orient="row")
    return Profiles(generator.uniform(0, 3, (len(rows), 4)).astype(np.float32), table, ("p", "q", "r", "s"))


def test_changes_are_from_the_controls_of_the_same_batches() -> None:
    profiles = cells()
    found = measured_responses(TableExpression(Path("cells"), profiles), Columns(), Scale("log1p"), show_progress=False)
    assert [each.name for each in found.conditions.perturbations] == ["A", "A", "A+B", "A+B"]
    assert found.contexts == ("u", "v")
    values, table = profiles.values.astype(np.float64), profiles.metadata
    for row, (done, line) in enumerate(zip(found.conditions.perturbations, found.conditions.contexts, strict=True)):
        expected = []
        for batch in "12":
            inside = (table["batch"] == f"{line}{batch}").to_numpy()
            own = (table["perturbation"] == done.name).to_numpy() & inside
            control = (table["perturbation"] == "control").to_numpy() & inside
            expected.append(values[own].mean(axis=0) - values[control].mean(axis=0))
        assert found.changes[row] == pytest.approx(np.mean(expected, axis=0), abs=1e-5)
    assert found.conditions.counts.sum() + 24 + sum(found.left_out.values()) == len(profiles)  # with the controls
    assert list(found.left_out.values()) == [4]
    assert "control" in next(iter(found.left_out))


def test_a_screen_without_controls_is_refused() -> None:
    profiles = cells()
    treated = profiles.take((profiles.metadata["perturbation"] != "control").to_numpy())
    with pytest.raises(HookeError, match="control"):
        measured_responses(TableExpression(Path("cells"), treated), Columns(), Scale("log1p"), show_progress=False)
