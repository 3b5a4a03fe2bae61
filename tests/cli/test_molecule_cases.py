"""Tables of molecules that once failed (cases/molecules and cases/reliability beside the mirror): each gives what is expected of it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import hooke as package
from hooke.core.errors import DataError
from hooke.molecules.parse import parse
from hooke.molecules.scaffolds import murcko_scaffold
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.ingest import ingest_notes
from hooke.molecules.tables.reading import read_table

pytestmark = [pytest.mark.mirror, pytest.mark.cases]
NETWORK = ("model.width=16", "model.depth=1", "train.epochs=1", "train.ensemble=1", "train.threads=1")


@pytest.fixture(scope="module")
def tables(cases: Path) -> Path:
    return cases / "molecules"


@pytest.fixture(scope="module")
def run(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that predicts the mean of base.csv."""
    runs = tmp_path_factory.mktemp("runs")
    return package.fit(csv=tables / "base.csv", model="mean", report=False, runs=runs, workers=0).folder


def prepared(path: Path, folder: Path, *options: str) -> MoleculeStore:
    store: MoleculeStore = package.prepare_data(
        "csv", [f"path={path}", *options], folder=folder, workers=0, show_progress=False
    )
    return store


def facts(store: MoleculeStore) -> dict[str, Any]:
    report = store.metadata["ingest"]
    accounted = report["rows_kept"] + report["rows_rejected"] + report["duplicates_merged"]
    assert report["rows_read"] == accounted
    return dict(report)


@pytest.mark.parametrize(
    ("name", "labels", "rows", "ignored"),
    [
        ("s_num.sdf", {"logS": "regression"}, 40, ()),
        ("s_mix.sdf", {"logS": "regression"}, 40, ("id",)),
        ("s_ext.sdf", {"logS": "regression"}, 40, ()),
        ("a_idxgap.csv", {"logS": "regression"}, 40, ("Unnamed: 0",)),
        ("a_unnamed0.csv", {"logS": "regression"}, 40, ("Unnamed: 0",)),
        ("a_idx.parquet", {"logS": "regression"}, 27, ("__index_level_0__",)),
        ("a_cid.csv", {"logS": "regression"}, 40, ("PubChem_CID", "CAS", "year")),
        ("e_txt2.csv", {"y": "regression", "z": "regression"}, 40, ()),
        ("e_012.csv", {"y": "binary"}, 40, ()),
        ("e_01c.csv", {"y": "binary"}, 40, ()),
        ("d_acy.csv", {"y": "regression"}, 30, ()),
        ("d_maps.csv", {"y": "regression"}, 60, ()),
        ("d_mapsc.csv", {"y": "regression"}, 30, ()),
        ("d_dup.csv", {"y": "regression"}, 53, ()),
        ("e_s5.csv", {"y": "regression"}, 40, ()),
        ("b_u16n.csv", {"logS": "regression"}, 40, ()),
        ("b_u32.csv", {"logS": "regression"}, 40, ()),
        ("q_zip.csv", {"logS": "regression"}, 40, ()),
        ("q_gz.csv", {"logS": "regression"}, 40, ()),
        ("q_pq.csv", {"logS": "regression"}, 40, ()),
    ],
)
def test_labels_of_a_table(
    tables: Path, tmp_path: Path, name: str, labels: dict[str, str], rows: int, ignored: tuple[str, ...]
) -> None:
    store = prepared(tables / name, tmp_path)
    report = facts(store)
    assert {label.name: label.kind for label in store.labels} == labels
    assert (report["rows_read"], report["rows_rejected"]) == (rows, 0)
    assert tuple(report["ignored_columns"]) == ignored
    if name in ("e_012.csv", "e_01c.csv"):
        assert report["unreadable"] == {"y": 1}
    if name == "e_txt2.csv":
        assert report["unreadable"] == {"y": 25}
    if name == "e_s5.csv":
        assert store.labels[0].offset == 1e8
        assert any("32 bits would lose digits" in note for note in ingest_notes(store))
    if name == "d_maps.csv":
        assert report["duplicates_merged"] == 20
    if name == "d_mapsc.csv":
        smiles = store.smiles()
        assert not any(":" in text for text in smiles)
        assert len(set(smiles)) == len(store)
    if name == "d_dup.csv":
        stored = dict(zip(store.smiles(), store.targets(np.arange(len(store)))["graph"][:, 0].tolist(), strict=True))
        assert (stored["C[C@H](F)Br"], stored["C[C@@H](F)Br"]) == (1, 9)
        assert sorted(value for text, value in stored.items() if "|" in text) == [100]


def test_small_labels_are_learnt_as_large_ones(tables: Path, hooke) -> None:  # type: ignore[no-untyped-def]
    pl.read_csv(tables / "e_s2.csv").with_columns(pl.col("y") / 1e-25).write_csv("large.csv")
    errors = []
    for path in (tables / "e_s2.csv", "large.csv"):
        found = hooke("fit", *NETWORK, "--csv", path, "--model", "gine", "--no-report", "--workers", "0")
        assert found.code == 0, found.err
        [(error, power)] = re.findall(r"graph y: mae ([\d.]+)(?:e−(\d+))?", found.out)
        errors.append(float(error) * 10.0 ** -int(power or 0))
    assert errors[0] / 1e-25 == pytest.approx(errors[1], rel=0.01)


def test_labels_too_small_to_be_stored(tables: Path, tmp_path: Path) -> None:
    report = facts(prepared(tables / "e_s2c.csv", tmp_path))
    assert report["label_problems"] == 40


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("benchmark csv data.path={0}/base.csv --splits random,murcko", 2, "unknown kind of split of molecules 'murcko'"),
        ("probe tiny {0}/base.csv --split murcko", 2, "unknown kind of split of molecules 'murcko'"),
        ("predict {1} {0}/q_bad.csv -o p.csv --explain e.html", 3, "no row holds a molecule"),
        ("predict {1} {0}/base.csv -o dir.csv", 2, "is a folder: name a file"),
        ("predict {1} q.csv -o q.csv", 2, "is also an input"),
        ("search csv {0}/space.toml data.path={0}/n5.csv --trials 2", 2, "judges trials by validation rows"),
        ("search csv {0}/space_bad.toml data.path={0}/base.csv --trials 2 model.width=16 model.depth=1 train.epochs=2", 1,
         "none of the 2 trials succeeded"),
    ],
)  # fmt: skip
def test_refused_in_one_line(
    tables: Path,
    run: Path,
    hooke,
    command: str,
    code: int,
    said: str,  # type: ignore[no-untyped-def]
) -> None:
    Path("dir.csv").mkdir()
    shutil.copy(tables / "base.csv", "q.csv")
    found = hooke(*command.format(tables, run).split())
    assert found.code == code, found
    assert said in found.err
    assert found.err.count("\n") == 1
    assert Path("q.csv").read_bytes() == (tables / "base.csv").read_bytes()
    if "space_bad" in command:
        assert "finite" in found.err or "the loss is" in found.err


@pytest.mark.parametrize("name", ["q_bin.parquet", "s_num.sdf", "q_zip.csv", "q_gz.csv", "q_pq.csv", "q_bad.csv"])
def test_rows_come_back_with_their_cells(tables: Path, run: Path, hooke, name: str) -> None:  # type: ignore[no-untyped-def]
    found = hooke("predict", run, tables / name, "-o", "p.csv", "--workers", "0")
    assert found.code == 0, found.err
    given: dict[str, list[str]] = {}
    for chunk in read_table(tables / name):
        for column, cells in chunk.columns.items():
            given.setdefault(column, []).extend(cells)
    table = pl.read_csv("p.csv", infer_schema=False)
    for column, cells in given.items():
        written = table[f"{column}_input" if f"{column}_input" in table.columns else column]
        assert written.fill_null("").to_list() == cells
    if name != "q_bad.csv":
        assert table["reason"].null_count() == len(table)


@pytest.mark.parametrize(("name", "column", "targets"), [("e_time.csv", "year", "auto"), ("e_time2.csv", "date", "y")])
def test_time_splits(tables: Path, hooke, name: str, column: str, targets: str) -> None:  # type: ignore[no-untyped-def]
    found = hooke("fit", "--csv", tables / name, "--split", "time", f"data.split.time_column={column}", "--targets", targets,
                  "--model", "mean", "--no-report", "--workers", "0", "--json")  # fmt: skip
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert list(told["metrics"]["test"]["graph"]) == ["y"]
    parts = pl.read_parquet(Path(told["run"]) / "split.parquet")
    order = pl.read_csv(tables / name)[column].to_list()
    times = {part: [order[row] for row in rows["row"]] for (part,), rows in parts.group_by("split")}
    assert max(times["train"]) <= min(times["test"])


def test_undefined_metrics_are_null(tables: Path, hooke) -> None:  # type: ignore[no-untyped-def]
    found = hooke("fit", "--csv", tables / "a_const.csv", "--json", "--no-report", "--model", "mean", "--workers", "0")
    told = json.loads(found.out, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert told["metrics"]["test"]["graph"]["y"]["r2"] is None


def test_long_peptides_have_scaffolds(tables: Path) -> None:
    smiles = pl.read_csv(tables / "pep.csv")["smiles"].to_list()
    assert [bool(murcko_scaffold(text)) for text in smiles].count(True) > 0


def test_isotopes_are_told_apart_by_the_network() -> None:
    vectors = package.load("tiny").embed(["C", "[13CH4]"])
    assert not np.allclose(*np.asarray(vectors))


def test_a_cell_that_is_no_smiles_costs_its_own_row(cases: Path, run: Path, hooke) -> None:  # type: ignore[no-untyped-def]
    source = cases / "reliability" / "smiles_utf8_minimal.csv"
    assert hooke("predict", run, source, "-o", "p.csv", "--workers", "0").code == 0
    table = pl.read_csv("p.csv")
    assert table["reason"].to_list()[0] is None
    assert "no character of SMILES, 'α'" in table["reason"].to_list()[1]
    with pytest.raises(DataError):
        parse(table["smiles"].to_list()[1])
