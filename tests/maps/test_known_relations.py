from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.annotations import SOURCES
from hooke.cells.entities import build_map
from hooke.cells.profiles import Profiles
from hooke.cells.store import ProfileStore
from hooke.core.errors import UsageError
from hooke.datasets import horlbeck
from hooke.evaluate.known_pairs import unique_pairs
from hooke.maps import known_relations as module
from hooke.maps.known_relations import map_recall, real_measurements, recall_of, table

PAIRS = {"mine": unique_pairs("mine", ["GENE00", "GENE04"], ["GENE01", "GENE05"])}


def test_raw_beside_whitened(wells: Profiles) -> None:
    made = build_map(wells)
    rows = map_recall(made, sources=PAIRS, show_progress=False)
    assert [(row.form, row.recall.left) for row in rows] == [
        ("raw", 0.05),
        ("raw", 0.1),
        ("whitened", 0.05),
        ("whitened", 0.1),
    ]
    assert rows[0].to_json()["licence"] == "yours"
    header, lines = table(rows)
    assert {"chance", "null pairs", "queries"} <= set(header)
    assert lines[0][-1] == "yours"
    with pytest.raises(UsageError, match="raw or whitened"):
        map_recall(made, sources=PAIRS, forms=("cooked",))
    with pytest.raises(UsageError, match="hooke map build"):
        map_recall(Profiles.of_embeddings(np.zeros((2, 2)), pl.DataFrame({"well": ["A01", "A02"]})), sources=PAIRS)


def test_files_and_data_sets(wells: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = build_map(wells).write(tmp_path / "map.parquet")
    monkeypatch.setattr(module, "known_pairs", lambda *_, **__: PAIRS)
    rows = recall_of(str(path), forms=("raw",))
    assert rows[0].recall.queries == 2
    store = ProfileStore.write(Profiles.read(path), tmp_path / "store")
    assert recall_of(str(store.folder), forms=("raw",))[0].to_json() == rows[0].to_json()
    named = Profiles.read(path).with_values(
        build_map(wells).values, [f"Cells_{number}" for number in range(wells.dim)]
    )  # features that are called as those of CellProfiler
    assert recall_of(str(named.write(tmp_path / "named.parquet")), forms=("raw",))[0].to_json() == rows[0].to_json()
    monkeypatch.setattr(horlbeck.Dataset, "prepare", lambda self, folder, *_: self.twin(folder))
    monkeypatch.setattr(module, "known_pairs", lambda *_, **__: {"t": unique_pairs("t", ["TWIN00"], ["TWIN01"])})
    assert real_measurements(tmp_path, ("horlbeck",), show_progress=False)["horlbeck"][0].recall.entities == 48
    with pytest.raises(UsageError, match="data set of molecules"):
        real_measurements(tmp_path, ("moleculenet",), show_progress=False)


@pytest.mark.mirror
def test_real_measurements_stand_above_chance(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    found = real_measurements(tmp_path, thresholds=((0.05, 0.95),), resamples=50, show_progress=False)
    assert {row.recall.source for row in found["horlbeck"]} == set(SOURCES)
    raw = {row.recall.source: row.recall for row in found["horlbeck"] if row.form == "raw"}
    assert raw["CORUM"].recall.low > 0.25  # chance is 0.10
    assert raw["StringDB"].recall.low > 0.25
    assert (raw["CORUM"].queries, raw["CORUM"].null_size) == (1419, 449 * 448 // 2)
    screens = {row.recall.source: row.recall for row in found["crispr_screens"] if row.form == "raw"}
    assert screens["CORUM"].recall.low > 0.1
    assert screens["CORUM"].null_size == 17_793 * 17_792 // 2
    assert (
        recall_of("horlbeck", sources="CORUM", forms=("raw",), resamples=0)[0].recall.recall.value
        == raw["CORUM"].recall.value
    )
