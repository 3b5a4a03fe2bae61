"""One network of a run: its batches, its start, its event file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.inference.network import build_network, build_task
from hooke.molecules.store import MoleculeStore
from hooke.train.fit import fit
from hooke.train.member import load_encoder, molecule_loader
from hooke.train.recipe import Recipe


def test_molecules_of_similar_size_share_a_batch(store: MoleculeStore) -> None:
    sizes = store.atom_counts
    loader = molecule_loader(store, np.arange(80), 8, seed=0)
    assert np.mean([np.ptp(sizes[rows]) for rows in loader.order(0)]) < 0.5 * np.ptp(sizes)
    assert sum(batch.num_items for batch in loader.epoch(0)) == 80


def test_evaluation_keeps_the_given_order(store: MoleculeStore) -> None:
    loader = molecule_loader(store, np.array([7, 3, 60, 1]), 3, seed=None)
    assert [batch.rows.tolist() for batch in loader.epoch(0)] == [[7, 3, 60], [1]]


def test_a_foreign_encoder_is_refused(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    pretrained = fit(recipe.with_changes(train={"epochs": 1}), runs=tmp_path, store=store, show_progress=False)
    task = build_task("multitask", recipe.task.config, store.labels, None)
    other = build_network("gine", replace(recipe.model.config, width=8), recipe.encodings, task)
    with pytest.raises(DataError, match="does not fit"):
        load_encoder(other, pretrained.folder)
    for path in pretrained.path("members").glob("*/best.safetensors"):
        path.unlink()
    with pytest.raises(DataError, match="no trained weights"):
        load_encoder(other, pretrained.folder)


def test_tensorboard_events(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = fit(recipe.with_changes(train={"tensorboard": True}), runs=tmp_path, store=store, show_progress=False)
    events = loading.EventAccumulator(str(run.path("tensorboard/members-0")))
    events.Reload()
    for name in ("train_loss", "valid_loss", "learning_rate"):
        assert [(event.step, event.value) for event in events.Scalars(name)] == [
            (line["epoch"], pytest.approx(line[name], rel=1e-6)) for line in run.metrics()
        ]
