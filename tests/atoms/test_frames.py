from __future__ import annotations

import numpy as np
import pytest

from hooke.atoms.frames import FrameCollector, Frames


def collected(**changes: object) -> tuple[Frames | None, list[tuple[int, str]]]:
    """Two frames of two atoms, the second one changed."""
    given = {
        "positions": np.arange(12.0).reshape(2, 2, 3), "energies": np.array([[1.0], [2.0]]),
        "forces": np.ones((2, 2, 3, 1)), "charge": np.array([0, 1]), "periodic": np.zeros((2, 3), bool), "cell": np.zeros((2, 3, 3)),
    }  # fmt: skip
    for name, value in changes.items():
        given[name] = given[name].astype(float) if name == "charge" else given[name]
        given[name][1] = value
    collector = FrameCollector("a.xyz", 1, 1)
    collector.add([1, 8], **given)
    frames, rejected = collector.take()
    assert collector.take() == (None, [])
    return frames, [(each.frame, each.reason) for each in rejected]


def test_well_formed_frames_are_kept() -> None:
    frames, rejected = collected()
    assert frames is not None
    assert rejected == []
    assert frames.offsets.tolist() == [0, 2, 4]
    assert frames.charge.tolist() == [0, 1]
    assert frames.names == ["HO", "HO"]  # known by their formula
    assert np.isnan(frames.cell).all()  # nothing repeats


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"positions": np.nan}, "a position is not finite"),
        ({"energies": np.inf}, "an energy is infinite"),
        ({"forces": np.inf}, "a force is infinite"),
        ({"positions": -1e31}, "a number is larger than 1e+30"),
        ({"energies": -1e308}, "a number is larger than 1e+30"),
        ({"forces": 1e200}, "a number is larger than 1e+30"),
        ({"forces": [[[np.nan]] * 3, [[1.0]] * 3]}, "forces of some atoms are missing"),
        ({"periodic": True}, "cell is flat"),
        ({"charge": 0.5}, "charge is not a whole number"),
        ({"charge": np.nan}, "charge is not a whole number"),
    ],
)
def test_malformed_frames_are_left_out_one_by_one(changes: dict[str, object], reason: str) -> None:
    frames, [(frame, said)] = collected(**changes)
    assert frames is not None
    assert (len(frames), frame) == (1, 2)
    assert reason in said


def test_what_was_not_computed_is_no_fault() -> None:
    frames, rejected = collected(energies=np.nan, forces=np.nan)
    assert frames is not None
    assert (len(frames), rejected) == (2, [])


def test_shapes_are_checked() -> None:
    collector = FrameCollector("a", 2, 0)
    collector.add([], np.zeros((1, 0, 3)))
    collector.add([0], np.zeros((1, 1, 3)))
    collector.add([1.5], np.zeros((1, 1, 3)))
    collector.add([1], np.zeros((1, 2, 3)))
    collector.add([1], np.zeros((1, 1, 3)), [[1.0]])
    collector.add([1, 1], np.zeros((3, 2, 3)), monomers=[[0, 1, 0, 0]])
    collector.refuse("it cannot be read")
    frames, rejected = collector.take()
    assert frames is None
    reasons = [
        "no atoms",
        "atomic number",
        "atomic number",
        "positions are",
        "energies are",
        *["monomers"] * 3,
        "cannot be",
    ]
    assert [each.frame for each in rejected] == [*range(1, 10)]
    assert all(part in each.reason for part, each in zip(reasons, rejected, strict=True))


def test_selecting_and_joining(frames: Frames) -> None:
    rows = np.array([5, 0, 23, 5])
    some = frames.select(rows)
    for place, row in enumerate(rows):
        first, stop = some.offsets[place : place + 2]
        whole = frames.positions[frames.offsets[row] : frames.offsets[row + 1]]
        assert np.array_equal(some.positions[first:stop], whole)
    assert some.names == [frames.names[row] for row in rows]
    both = Frames.joined([frames.select(np.arange(7)), frames.select(np.arange(7, 24))])
    assert np.array_equal(both.offsets, frames.offsets)
    assert np.array_equal(both.forces, frames.forces)
    with pytest.raises(ValueError, match="no frames"):
        Frames.joined([])


def test_composition(frames: Frames) -> None:
    elements = np.array([1, 6, 7, 8])
    counts = frames.composition(elements)
    assert np.array_equal(counts.sum(axis=1), frames.counts)
    assert counts[0].tolist() == [2, 0, 0, 1]  # water
    with pytest.raises(ValueError, match="not among"):
        frames.composition(np.array([1]))
