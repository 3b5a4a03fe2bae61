from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.datasets.regulators import Config, Dataset, read_effects, read_evidence

HEAD = "parent_symbol,child_symbol,beta,PIP,LFSR\n"


def test_the_twin_has_every_pair(tmp_path: Path) -> None:
    twin = Dataset(Config()).twin(tmp_path).profiles()
    assert twin.values.shape == (12, 12)
    assert (np.diag(twin.values) == 0).all()
    assert ((twin.values != 0).sum(axis=1) == 11).all()


def test_parents_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_text(HEAD + "B,A,0.25,0.9,0.0\nA,B,-0.5,0.1,0.3\n")
    names, evidence = read_evidence(path)
    assert names == ["A", "B"]
    assert np.isnan(np.diag(evidence["beta"])).all()
    assert (evidence["beta"][0, 1], evidence["PIP"][1, 0], evidence["LFSR"][0, 1]) == (-0.5, 0.9, 0.3)
    assert read_effects(path).values.tolist() == [[0.0, -0.5], [0.25, 0.0]]


@pytest.mark.parametrize("rows", ["B,A,0.25,0.9,0.0\n", "B,A,1,1,0\nB,A,1,1,0\n", "A,B,,0.1,0.3\nB,A,1,1,0\n"])
def test_missing_and_repeated_pairs_are_refused(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "edges.csv"
    path.write_text(HEAD + rows)
    with pytest.raises(DataError, match="rows"):
        read_evidence(path)


@pytest.mark.mirror
def test_the_real_table(mirror: Path, tmp_path: Path) -> None:
    found = Dataset(Config()).prepare(tmp_path, QUIET).profiles()
    assert found.values.shape == (84, 84)
    assert np.count_nonzero(found.values) <= 6972
