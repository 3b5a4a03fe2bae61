from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.diffraction.conftest import write_pdb

from hooke.core.errors import DataError, UsageError
from hooke.diffraction.detector import read_detector
from hooke.diffraction.patterns import read_patterns
from hooke.diffraction.truth import read_truth
from hooke.workflows.diffraction_frames import convert_frames, simulate_frames


@pytest.mark.parametrize("name", ["f.h5", "f.emc", "store"])
def test_frames_detector_and_truth(tmp_path: Path, name: str) -> None:
    write_pdb(tmp_path / "a.pdb")
    made = simulate_frames([tmp_path / "a.pdb"], tmp_path / name, frames=30, photons=1.5, side=15, show_progress=False)
    patterns, truth = read_patterns(tmp_path / name), read_truth(tmp_path / name)
    assert truth is not None
    assert len(patterns) == made.frames == len(truth.quaternions) == 30
    assert made.photons == patterns.photons.mean()
    assert sum(made.blank.values()) == (patterns.photons == 0).sum() > 0
    assert made.detector is not None
    assert read_detector(made.detector).pixels == patterns.number_of_pixels
    again = simulate_frames(
        [tmp_path / "a.pdb"], tmp_path / "g.h5", frames=30, photons=1.5, detector=made.detector, show_progress=False
    )
    assert read_patterns(again.output).same(patterns)


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    write_pdb(tmp_path / "a.pdb")
    (tmp_path / "b.pdb").write_text("ATOM\n")
    for structures, options, error in (
        ([tmp_path / "a.pdb", tmp_path / "b.pdb"], {}, DataError),
        ([tmp_path / "a.pdb"], {"photons": -1.0}, UsageError),
        ([], {}, UsageError),
    ):
        with pytest.raises(error):
            simulate_frames(structures, tmp_path / "f.h5", frames=3, side=15, show_progress=False, **options)  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdb", "b.pdb"]


def test_converting(tmp_path: Path) -> None:
    counts = np.random.default_rng(0).poisson(0.5, (4, 3, 5))
    np.save(tmp_path / "counts.npy", counts)
    np.save(tmp_path / "raw.npy", counts * 100.0 + 40)
    np.save(tmp_path / "dark.npy", np.full((7, 3, 5), 40.0))
    bad = np.zeros((3, 5))
    bad[1, 1] = 1
    np.save(tmp_path / "bad.npy", bad)
    convert_frames(tmp_path / "counts.npy", tmp_path / "a.emc", kind="dense")
    made = convert_frames(
        tmp_path / "raw.npy", tmp_path / "b.h5", gain=100.0, dark=tmp_path / "dark.npy", mask=tmp_path / "bad.npy"
    )
    assert made.facts["bad pixels"] == 1
    counts[:, 1, 1] = 0
    np.testing.assert_array_equal(read_patterns(tmp_path / "b.h5").dense(), counts.reshape(4, 15))
    with pytest.raises(UsageError, match="state the gain"):
        convert_frames(tmp_path / "counts.npy", tmp_path / "c.emc", dark=tmp_path / "dark.npy")
    np.save(tmp_path / "raw.npy", np.full((1, 2, 2), 0.5))
    with pytest.raises(DataError, match="raw.npy: frame 0, pixel 0 is 0.5"):
        convert_frames(tmp_path / "raw.npy", tmp_path / "c.emc")
    assert not (tmp_path / "c.emc").exists()
