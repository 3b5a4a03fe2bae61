from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.diffraction.conftest import write_pdb

import hooke


def test_from_a_structure_to_frames(tmp_path: Path) -> None:
    write_pdb(tmp_path / "a.pdb")
    made = hooke.simulate_patterns(
        tmp_path / "a.pdb", tmp_path / "f.h5", frames=10, photons=50, side=15, show_progress=False
    )
    converted = hooke.convert_patterns(made.output, tmp_path / "f.emc")
    assert converted.photons == made.photons > 0


def test_from_an_intensity_to_a_density(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", np.random.default_rng(0).exponential(size=(12, 12)))
    found = hooke.phase(tmp_path / "i.npy", tmp_path / "runs", starts=2, iterations=10, refine=2, show_progress=False)
    assert found.density.shape == (12, 12)


def test_from_frames_to_scores(tmp_path: Path) -> None:
    write_pdb(tmp_path / "a.pdb")
    made = hooke.simulate_patterns(
        tmp_path / "a.pdb", tmp_path / "f.h5", frames=10, photons=50, side=11, show_progress=False
    )
    options = {"n": 1, "starts": 1, "iterations": 1}
    assert hooke.plan_reconstruction(made.output, **options).rotations == 60
    found = hooke.reconstruct(made.output, tmp_path / "runs", show_progress=False, **options)
    assert hooke.evaluate_reconstruction(found.run.folder, tmp_path / "a.pdb").frames == 10
