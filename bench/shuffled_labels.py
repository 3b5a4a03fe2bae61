"""Labelled frames whose energies and forces are exchanged among the frames of each molecule: a control in which conformations teach nothing.

    python bench/shuffled_labels.py runs/diversity_grid-labels/frames.parquet shuffled.parquet
    hooke scale diversity_grid data.path=shuffled.parquet data.isolated_atoms=runs/diversity_grid-labels/atoms.extxyz

Of a study on them no difference should be decided.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    table = pq.read_table(source)
    frames, generator = pl.from_arrow(table), np.random.default_rng(0)
    assert isinstance(frames, pl.DataFrame)
    order = np.arange(len(frames))
    for _, some in frames.with_row_index("place").group_by("name", maintain_order=True):
        places = some["place"].to_numpy()
        order[places] = generator.permutation(places)
    for name in ("energy", "forces"):
        table = table.set_column(table.column_names.index(name), table.field(name), table[name].take(order))
    pq.write_table(table, target)
    print(f"{len(frames):,} frames in {target}")
