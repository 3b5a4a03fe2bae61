"""Wells of a store: one row each, their fields, their means."""

from __future__ import annotations

import numpy as np

from hooke.images.store import ImageStore
from hooke.images.wells import KEYS, Wells


def test_every_field_is_in_one_well(screen: ImageStore) -> None:
    wells = Wells.of(screen)
    assert np.array_equal(np.sort(np.concatenate(wells.rows)), np.arange(len(screen)))
    assert len(wells) == screen.metadata.select(KEYS).n_unique()
    assert {"gene", "guide", "compound", "concentration_um", "control", "batch", "fields"} <= set(wells.table.columns)
    assert "site" not in wells.table.columns
    row = int(wells.rows[3][0])
    assert wells.table["well"][3] == screen.metadata["well"][row]


def test_means_are_over_the_fields_of_a_well(screen: ImageStore) -> None:
    wells = Wells.of(screen)
    values = np.arange(len(screen), dtype=np.float32)[:, None]
    assert np.allclose(wells.means(values)[:, 0], [rows.mean() for rows in wells.rows])
