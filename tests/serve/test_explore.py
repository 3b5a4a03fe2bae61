from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import polars as pl
import pytest

from hooke.cells.entities import build_map
from hooke.cells.profiles import Profiles
from hooke.cells.store import ProfileStore
from hooke.core.errors import DataError
from hooke.serve import explore as module
from hooke.serve.explore import explore, open_map


def test_a_map_brings_its_own_layout_or_gets_one(
    wells: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build_map(wells)
    placed = made.metadata.with_columns(
        layout_x=pl.Series(range(24), dtype=pl.Float32), layout_y=pl.lit(0.5), layout_method=pl.lit("by hand")
    )
    path = Profiles(made.values, placed, made.features).write(tmp_path / "placed.parquet")
    view = open_map(path)
    assert view.method == "by hand"
    assert view.coordinates[:, 0].tolist() == list(range(24))
    assert "layout_x" not in view.profiles.metadata.columns
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)  # without umap, for speed
    bare = Profiles(made.values, made.metadata.select("gene"), made.features).write(tmp_path / "bare.parquet")
    assert open_map(bare).method == "tsne"
    assert open_map(bare).names.tolist() == made.column("gene").tolist()
    store = ProfileStore.write(Profiles.read(path), tmp_path / "store")
    assert open_map(store.folder).coordinates.tolist() == view.coordinates.tolist()


def test_a_server_with_and_without_images(
    wells: Profiles, tmp_path: Path, tiles: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build_map(wells)
    metadata = made.metadata.with_columns(layout_x=pl.lit(0.0), layout_y=pl.lit(0.0), layout_method=pl.lit("none"))
    path = Profiles(made.values, metadata, made.features).write(tmp_path / "map.parquet")
    explore(path, sources="none", port=0).server_close()
    store = ModuleType("hooke.images.store")
    opened = []
    images = tiles.images  # type: ignore[attr-defined]
    store.ImageStore = SimpleNamespace(open=lambda folder: opened.append(folder) or images)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hooke.images", ModuleType("hooke.images"))
    monkeypatch.setitem(sys.modules, "hooke.images.store", store)
    explore(path, images=tmp_path / "store", sources="none", port=0).server_close()
    assert opened == [tmp_path / "store"]
    with pytest.raises(DataError):
        explore(tmp_path / "none.parquet", sources="none", port=0)
    assert module.known_pairs


def test_hit_calls_beside_the_map_are_read(wells: Profiles, tmp_path: Path) -> None:
    made = build_map(wells)
    placed = made.metadata.with_columns(layout_x=pl.lit(0.0), layout_y=pl.lit(0.0), layout_method=pl.lit("none"))
    path = Profiles(made.values, placed, made.features).write(tmp_path / "map.parquet")
    assert open_map(path).hits is None
    pl.DataFrame({"entity": ["GENE00", "GENE01"], "called": [True, False]}).write_parquet(tmp_path / "map.hits.parquet")
    assert open_map(path).hits == {"GENE00": True, "GENE01": False}
    pl.DataFrame({"entity": ["GENE00"]}).write_parquet(tmp_path / "map.hits.parquet")
    with pytest.raises(DataError, match="lacks the columns entity and called"):
        open_map(path)
