"""ToyMix over HTTP: what is published is what is stored, and every failure of a download is clear and loses nothing."""

from __future__ import annotations

import errno
import gzip
import io
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.how import QUIET, How
from hooke.core.pt_files import read_integer_lists
from hooke.datasets import toymix
from hooke.datasets.toymix import CARD, TABLES, Config, Dataset
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import StandardiseConfig

Serve = Callable[[Any], None]


ENCODED = How(0, False, {"encodings": EncodingConfig(random_walk=4)})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    twins = Dataset(Config()).twins(tmp_path_factory.mktemp("made"), seed=5)
    return [path for table in twins for path in (*table.paths, table.split_path) if path]


@pytest.fixture
def published(made: list[Path], archive: Any, serve: Serve) -> dict[str, Path]:
    """The six files in the archive, with tiny synthetic content; name -> path there."""
    files = [file for table in TABLES.values() for file in (*table.files, table.split_file) if file]
    placed = {}
    for path, file in zip(made, files, strict=True):
        target = archive.path(file.url)
        target.write_bytes(path.read_bytes())
        placed[file.name] = target
    serve(toymix)
    return placed


def test_the_card_states_what_graphium_publishes() -> None:
    assert len(Dataset(Config()).labels) == 34
    assert [len(table.published_columns) for table in TABLES.values()] == [19, 12, 3]
    assert {label.kind for label in Dataset(Config(tables="tox21")).labels} == {"binary"}
    assert Dataset(Config(tables=("zinc", "qm9"))).labels[0].name == "qm9/A"
    address = "https://storage.valencelabs.com/graphium/datasets/neurips_2023/Small-dataset/"
    assert all(file.url == address + file.name and not file.sha256 for file in CARD.files)
    assert len(CARD.files) == 6
    with pytest.raises(UnknownNameError, match="Did you mean 'zinc'"):
        Config(tables="zinc12")


def test_what_is_published_is_what_is_stored(published: dict[str, Path], tmp_path: Path, archive: Any) -> None:
    store = Dataset(Config()).prepare(tmp_path / "stores", ENCODED)
    assert store.labels == Dataset(Config()).labels
    assert store.encodings == EncodingConfig(random_walk=4)
    values, _ = store.graph_labels()
    names = [label.name for label in store.labels]
    codes, rows = store.split(), store.source_rows()
    start = 0
    for name, table in TABLES.items():
        frame = pl.read_csv(gzip.decompress(published[table.files[0].name].read_bytes()))
        here = slice(start, start + len(frame))
        for column, _ in table.published_columns:
            expected = frame[column].cast(pl.Float32).to_numpy()
            np.testing.assert_allclose(values[here, names.index(f"{name}/{column}")], expected, rtol=1e-6)
        own = [names.index(f"{name}/{column}") for column, _ in table.published_columns]
        assert np.isnan(np.delete(values[here], own, axis=1)).all()
        parts = read_integer_lists(published[table.split_file.name])
        assert codes is not None
        for code, part in enumerate(("train", "val", "test")):
            assert set(rows[here][codes[here] == code] - 1) == set(parts[part])
        start += len(frame)
    assert start == len(store)
    assert len(archive.requests) == 6
    again = Dataset(Config()).prepare(tmp_path / "stores", ENCODED)
    assert again.folder == store.folder
    assert len(archive.requests) == 6


def test_the_same_store_with_two_processes_and_from_a_mirror(
    published: dict[str, Path], tmp_path: Path, archive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(tables="zinc")
    alone = Dataset(config).prepare(tmp_path / "alone", QUIET)
    pair = Dataset(config).prepare(tmp_path / "pair", How(workers=2))
    mirror = archive.path("http://x/mirror/y").parent
    for file in (*TABLES["zinc"].files, TABLES["zinc"].split_file):
        (mirror / file.mirror_path).parent.mkdir(parents=True, exist_ok=True)
        (mirror / file.mirror_path).write_bytes(published[file.name].read_bytes())
    requests = len(archive.requests)
    monkeypatch.setenv("HOOKE_MIRROR", str(mirror))
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "empty"))
    mirrored = Dataset(config).prepare(tmp_path / "mirrored", QUIET)
    assert alone.content_hash == pair.content_hash == mirrored.content_hash
    assert len(archive.requests) == requests


def test_a_file_is_pinned_and_a_changed_one_refused(published: dict[str, Path], archive: Any) -> None:
    dataset = Dataset(Config(tables="zinc"))
    table, _ = dataset.files(QUIET)
    assert re.fullmatch("[0-9a-f]{64}", table.with_name(table.name + ".sha256").read_text().strip())
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"has sha256 .* expected"):
        dataset.files(QUIET)
    assert dataset.files(QUIET)[0].read_bytes() == published["ZINC12k.csv.gz"].read_bytes()
    published["ZINC12k.csv.gz"].write_bytes(b"another file by now")
    table.unlink()
    with pytest.raises(DataError, match="the source has changed"):
        dataset.files(QUIET)


def test_a_broken_connection_goes_on_where_it_broke(published: dict[str, Path], archive: Any) -> None:
    data = published["ZINC12k.csv.gz"].read_bytes()
    archive.cut["ZINC12k.csv.gz"] = len(data) // 3 + 1  # of every answer: three requests bring it all
    table, _ = Dataset(Config(tables="zinc")).files(QUIET)
    assert table.read_bytes() == data
    ranges = [asked for name, asked in archive.requests if name == "ZINC12k.csv.gz"]
    assert ranges == ["", f"bytes={len(data) // 3 + 1}-", f"bytes={2 * (len(data) // 3 + 1)}-"]


def test_a_dead_connection_keeps_what_came_and_the_same_command_continues(
    published: dict[str, Path], archive: Any, tmp_path: Path
) -> None:
    data = published["ZINC12k.csv.gz"].read_bytes()
    dataset = Dataset(Config(tables="zinc"))
    archive.cut["ZINC12k.csv.gz"] = 0
    with pytest.raises(DataError, match="the same command continues there"):
        dataset.files(QUIET)
    archive.cut["ZINC12k.csv.gz"] = 40
    _only_once(archive, "ZINC12k.csv.gz")
    with pytest.raises(DataError, match="the same command continues there"):
        dataset.files(QUIET)
    part = tmp_path / "cache" / "raw" / "toymix" / "ZINC12k.csv.gz.part"
    assert part.read_bytes() == data[:40]
    archive.cut.clear()
    assert dataset.files(QUIET)[0].read_bytes() == data
    assert archive.requests[-2][1] == "bytes=40-"


def _only_once(archive: Any, name: str) -> None:
    """Serve the cut answer once, and nothing at all afterwards."""

    class Once(dict[str, int]):
        def get(self, key: str, default: int = 0) -> int:  # type: ignore[override]
            value = super().get(key, default)
            if key == name:
                self[key] = 0
            return value

    archive.cut = Once(archive.cut)


def test_a_full_disk_is_said_and_nothing_is_taken_for_whole(
    published: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset(Config(tables="zinc"))
    data = published["ZINC12k.csv.gz"].read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("hooke.core.files.open", _disk_of(100), raising=False)
        patch.setattr("hooke.core.download._CHUNK", 64)
        with pytest.raises(DataError, match=r"disk of .* is full"):
            dataset.files(QUIET)
    raw = tmp_path / "cache" / "raw" / "toymix"
    assert not (raw / "ZINC12k.csv.gz").exists()
    assert (raw / "ZINC12k.csv.gz.part").read_bytes() == data[:64]
    with monkeypatch.context() as patch:
        patch.setattr("hooke.core.download.shutil.disk_usage", lambda _: SimpleNamespace(free=0))
        with pytest.raises(DataError, match="free space"):
            dataset.files(QUIET)
    assert dataset.files(QUIET)[0].read_bytes() == data


def _disk_of(size: int) -> Callable[..., Any]:
    """`open` on a disk where only so many bytes can still be written."""
    left = size

    class Limited(io.FileIO):
        def write(self, data: Any) -> int:
            nonlocal left
            if len(data) > left:
                raise OSError(errno.ENOSPC, "No space left on device")
            left -= len(data)
            return super().write(data)

    return lambda path, mode="r", **options: (
        Limited(path, mode) if "b" in mode and "r" not in mode else open(path, mode, **options)
    )


def test_a_missing_file_is_said(published: dict[str, Path]) -> None:
    published["ZINC12k_random_splits.pt"].unlink()
    with pytest.raises(DataError, match="404"):
        Dataset(Config(tables="zinc")).files(QUIET)


def test_the_twin_needs_no_network(tmp_path: Path) -> None:
    twin = Dataset(Config()).twin(tmp_path, seed=1)
    assert twin.labels == Dataset(Config()).labels
    assert len(twin) == 180
    split = twin.split()
    assert split is not None
    assert np.bincount(split).tolist() == [120, 30, 30]
    assert Dataset(Config()).twin(tmp_path, seed=1).content_hash == twin.content_hash
    assert len(Dataset(Config(tables="zinc")).twin(tmp_path)) == 60


def test_molecules_may_be_standardised(published: dict[str, Path], tmp_path: Path) -> None:
    store = Dataset(Config(tables="zinc")).prepare(
        tmp_path / "s", How(0, False, {"standardise": StandardiseConfig(stereo="drop")})
    )
    assert not any("@" in smiles for smiles in store.smiles())
