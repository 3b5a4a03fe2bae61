"""MoleculeNet: thirteen tables with checksums; real ones from the mirror where it is at hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.how import QUIET
from hooke.datasets import moleculenet
from hooke.datasets.moleculenet import CARD, TABLES, Config, Dataset
from hooke.molecules.tables.reading import column_names

ROWS = {"esol": 1128, "freesolv": 642, "bbbp": 2039, "clintox": 1478}


def test_every_table_has_an_address_and_a_checksum() -> None:
    assert len(TABLES) == len(CARD.files) == 13
    for file in CARD.files:
        assert re.fullmatch(
            r"https://raw\.githubusercontent\.com/(chemprop/chemprop|tencent-ailab/grover)/[0-9a-f]{40}/.*", file.url
        )
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size_bytes > 10_000
        assert file.url.endswith(f"/{file.name}")
    with pytest.raises(UnknownNameError, match="Did you mean 'tox21'"):
        Config(table="tox2")


@pytest.mark.parametrize("name", ["esol", "bace", "qm8", "tox21"])
def test_twins(name: str, tmp_path: Path) -> None:
    dataset = Dataset(Config(table=name))
    twin = dataset.twin(tmp_path, seed=1)
    assert len(twin) == 60
    assert {label.kind for label in twin.labels} == {label.kind for label in dataset.labels}
    if name == "qm8":
        assert len(twin.labels) == 12
    if name != "tox21":
        assert twin.labels == dataset.labels
    else:
        assert [label.name for label in dataset.labels] == ["*"]
    assert dataset.twin(tmp_path, seed=1).content_hash == twin.content_hash


def test_a_download_with_another_content_is_refused_and_the_right_one_taken(
    archive: Any, serve: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import hashlib
    from dataclasses import replace

    content = b"smiles,logp\nCCO,-0.5\nCCO,-0.4\nbad,1\nc1ccccc1,-1.6\n"
    path = archive.path(TABLES["esol"].files[0].url)
    path.write_bytes(content)
    serve(moleculenet)
    with pytest.raises(DataError, match="has sha256"):
        Dataset(Config()).prepare(tmp_path)
    assert (tmp_path / "cache" / "raw" / "moleculenet" / "delaney.csv.bad").exists()
    table = moleculenet.TABLES["esol"]
    right = replace(table, files=(replace(table.files[0], sha256=hashlib.sha256(content).hexdigest()),))
    monkeypatch.setitem(moleculenet.TABLES, "esol", right)
    store = Dataset(Config()).prepare(tmp_path, QUIET)
    assert store.labels == Dataset(Config()).labels
    assert store.labels[0].unit == "log10 mol/L"
    assert store.smiles() == ["CCO", "CCO", "c1ccccc1"]  # every row is kept
    assert store.metadata["ingest"]["rows_rejected"] == 1


@pytest.mark.mirror
@pytest.mark.parametrize("name", [name for name in TABLES if name not in ("bace", "hiv")])
def test_the_mirror_holds_the_columns(name: str, mirror: Path) -> None:
    dataset = Dataset(Config(table=name))
    [path] = dataset.files(QUIET)
    columns = column_names(path)
    assert TABLES[name].smiles in columns
    stated = [column for column, _ in TABLES[name].published_columns]
    if stated != ["*"]:
        assert set(stated) <= set(columns)
        assert len(columns) == 1 + len(stated)


@pytest.mark.mirror
@pytest.mark.parametrize("name", sorted(ROWS))
def test_real_tables_are_prepared(name: str, mirror: Path, tmp_path: Path) -> None:
    store = Dataset(Config(table=name)).prepare(tmp_path, QUIET)
    report = store.metadata["ingest"]
    assert report["rows_read"] == ROWS[name]
    assert report["rows_kept"] + report["rows_rejected"] == ROWS[name]
    assert report["rows_rejected"] <= 0.01 * ROWS[name]
    assert report["label_problems"] == 0
    assert store.labels == Dataset(Config(table=name)).labels
    assert not np.isnan(store.graph_labels()[0]).all(axis=0).any()
