from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError, HookeError, UsageError
from hooke.diffraction.pattern_files import read_dense
from hooke.diffraction.patterns import Patterns, patterns_from_dense, read_patterns, write_patterns

h5py = pytest.importorskip("h5py")
NAMES = ("f.emc", "f.h5", "f.cxi", "f.npy", "store")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read(frames: Patterns, tmp_path: Path, name: str) -> None:
    write_patterns(tmp_path / name, frames)
    back = read_patterns(tmp_path / name)
    assert back.same(frames)
    assert back.reasons == frames.reasons
    assert back.shape == (() if name == "f.emc" else (5, 6))


@pytest.mark.parametrize(
    ("name", "kind"), [("f.emc", "sparse"), ("f.emc", "dense"), ("f.emc", "double"), ("f.h5", "sparse")]
)
def test_round_trips_to_the_byte(frames: Patterns, tmp_path: Path, name: str, kind: str) -> None:
    write_patterns(tmp_path / name, frames, kind=kind)
    back = read_patterns(tmp_path / name)
    assert back.same(frames)
    write_patterns(tmp_path / f"again{name}", back, kind=kind)
    assert (tmp_path / f"again{name}").read_bytes() == (tmp_path / name).read_bytes()


def test_the_binary_layout(tmp_path: Path) -> None:
    """Byte for byte what Dragonfly's documentation says."""
    ints = np.array([2, 5, 0], "<i4").tobytes() + bytes(1012)
    body = np.array([2, 1, 1, 0, 0, 3, 2, 4, 7], "<i4").tobytes()  # ones, multi, place_ones, place_multi, count_multi
    (tmp_path / "f.emc").write_bytes(ints + body)
    made = read_patterns(tmp_path / "f.emc")
    np.testing.assert_array_equal(made.dense(), [[1, 0, 0, 1, 7], [0, 0, 1, 0, 0]])
    write_patterns(tmp_path / "g.emc", made)
    assert (tmp_path / "g.emc").read_bytes() == ints + body


@pytest.mark.parametrize("name", NAMES)
def test_one_frame(tmp_path: Path, name: str) -> None:
    alone = patterns_from_dense([np.array([[1, 0, 2, 1]])], "made")
    write_patterns(tmp_path / name, alone)
    assert read_patterns(tmp_path / name).same(alone)
    equal = patterns_from_dense([np.array([[1, 0], [1, 0]])], "made")  # rows of equal length
    write_patterns(tmp_path / f"equal{name}", equal)
    assert read_patterns(tmp_path / f"equal{name}").same(equal)


def test_the_store_is_memory_mapped(frames: Patterns, tmp_path: Path) -> None:
    write_patterns(tmp_path / "store", frames)
    back = read_patterns(tmp_path / "store")
    assert not back.pixels.flags.owndata
    with pytest.raises(UsageError, match="already holds a store"):
        write_patterns(tmp_path / "store", frames)


def emc(
    frames: int = 2, pixels: int = 5, kind: int = 0, body: object = (2, 1, 1, 0, 0, 3, 2, 4, 7), dtype: str = "<i4"
) -> bytes:
    return np.array([frames, pixels, kind], "<i4").tobytes() + bytes(1012) + np.array(body, dtype).tobytes()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "truncated: 0 bytes"),
        (emc(frames=0), "the header says 0 frames"),
        (emc(kind=3), "type 3: it is no .emc file"),
        (emc(frames=9), "truncated: 1060 bytes, the numbers of photons of 9 frames end at byte 1096"),
        (emc()[:-4], "is truncated: 1,056 bytes, expected 1,060"),
        (emc() + bytes(4), "is longer than its header says"),
        (emc(pixels=3), "frame 0 has a photon in pixel 3 of 3"),
        (emc(body=(-2, 1, 1, 0, 0, 3, 2, 4, 7)), "frame 0 has -2 ones"),
        (emc(body=(2, 1, 1, 0, 0, 3, 2, 4, -7)), "frame 0, pixel 4 has the count -7"),
        (emc(kind=1, body=[0] * 9), "is truncated: 1,060 bytes, expected 1,064"),
        (emc(kind=1, body=[0] * 8 + [-1, 0]), "frame 1, pixel 3 is -1, no count"),
        (emc(kind=2, body=[0] * 8 + [0.5, 0], dtype="<f8"), "frame 1, pixel 3 is 0.5, no count"),
    ],
)
def test_damaged_binary_files(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "f.emc").write_bytes(data)
    with pytest.raises(DataError, match=r"f\.emc") as caught:
        read_patterns(tmp_path / "f.emc")
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def rows(*each: list[int]) -> list[np.ndarray]:
    return [np.array(row, np.int32) for row in each]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"num_pix": None}, "it lacks the data set 'num_pix'"),
        ({"num_pix": [0]}, "'num_pix' is 0"),
        ({"place_ones": rows([0, 1])}, "1 rows of place_ones, 2 of place_multi"),
        ({"count_multi": rows([3, 3], [])}, "frame 0 has 1 places and 2 counts"),
        ({"place_ones": np.zeros(2)}, "does not contain variable-length rows of integers"),
        ({"place_ones": rows([0, 9], [])}, "frame 0 has a photon in pixel 9 of 5"),
        ({"shape": [2, 2]}, "'shape' says (2, 2), 'num_pix' 5"),
    ],
)
def test_odd_hdf5_files(tmp_path: Path, change: dict[str, object], text: str) -> None:
    values = {
        "num_pix": [5],
        "place_ones": rows([0, 1], []),
        "place_multi": rows([2], []),
        "count_multi": rows([3], []),
    }
    with h5py.File(tmp_path / "f.h5", "w") as file:
        for name, value in {**values, **change}.items():
            if isinstance(value, list) and isinstance(value[0], np.ndarray):
                there = file.create_dataset(name, (len(value),), h5py.vlen_dtype(np.int32))
                for place, row in enumerate(value):
                    there[place] = row
            elif value is not None:
                file[name] = value
    with pytest.raises(DataError, match=r"f\.h5") as caught:
        read_patterns(tmp_path / "f.h5")
    assert text in str(caught.value)


def test_links_out_of_a_file_are_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["data"] = np.ones((2, 3, 3), np.int32)
    with h5py.File(tmp_path / "link.cxi", "w") as file:
        file["entry_1/data_1/data"] = h5py.ExternalLink("secret.h5", "/data")
    with h5py.File(tmp_path / "soft.cxi", "w") as file:
        file["other"] = h5py.ExternalLink("secret.h5", "/")
        file["entry_1/data_1/data"] = h5py.SoftLink("/other/data")
    with h5py.File(tmp_path / "virtual.cxi", "w") as file:
        layout = h5py.VirtualLayout((2, 3, 3), np.int32)
        layout[:] = h5py.VirtualSource("secret.h5", "data", (2, 3, 3))
        file.create_virtual_dataset("entry_1/data_1/data", layout)
    with h5py.File(tmp_path / "circle.cxi", "w") as file:
        file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/data_1/data")
    (tmp_path / "raw.bin").write_bytes(bytes(72))
    with h5py.File(tmp_path / "outside.cxi", "w") as file:
        file.create_dataset("entry_1/data_1/data", (2, 3, 3), np.int32, external=[(str(tmp_path / "raw.bin"), 0, 72)])
    for name, text in (
        ("link", "is a link to another file (secret.h5)"), ("soft", "is a link to another file"), ("virtual", "lie in other files"),
        ("circle", "lead in a circle"), ("outside", "lie in other files"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=f"{name}.cxi") as caught:
            read_patterns(tmp_path / f"{name}.cxi")
        assert text in str(caught.value)
    with h5py.File(tmp_path / "fine.cxi", "w") as file:
        file["entry_1/instrument_1/detector_1/data"] = np.ones((2, 3, 3), np.int32)
        file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
    assert read_patterns(tmp_path / "fine.cxi").photons.tolist() == [9, 9]


def test_declared_sizes_are_bounded(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "big.cxi", "w") as file:
        file.create_dataset("entry_1/data_1/data", (10**6, 1000, 1000), np.int32, chunks=(1, 1000, 1000))
    with pytest.raises(DataError, match="grows to"):
        read_patterns(tmp_path / "big.cxi")


@pytest.mark.parametrize("name", ["f.emc", "f.h5", "f.cxi", "f.npy"])
def test_whatever_a_file_holds_it_is_read_or_refused(frames: Patterns, tmp_path: Path, name: str) -> None:
    write_patterns(tmp_path / name, frames)
    whole = (tmp_path / name).read_bytes()
    lines: list[int] = []
    rng = np.random.default_rng(0)
    for trial in range(60):
        data = bytearray(whole)
        if trial % 3 == 0:
            data = data[: rng.integers(0, len(whole))]
        else:
            for _ in range(int(rng.integers(1, 8))):
                data[rng.integers(0, min(len(whole), 2500 if trial % 2 else len(whole)))] = rng.integers(0, 256)
        (tmp_path / name).write_bytes(bytes(data))
        try:
            back = read_patterns(tmp_path / name)
        except HookeError as error:
            lines.append(str(error).count("\n"))
        else:
            assert (back.counts > 0).all()
            assert (back.pixels < back.number_of_pixels).all()
    assert len(lines) > 10
    assert set(lines) == {0}


def test_a_damaged_store_is_refused(frames: Patterns, tmp_path: Path) -> None:
    write_patterns(tmp_path / "store", frames)
    [file] = (tmp_path / "store").rglob("counts.bin")
    data = bytearray(file.read_bytes())
    data[7] ^= 4
    file.write_bytes(data)
    with pytest.raises(DataError, match="counts.bin is damaged"):
        read_patterns(tmp_path / "store")


def test_names(frames: Patterns, tmp_path: Path) -> None:
    for name in ("f.txt", "f.zarr"):
        (tmp_path / name).write_text("x")
        with pytest.raises(UsageError, match="frames end in .emc, .h5"):
            read_patterns(tmp_path / name)
        with pytest.raises(UsageError, match="frames end in .emc, .h5"):
            write_patterns(tmp_path / name, frames)
    with pytest.raises(UsageError, match="did you mean|Did you mean 'dense'"):
        write_patterns(tmp_path / "f.emc", frames, kind="dens")
    with pytest.raises(DataError, match="does not exist"):
        read_patterns(tmp_path / "none.emc")
    write_patterns(tmp_path / "f.h5", frames)
    (tmp_path / "f.h5").rename(tmp_path / "g.emc")
    with pytest.raises(DataError, match="is an HDF5 file: name it .h5"):
        read_patterns(tmp_path / "g.emc")


def test_detector_units(tmp_path: Path) -> None:
    np.save(tmp_path / "raw.npy", np.ones((4, 5)))
    assert read_dense(tmp_path / "raw.npy").shape == (1, 4, 5)
    np.save(tmp_path / "flat.npy", np.ones(4))
    with pytest.raises(DataError, match="frames are"):
        read_dense(tmp_path / "flat.npy")
    with pytest.raises(UsageError, match=r"\.npy or \.cxi"):
        read_dense(tmp_path / "raw.emc")


@pytest.mark.mirror
@pytest.mark.skipif("HOOKE_MIRROR" not in os.environ, reason="needs HOOKE_MIRROR")
def test_a_cxi_file_from_outside() -> None:
    with pytest.raises(DataError, match=r"minimal.cxi: frame 0, pixel \d+ is .*, no count of photons"):
        read_patterns(Path(os.environ["HOOKE_MIRROR"]) / "diffraction" / "minimal.cxi")
    assert read_dense(Path(os.environ["HOOKE_MIRROR"]) / "diffraction" / "minimal.cxi").shape == (1, 50, 100)
