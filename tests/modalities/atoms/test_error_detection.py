"""Signals are worked out on the right frames: training frames are at distance 0, and ensembles have a spread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.modalities.atoms.test_learning import written

from hooke.core.recipe import resolve
from hooke.inference.loaded import LoadedRun
from hooke.modalities.atoms import MODALITY
from hooke.modalities.atoms.error_detection import NEAREST, SPREAD, WHITENED, _signals, error_detection
from hooke.modalities.atoms.frame_errors import frame_errors
from hooke.train.fit import fit


def test_signals_of_an_ensemble(tmp_path: Path) -> None:
    train = {"max_steps": 2, "batch_size": 8, "epochs": 1, "ensemble": 2}
    recipe = resolve({**MODALITY.example, "name": "x", "train": train, "atoms": {"methods": ["gfn1"]}})
    store = written(tmp_path / "store")
    run = LoadedRun.open(fit(recipe, runs=tmp_path / "runs", store=store, show_progress=False).folder)
    training, rows = np.arange(0, 12), np.arange(12, 24)
    found = error_detection(run, MODALITY, store, training, frame_errors(run, MODALITY, store, rows))
    assert set(found) == {NEAREST, WHITENED, SPREAD}
    vectors, spread = _signals(run, MODALITY, store, rows[::-1], spread=True)
    again, _ = _signals(run, MODALITY, store, rows, spread=False)
    np.testing.assert_allclose(vectors[::-1], again, rtol=1e-4, atol=1e-5)
    assert spread is not None
    assert (spread > 0).all()
