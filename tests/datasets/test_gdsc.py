from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.datasets.gdsc import Config, Dataset, read_responses


def test_the_twin_has_gaps(tmp_path: Path) -> None:
    twin = Dataset(Config()).twin(tmp_path, seed=0).profiles()
    assert 60 < len(twin) < 120
    assert np.isfinite(twin.values).all()
    assert all(twin.column("smiles"))


def test_compounds_without_a_structure_are_no_rows(tmp_path: Path) -> None:
    texts = {
        "values.csv": '"",L1,L2,L3\nGDSC:1,0.5,NA,1\nGDSC:2,1,2,3\nGDSC:3,4,5,6\n',
        "smiles.txt": "10\tCCO\n30\tCC\n",
        "list.csv": "drug_id,Name,PubCHEM\n1,ethanol,10\n2,unknown,20\n3,ethane,30\n",
        "lines.csv": ",R1\nL3,0.1\nL1,0.2\n",
    }
    paths = [tmp_path / name for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text)
    found = read_responses(*paths)
    assert found.features == ("ln_ic50",)
    cells = zip(found.column("compound"), found.column("cell_type"), found.values[:, 0].tolist(), strict=True)
    assert [*cells] == [("ethanol", "L3", 1.0), ("ethanol", "L1", 0.5), ("ethane", "L3", 6.0), ("ethane", "L1", 4.0)]
    paths[1].write_text("40\tC\n")
    with pytest.raises(DataError, match="no compound with a structure"):
        read_responses(*paths)


@pytest.mark.mirror
def test_the_real_tables(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    dataset = Dataset(Config())
    found = dataset.prepare(tmp_path, QUIET).profiles()
    assert found.values.shape == (107_446, 1)
    assert len({*found.column("entity")}) == 238
    assert len({*found.column("smiles")}) == 223
    methylation = dataset.methylation(QUIET)
    assert methylation.values.shape == (561, 808)
    assert {*methylation.column("cell_type")} == {*found.column("cell_type")}
