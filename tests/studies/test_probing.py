"""Probing an encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.core.label import Label
from hooke.encoders import Encoder
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.ingest import prepare_tables
from hooke.molecules.tables.twins import write_twin_table
from hooke.studies.probing import probe


class Sizes(Encoder):
    """Embeds a molecule by its size."""

    modality = "molecules"  # type: ignore[assignment]
    spec = MoleculeSpec()  # type: ignore[assignment]
    width = 1  # type: ignore[assignment]

    def vectors(self, batch, options=None):  # type: ignore[no-untyped-def]
        return batch.node_offsets.diff().numpy().astype(np.float32)[:, None]

    def stamp(self):  # type: ignore[no-untyped-def]
        return {"model_hash": "sizes", "run": "sizes"}


def test_scores_of_all_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    table = write_twin_table(tmp_path / "assay.csv", seed=0, rows=100)
    store = prepare_tables([Table(paths=(table,))], tmp_path / "stores", "t", QUIET)
    report = probe(Sizes(), store, split="random", show_progress=False)
    assert [found.label for found in report.labels] == ["log_p", "lipophilic"]
    assert [found.metric for found in report.labels] == ["rmse", "roc_auc"]
    assert sum(report.rows.values()) == len(store)
    header, lines = report.table()
    assert len(header) == len(lines[0])
    assert "positives" in report.to_json()["labels"][1]
    assert "positives" not in report.to_json()["labels"][0]


def test_labels_of_several_classes_are_refused(tmp_path: Path) -> None:
    label = Label("class", kind="multiclass", classes=3)
    table = write_twin_table(tmp_path / "assay.csv", seed=0, rows=30, labels=[label], missing=0)
    store = prepare_tables([Table(((label.name, label),), paths=(table,))], tmp_path / "stores", "t", QUIET)
    with pytest.raises(UsageError, match="several classes"):
        probe(Sizes(), store, show_progress=False)
