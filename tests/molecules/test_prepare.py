"""The path from strings to arrays reports what it refuses."""

from __future__ import annotations

from hooke.molecules.encodings import EncodingConfig
from hooke.molecules.parse import StandardiseConfig
from hooke.molecules.prepare import prepare


def test_refused_strings_are_reported_with_their_place() -> None:
    found = prepare(["OCC", "bad(", "", "C"], StandardiseConfig(), EncodingConfig(random_walk=2))
    assert found.kept.tolist() == [0, 3]
    assert found.canonical == ["CCO", "C"]
    assert set(found.reasons) == {1, 2}
    assert found.arrays.atom_encodings["random_walk"].shape == (4, 2)


def test_nothing_at_all() -> None:
    found = prepare([])
    assert len(found.arrays) == 0
    assert found.kept.tolist() == []
