"""MoleculeACE."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import UnknownNameError
from hooke.core.how import QUIET
from hooke.datasets.moleculeace import TABLES, Config, Dataset, cliffs_of


def test_fifteen_targets() -> None:
    assert len(TABLES) == 15
    assert all(table.published_split for table in TABLES.values())
    with pytest.raises(UnknownNameError, match="Did you mean 'CHEMBL204_Ki'"):
        Config(table="CHEMBL204")


def test_marks_of_cliffs(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("smiles,cliff_mol,split\nC,0,train\nCC,1,test\n")
    assert cliffs_of(tmp_path / "x.csv") == [False, True]


def test_twin(tmp_path: Path) -> None:
    codes = Dataset(Config()).twin(tmp_path).split()
    assert codes is not None
    assert set(codes.tolist()) == {0, 2}


@pytest.mark.mirror
def test_a_real_target(mirror: Path, tmp_path: Path) -> None:
    dataset = Dataset(Config(table="CHEMBL2835_Ki"))
    store = dataset.prepare(tmp_path, QUIET)
    codes = store.split()
    assert codes is not None
    assert (len(store), int((codes == 2).sum())) == (615, 126)
    cliffs = dataset.cliffs(QUIET)
    assert len(cliffs) == 615
    assert 0 < sum(cliffs) < 615
    assert len(dataset.held_out(QUIET)) == 126
