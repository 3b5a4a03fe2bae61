from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.datasets.norman_gi import Config, Dataset, read_growth


def test_the_twin_has_genes_and_pairs_in_two_replicates(tmp_path: Path) -> None:
    twin = Dataset(Config()).twin(tmp_path, seed=1).profiles()
    assert twin.values.shape == (10 + 45, 2)
    assert twin.column("kind").tolist().count("gene") == 10
    assert np.corrcoef(twin.values.T)[0, 1] > 0.9


def test_values_are_means_over_guides_and_both_orders(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("1.txt", "2.txt", "guides.txt")]
    for path in paths[:2]:
        path.write_text("\tA1\tA2\tB1\tn\nA1\t0\t0\t1\t2\nA2\t0\t0\t\t4\nB1\t3\t5\t0\t6\nn\t2\t6\t6\t0\n")
    paths[2].write_text("\tgene\nA1\tA\nA2\tA\nB1\tB\nn\tnegative\n")
    found = read_growth(*paths)
    assert found.column("entity").tolist() == ["A", "A+B", "B"]
    assert found.values[:, 0].tolist() == [3.5, 3.0, 6.0]
    paths[2].write_text("\tgene\nA1\tA\nA2\tA\nB1\tB\n")
    with pytest.raises(DataError, match="1 guides without a gene, such as 'n'"):
        read_growth(*paths)
    paths[2].write_text("\tgene\nA1\tA\nA2\tA\nB1\tB\nn\tC\n")
    with pytest.raises(DataError, match="no non-targeting guides"):
        read_growth(*paths)
    paths[0].write_text("\tA1\tA2\nA2\t0\t0\nA1\t0\t0\n")
    with pytest.raises(DataError, match="not a matrix"):
        read_growth(*paths)


@pytest.mark.mirror
def test_the_real_matrices(mirror: Path, tmp_path: Path) -> None:
    found = Dataset(Config()).prepare(tmp_path, QUIET).profiles()
    assert found.values.shape == (6_328, 2)
    pairs = found.column("kind") == "pair"
    assert pairs.sum() == 6_216
    assert np.corrcoef(found.values[pairs].T)[0, 1] == pytest.approx(0.985, abs=0.002)
