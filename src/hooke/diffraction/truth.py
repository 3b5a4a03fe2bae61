"""What a simulation knows of its frames: kept in the group `truth` of an HDF5 file of frames, or in a file beside others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hooke.core.errors import DataError
from hooke.core.files import replacing
from hooke.diffraction._hdf5 import found, numbers, opened

GROUP = "truth"


@dataclass(frozen=True)
class Truth:
    """Of each frame, and of the experiment.

    Attributes:
        quaternions: (frames, 4) float64, scalar first, unit: W is read at R q.
        fluences: (frames,) float64 φ, mean 1 over what they were drawn from.
        particles: (frames,) int64: which of the structures.
        background: (pixels,) float64: expected counts of a frame that are not the particle's.
        scale: Photons a voxel per unit of intensity at φ = 1 and weight 1.
    """

    quaternions: np.ndarray
    fluences: np.ndarray
    particles: np.ndarray
    background: np.ndarray
    scale: float


def truth_path(frames: Path | str) -> Path:
    """The file that holds the truth of a file of frames."""
    frames = Path(frames)
    return frames if frames.suffix.lower() in (".h5", ".hdf5") else frames.with_name(f"{frames.name}.truth.h5")


def write_truth(path: Path, truth: Truth) -> None:
    """Write the group into a new HDF5 file, or into one that is being written."""
    with opened(path, "a") as file:
        group = file.create_group(GROUP)
        for name in ("quaternions", "fluences", "particles", "background", "scale"):
            group[name] = getattr(truth, name)


def write_truth_beside(frames: Path, truth: Truth) -> Path:
    """Write the truth of frames whose format has no place for it."""
    path = truth_path(frames)
    with replacing(path) as temporary:
        with opened(temporary, "w"):
            pass  # an HDF5 file without anything in it
        write_truth(temporary, truth)
    return path


def read_truth(frames: Path | str) -> Truth | None:
    """The truth of simulated frames; None where there is none.

    Raises:
        DataError: It is damaged.
    """
    path = truth_path(frames)
    if not path.exists():
        return None
    with opened(path) as file:
        if found(file, GROUP, path) is None:
            return None
        floats = {
            name: numbers(file, f"{GROUP}/{name}", path, np.float64) for name in ("quaternions", "fluences", "background", "scale")
        }  # fmt: skip
        particles = numbers(file, f"{GROUP}/particles", path, np.int64)
    if floats["quaternions"].shape != (len(particles), 4) or len(floats["fluences"]) != len(particles):
        raise DataError(f"{path}: the group {GROUP} does not contain one quaternion for each fluence")
    return Truth(
        floats["quaternions"], floats["fluences"], particles, floats["background"], float(floats["scale"].ravel()[0])
    )
