from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError, UsageError
from hooke.diffraction.detector import IGNORE, Detector, read_detector, write_detector


def test_pixels_lie_on_the_ewald_sphere(detector: Detector) -> None:
    centre = np.array([0, 0, -detector.ewald_radius])
    np.testing.assert_allclose(np.linalg.norm(detector.q - centre, axis=1), detector.ewald_radius, rtol=1e-12)
    assert (detector.q[:, 2] <= 0).all()
    middle = detector.q.reshape(15, 15, 3)[7]
    assert middle[8, 0] == pytest.approx(1, rel=1e-3)  # x along the columns, a voxel a pixel
    assert np.allclose(middle[:, 1], 0)


def test_resolution_and_angle_agree(detector: Detector) -> None:
    """λ = 2 d sin(θ / 2)."""
    row = detector.q.reshape(15, 15, 3)[7, 14]
    theta = np.arctan(7 / detector.distance_pixels)
    assert 1 / (np.linalg.norm(row) * detector.voxel) == pytest.approx(detector.wavelength / (2 * np.sin(theta / 2)))
    assert detector.resolution == pytest.approx(
        1 / (np.linalg.norm(detector.q[detector.used], axis=1).max() * detector.voxel)
    )


def test_weights(detector: Detector) -> None:
    assert detector.weights[detector.used].mean() == pytest.approx(1, abs=1e-14)
    grid = detector.weights.reshape(15, 15)
    assert grid[7, 14] < grid[14, 7] < grid[7, 7]  # polarised along x
    even = Detector.square(15, diameter=40, polarisation="none").weights.reshape(15, 15)
    assert even[7, 14] == pytest.approx(even[14, 7])


def test_the_volume_holds_every_rotation() -> None:
    for corners in (False, True):
        made = Detector.square(21, diameter=50, corners=corners)
        assert made.side % 2 == 1
        assert np.linalg.norm(made.q[made.used], axis=1).max() <= made.side // 2 - 1
    assert Detector.square(41, diameter=100).side == 43
    assert int(Detector.square(41, diameter=100).used.sum()) == 1232


def test_files(detector: Detector, tmp_path: Path) -> None:
    write_detector(tmp_path / "det.h5", detector)
    back = read_detector(tmp_path / "det.h5")
    for name in ("q", "weights", "mask"):
        np.testing.assert_array_equal(getattr(back, name), getattr(detector, name))
    assert (back.shape, back.wavelength, back.oversampling) == (detector.shape, 3.0, 2.5)
    write_detector(tmp_path / "again.h5", back)
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "det.h5").read_bytes()


def test_a_detector_of_dragonfly(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "det.h5", "w") as file:
        for place, name in enumerate(("qx", "qy", "qz")):
            file[name] = np.full(9, place, np.float64)
        file["corr"], file["mask"] = np.full(9, 0.25), np.array([0] * 8 + [2])
        file["detd"], file["ewald_rad"] = 100.0, 100.0
    made = read_detector(tmp_path / "det.h5")
    assert made.shape == (3, 3)
    assert np.isnan(made.wavelength)
    assert (made.weights == 1).all()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"qx": np.full(9, np.nan)}, "pixel 0 of the detector has no finite position"),
        ({"mask": np.full(9, 2)}, "all pixels of the detector are masked"),
        ({"mask": np.full(9, 3)}, "pixel 0 has the mask 3"),
        ({"corr": np.zeros(9)}, "pixel 0 of the detector has the weight 0"),
        ({"corr": np.ones(8)}, "9 positions, 8 weights"),
        ({"ewald_rad": np.nan}, "the radius of the Ewald sphere is nan"),
        ({"qy": None}, "it lacks the data set 'qy'"),
        ({"detd": None}, "it lacks 'detd'"),
        ({"mask": np.array([b"a"] * 9)}, "'mask' holds no numbers"),
    ],
)
def test_bad_files(tmp_path: Path, change: dict[str, object], text: str) -> None:
    import h5py

    values: dict[str, object] = {
        "qx": np.zeros(9), "qy": np.zeros(9), "qz": np.zeros(9), "corr": np.ones(9), "mask": np.zeros(9, int), "detd": 1.0, "ewald_rad": 1.0
    }  # fmt: skip
    with h5py.File(tmp_path / "det.h5", "w") as file:
        for name, value in {**values, **change}.items():
            if value is not None:
                file[name] = value
    with pytest.raises(DataError, match=r"det\.h5") as caught:
        read_detector(tmp_path / "det.h5")
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damage_is_an_error(detector: Detector, tmp_path: Path) -> None:
    write_detector(tmp_path / "det.h5", detector)
    whole = (tmp_path / "det.h5").read_bytes()
    for size in (0, 10, 600, len(whole) // 2, len(whole) - 1):
        (tmp_path / "det.h5").write_bytes(whole[:size])
        with pytest.raises(DataError):
            read_detector(tmp_path / "det.h5")


def test_bad_options(detector: Detector) -> None:
    for options in (
        {"side": 2},
        {"diameter": 0.0},
        {"polarisation": "z"},
        {"beam_stop": 99.0},
        {"beam_stop": -1.0},
        {"wavelength": np.inf},
    ):
        with pytest.raises(UsageError):
            Detector.square(**{"side": 15, "diameter": 40.0, **options})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="has q of the shape"):
        replace(detector, q=detector.q[:4])
    assert (detector.mask == IGNORE).any()
