from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, UsageError
from hooke.core.store import check_store
from hooke.images.reading.building import Done, Header, build_store
from hooke.images.reading.metadata import Refused
from hooke.images.store import ImageStore

COUNT = 40
HEADER = Header("recipe", ("DNA", "ER"), "uint16", 16, {"simulated": True})


def table() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "experiment": ["e"] * COUNT,
            "plate": ["p"] * COUNT,
            "well": [f"A{number:02d}" for number in range(COUNT)],
            "batch": ["e"] * COUNT,
            "control": [""] * COUNT,
        }
    )


def render(number: int) -> Done:
    """In a worker: a field whose pixels follow from its number."""
    kill = Path(os.environ.get("TEST_KILL_AT", "/nonexistent"))
    if kill.exists() and number == int(kill.read_text()):
        os.kill(os.getpid(), signal.SIGKILL)
    if number % 10 == 3:
        return Done(refused=(Refused("e", "p", f"A{number:02d}", 1, "ER", "x.tif", "damaged", "x.tif is truncated"),))
    size = 20 + number % 3
    pixels = np.random.default_rng(number).integers(0, 999, (2, size, 24)).astype(np.uint16)
    return Done((number,), (pixels,))


def build(folder: Path, *, problems: str = "skip_site", workers: int = 0, header: Header = HEADER) -> ImageStore:
    return build_store(
        folder, header, table(), range(COUNT), render, problems=problems, workers=workers, files={"note.txt": b"hello"}
    )  # type: ignore[arg-type]


def test_fields_and_refusals_add_up(tmp_path: Path) -> None:
    store = build(tmp_path / "store")
    assert len(store) == COUNT - 4
    assert store.metadata["well"].to_list() == [f"A{number:02d}" for number in range(COUNT) if number % 10 != 3]
    assert np.array_equal(store.read([5])[0], render(6).pixels[0])
    rejected = pl.read_parquet(store.folder / "rejected.parquet")
    assert rejected["well"].to_list() == ["A03", "A13", "A23", "A33"]
    assert store.description["counts"] == {"fields": 36, "wells": 36, "refused": 4, "refused_damaged": 4}
    assert check_store(store.folder) == []
    assert (store.folder / "note.txt").read_bytes() == b"hello"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_processes_make_no_difference(tmp_path: Path) -> None:
    assert build(tmp_path / "a", workers=2).content_hash == build(tmp_path / "b").content_hash


def test_stopping_names_the_wells_and_keeps_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        DataError, match=r"4 problems in 4 wells \(4 x damaged\): e/p/A03, .*ER: x\.tif is truncated.*skip_site"
    ):
        build(tmp_path / "store", problems="stop")
    assert pl.read_parquet(tmp_path / "store.rejected.parquet").height == 4
    assert not (tmp_path / "store").exists()
    monkeypatch.setattr("hooke.images.reading.building.ordered_map", lambda *_, **__: iter(()))  # nothing is read again
    with pytest.raises(AttributeError):
        iter(()).close()  # type: ignore[attr-defined]
    monkeypatch.setattr("hooke.images.reading.building.ordered_map", lambda *_, **__: (one for one in ()))
    assert len(build(tmp_path / "store")) == 36
    assert not (tmp_path / "store.rejected.parquet").exists()


def test_a_killed_build_goes_on_and_gives_the_same_store(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom pathlib import Path\nimport test_building\n"
    code += f"test_building.build(Path({str(tmp_path / 'store')!r}))"
    (tmp_path / "kill").write_text("37")
    environment = {**os.environ, "TEST_KILL_AT": str(tmp_path / "kill")}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "store").exists()
    assert len(list((tmp_path / "store.partial").glob("part-*.json"))) == 2
    again = build(tmp_path / "store")
    assert again.content_hash == build(tmp_path / "whole").content_hash
    assert check_store(again.folder) == []


def test_a_build_killed_at_its_last_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hooke.images.reading.building._put_in_place", end)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path / "store")
    monkeypatch.setattr("hooke.images.reading.building._do", end)
    assert len(build(tmp_path / "store")) == 36


def test_another_recipe_starts_afresh_or_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        build(tmp_path / "store", problems="stop")
    other = Header("other", ("DNA", "ER"), "uint16", 8)
    assert build(tmp_path / "store", header=other).description["tile"] == 8
    with pytest.raises(UsageError, match="other options"):
        build(tmp_path / "store")


def test_sources_that_changed_are_read_again(tmp_path: Path) -> None:
    before, after = replace(HEADER, state="before"), replace(HEADER, state="after")
    with pytest.raises(DataError):
        build(tmp_path / "store", problems="stop", header=before)
    begun = (tmp_path / "store.partial" / "part-000000.json").stat().st_mtime_ns
    with pytest.raises(DataError):
        build(tmp_path / "store", problems="stop", header=before)
    assert (tmp_path / "store.partial" / "part-000000.json").stat().st_mtime_ns == begun
    store = build(tmp_path / "store", header=after)
    assert store.content_hash == build(tmp_path / "other").content_hash


def test_nothing_left(tmp_path: Path) -> None:
    refused = [Refused("", "", "A01", None, "", "", "no_images", "why")]
    with pytest.raises(DataError, match="nothing is left to store"):
        build_store(tmp_path / "store", HEADER, table(), [], render, refused=refused, problems="skip_site")
