from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.diffraction.conftest import write_pdb

from hooke.core.errors import DataError
from hooke.workflows.diffraction_frames import simulate_frames
from hooke.workflows.reconstruct import reconstruct
from hooke.workflows.reconstruction_scores import evaluate_reconstruction


@pytest.mark.mirror
def test_rna_from_250_frames(tmp_path: Path) -> None:
    """4gxy, 400 photons a frame: orientations and intensity against the truth."""
    structure = Path(os.environ["HOOKE_MIRROR"]) / "structures/4gxy.pdb.gz"
    made = simulate_frames([structure], tmp_path / "f.h5", frames=250, photons=400, show_progress=False)
    reconstruct(made.output, tmp_path / "runs", n=4, starts=1, show_progress=False)
    found = evaluate_reconstruction(tmp_path / "runs/emc", structure)
    assert found.symmetries == ()
    assert found.naive == found.symmetric
    assert found.naive.median <= 11
    assert found.naive.within >= 0.85
    assert found.naive.within + found.flips <= 1
    assert found.correlation >= 0.93
    inner = [value for shell, _, value in found.shells if shell <= 10]
    assert min(inner) > 0.7
    assert found.spacing == pytest.approx(13.03, abs=0.01)


def test_frames_without_truth_and_other_folders_are_refused(tmp_path: Path) -> None:
    write_pdb(tmp_path / "a.pdb")
    made = simulate_frames([tmp_path / "a.pdb"], tmp_path / "f.npy", frames=8, photons=50, side=11, show_progress=False)
    assert made.detector is not None
    found = reconstruct(made.output, tmp_path / "runs", n=1, starts=1, iterations=1, show_progress=False)
    scores = evaluate_reconstruction(found.run.folder, tmp_path / "a.pdb")
    assert scores.frames == 8
    (tmp_path / "f.npy.truth.h5").unlink()
    with pytest.raises(DataError, match="does not know the true orientations"):
        evaluate_reconstruction(found.run.folder, tmp_path / "a.pdb")
    with pytest.raises(DataError, match="holds no run"):
        evaluate_reconstruction(tmp_path, tmp_path / "a.pdb")
