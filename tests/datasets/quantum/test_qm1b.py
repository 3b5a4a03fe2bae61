from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.core.test_foreign_errors import bench
from tests.datasets.quantum.conftest import check_values

from hooke.datasets.quantum import qm1b


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(qm1b, tmp_path)
    assert store.energy_unit == "eV"
    assert store.length_unit == "bohr"


def test_nothing_has_to_be_stated() -> None:
    assert qm1b.CARD.facts.unconfirmed == ()
    assert qm1b.CARD.facts.checked() == qm1b.CARD.facts


def test_odd_tables_are_read_or_refused_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    """A small run of bench/damaged_frames.py, which says how it is done; foreign errors and lost rows are raised there."""
    damaged = bench("damaged_frames")
    outcomes = {
        damaged.prepared_qm1b(damaged.odd_table(np.random.default_rng(seed)), tmp_path / str(seed))
        for seed in range(40)
    }
    assert outcomes == {"read", "read in part", "refused in one line"}
