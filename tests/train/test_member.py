"""One network of a run: its start, its event file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.core.recipe import Recipe
from hooke.modalities import trainable
from hooke.molecules.store import MoleculeStore
from hooke.train.fit import fit
from hooke.train.member import Member


def test_a_foreign_encoder_is_refused(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    pretrained = fit(recipe.with_changes(train={"epochs": 1}), runs=tmp_path, store=store, show_progress=False)
    narrow = replace(recipe, model=replace(recipe.model, config=replace(recipe.model.config, width=8)))
    nothing, spec = np.zeros(0, np.int64), trainable("molecules", "fit").spec(store, np.arange(60), recipe)
    member = Member(pretrained, narrow, spec, store.folder, nothing, nothing, 0, pretrained=pretrained.folder)
    other, _ = member.network()
    with pytest.raises(DataError, match="does not fit"):
        member.start(other)
    for path in pretrained.path("members").glob("*/best.safetensors"):
        path.unlink()
    with pytest.raises(DataError, match="no trained weights"):
        member.start(other)


def test_tensorboard_events(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = fit(recipe.with_changes(train={"tensorboard": True}), runs=tmp_path, store=store, show_progress=False)
    events = loading.EventAccumulator(str(run.path("tensorboard/members-0")))
    events.Reload()
    for name in ("train_loss", "valid_loss", "learning_rate"):
        assert [(event.step, event.value) for event in events.Scalars(name)] == [
            (line["epoch"], pytest.approx(line[name], rel=1e-6)) for line in run.metrics()
        ]
