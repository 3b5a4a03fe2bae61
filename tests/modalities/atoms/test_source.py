"""Files, stores and frames in memory as chunks: every frame has its row, with a reason where nothing can be said of it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from hooke.atoms.facts import Facts
from hooke.atoms.store import Source, write_frames
from hooke.atoms.twins import in_source_units, made_frames
from hooke.core.errors import DataError, UsageError
from hooke.modalities.atoms import MODALITY
from hooke.modalities.atoms.source import CLOSE, FrameOptions, FrameSource

FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", ("gfn2",), ("gfn2",))
FRAMES = """3
water
O 0 0 0
H 0.96 0 0
H -0.24 0.93 0
2
two atoms in one place
H 0 0 0
H 0 0 0.001
1
an element that nobody trained on
Xe 0 0 0
2
not a number
O 0 0 zero
H 0 0 1
2
hydroxyl
O 0 0 0
H 0 0 0.97
"""


def chunks(source: FrameSource) -> list[object]:
    return [source.chunk(source.prepare(job)) for job in source.jobs()]


def test_every_frame_has_its_row(tmp_path: Path) -> None:
    path = tmp_path / "frames.xyz.gz"
    path.write_bytes(gzip.compress(FRAMES.encode()))
    source = MODALITY.source(path, MODALITY.sample().spec, FrameOptions(), batch_size=8)
    [chunk] = (source.chunk(job) for job in source.jobs())
    assert chunk.table["frame"].to_pylist() == [1, 2, 3, 4, 5]
    assert chunk.table["formula"].to_pylist() == ["H2O", "H2", "Xe", None, "HO"]
    assert chunk.owners[0].tolist() == [0, 4]
    assert set(chunk.reasons) == {1, 2, 3}
    assert chunk.reasons[1] == CLOSE
    assert "Xe" in chunk.reasons[2]
    assert [batch.num_items for batch in chunk.batches] == [2]
    assert chunk.parts["atom"].tolist() == [3, 2]
    assert not list(source.jobs(skip=1))
    assert source.row_count() is None
    assert source.name == "frames.xyz.gz"


def test_stores_frames_and_files_in_other_units_give_the_same(tmp_path: Path) -> None:
    made, bohr = made_frames(FACTS), Facts("eV", "bohr", "eV/bohr", "force", "formation", ("gfn2",), ("gfn2",))
    store = write_frames(
        tmp_path / "s", [Source("a", [(in_source_units(made, bohr), [])])], bohr, "made", precision="float64"
    )
    spec = MODALITY.sample().spec
    found = []
    for given in (store, store.folder, made):
        source = MODALITY.source(given, spec, FrameOptions(), batch_size=5)
        assert source.row_count() == 24
        [chunk] = (source.chunk(job) for job in source.jobs())
        assert [batch.num_items for batch in chunk.batches] == [5, 5, 5, 5, 4]
        found.append(np.concatenate([batch.positions.numpy() for batch in chunk.batches]))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-6, atol=1e-6)
    with pytest.raises(DataError, match="no store of frames"):
        MODALITY.source(tmp_path, spec, FrameOptions(), batch_size=5)
    np.savez(tmp_path / "a.npz", numbers=made.numbers[:3], positions=made.positions[None, :3])
    with pytest.raises(UsageError, match="does not state the unit of its lengths"):
        MODALITY.source(tmp_path / "a.npz", spec, FrameOptions(), batch_size=5)
