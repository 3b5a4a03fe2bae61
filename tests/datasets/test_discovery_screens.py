from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.datasets.discovery_screens import SCREENS, Config, Dataset, read_screen


def test_the_twin_has_all_screens(tmp_path: Path) -> None:
    twin = Dataset(Config()).twin(tmp_path).profiles()
    assert len(twin) == 300
    assert {*twin.column("screen")} == {*SCREENS}


def test_rows_without_a_score_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "screen.csv"
    path.write_text("Gene,Score\nA,1\nA,2\nB,\n,3\nC,inf\nD,-2\n")
    assert read_screen(SCREENS["ifng"], path).rows() == [("A", 1.0), ("D", -2.0)]
    path.write_text("id,pos|score\nA,0.01\nB,0\n")
    assert read_screen(SCREENS["sars_cov_2"], path)["score"].to_list() == pytest.approx([2.0, 15.0])
    with pytest.raises(DataError, match="no screen of genes and scores"):
        read_screen(SCREENS["ifng"], path)


@pytest.mark.mirror
def test_the_real_screens(mirror: Path, tmp_path: Path) -> None:
    found = Dataset(Config()).prepare(tmp_path, QUIET).profiles()
    counts = {name: int((found.column("screen") == name).sum()) for name in SCREENS}
    assert counts == {
        "ifng": 18_418,
        "il2": 18_939,
        "sanchez21": 18_469,
        "sanchez21_down": 18_469,
        "sars_cov_2": 19_112,
    }
