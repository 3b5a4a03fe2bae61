"""Tabulated spaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import DataError
from hooke.studies.search.space import Parameter, Point, Space
from hooke.studies.search.tabular import read_table, tabulate

SPACE = Space((Parameter("a", (1, 2, 3)), Parameter("b", (10, 20))))


def scores(point: Point, seed: int) -> tuple[float, float]:
    return float(10 * point[0] + point[1] + seed / 10), float(point[0])


def test_every_point_is_computed_once_and_a_killed_one_goes_on(tmp_path: Path) -> None:
    calls: list[tuple[Point, int]] = []

    def counted(point: Point, seed: int) -> tuple[float, float]:
        calls.append((point, seed))
        if len(calls) == 8:
            raise KeyboardInterrupt
        return scores(point, seed)

    path = tmp_path / "t" / "table.parquet"
    with pytest.raises(KeyboardInterrupt):
        tabulate(SPACE, counted, path, seeds=2, save_every=1)
    with pytest.raises(DataError, match="unfinished"):
        read_table(SPACE, path)
    table = tabulate(SPACE, counted, path, seeds=2)
    assert len(calls) == 8 + 5
    assert table.valid.shape == (6, 2)
    for point in SPACE.points():
        assert table.valid[table.row(point)].tolist() == [scores(point, 0)[0], scores(point, 1)[0]]
    tabulate(SPACE, counted, path, seeds=2)
    assert len(calls) == 13
    with pytest.raises(DataError, match="another space"):
        read_table(Space((Parameter("z", (1, 2)),)), path)
