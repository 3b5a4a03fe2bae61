"""QM9's archive."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from tests.atoms.conftest import same

from hooke.atoms.formats import qm9, read_contents, read_frames, resolve
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError

KEYS = Keys(("U0",), (), ("A", "mu"), smiles="smiles", name="name")
METHANE = (
    "5\ngdb 1\t157.7118\t157.70997\t157.70699\t0.\t13.21\t-0.3877\t0.1171\t0.5048\t35.3641\t0.044749\t-40.47893\t-40.476062\t-40.475117\t"
    "-40.498597\t6.469\t\nC\t-0.0126981359\t 1.0858041578\t 0.0080009958\t-0.535689\nH\t 0.002150416\t-0.0060313176\t 0.0019761204\t 0.133921\n"
    "H\t 1.0117308433\t 1.4637511618\t 2.7657481*^-4\t 0.133922\nH\t-0.540815069\t 1.4475266138\t-0.8766437152\t 0.133923\n"
    "H\t-0.5238136345\t 1.4379326443\t 0.9063972942\t 0.133923\n1341.307\t1341.3284\nC\tC\t\nInChI=1S/CH4/h1H4\tInChI=1S/CH4/h1H4\n"
)


def archive(path: Path, files: dict[str, str], mode: str = "w:bz2") -> Path:
    with tarfile.open(path, mode) as packed:
        for name, text in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(text)
            packed.addfile(about, io.BytesIO(text.encode()))
        packed.addfile(tarfile.TarInfo("empty"))
    return path


def read(path: Path, keys: Keys) -> tuple[Frames, list[str]]:
    pairs = list(read_frames(path, keys))
    return Frames.joined([frames for frames, _ in pairs if frames]), [each.reason for _, some in pairs for each in some]


def test_a_file_as_it_was_published(tmp_path: Path) -> None:
    path = archive(tmp_path / "dsgdb9nsd.xyz.tar.bz2", {"dsgdb9nsd_000001.xyz": METHANE})
    contents = read_contents(path)
    keys = resolve(Keys(properties=("mu", "zpve")), contents, path.name)
    assert keys.energies == ("U0",)
    assert contents.units == {"U0": "hartree"}
    frames, rejected = read(path, keys)
    assert frames.numbers.tolist() == [6, 1, 1, 1, 1]
    assert frames.positions[2].tolist() == [1.0117308433, 1.4637511618, 2.7657481e-4]
    assert frames.energies.tolist() == [[-40.47893]]
    assert frames.properties.tolist() == [[0.0, 0.044749]]
    assert (list(frames.names), list(frames.smiles)) == (["gdb_1"], ["C"])
    assert rejected == ["empty: it is empty"]


@pytest.mark.parametrize("suffix", [".tar", ".tar.bz2"])
def test_there_and_back(tmp_path: Path, frames: Frames, suffix: str) -> None:
    from dataclasses import replace

    plain = replace(
        frames, energies=frames.energies[:, :1], properties=np.repeat(frames.properties, 2, axis=1), forces=frames.forces[..., :0],
        charge=np.zeros_like(frames.charge), multiplicity=np.zeros_like(frames.multiplicity),
    )  # fmt: skip
    path = tmp_path / f"a{suffix}"
    qm9.write(path, plain, KEYS)
    back, rejected = read(path, KEYS)
    assert rejected == []
    same(back, plain)
    assert list(back.smiles) == list(plain.smiles)
    with tarfile.open(path) as packed:
        assert packed.getnames()[:2] == ["dsgdb9nsd_000001.xyz", "dsgdb9nsd_000002.xyz"]


def test_malformed_files_are_left_out_with_their_name(tmp_path: Path) -> None:
    files = {
        "a.xyz": METHANE, "b.xyz": METHANE.replace("gdb", "gdc"), "c.xyz": METHANE.replace("\t 0.133921", ""), "d.xyz": "",
        "e.xyz": METHANE.replace("C\t-0.0", "Cx\t-0.0"), "f.xyz": METHANE + "x" * (1 << 20), "g.xyz": METHANE.replace("5\ngdb", "five\ngdb"),
    }  # fmt: skip
    frames, rejected = read(archive(tmp_path / "a.tar", files, "w"), KEYS)
    assert len(frames) == 1
    assert [reason.partition(":")[0] for reason in rejected] == [
        "b.xyz",
        "c.xyz",
        "d.xyz",
        "e.xyz",
        "f.xyz",
        "g.xyz",
        "empty",
    ]
    assert "form of QM9" in rejected[0]
    assert "not five columns" in rejected[1]
    assert "it is empty" in rejected[2]
    assert "is no element" in rejected[3]
    assert "more than 1,048,576 bytes" in rejected[4]


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="holds no files"):
        read_contents(path)
    for data, message in ((b"x" * 2000, "a header has no size"), (b"\0" * 100 + b"1" * 600, "checksum")):
        path.write_bytes(data)
        with pytest.raises(DataError, match=message):
            read_contents(path)
    whole = archive(tmp_path / "b.tar", {"a.xyz": METHANE}, "w").read_bytes()
    path.write_bytes(whole[:900])
    with pytest.raises(DataError, match="ends in the middle of a file"):
        read(path, KEYS)
