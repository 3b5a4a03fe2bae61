from __future__ import annotations

import errno
import json
import subprocess
import sys
import weakref
from collections.abc import Generator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hooke.core.errors import DataError, HookeError, UsageError
from hooke.core.files import exclusive
from hooke.inference import stream as module
from hooke.inference.embed import embed
from hooke.inference.stream import StreamReport, read_stamp, stream
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import StandardiseConfig
from hooke.molecules.source import Preparation, PreparedChunk, TableSource, open_source
from hooke.molecules.tables import reading as tables
from hooke.molecules.tables.ingest import IngestConfig, ingest
from hooke.molecules.tables.twins import twin_smiles

PLAIN = Preparation(StandardiseConfig(), EncodingConfig())
STAMP = {"model_hash": "abc", "data_hash": "def"}


@dataclass
class AtomCounts:
    """Columns computed without a network; can stop like a killed process."""

    on_gpu: ClassVar[bool] = False
    stop_after: int = -1
    calls: int = 0
    seen: list[int] = field(default_factory=list)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field("atoms", pa.float32()), pa.field("codes", pa.list_(pa.float32()))])

    def compute(self, arrays: MoleculeArrays) -> tuple[list[pa.Array], dict[int, str]]:
        if self.calls == self.stop_after:
            raise KeyboardInterrupt
        self.calls += 1
        self.seen.append(len(arrays))
        codes = pa.ListArray.from_arrays(
            pa.array(arrays.atom_offsets.astype(np.int32)), pa.array(arrays.atom_codes[:, 0].astype(np.float32))
        )
        failed = dict.fromkeys(np.flatnonzero(arrays.atom_counts == 1).tolist(), "one atom is not enough")
        return [pa.array(arrays.atom_counts.astype(np.float32)), codes], failed


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 4)
    monkeypatch.setattr(module, "CHUNKS_A_PART", 2)


@pytest.fixture
def source(tmp_path: Path) -> TableSource:
    lines = [f"m{number},{'C' * (number + 1)}" for number in range(21)]
    lines[5], lines[6], lines[17] = "m5,bad", "m6,", "m17"
    path = tmp_path / "in.csv"
    path.write_text("reason,smiles\n" + "\n".join(lines) + "\n")
    found = open_source(path)
    assert isinstance(found, TableSource)
    return found


def run(source: Any, output: Path, columns: Any = None, *, resume: bool = True, **options: Any) -> StreamReport:
    return stream(
        source, output, columns or AtomCounts(), PLAIN, STAMP, {"verb": "count"}, workers=0, resume=resume,
        show_progress=False, doing="counting", **options,
    )  # fmt: skip


def test_every_row_has_its_row(source: TableSource, tmp_path: Path) -> None:
    output = tmp_path / "new" / "out.parquet"
    report = run(source, output)
    table = pl.read_parquet(output)
    assert table.columns == ["row", "reason_input", "smiles", "atoms", "codes", "reason"]
    assert table["row"].to_list() == list(range(1, 22))
    assert table["reason_input"].to_list() == [f"m{number}" for number in range(21)]
    expected = [None if number in (0, 5, 6, 17) else number + 1 for number in range(21)]
    assert table["atoms"].to_list() == expected
    assert [None if codes is None else len(codes) for codes in table["codes"].to_list()] == expected
    assert [number for number, reason in enumerate(table["reason"]) if reason] == [0, 5, 6, 17]
    assert (report.rows, report.done, report.rejected, report.resumed_rows) == (21, 17, 4, 0)
    assert report.reasons["one atom is not enough"] == 1
    assert sum(report.reasons.values()) == 4
    assert "21 rows: 17 done, 4 rejected" in report.summary()
    assert json.loads(json.dumps(report.to_json()))["rows"] == 21
    assert sorted(path.name for path in output.parent.iterdir()) == ["out.parquet"]
    stamp = read_stamp(output)
    assert stamp is not None
    assert {"model_hash": "abc", "data_hash": "def", "source_hash": source.content_hash()}.items() <= stamp.items()


def test_many_kinds_of_reasons_are_counted_together(
    source: TableSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KINDS_OF_REASONS", 1)
    report = run(source, tmp_path / "out.parquet")
    assert report.reasons == {"other reasons": 3, "one atom is not enough": 1}
    assert report.rejected == 4


def test_csv_output_says_the_same(source: TableSource, tmp_path: Path) -> None:
    run(source, tmp_path / "out.csv")
    run(source, tmp_path / "out.parquet")
    text, table = pl.read_csv(tmp_path / "out.csv"), pl.read_parquet(tmp_path / "out.parquet")
    assert text["atoms"].cast(pl.Float32).equals(table["atoms"])
    assert text["codes"][1] == "6|6"
    stamps = [read_stamp(tmp_path / name) for name in ("out.csv", "out.parquet")]
    assert stamps[0] == stamps[1]


@pytest.mark.parametrize("stop", [0, 1, 2, 4, 5])
def test_a_stopped_command_continues_and_gives_the_same_file(source: TableSource, tmp_path: Path, stop: int) -> None:
    run(source, tmp_path / "whole.parquet")
    output = tmp_path / "out.parquet"
    with pytest.raises(KeyboardInterrupt):
        run(source, output, AtomCounts(stop_after=stop))
    assert not output.exists()
    columns = AtomCounts()
    report = run(source, output, columns)
    assert report.resumed_rows == 8 * (stop // 2)
    assert columns.calls == 6 - 2 * (stop // 2)
    assert output.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_kill_between_the_last_part_and_the_end_costs_no_work(
    source: TableSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    output = tmp_path / "out.parquet"
    with monkeypatch.context() as patched:
        patched.setattr(module, "_join", killed)
        with pytest.raises(KeyboardInterrupt):
            run(source, output)
    columns = AtomCounts()
    assert run(source, output, columns).resumed_rows == 21
    assert columns.calls == 0
    # and one between the last two steps
    (tmp_path / "out.parquet.parts").mkdir()
    run(source, output, columns)
    assert not (tmp_path / "out.parquet.parts").exists()


def test_finished_work_is_kept_unless_it_is_other_work_or_asked_anew(source: TableSource, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    first = run(source, output)
    again = run(source, output, columns := AtomCounts())
    assert columns.calls == 0
    assert (again.rows, again.done, again.reasons) == (first.rows, first.done, first.reasons)
    run(source, output, columns, resume=False)
    assert columns.calls == 6
    source.path.write_text(source.path.read_text() + "m21,CCO\n")
    assert run(source, output).rows == 22


def test_parts_of_other_work_are_not_continued(source: TableSource, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    with pytest.raises(KeyboardInterrupt):
        run(source, output, AtomCounts(stop_after=5))
    source.path.write_text(source.path.read_text().replace("m3,", "x3,"))
    report = run(source, output)
    assert report.resumed_rows == 0
    assert pl.read_parquet(output)["reason_input"][3] == "x3"


def test_a_folder_of_the_user_is_not_removed(source: TableSource, tmp_path: Path) -> None:
    parts = tmp_path / "out.parquet.parts"
    parts.mkdir()
    (parts / "thesis.txt").touch()
    with pytest.raises(DataError, match="holds other files"):
        run(source, tmp_path / "out.parquet")
    assert (parts / "thesis.txt").exists()


def test_only_one_process_writes_an_output(source: TableSource, tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "out.parquet.lock", "x"),
        pytest.raises(HookeError, match=r"is writing .*out\.parquet"),
    ):
        run(source, tmp_path / "out.parquet")


def test_a_full_disk_keeps_the_finished_parts(
    source: TableSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = pq.ParquetWriter.write_table, []

    def full(self: pq.ParquetWriter, table: pa.Table) -> None:
        written.append(table)
        if len(written) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, table)

    with monkeypatch.context() as patched:
        patched.setattr(module.pq.ParquetWriter, "write_table", full)
        with pytest.raises(DataError, match="is full; the finished parts are kept"):
            run(source, tmp_path / "out.parquet")
    assert run(source, tmp_path / "out.parquet").resumed_rows == 8


def test_wrong_outputs_and_empty_sources_are_refused(source: TableSource, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must end in \.parquet or \.csv, got out\.xlsx"):
        run(source, tmp_path / "out.xlsx")
    with pytest.raises(UsageError, match=r"must end in \.parquet, got"):
        run(source, tmp_path / "out.csv", suffixes=(".parquet",))

    class Empty(TableSource):
        def chunks(self, *_: object, **__: object) -> Generator[PreparedChunk]:
            yield from ()

    with pytest.raises(DataError, match="holds no rows"):
        run(Empty(source.path, source.smiles, source.columns), tmp_path / "out.parquet")


def test_memory_holds_a_few_chunks_whatever_the_length(source: TableSource, tmp_path: Path) -> None:
    alive: list[weakref.ref[PreparedChunk]] = []
    most = 0

    class Long(TableSource):
        def chunks(self, how: Preparation, *, skip: int, workers: int | None) -> Generator[PreparedChunk]:
            nonlocal most
            for _ in range(60):
                for chunk in super().chunks(how, skip=skip, workers=workers):
                    alive.append(weakref.ref(chunk))
                    most = max(most, sum(reference() is not None for reference in alive))
                    yield chunk
                    del chunk

    report = run(Long(source.path, source.smiles, source.columns), tmp_path / "out.parquet")
    assert report.rows == 60 * 21
    assert most <= 4


def test_the_source_is_closed_at_once_when_a_command_is_stopped(source: TableSource, tmp_path: Path) -> None:
    closed = []

    class Watched(TableSource):
        def chunks(self, *arguments: Any, **options: Any) -> Generator[PreparedChunk]:
            try:
                yield from super().chunks(*arguments, **options)
            finally:
                closed.append(True)

    try:
        run(Watched(source.path, source.smiles, source.columns), tmp_path / "out.parquet", AtomCounts(stop_after=1))
    except KeyboardInterrupt:
        assert closed == [True]  # not only when the traceback is thrown away: its workers would go on until then
    assert closed


def test_files_of_others_carry_no_stamp(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet")
    assert read_stamp(tmp_path / "x.parquet") is None
    (tmp_path / "y.parquet").write_bytes(b"no parquet")
    assert read_stamp(tmp_path / "y.parquet") is None
    assert read_stamp(tmp_path / "none.csv") is None


@pytest.mark.skipif(find_spec("ray") is None, reason="the extra `cluster` is not installed")
def test_a_cluster_whose_worker_is_killed_gives_the_same(run: Path, tmp_path: Path) -> None:
    smiles = twin_smiles(400, seed=1) * 11
    table = tmp_path / "many.csv"
    table.write_text("smiles,y\n" + "\n".join(f"{text},{number}" for number, text in enumerate(smiles)) + "\n")
    script = Path(__file__).with_name("on_ray.py")
    done = subprocess.run(
        [sys.executable, str(script), str(run), str(table), str(tmp_path)], capture_output=True, text=True, check=False
    )
    if done.returncode == 5:
        pytest.skip(f"Ray did not start on this machine: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "killed").exists()
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "workers": 2, "rows": 4400, "same store": True, "first": [0, 1, 2], "error": "shard 0 is damaged",
    }  # fmt: skip
    one, two = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("one", "two"))
    assert one.drop(["embedding"]).equals(two.drop(["embedding"]))
    first, second = (np.array(found["embedding"].to_pylist(), np.float64) for found in (one, two))
    np.testing.assert_allclose(first, second, atol=1e-5)  # workers compute with one thread each


def test_whole_chunks_in_workers_are_the_same(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of a cluster, without one."""
    table = tmp_path / "few.csv"
    table.write_text("smiles\n" + "\n".join([*twin_smiles(30, seed=1), "nonsense"]) + "\n")
    store, _ = ingest(table, tmp_path / "store", IngestConfig(encodings=EncodingConfig(random_walk=4)), workers=0)
    for name, source in (("table", table), ("store", store)):
        embed(run, source, tmp_path / f"{name}-1.parquet", workers=0, device="cpu")
        with monkeypatch.context() as patched:
            patched.setattr(module, "current", lambda: "a cluster")

            def mapped(cluster: str, work: Any, jobs: Any, **options: Any) -> Generator[Any]:
                yield from map(work, jobs)

            patched.setattr(module, "cluster_map", mapped)
            embed(run, source, tmp_path / f"{name}-2.parquet", device="cpu")
        assert pq.read_table(tmp_path / f"{name}-1.parquet").equals(pq.read_table(tmp_path / f"{name}-2.parquet"))


def test_worker_processes_compute_whole_chunks_of_a_table(run: Path, tmp_path: Path) -> None:
    smiles = twin_smiles(200, seed=1) * 21
    table = tmp_path / "many.csv"
    table.write_text("smiles\n" + "\n".join([*smiles, "nonsense"]) + "\n")
    for workers in (0, 2):
        report = embed(run, table, tmp_path / f"{workers}.parquet", workers=workers, device="cpu", show_progress=False)
        assert (report.rows, report.rejected) == (4201, 1)
    one, two = (pq.read_table(tmp_path / f"{workers}.parquet") for workers in (0, 2))
    assert one.drop(["embedding"]).equals(two.drop(["embedding"]))
    first, second = (np.array(found["embedding"].to_pylist()[:-1], np.float64) for found in (one, two))
    np.testing.assert_allclose(first, second, atol=1e-5)


class InThisProcess(AtomCounts):
    """Columns that a GPU computes, and so one process alone."""

    on_gpu: ClassVar[bool] = True


def test_a_network_on_a_gpu_is_not_taken_to_worker_processes(source: TableSource, tmp_path: Path) -> None:
    here, elsewhere = InThisProcess(), AtomCounts()
    for name, columns in (("here", here), ("elsewhere", elsewhere)):
        stream(
            source, tmp_path / f"{name}.parquet", columns, PLAIN, STAMP, {"verb": "count"}, workers=2, resume=False,
            show_progress=False, doing="counting",
        )  # fmt: skip
    assert sum(here.seen) == 18
    assert elsewhere.seen == []
    assert pq.read_table(tmp_path / "here.parquet").equals(pq.read_table(tmp_path / "elsewhere.parquet"))
