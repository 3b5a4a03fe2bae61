"""ADMET tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hooke.core.errors import UnknownNameError
from hooke.core.how import QUIET
from hooke.datasets.admet import CARD, TABLES, Config, Dataset
from hooke.evaluate.metrics import metric


def test_thirty_three_tables_with_checksums_and_fitting_metrics() -> None:
    assert len(TABLES) == 33
    assert sum(name.startswith("biogen_") for name in TABLES) == 6
    assert sum(table.published_split for table in TABLES.values()) == 4
    for name, table in TABLES.items():
        assert table.labels[0].name == name
        metric(table.metric, table.labels[0])
    for file in CARD.files:
        assert re.fullmatch(r"https://raw\.githubusercontent\.com/[\w-]+/[\w-]+/[0-9a-f]{40}/.*\.csv", file.url)
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
    with pytest.raises(UnknownNameError, match="'caco2'"):
        Config(table="caco")


@pytest.mark.parametrize("name", ["herg", "biogen_hlm", "biogen_sol"])
def test_twins(name: str, tmp_path: Path) -> None:
    store = Dataset(Config(table=name)).twin(tmp_path)
    assert store.labels == TABLES[name].labels


@pytest.mark.mirror
@pytest.mark.parametrize(
    ("name", "rows", "tested"), [("caco2", 910, 0), ("pgp_substrate", 332, 0), ("biogen_sol", 2173, 435)]
)
def test_real_tables(
    name: str, rows: int, tested: int, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOKE_MIRROR", str(mirror))
    store = Dataset(Config(table=name)).prepare(tmp_path, QUIET)
    assert store.metadata["ingest"]["rows_read"] == rows
    assert len(store) > 0.9 * rows
    codes = store.split()
    assert (codes is not None and int((codes == 2).sum())) == tested or codes is None


@pytest.mark.mirror
@pytest.mark.parametrize("name", TABLES)
def test_the_mirror_holds_the_columns(name: str, mirror: Path) -> None:
    from hooke.molecules.tables.reading import column_names

    dataset = Dataset(Config(table=name))
    for path in dataset.files(QUIET):
        assert {TABLES[name].smiles, *(column for column, _ in TABLES[name].published_columns)} <= set(
            column_names(path)
        )
