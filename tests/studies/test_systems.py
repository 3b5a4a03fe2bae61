"""The systems of suites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError
from hooke.core.how import QUIET
from hooke.core.recipe import SplitSection, load_recipe
from hooke.encoders import Encoder
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.splitting import split_store
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.ingest import prepare_tables
from hooke.molecules.tables.twins import write_twin_table
from hooke.studies import systems
from hooke.studies.systems import SYSTEMS, Task, predictions


class Counting(Encoder):
    """Embeds a molecule by the number of its atoms of each element."""

    modality = "molecules"  # type: ignore[assignment]
    spec = MoleculeSpec()  # type: ignore[assignment]
    width = 20  # type: ignore[assignment]

    def vectors(self, batch, options=None):  # type: ignore[no-untyped-def]
        out = np.zeros((batch.num_graphs, 20), np.float32)
        np.add.at(out, (batch.node_graph.numpy(), batch.atom_codes[:, 0].clamp(max=19).numpy()), 1)
        return out

    def stamp(self):  # type: ignore[no-untyped-def]
        return {"model_hash": "counting", "run": "counting"}


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    table = _with_parts(write_twin_table(tmp_path / "assay.csv", seed=0, rows=120))
    store = prepare_tables([Table(split_column="split", paths=(table,))], tmp_path / "stores", "t", QUIET)
    split = split_store(store, SplitSection(kind="held_out"))
    recipe = load_recipe("tiny_gine", ["model.width=16", "model.depth=1", "train.epochs=1", "train.threads=1"])
    return Task(recipe, store, split, None, tmp_path / "runs")


@pytest.mark.parametrize("name", ["mean", "ridge", "forest"])
def test_baselines(task: Task, name: str) -> None:
    found = predictions(name, task)
    assert found.values.shape == (len(task.split.test), 2)
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize("name", ["minimol", "probe"])
def test_probes_of_embeddings(task: Task, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems, "_encoder", lambda _: Counting())
    found = predictions(name, task)
    assert np.isfinite(found.values).all()
    assert "of class 1" in found.detail
    truth = task.store.graph_labels(task.split.test)[0][:, 0]
    measured = ~np.isnan(truth)
    assert np.corrcoef(found.values[measured, 0], truth[measured])[0, 1] > 0.5


def test_names() -> None:
    assert [name for name, system in SYSTEMS.items() if system.needs_run] == ["probe", "finetuned"]
    with pytest.raises(UnknownNameError, match="Did you mean 'forest'"):
        predictions("forrest", None)  # type: ignore[arg-type]


def _with_parts(table: Path) -> Path:
    """Every fifth row of a table becomes a test row."""
    first, *rows = table.read_text().splitlines()
    parts = [f"{row},{'test' if number % 5 == 0 else 'train'}" for number, row in enumerate(rows)]
    table.write_text("\n".join([f"{first},split", *parts]) + "\n")
    return table
