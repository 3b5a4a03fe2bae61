"""The shelf."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import UnknownNameError
from hooke.core.how import QUIET
from hooke.datasets.shelf import TABLES, Config, Dataset


def test_names() -> None:
    assert list(TABLES) == ["chembl", "qm9", "pcqm4mv2", "zinc", "zinc250k"]
    with pytest.raises(UnknownNameError):
        Config(table="pcba")


def test_twin(tmp_path: Path) -> None:
    assert len(Dataset(Config()).twin(tmp_path).labels) == 19
    bare = Dataset(Config(table="zinc250k")).twin(tmp_path)
    assert (len(bare), bare.labels) == (60, ())


@pytest.mark.mirror
def test_members_hold_their_columns(mirror: Path, tmp_path: Path) -> None:
    from hooke.molecules.tables.rows import find_columns

    counts = {}
    for name in TABLES:
        [table] = Dataset(Config(table=name)).at_hand(tmp_path, QUIET)
        counts[name] = len(find_columns(table, show_progress=False).graph)
    assert counts == {"chembl": 691, "qm9": 19, "pcqm4mv2": 1, "zinc": 3, "zinc250k": 0}
