from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.diffraction.truth import Truth, read_truth, truth_path, write_truth_beside

TRUTH = Truth(np.eye(4), np.arange(4.0), np.array([0, 1, 0, 1]), np.ones(9), 2.5)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_truth_beside(tmp_path / "f.emc", TRUTH)
    assert path == tmp_path / "f.emc.truth.h5"
    back = read_truth(tmp_path / "f.emc")
    assert back is not None
    for name in ("quaternions", "fluences", "particles", "background"):
        np.testing.assert_array_equal(getattr(back, name), getattr(TRUTH, name))
    assert back.scale == 2.5
    assert truth_path("a/f.h5") == Path("a/f.h5")


def test_none_and_damaged(tmp_path: Path) -> None:
    import h5py

    assert read_truth(tmp_path / "none.emc") is None
    with h5py.File(tmp_path / "f.h5", "w"):
        pass
    assert read_truth(tmp_path / "f.h5") is None
    path = write_truth_beside(tmp_path / "f.emc", TRUTH)
    with h5py.File(path, "a") as file:
        del file["truth/fluences"]
        file["truth/fluences"] = np.ones(3)
    with pytest.raises(DataError, match="one quaternion for each fluence"):
        read_truth(tmp_path / "f.emc")
