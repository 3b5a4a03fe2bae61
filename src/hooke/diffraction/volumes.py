"""Files of volumes: MRC (CCP-EM 2014), CXI, and `.npy`; what a person gives, and what phasing writes.

MRC keeps x as its fastest axis, CXI and `.npy` the order [x, y, z] as it is. Voxels of densities are in Å; that those of
intensities are in Å⁻¹ MRC cannot say.

Source: Cheng et al. 2015, doi 10.1016/j.jsb.2015.04.002; cxidb.org.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.core.files import appending, replacing
from hooke.core.reading import reading, refuse_larger
from hooke.diffraction._hdf5 import dataset, found, opened, text
from hooke.diffraction.pattern_files import CXI_DATA, CXI_VERSION

IMAGE = "entry_1/image_1/data"
_HEADER = 1024
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
ENDINGS = (".mrc", ".map", ".cxi", ".h5", ".npy")


def read_volume(path: Path | str) -> np.ndarray:
    """Numbers of two or three dimensions, [x, y, z].

    Args:
        path: .mrc or .map; .cxi or .h5 (entry_1/image_1/data or entry_1/data_1/data); .npy.

    Raises:
        UsageError: The ending is another.
        DataError: The file is damaged, or holds something else.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in ENDINGS:
        raise UsageError(f"{path.name}: volumes end in {', '.join(ENDINGS)}")
    with reading(path, f"a volume ({suffix})"):
        refuse_larger(path.stat().st_size, path)
        if suffix in (".mrc", ".map"):
            values = _read_mrc(path)
        elif suffix == ".npy":
            values = np.load(path, allow_pickle=False)
        else:
            with opened(path) as file:
                values = np.asarray(
                    dataset(file, IMAGE if found(file, IMAGE, path) is not None else CXI_DATA, path)[()]
                )
        if values.dtype.kind not in "iuf" or values.ndim not in (2, 3) or 0 in values.shape:
            raise DataError(f"{path} holds {values.dtype} of the shape {values.shape}, no volume or image")
        return values


def _read_mrc(path: Path) -> np.ndarray:
    data = path.read_bytes()
    if len(data) < _HEADER or data[208:211] != b"MAP":
        raise DataError(f"{path} is no MRC file, or truncated: it lacks the word MAP at byte 208")
    order = ">" if data[212] == 0x11 else "<"
    numbers = np.frombuffer(data[:_HEADER], f"{order}i4")
    shape, mode, extra = [int(each) for each in numbers[:3]], int(numbers[3]), int(numbers[23])
    if mode not in _MODES:
        raise DataError(f"{path} has the mode {mode}; read are {', '.join(map(str, _MODES))}")
    dtype = np.dtype(order + _MODES[mode])
    expected = _HEADER + extra + dtype.itemsize * max(0, shape[0]) * max(0, shape[1]) * max(0, shape[2])
    if min(shape) < 1 or extra < 0 or len(data) < expected:
        raise DataError(f"{path} is truncated: {len(data):,} bytes, {shape} voxels of mode {mode} need {expected:,}")
    axes = [int(each) for each in numbers[16:19]]
    if sorted(axes) != [1, 2, 3]:
        raise DataError(f"{path} says that its axes are {axes}")
    stored = np.frombuffer(data, dtype, int(np.prod(shape)), _HEADER + extra).reshape(shape[::-1])
    volume = (
        stored.transpose(2, 1, 0).transpose([axes.index(axis) for axis in (1, 2, 3)]).astype(dtype.newbyteorder("="))
    )
    return volume[:, :, 0] if volume.shape[2] == 1 else volume


def write_mrc(path: Path, volume: np.ndarray, voxel: float) -> None:
    """Write a volume as float32 (mode 2).

    Args:
        path: The file.
        volume: (x, y, z), or (x, y).
        voxel: Å of a voxel's edge; NaN where it is not known.
    """
    values = np.asarray(volume, np.float32)
    values = values[:, :, None] if values.ndim == 2 else values
    header = np.zeros(_HEADER // 4, "<i4")
    floats = header.view("<f4")
    header[:3], header[3], header[7:10] = values.shape, 2, values.shape
    floats[10:13] = np.array(values.shape) * (voxel if np.isfinite(voxel) else 1.0)
    floats[13:16], header[16:19] = 90.0, (1, 2, 3)
    floats[19:22] = values.min(), values.max(), values.mean()
    header[22], header[27] = 1, 20140
    header.view(np.uint8)[208:212] = np.frombuffer(b"MAP ", np.uint8)
    header.view(np.uint8)[212:214] = 0x44
    floats[54] = values.std()
    with replacing(path) as temporary, appending(temporary, afresh=True) as file:
        file.write(header.tobytes())
        file.write(values.transpose(2, 1, 0).astype("<f4").tobytes())


def write_cxi(
    path: Path, volume: np.ndarray, voxel: float, *, space: str = "real", support: np.ndarray | None = None
) -> None:
    """Write a volume as the image of a CXI file.

    Args:
        path: The file.
        volume: (x, y, z), or (x, y).
        voxel: Å (real space) or Å⁻¹ of a voxel's edge.
        space: "real" or "diffraction".
        support: bool, of the same shape.
    """
    with replacing(path) as temporary, opened(temporary, "w") as file:
        file["cxi_version"] = CXI_VERSION
        file[IMAGE] = np.asarray(volume, np.float32)
        file["entry_1/image_1/data_space"] = text(space)
        file["entry_1/image_1/data_type"] = text("electron density" if space == "real" else "intensity")
        file["entry_1/image_1/voxel"] = voxel
        file["entry_1/image_1/voxel"].attrs["units"] = text("angstrom" if space == "real" else "1/angstrom")
        if support is not None:
            file["entry_1/image_1/mask"] = np.asarray(support, np.uint8)
