"""Four real tables in one recipe: rows add up, charges sit on their atoms, each table its own head, and the same bits after an interruption."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdPartialCharges
from safetensors.torch import load_file

import hooke
from hooke.core.recipe import load_recipe
from hooke.core.runs import RunFolder
from hooke.molecules.store import MoleculeStore
from hooke.train.fit import fit

RECIPE = """
[data]
name = "mixture"
[data.tables.esol]
path = {esol}
labels = ["logp"]
[data.tables.tox21]
path = {tox21}
labels = ["NR-AhR", "SR-MMP"]
share = 0.5
[data.tables.qm9]
path = {qm9}
labels = ["homo", "lumo"]
[data.tables.charges]
path = {charges}
labels = ["gasteiger"]
level = "node"
[model]
name = "gine"
preset = "tiny"
[task]
name = "multitask"
balance = 1.0
[task.tables.esol]
loss = "mae"
[task.tables.tox21]
weight = 0.5
hidden_width = 24
[task.tables.charges]
loss = "huber"
hidden_layers = 2
dropout = 0.1
[train]
epochs = 4
batch_size = 32
threads = 1
"""


def _charges(molecule: Chem.Mol) -> list[float]:
    rdPartialCharges.ComputeGasteigerCharges(molecule)
    return [atom.GetDoubleProp("_GasteigerCharge") for atom in molecule.GetAtoms()]


@pytest.fixture(scope="module")
def recipe_file(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixture")
    esol = pl.read_csv(mirror / "moleculenet/delaney.csv.gz").head(100)
    tables = {
        "esol": esol,
        "tox21": pl.read_csv(mirror / "moleculenet/tox21.csv.gz").head(120),
        "qm9": pl.read_csv(mirror / "quantum/graphium_micro_qm9.csv.gz").head(120),
    }
    generator, texts, values = np.random.default_rng(0), [], []
    for smiles in [*esol["smiles"][:40], *tables["qm9"]["smiles"][:40]]:
        molecule = Chem.MolFromSmiles(smiles)
        order = generator.permutation(molecule.GetNumAtoms())
        charges = np.empty(len(order))
        charges[order] = _charges(molecule)
        for atom, number in zip(molecule.GetAtoms(), order.tolist(), strict=True):
            atom.SetAtomMapNum(number + 1)
        texts.append(Chem.MolToSmiles(molecule))
        values.append(json.dumps(charges.tolist()))
    tables["charges"] = pl.DataFrame({"ordered_smiles": texts, "gasteiger": values})
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv")
    path = folder / "four.toml"
    path.write_text(RECIPE.format(**{name: json.dumps(str(folder / f"{name}.csv")) for name in tables}))
    return path


@pytest.fixture(scope="module")
def whole(recipe_file: Path) -> Any:
    return hooke.fit(recipe_file, runs=recipe_file.parent / "whole", report=False, show_progress=False, workers=1)


def test_the_summary_adds_up(whole: Any) -> None:
    tables, rows = whole.run.info["tables"], whole.run.info["rows"]
    assert list(tables) == ["esol", "tox21", "qm9", "charges"]
    assert [counts["rows_read"] for counts in tables.values()] == [100, 120, 120, 80]
    ingest = whole.to_json()["ingest"]
    assert ingest["rows_read"] == 420 == ingest["rows_kept"] + ingest["rows_rejected"] + ingest["duplicates_merged"]
    for name, counts in tables.items():
        assert counts["rows_read"] == sum(
            counts[part] for part in ("rejected", "tested_elsewhere", "repeated", "molecules")
        )
        unlabelled = counts["molecules"] - sum(counts[part] for part in ("train", "valid", "test"))
        assert unlabelled <= whole.run.info["left_out"].get("without a label", 0)
        taken = round(counts["train"] / 2) if name == "tox21" else counts["train"]
        assert counts["epoch"] == taken
        assert f"an epoch takes {taken:,} of train and leaves {counts['train'] - taken:,}" in whole.summary()
    assert sum(rows.values()) <= ingest["rows_kept"]
    assert whole.to_json()["choices"]["tables"] == tables
    assert tables["charges"]["shared"] == tables["charges"]["molecules"]  # their molecules are those of esol and qm9


def test_charges_sit_on_their_atoms(whole: Any) -> None:
    store = MoleculeStore.open(Path(whole.run.info["store"]))
    checked = 0
    for row, smiles in enumerate(store.smiles()):
        found = store.read(np.array([row])).targets["node"][:, 0]
        if not np.isnan(found).any():
            np.testing.assert_allclose(found, _charges(Chem.MolFromSmiles(smiles)), atol=1e-5)
            checked += len(found)
    assert checked > 400


def test_each_table_has_its_own_loss_and_head(whole: Any) -> None:
    weights = load_file(whole.run.path("members/0/best.safetensors"))
    heads = {
        name.removeprefix("heads.graph.heads.").split(".")[0]
        for name in weights
        if name.startswith("heads.graph.heads.")
    }
    assert heads == {"0", "1", "2"}  # esol, tox21, and the one of qm9, which names no options
    assert weights["heads.graph.heads.1.layers.0.weight"].shape[0] == 24
    assert sum("heads.node.layers" in name and "weight" in name for name in weights) == 3
    names = {"valid_graph/esol", "valid_graph/tox21", "valid_graph/qm9", "valid_node/regression"}
    assert names <= set(whole.run.metrics()[-1])


def test_an_interrupted_run_goes_on_to_the_same_bits(recipe_file: Path, whole: Any) -> None:
    def stop(line: Mapping[str, Any]) -> None:
        if line["epoch"] == 2:
            raise KeyboardInterrupt

    recipe, runs = load_recipe(recipe_file), recipe_file.parent / "stopped"
    store = MoleculeStore.open(Path(whole.run.info["store"]))
    with pytest.raises(KeyboardInterrupt):
        fit(recipe, runs=runs, store=store, watch=stop, show_progress=False)
    run = fit(recipe, runs=runs, store=store, show_progress=False)
    assert len(list(run.folder.parent.iterdir())) == 1
    first, second = (load_file(one.path("members/0/last.safetensors")) for one in (run, whole.run))
    assert all(torch.equal(first[name], second[name]) for name in second)
    assert run.metrics() == whole.run.metrics()


_KILLED = """
import os, signal, sys
from pathlib import Path
import hooke
from hooke.core import files

steps = []

def kill(step, path):
    steps.append(path.name)
    if path.name.startswith("state.pt") and sum(name.startswith("state.pt") for name in steps) == 4:
        os.kill(os.getpid(), signal.SIGKILL)  # before the second of the states is in place

files.watchers.append(kill)
hooke.fit(sys.argv[1], runs=sys.argv[2], report=False, show_progress=False, workers=1)
"""


def test_a_killed_run_goes_on_to_the_same_bits(recipe_file: Path, whole: Any) -> None:
    runs = recipe_file.parent / "killed"
    killed = subprocess.run([sys.executable, "-c", _KILLED, recipe_file, runs], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    [folder] = (path for path in (runs / "four").iterdir() if path.is_dir())
    assert RunFolder.open(folder).info["status"] == "running"
    assert (folder / "members/0/state.pt").exists()
    run = hooke.resume(folder, report=False, show_progress=False).run
    first, second = (load_file(one.path("members/0/last.safetensors")) for one in (run, whole.run))
    assert all(torch.equal(first[name], second[name]) for name in second)
    assert run.metrics() == whole.run.metrics()
    assert run.info["tables"] == whole.run.info["tables"]


def test_means_of_tables_stand_in_file_and_summary(whole: Any) -> None:
    means, scores = whole.run.means()["test"]["graph"], whole.run.scores()["test"]["graph"]
    assert {name: of_table["labels"] for name, of_table in means.items()} == {"esol": 1, "tox21": 2, "qm9": 2, "all": 5}
    spec = json.loads(whole.run.path("spec.json").read_text())
    names = [label["name"] for label in spec["labels"] if label["level"] == "graph"]
    deviations = dict(zip(names, spec["statistics"]["graph"]["std"], strict=True))
    expected = np.mean([scores[f"qm9/{name}"]["mae"] / deviations[f"qm9/{name}"] for name in ("homo", "lumo")])
    assert means["qm9"]["normalised_mae"] == pytest.approx(expected)
    raw = whole.run.read_json("metrics.json")
    assert raw["normalised"]["test"]["graph"]["qm9/homo"]["mae"] == pytest.approx(
        scores["qm9/homo"]["mae"] / deviations["qm9/homo"]
    )
    assert "test  graph mean of qm9 (2 labels): " in whole.summary()
    assert set(whole.run.scores()) == {"valid", "test"}
    from hooke.studies.run_report import mean_tables

    [table] = mean_tables(whole.run)
    directions = {row.task: row.direction for row in table.tasks}
    assert directions["qm9: normalised MAE"] != directions["tox21: ROC AUC"]
