from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError, HookeError, UsageError
from hooke.diffraction.volumes import read_volume, write_cxi, write_mrc

VOLUME = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)


@pytest.mark.parametrize("values", [VOLUME, VOLUME[:, :, 0]])
def test_what_is_written_is_read(tmp_path: Path, values: np.ndarray) -> None:
    write_mrc(tmp_path / "v.mrc", values, 3.5)
    write_cxi(tmp_path / "v.cxi", values, 3.5, support=values > 0)
    np.save(tmp_path / "v.npy", values)
    for name in ("v.mrc", "v.cxi", "v.npy"):
        np.testing.assert_array_equal(read_volume(tmp_path / name), values)


def test_the_header(tmp_path: Path) -> None:
    """MRC 2014, word for word."""
    write_mrc(tmp_path / "v.mrc", VOLUME, 2.0)
    data = (tmp_path / "v.mrc").read_bytes()
    ints, floats = np.frombuffer(data[:1024], "<i4"), np.frombuffer(data[:1024], "<f4")
    assert ints[:4].tolist() == [4, 5, 6, 2]
    assert ints[7:10].tolist() == [4, 5, 6]
    assert floats[10:16].tolist() == [8, 10, 12, 90, 90, 90]
    assert ints[16:19].tolist() == [1, 2, 3]
    assert floats[19:22].tolist() == [VOLUME.min(), VOLUME.max(), pytest.approx(VOLUME.mean(), abs=1e-6)]
    assert data[208:214] == b"MAP DD"
    assert np.frombuffer(data[1024:1040], "<f4").tolist() == VOLUME[:, 0, 0].tolist()  # x is fastest


def test_other_axes_types_and_byte_orders(tmp_path: Path) -> None:
    stored = np.arange(24, dtype=">i2").reshape(2, 3, 4)  # sections, rows, columns
    header = np.zeros(256, ">i4")
    header[:4], header[16:19] = (4, 3, 2, 1), (3, 1, 2)  # columns along z, rows along x, sections along y
    data = bytearray(header.tobytes())
    data[208:212], data[212] = b"MAP ", 0x11
    (tmp_path / "v.map").write_bytes(bytes(data) + stored.tobytes())
    volume = read_volume(tmp_path / "v.map")
    assert volume.shape == (3, 2, 4)
    assert volume[2, 1, 3] == stored[1, 2, 3]
    assert volume[1, 0, 2] == stored[0, 1, 2]


def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path: Path) -> None:
    write_mrc(tmp_path / "v.mrc", VOLUME, 2.0)
    write_cxi(tmp_path / "v.cxi", VOLUME, 2.0)
    rng, lines = np.random.default_rng(0), []
    for name in ("v.mrc", "v.cxi"):
        whole = (tmp_path / name).read_bytes()
        for trial in range(40):
            data = bytearray(whole[: rng.integers(0, len(whole))] if trial % 2 else whole)
            for _ in range(4):
                if data:
                    data[rng.integers(0, min(len(data), 1024))] = rng.integers(0, 256)
            (tmp_path / name).write_bytes(bytes(data))
            try:
                assert read_volume(tmp_path / name).ndim in (2, 3)
            except HookeError as error:
                lines.append(str(error).count("\n"))
    assert len(lines) > 30
    assert set(lines) == {0}


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"volumes end in \.mrc"):
        read_volume(tmp_path / "v.txt")
    with pytest.raises(DataError, match="does not exist"):
        read_volume(tmp_path / "v.mrc")
    np.save(tmp_path / "v.npy", np.zeros(4))
    with pytest.raises(DataError, match="no volume or image"):
        read_volume(tmp_path / "v.npy")
    write_mrc(tmp_path / "v.mrc", VOLUME, np.nan)
    (tmp_path / "v.mrc").write_bytes((tmp_path / "v.mrc").read_bytes()[:-3])
    with pytest.raises(DataError, match="is truncated"):
        read_volume(tmp_path / "v.mrc")
