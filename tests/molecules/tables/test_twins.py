"""Twin tables are real molecules, deterministic by seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.label import Label
from hooke.molecules.tables.twins import twin_smiles, twin_value, write_twin_table


def test_smiles_are_different_molecules_and_follow_the_seed() -> None:
    assert len(set(twin_smiles(100, seed=0))) == 100
    assert twin_smiles(20, seed=3) == twin_smiles(20, seed=3) != twin_smiles(20, seed=4)
    with pytest.raises(ValueError, match="there are"):
        twin_smiles(10**6, seed=0)


def test_values_follow_the_kind_and_tables_repeat(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    assert twin_value("CCO", Label("x", kind="binary"), generator) in (0.0, 1.0)
    assert twin_value("c1ccccc1", Label("x", kind="multiclass", classes=3), generator) in (0.0, 1.0, 2.0)
    first = write_twin_table(tmp_path / "a.csv", seed=1, rows=20).read_text()
    assert write_twin_table(tmp_path / "b.csv", seed=1, rows=20).read_text() == first
    assert first.splitlines()[0] == "smiles,log_p,lipophilic"
