from __future__ import annotations

import errno
import json
import subprocess
import sys
import weakref
from collections.abc import Generator, Iterator
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
from hooke.core.hashing import file_sha256
from hooke.core.how import How
from hooke.core.types import Chunk
from hooke.images.store import ImageStore
from hooke.images.wells import Wells
from hooke.inference import stream as module
from hooke.inference.embed import embed
from hooke.inference.stream import StreamReport, read_stamp, stream
from hooke.modalities import readable
from hooke.modalities.molecules import MoleculeSource, TableOptions
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.source import PreparedChunk
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.tables import reading as tables
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.ingest import ingest
from hooke.molecules.tables.twins import twin_smiles

STAMP = {"model_hash": "abc", "data_hash": "def"}


@dataclass
class AtomCounts:
    """Columns computed without a network; can stop like a killed process."""

    on_gpu: ClassVar[bool] = False
    facts: ClassVar[dict[str, Any]] = {}
    counted: ClassVar[tuple[str, ...]] = ()
    stop_after: int = -1
    calls: int = 0
    seen: list[int] = field(default_factory=list)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field("atoms", pa.float32()), pa.field("codes", pa.list_(pa.float32()))])

    def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
        if self.calls == self.stop_after:
            raise KeyboardInterrupt
        self.calls += 1
        counts = chunk.parts["node"]
        self.seen.append(len(counts))
        atoms = [batch.atom_codes[:, 0].numpy() for batch in chunk.batches]  # type: ignore[attr-defined]
        ends = np.concatenate([[0], np.cumsum(counts)])
        codes = pa.ListArray.from_arrays(
            pa.array(ends.astype(np.int32)), pa.array(np.concatenate([np.zeros(0), *atoms]).astype(np.float32))
        )
        failed = dict.fromkeys(np.flatnonzero(counts == 1).tolist(), "one atom is not enough")
        return [pa.array(counts.astype(np.float32)), codes], failed


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 4)
    monkeypatch.setattr(MoleculeSource, "jobs_a_part", 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    lines = [f"m{number},{'C' * (number + 1)}" for number in range(21)]
    lines[5], lines[6], lines[17] = "m5,bad", "m6,", "m17"
    path = tmp_path / "in.csv"
    path.write_text("reason,smiles\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def source(path: Path) -> MoleculeSource:
    found = readable("molecules", "predict").source(path, MoleculeSpec(), TableOptions(), batch_size=3)
    assert isinstance(found, MoleculeSource)
    return found


def of_kind(kind: type[MoleculeSource], source: MoleculeSource) -> MoleculeSource:
    return kind(source.rows, source.how, source.batch_size)


def run(source: Any, output: Path, columns: Any = None, *, resume: bool = True, **options: Any) -> StreamReport:
    return stream(
        source, output, columns or AtomCounts(), STAMP, {"verb": "count"}, workers=0, resume=resume,
        show_progress=False, doing="counting", **options,
    )  # fmt: skip


def test_no_number_of_an_output_is_nan_or_infinite() -> None:
    class Broken:
        schema = pa.schema(
            [pa.field("x", pa.float32()), pa.field("parts", pa.list_(pa.float64())), pa.field("n", pa.int16())]
        )

        def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
            parts = pa.array([[1.0, np.inf], [], [np.nan, 2.0], None], pa.list_(pa.float64()))
            return [
                pa.array([1.5, np.nan, -np.inf, np.inf], pa.float32()),
                parts,
                pa.array([1, 2, 3, 4], pa.int16()),
            ], {}

    @dataclass
    class Given:
        schema: pa.Schema

    table = pa.table({"id": ["a", "b", "c", "d", "e"]})
    chunk = Chunk(table, [], (np.array([0, 1, 2, 4]),), reasons={3: "no molecule"})
    found = module.table_of(chunk, Broken(), Given(table.schema)).to_pydict()  # type: ignore[arg-type]
    assert found["x"] == [1.5, None, None, None, None]
    assert found["parts"] == [[1.0, None], [], [None, 2.0], None, None]
    assert found["n"] == [1, 2, 3, None, 4]


def test_every_row_has_its_row(source: MoleculeSource, tmp_path: Path) -> None:
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
    assert "next" not in report.summary()
    assert json.loads(json.dumps(report.to_json()))["rows"] == 21
    assert sorted(path.name for path in output.parent.iterdir()) == ["out.parquet"]
    stamp = read_stamp(output)
    assert stamp is not None
    assert {"model_hash": "abc", "data_hash": "def", "source_hash": source.content_hash()}.items() <= stamp.items()


def test_a_report_says_what_the_source_says_of_itself() -> None:
    facts = {"fields": 30, "channels": ["DNA", "ER"], "left_out": "left out for 2 problems: rejected.parquet"}
    report = StreamReport("w.parquet", 9, 8, 1, {"x": 1}, 0.5, 3, "abc", facts, "wells", "hooke map correct w.parquet")
    assert report.summary().split("\n") == [
        "9 wells: 8 done, 1 rejected, written to w.parquet", "  1 × x", "  fields 30", "  channels DNA, ER",
        "left out for 2 problems: rejected.parquet", "next    hooke map correct w.parquet",
    ]  # fmt: skip
    many = StreamReport(
        "w.parquet", 1, 1, 0, {}, 0.5, 0, "abc", {"gaps": {f"R{number}": "few" for number in range(60)}}, "wells", ""
    )
    assert "R11 few, ... and 48 more" in many.summary()
    assert "R12" not in many.summary()
    plain = report.to_json()
    assert (plain["fields"], plain["left_out"], plain["resumed_rows"]) == (30, facts["left_out"], 3)
    assert not {"facts", "unit", "following"} & set(plain)


def test_many_kinds_of_reasons_are_counted_together(
    source: MoleculeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KINDS_OF_REASONS", 1)
    report = run(source, tmp_path / "out.parquet")
    assert report.reasons == {"other reasons": 3, "one atom is not enough": 1}
    assert report.rejected == 4


def test_csv_output_says_the_same(source: MoleculeSource, tmp_path: Path) -> None:
    run(source, tmp_path / "out.csv")
    run(source, tmp_path / "out.parquet")
    text, table = pl.read_csv(tmp_path / "out.csv"), pl.read_parquet(tmp_path / "out.parquet")
    assert text["atoms"].cast(pl.Float32).equals(table["atoms"])
    assert text["codes"][1] == "6|6"
    stamps = [read_stamp(tmp_path / name) for name in ("out.csv", "out.parquet")]
    assert stamps[0] == {**(stamps[1] or {}), "sha256": file_sha256(tmp_path / "out.csv")}


@pytest.mark.parametrize("stop", [0, 1, 2, 4, 5])
def test_a_stopped_command_continues_and_gives_the_same_file(source: MoleculeSource, tmp_path: Path, stop: int) -> None:
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
    source: MoleculeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def test_finished_work_is_kept_unless_it_is_other_work_or_asked_anew(
    source: MoleculeSource, path: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.parquet"
    first = run(source, output)
    again = run(source, output, columns := AtomCounts())
    assert columns.calls == 0
    assert (again.rows, again.done, again.reasons) == (first.rows, first.done, first.reasons)
    run(source, output, columns, resume=False)
    assert columns.calls == 6
    path.write_text(path.read_text() + "m21,CCO\n")
    assert run(source, output).rows == 22


def test_parts_of_other_work_are_not_continued(source: MoleculeSource, path: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    with pytest.raises(KeyboardInterrupt):
        run(source, output, AtomCounts(stop_after=5))
    path.write_text(path.read_text().replace("m3,", "x3,"))
    report = run(source, output)
    assert report.resumed_rows == 0
    assert pl.read_parquet(output)["reason_input"][3] == "x3"


def test_parts_of_another_size_are_not_continued(
    source: MoleculeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.parquet"
    for place, name in ((tables, "CHUNK_ROWS"), (MoleculeSource, "jobs_a_part")):
        with pytest.raises(KeyboardInterrupt):
            run(source, output, AtomCounts(stop_after=5))
        with monkeypatch.context() as patched:
            patched.setattr(place, name, 3)
            assert run(source, output).resumed_rows == 0
        assert pl.read_parquet(output)["row"].to_list() == list(range(1, 22))
        output.unlink()


def test_a_folder_of_the_user_is_not_removed(source: MoleculeSource, tmp_path: Path) -> None:
    parts = tmp_path / "out.parquet.parts"
    parts.mkdir()
    (parts / "thesis.txt").touch()
    with pytest.raises(DataError, match="holds other files"):
        run(source, tmp_path / "out.parquet")
    assert (parts / "thesis.txt").exists()


def test_only_one_process_writes_an_output(source: MoleculeSource, tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "out.parquet", "x"),
        pytest.raises(HookeError, match=r"is writing .*out\.parquet"),
    ):
        run(source, tmp_path / "out.parquet")


def test_a_full_disk_keeps_the_finished_parts(
    source: MoleculeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def test_wrong_outputs_and_empty_sources_are_refused(source: MoleculeSource, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must end in \.parquet or \.csv, got out\.xlsx"):
        run(source, tmp_path / "out.xlsx")
    with pytest.raises(UsageError, match=r"must end in \.parquet, got"):
        run(source, tmp_path / "out.csv", suffixes=(".parquet",))

    class Empty(MoleculeSource):
        def jobs(self, *, skip: int = 0) -> Iterator[Any]:
            yield from ()

    with pytest.raises(DataError, match="holds no rows"):
        run(of_kind(Empty, source), tmp_path / "out.parquet")


def test_memory_holds_a_few_chunks_whatever_the_length(source: MoleculeSource, tmp_path: Path) -> None:
    alive: list[weakref.ref[Any]] = []
    most = 0

    class Long(MoleculeSource):
        def jobs(self, *, skip: int = 0) -> Iterator[Any]:
            for _ in range(60):
                yield from super().jobs(skip=skip)

        def prepare(self, job: Any) -> PreparedChunk:
            return watched(super().prepare(job))

        def chunk(self, prepared: PreparedChunk) -> Chunk:
            return watched(super().chunk(prepared))

    def watched(made: Any) -> Any:
        nonlocal most
        alive.append(weakref.ref(made))
        most = max(most, sum(reference() is not None for reference in alive))
        return made

    report = run(of_kind(Long, source), tmp_path / "out.parquet")
    assert report.rows == 60 * 21
    assert len(alive) == 2 * 60 * 6
    assert most <= 4


def test_the_source_is_closed_at_once_when_a_command_is_stopped(source: MoleculeSource, tmp_path: Path) -> None:
    closed = []

    class Watched(MoleculeSource):
        def jobs(self, *, skip: int = 0) -> Iterator[Any]:
            try:
                yield from super().jobs(skip=skip)
            finally:
                closed.append(True)

    try:
        run(of_kind(Watched, source), tmp_path / "out.parquet", AtomCounts(stop_after=1))
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
def test_a_cluster_whose_worker_is_killed_gives_the_same(
    run: Path, image_run: Path, screen: ImageStore, tmp_path: Path
) -> None:
    smiles = twin_smiles(400, seed=1) * 11
    table = tmp_path / "many.csv"
    table.write_text("smiles,y\n" + "\n".join(f"{text},{number}" for number, text in enumerate(smiles)) + "\n")
    script = Path(__file__).with_name("on_ray.py")
    command = [sys.executable, script, run, table, image_run, screen.folder, tmp_path]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode == 5:
        pytest.skip(f"Ray did not start on this machine: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "killed").exists()
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "workers": 2, "rows": 4400, "wells": len(Wells.of(screen)), "same store": True, "first": [0, 1, 2],
        "error": "shard 0 is damaged",
    }  # fmt: skip
    for kind in ("", "wells-"):
        one, two = (pq.read_table(tmp_path / f"{kind}{name}.parquet") for name in ("one", "two"))
        assert one.drop(["embedding"]).equals(two.drop(["embedding"]))
        first, second = (np.array(found["embedding"].to_pylist(), np.float64) for found in (one, two))
        np.testing.assert_allclose(first, second, atol=1e-5)  # workers compute with one thread each


def test_whole_chunks_in_workers_are_the_same(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of a cluster, without one."""
    table = tmp_path / "few.csv"
    table.write_text("smiles\n" + "\n".join([*twin_smiles(30, seed=1), "nonsense"]) + "\n")
    how = How(0, sections={"encodings": EncodingConfig(random_walk=4)})
    store = ingest([Table(paths=(table,))], tmp_path / "store", how)
    for name, source in (("table", table), ("store", store)):
        embed(run, source, tmp_path / f"{name}-1.parquet", workers=0, device="cpu")
        with monkeypatch.context() as patched:
            patched.setattr(module, "current", lambda: "a cluster")

            def mapped(cluster: str, work: Any, jobs: Any, **options: Any) -> Generator[Any]:
                yield from map(work, jobs)

            patched.setattr(module, "cluster_map", mapped)
            embed(run, source, tmp_path / f"{name}-2.parquet", device="cpu")
        assert pq.read_table(tmp_path / f"{name}-1.parquet").equals(pq.read_table(tmp_path / f"{name}-2.parquet"))


def test_worker_processes_compute_whole_chunks_of_a_table(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 100)
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


def test_a_network_on_a_gpu_is_not_taken_to_worker_processes(source: MoleculeSource, tmp_path: Path) -> None:
    here, elsewhere = InThisProcess(), AtomCounts()
    for name, columns in (("here", here), ("elsewhere", elsewhere)):
        stream(
            source, tmp_path / f"{name}.parquet", columns, STAMP, {"verb": "count"}, workers=2, resume=False,
            show_progress=False, doing="counting",
        )  # fmt: skip
    assert sum(here.seen) == 18
    assert elsewhere.seen == []
    assert pq.read_table(tmp_path / "here.parquet").equals(pq.read_table(tmp_path / "elsewhere.parquet"))
