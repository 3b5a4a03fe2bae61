from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.how import How
from hooke.core.label import Label
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import NOT_FINITE, predict, predict_in_memory
from hooke.modalities.molecules import MoleculeSource
from hooke.molecules.tables import reading as tables
from hooke.molecules.tables.description import LabelOptions, Table
from hooke.molecules.tables.ingest import ingest

COLUMNS = [
    "row", "name", "smiles",
    "log_p", "log_p_lower", "log_p_upper", "log_p_std",
    "active", "active_class", "active_set", "active_disagreement",
    "class", "class[0]", "class[0]_disagreement", "class[1]", "class[1]_disagreement", "class[2]", "class[2]_disagreement", "class_set",
    "reason",
]  # fmt: skip


def test_predictions_carry_their_uncertainty(loaded: LoadedRun, table: Path, smiles: list[str], tmp_path: Path) -> None:
    report = predict(loaded, table, tmp_path / "out.parquet", workers=0, show_progress=False)
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert report.rows == report.done == len(smiles)
    assert found.columns == COLUMNS
    assert found["smiles"].to_list() == smiles
    values = found["log_p"].to_numpy()
    assert found["log_p_std"].min() > 1.5 * 0.5  # type: ignore[operator]
    half = (
        2.0 / 1.5 * found["log_p_std"].to_numpy()
    )  # both are multiples of the members' standard deviation plus the floor
    np.testing.assert_allclose(found["log_p_upper"], values + half, rtol=1e-5)
    np.testing.assert_allclose(found["log_p_lower"], values - half, rtol=1e-4, atol=1e-5)
    active = found["active"].to_numpy()
    assert ((active >= 0) & (active <= 1)).all()
    for probability, contained in zip(active, found["active_set"], strict=True):
        assert contained == "|".join(name for name, p in (("0", 1 - probability), ("1", probability)) if p >= 0.3)
    classes = found.select([f"class[{number}]" for number in range(3)]).to_numpy()
    np.testing.assert_allclose(classes.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found["class"], classes.argmax(axis=1))
    for row, contained in zip(classes, found["class_set"], strict=True):
        assert contained == "|".join(str(number) for number in range(3) if row[number] >= 0.3)


def test_batches_do_not_change_predictions(loaded: LoadedRun, smiles: list[str]) -> None:
    whole = predict_in_memory(loaded, smiles)
    for batch_size in (1, 7):
        parts = predict_in_memory(loaded, smiles, batch_size=batch_size)
        np.testing.assert_allclose(parts["log_p"], whole["log_p"], rtol=1e-4, atol=1e-5)
    assert whole["class"].dtype == pl.Int16


def test_a_run_folder_will_do_and_strings_that_are_no_molecules_say_why(run: Path) -> None:
    found = predict_in_memory(run, ["CCO", "bad", "", "C(C)(C)(C)(C)C"], device="cpu")
    assert found["log_p"].is_null().to_list() == [False, True, True, True]
    assert found["reason"][2] == "empty SMILES"
    assert "valence" in found["reason"][3].lower()
    nothing = predict_in_memory(run, ["bad"], device="cpu")
    assert nothing.columns == [name for name in COLUMNS if name != "name"]
    assert nothing["log_p"].dtype == pl.Float32


def test_labels_of_atoms_and_bonds_come_as_lists(loaded: LoadedRun, smiles: list[str]) -> None:
    found = predict_in_memory(loaded, [*smiles, "bad"], levels=["node", "edge"], batch_size=9)
    assert "log_p" not in found.columns
    from rdkit import Chem

    molecules = [Chem.MolFromSmiles(text) for text in smiles]
    assert [len(values) for values in found["charge"][:-1]] == [molecule.GetNumAtoms() for molecule in molecules]
    assert [len(values) for values in found["order"][:-1]] == [molecule.GetNumBonds() for molecule in molecules]
    assert found["charge"][-1] is None
    assert found["charge_disagreement"].dtype == pl.List(pl.Float32)
    alone = predict_in_memory(loaded, [smiles[20]], levels=["node"])["charge"][0]
    np.testing.assert_allclose(found["charge"][20], alone, rtol=1e-4, atol=1e-5)


def test_uncertainty_can_be_left_out(loaded: LoadedRun) -> None:
    found = predict_in_memory(loaded, ["CCO"], uncertainty=False)
    assert found.columns == [
        "row", "smiles", "log_p", "active", "active_class", "class", "class[0]", "class[1]", "class[2]", "reason",
    ]  # fmt: skip


def test_one_member_has_a_null_spread_and_no_calibration_no_interval(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    found = predict_in_memory(make_run(tmp_path, members=1), ["CCO", "C"], device="cpu")
    assert found["log_p_disagreement"].null_count() == 2
    assert not {"log_p_lower", "log_p_std"} & set(found.columns)
    calibrated = predict_in_memory(make_run(tmp_path, members=1, calibrated=True), ["CCO"], device="cpu")
    assert calibrated["log_p_upper"][0] - calibrated["log_p"][0] == pytest.approx(1.0)
    assert calibrated["log_p_std"][0] == pytest.approx(0.75)


def test_the_threshold_of_a_class_can_be_chosen(loaded: LoadedRun, smiles: list[str], tmp_path: Path) -> None:
    path = loaded.run.path("predictions_valid.parquet")
    for given, threshold in (((), 0.5), ((0.3,), 0.3), (("active=0.45",), 0.45), (("balanced",), 0.35)):
        pl.DataFrame({"active": [0.2, 0.3, 0.4, 0.45], "active_measured": [0.0, 0.0, 1.0, 1.0]}).write_parquet(path)
        found = predict_in_memory(loaded, smiles, threshold=given)
        np.testing.assert_array_equal(found["active_class"], found["active"].to_numpy() >= np.float32(threshold))
    report = predict(loaded, smiles, tmp_path / "out.csv", threshold=["balanced"], workers=0, show_progress=False)
    assert report.to_json()["thresholds"] == {"active": 0.35}
    assert sum(report.counts["active_class"].values()) == report.done
    assert "thresholds active 0.35" in report.summary()
    again = predict(loaded, smiles, tmp_path / "out.csv", threshold=[0.9], workers=0, show_progress=False)
    assert again.resumed_rows == 0
    with pytest.raises(UnknownNameError, match="unknown label with two classes 'log_p'"):
        predict_in_memory(loaded, smiles, threshold=["log_p=0.3"])
    for text in ("1.5", "half", "active="):
        with pytest.raises(UsageError, match="a number between 0 and 1, or 'balanced'"):
            predict_in_memory(loaded, smiles, threshold=[text])
    path.unlink()
    with pytest.raises(UsageError, match="no predictions of validation rows"):
        predict_in_memory(loaded, smiles, threshold=["balanced"])


def test_classes_keep_their_names(make_run: Callable[..., Path], tmp_path: Path) -> None:
    labels = [Label("hit", kind="binary", names=("Inactive", "Active"))]
    found = predict_in_memory(make_run(tmp_path, labels=labels), ["CCO", "CCCCCC"], threshold=[1e-6], device="cpu")
    assert found["hit_class"].to_list() == ["Active", "Active"]
    assert found["hit"].dtype == pl.Float32
    found = predict_in_memory(make_run(tmp_path, labels=labels), ["CCO"], threshold=[1 - 1e-6], device="cpu")
    assert found["hit_class"].to_list() == ["Inactive"]
    with pytest.raises(UsageError, match="needs a label with two classes"):
        predict_in_memory(make_run(tmp_path, labels=[Label("y")]), ["CCO"], threshold=[0.3], device="cpu")


def test_levels_that_cannot_be_predicted_are_refused(
    make_run: Callable[..., Path], loaded: LoadedRun, tmp_path: Path
) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown level 'nodes'. Did you mean 'node'"):
        predict_in_memory(loaded, ["CCO"], levels=["nodes"])
    pairs = make_run(tmp_path / "a", labels=[Label("distance", "pair")])
    with pytest.raises(UsageError, match="labels of pairs only"):
        predict_in_memory(pairs, ["CCO"], device="cpu")
    without = make_run(tmp_path / "c", objective="attribute_masking")
    with pytest.raises(UsageError, match="learned without labels and predicts none: `hooke embed`"):
        predict_in_memory(without, ["CCO"], device="cpu")
    nodes = make_run(tmp_path / "b", labels=[Label("charge", "node"), Label("distance", "pair")])
    assert predict_in_memory(nodes, ["CCO"], device="cpu")["charge"].list.len().to_list() == [3]
    with pytest.raises(UnknownNameError, match="Valid: node"):
        predict_in_memory(nodes, ["CCO"], levels=["pair"], device="cpu")


def test_a_prediction_that_is_not_finite_is_no_prediction(make_run: Callable[..., Path], tmp_path: Path) -> None:
    broken = LoadedRun.open(make_run(tmp_path), "cpu")
    with torch.no_grad():
        broken.network.heads["graph"].mean[0] = torch.inf
    found = predict_in_memory(broken, ["CCO", "bad", "C"])
    assert found["log_p"].null_count() == 3
    assert [found["reason"][0], found["reason"][2]] == [NOT_FINITE, NOT_FINITE]
    assert found["reason"][1].startswith("SMILES does not parse")
    assert predict_in_memory(broken, ["CCO"], levels=["node"])["reason"].to_list() == [None]


def test_stores_and_tables_give_the_same(loaded: LoadedRun, table: Path, smiles: list[str], tmp_path: Path) -> None:
    spec = loaded.spec
    how = How(0, False, {"encodings": spec.encodings, "standardise": spec.standardise})
    store = ingest([Table(LabelOptions(()), duplicates="keep_all", paths=(table,))], tmp_path / "store", how)
    predict(loaded, store, tmp_path / "a.parquet", show_progress=False)
    predict(loaded, table, tmp_path / "b.parquet", workers=0, show_progress=False)
    stored, given = (pl.read_parquet(tmp_path / name) for name in ("a.parquet", "b.parquet"))
    np.testing.assert_allclose(stored["log_p"], given["log_p"], rtol=1e-5, atol=1e-6)


def test_a_hostile_table_is_accounted_for_row_by_row(loaded: LoadedRun, tmp_path: Path) -> None:
    peptide = "C(=O)NCC" * 60  # 300 atoms
    rows = {
        "CCO,1": True, "not a molecule,2": False, ",3": False, f"{peptide},4": True, "[He],5": True,
        "[Na+].[Cl-],6": True, "C(C)(C)(C)(C)C,7": False, "c1ccc,8": False, f"{'C' * 1_000_000},9": False,
        "CCO,10": True,
        '"CC\nO",11': False, "CCN": False, "CCN,12,13,14": False, "nan,15": False, "  CCC  ,16": True, "": False,
        "OC(=O)c1ccccc1[O-].[K+],17": True, "[NH3]->[Cu+2],18": True, "*CC,19": True,
    }  # fmt: skip
    table = tmp_path / "hostile.csv"
    table.write_bytes(b"\xef\xbb\xbf" + ("SMILES,id\n" + "\n".join(rows) + "\n").encode())
    report = predict(loaded, table, tmp_path / "out.csv", workers=0, show_progress=False)
    found = pl.read_csv(tmp_path / "out.csv")
    assert [value is not None for value in found["log_p"]] == list(rows.values())
    assert [reason is None for reason in found["reason"]] == list(rows.values())
    assert found["row"].to_list() == list(range(1, len(rows) + 1))
    assert (report.rows, report.done) == (len(rows), sum(rows.values()))
    assert found["log_p"][0] == pytest.approx(found["log_p"][9], rel=1e-4, abs=1e-5)


def test_formulas_in_a_csv_are_escaped_on_request(loaded: LoadedRun, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("smiles,=note,change\nCCO,=cmd|' /C calc'!A0,-1.5\nCC,@x,+y\n")
    output = tmp_path / "out.csv"
    report = predict(loaded, table, output, workers=0, show_progress=False, escape_formulas=True)
    found = pl.read_csv(output, infer_schema=False)
    assert found["'=note"].to_list() == ["'=cmd|' /C calc'!A0", "'@x"]
    assert found["change"].to_list() == ["-1.5", "'+y"]
    plain = predict(loaded, table, output, workers=0, show_progress=False)  # other content: written again
    assert pl.read_csv(output, infer_schema=False)["=note"].to_list() == ["=cmd|' /C calc'!A0", "@x"]
    assert (report.rows, plain.rows) == (2, 2)
    with pytest.raises(UsageError, match="formulas are escaped in CSV files alone"):
        predict(loaded, table, tmp_path / "out.parquet", workers=0, show_progress=False, escape_formulas=True)


KILLED = """
import sys
import time
import torch
from pathlib import Path
from hooke.core import files
from hooke.inference import predict
from hooke.modalities.molecules import MoleculeSource
from hooke.molecules.tables import reading as tables
torch.set_num_threads(1)
tables.CHUNK_ROWS, MoleculeSource.jobs_a_part = 8, 1
files.watchers.append(lambda step, path: time.sleep(0.1 * (step == "place")))
if __name__ == "__main__":
    run, table, output = map(Path, sys.argv[1:])
    predict.predict(run, table, output, workers=2, device="cpu", show_progress=False)
"""


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As many threads as the killed program has: bits are equal only for equal numbers of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.usefixtures("one_thread")
def test_kill_9_and_the_same_command_give_the_same_file(
    run: Path, smiles: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 8)
    monkeypatch.setattr(MoleculeSource, "jobs_a_part", 1)
    table, output, whole = tmp_path / "in.smi", tmp_path / "out.parquet", tmp_path / "whole.parquet"
    table.write_text("".join(f"{text} n{number}\n" for number, text in enumerate(smiles * 3)))
    (tmp_path / "program.py").write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py"), str(run), str(table), str(output)], env=environment
    )
    parts = tmp_path / "out.parquet.parts"
    try:
        wait_for(lambda: process.poll() is not None or len(list(parts.glob("part-*"))) >= 3)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    finally:
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not output.exists()
    report = predict(run, table, output, workers=0, device="cpu", show_progress=False)
    predict(run, table, whole, workers=0, device="cpu", show_progress=False)
    assert 0 < report.resumed_rows < report.rows == 3 * len(smiles)
    assert output.read_bytes() == whole.read_bytes()
