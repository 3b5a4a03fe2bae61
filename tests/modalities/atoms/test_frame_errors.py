"""Errors of frames are those of the predictions, worked out anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.modalities.atoms.test_learning import written

from hooke.atoms.spec import ATOM, FRAME
from hooke.core.recipe import resolve
from hooke.inference.loaded import LoadedRun
from hooke.modalities.atoms import MODALITY
from hooke.modalities.atoms.frame_errors import ENERGY_ERROR, FORCE_ERROR, by_molecule, frame_errors
from hooke.train.fit import fit


def test_errors_are_absolute_differences(tmp_path: Path) -> None:
    recipe = resolve(
        {
            **MODALITY.example,
            "name": "x",
            "train": {"max_steps": 2, "batch_size": 8, "epochs": 1},
            "atoms": {"methods": ["gfn1"]},
        }
    )
    store = written(tmp_path / "store")
    run = LoadedRun.open(fit(recipe, runs=tmp_path / "runs", store=store, show_progress=False).folder)
    rows = np.array([20, 3, 4])
    found = frame_errors(run, MODALITY, store, rows)
    assert found["row"].to_list() == [20, 3, 4]
    [batch] = MODALITY.loader(store, rows, run.spec, run.recipe, part="predict").epoch(0)
    predicted = run.predictor.predict(batch)
    for place in range(3):
        atoms = (batch.frame == place).numpy()
        off = abs(predicted[FRAME].mean[place, 0] - float(batch.targets[FRAME][place, 0])) / atoms.sum()
        assert found[ENERGY_ERROR][place] == pytest.approx(off)
        pull = np.abs(predicted[ATOM].mean[atoms] - batch.targets[ATOM].numpy()[atoms]).mean()
        assert found[FORCE_ERROR][place] == pytest.approx(pull, rel=1e-5)
    means = by_molecule(found, ENERGY_ERROR)
    assert len(means) == 2
    assert means[found["molecule"][1]] == pytest.approx(np.mean(found[ENERGY_ERROR].to_list()[1:]))
