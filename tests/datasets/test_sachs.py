from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.datasets.sachs import INHIBITORS, PROTEINS, STIMULUS, Config, Dataset, read_cells, read_network


def test_the_twin_lowers_what_is_inhibited(tmp_path: Path) -> None:
    twin = Dataset(Config()).twin(tmp_path).profiles()
    assert twin.features == PROTEINS
    conditions = twin.column("perturbation")
    assert len({*conditions}) == 9
    for inhibitor, protein in INHIBITORS.items():
        level = twin.values[:, PROTEINS.index(protein)]
        assert level[conditions == f"{STIMULUS}+{inhibitor}"].mean() < 0.7 * level[conditions == STIMULUS].mean()


def test_the_network(tmp_path: Path) -> None:
    path = tmp_path / "graph.txt"
    path.write_text("Graph Edges:\n1. raf --> mek\n12. mek --> erk\n")
    assert read_network(path) == [("raf", "mek"), ("mek", "erk")]
    path.write_text("Graph Edges:\n1. raf --> nobody\n")
    with pytest.raises(DataError, match="no protein: nobody"):
        read_network(path)
    path.write_text("nothing\n")
    with pytest.raises(DataError, match="0 edges"):
        read_network(path)


def test_levels_must_be_above_zero(tmp_path: Path) -> None:
    Dataset(Config()).twin(tmp_path)
    [path] = tmp_path.glob("*.txt")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], "0" + lines[3][lines[3].index("\t") :]]) + "\n")
    with pytest.raises(DataError, match="not above zero"):
        read_cells(path)


@pytest.mark.mirror
def test_the_real_cells(mirror: Path, tmp_path: Path) -> None:
    dataset = Dataset(Config())
    found = dataset.prepare(tmp_path, QUIET).profiles()
    assert found.values.shape == (7466, 11)
    assert (found.column("perturbation") == STIMULUS).sum() == 853
    assert len(read_network(dataset.files(QUIET)[1])) == 20
