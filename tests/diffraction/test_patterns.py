from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError, UsageError
from hooke.diffraction.patterns import EMPTY, MASKED, Patterns, patterns_from_dense, patterns_of, photons, refuse_counts


def test_dense_and_sparse_agree(frames: Patterns) -> None:
    dense = frames.dense()
    assert patterns_from_dense([dense[:5], dense[5:]], "made").same(frames)
    np.testing.assert_array_equal(frames.photons, dense.sum(axis=1))
    np.testing.assert_array_equal(frames.dense(3, 7, np.float32), dense[3:7])
    np.testing.assert_array_equal(np.concatenate([block for _, block in frames.blocks()]), dense)
    for frame in range(len(frames)):
        own = frames.pixels[frames.starts[frame] : frames.starts[frame + 1]]
        assert (np.diff(own) > 0).all()


def test_blank_frames_keep_their_place(frames: Patterns) -> None:
    assert frames.reasons == {4: EMPTY}
    ignored = np.ones(30, bool)
    ignored[3] = False
    seen = frames.marked(ignored)
    assert len(seen) == len(frames)
    dense = frames.dense()
    lost = {frame for frame in range(12) if not dense[frame, 3]}
    assert set(seen.reasons) == lost
    assert {reason for frame, reason in seen.reasons.items() if frame != 4} == {MASKED}
    assert seen.usable().sum() + len(seen.reasons) == len(frames)
    np.testing.assert_array_equal(seen.dense()[:, 3], dense[:, 3])
    with pytest.raises(DataError, match="the frames have 30 pixels, the detector 29"):
        frames.marked(ignored[:29])


def test_entries_are_sorted_and_checked() -> None:
    starts = np.array([0, 2, 4])
    made = patterns_of(starts, np.array([5, 1, 2, 7]), np.array([1, 3, 1, 1]), 8, "x.emc")
    np.testing.assert_array_equal(made.pixels, [1, 5, 2, 7])
    np.testing.assert_array_equal(made.counts, [3, 1, 1, 1])
    for pixels, counts, text in (
        ([5, 1, 2, 8], [1] * 4, "frame 1 has a photon in pixel 8 of 8"),
        ([5, -1, 2, 7], [1] * 4, "frame 0 has a photon in pixel -1"),
        ([5, 1, 7, 7], [1] * 4, "frame 1 has pixel 7 twice"),
        ([5, 1, 2, 7], [1, 1, 0, 1], "frame 1, pixel 2 has the count 0"),
        ([5, 1, 2, 7], [1, -2, 1, 1], "frame 0, pixel 1 has the count -2"),
    ):
        with pytest.raises(DataError, match="x.emc") as caught:
            patterns_of(starts, np.array(pixels), np.array(counts), 8, "x.emc")
        assert text in str(caught.value)


@pytest.mark.parametrize("value", [-1.0, 0.5, np.nan, np.inf, 1e12])
def test_numbers_that_are_no_counts(value: float) -> None:
    block = np.zeros((3, 4))
    block[1, 2] = value
    with pytest.raises(DataError, match=r"f.npy: frame 11, pixel 2 is .*, no count of photons"):
        refuse_counts(block, "f.npy", 10)
    with pytest.raises(DataError, match="frame 11, pixel 2 is -1"):
        refuse_counts(np.where(block == 0, 0, -1).astype(int), "f.npy", 10)
    with pytest.raises(DataError, match="holds no numbers"):
        refuse_counts(np.array([["a"]]), "f.npy")
    with pytest.raises(DataError, match="holds no frame"):
        patterns_from_dense([], "f.npy")


def test_detector_units_become_photons() -> None:
    rng = np.random.default_rng(1)
    true = rng.poisson(0.8, (20, 6, 7))
    dark = rng.normal(100, 5, (6, 7))
    values = true * 130.0 + dark + rng.normal(0, 12, true.shape)
    bad = np.zeros((6, 7), bool)
    bad[2, 2] = True
    values[3, 4, 4] = np.inf
    counts, lost = photons(values, gain=130, dark=dark, bad=bad)
    assert lost.sum() == 2
    np.testing.assert_array_equal(counts[:, ~lost], true[:, ~lost])
    assert not counts[:, lost].any()
    assert photons(np.full((1, 2), 0.8), gain=1, threshold=0.9)[0].sum() == 0
    for options in (
        {"gain": 0.0},
        {"gain": np.nan},
        {"gain": 1.0, "threshold": 0.2},
        {"gain": 1.0, "dark": np.zeros((2, 2))},
    ):
        with pytest.raises(UsageError):
            photons(values, **options)  # type: ignore[arg-type]


def test_chosen_frames_keep_counts_and_reasons(frames: Patterns) -> None:
    order = np.array([4, 0, 11])
    some = frames.chosen(order)
    np.testing.assert_array_equal(some.dense(), frames.dense()[order])
    assert some.reasons == {0: "no photon"}
    assert len(frames.chosen(np.arange(0))) == 0
