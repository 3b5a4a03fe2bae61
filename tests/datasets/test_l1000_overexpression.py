from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.datasets.l1000_overexpression import Config, Dataset, read_signatures


def test_the_twin_leaves_out_imputed_landmarks_and_weak_genes(tmp_path: Path) -> None:
    twin = Dataset(Config()).twin(tmp_path).profiles()
    assert twin.values.shape == (12, 40)
    assert ((twin.values != 0).sum(axis=1) >= 15).all()


def test_symbols_and_zeros(tmp_path: Path) -> None:
    texts = {
        "signatures.tsv": "perturbagen\tentrez_gene_id\tz_score\tstatus\n"
        "7\t1\t-4.5\tmeasured\n7\t3\t5\timputed\n8\t1\t4\tmeasured\n8\t2\t6\tmeasured\n",
        "genes.tsv": "entrez_gene_id\tstatus\tsymbol\n1\tmeasured\tONE\n2\tmeasured\tTWO\n3\timputed\tTHREE\n",
        "symbols.tsv": "pr_gene_id\tpr_gene_symbol\n7\tSEVEN\n8\tEIGHT\n",
    }
    paths = [tmp_path / name for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text)
    found = read_signatures(*paths, least=1)
    assert found.column("gene").tolist() == ["EIGHT", "SEVEN"]
    assert found.features == ("ONE", "TWO")
    assert found.values.tolist() == [[4.0, 6.0], [-4.5, 0.0]]
    assert read_signatures(*paths, least=2).column("gene").tolist() == ["EIGHT"]
    with pytest.raises(DataError, match="no gene with 3 significant landmarks"):
        read_signatures(*paths, least=3)


@pytest.mark.mirror
def test_the_real_signatures(mirror: Path, tmp_path: Path) -> None:
    found = Dataset(Config()).prepare(tmp_path, QUIET).profiles()
    assert found.values.shape == (275, 978)
    assert np.isfinite(found.values).all()
