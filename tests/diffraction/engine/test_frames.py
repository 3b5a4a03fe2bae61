from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import gammaln

from hooke.diffraction.engine.frames import Frames


def frames_of(case: Any, dense: bool | None = True) -> Frames:
    return Frames(case.starts, case.pixels, case.counts, case.mask, dense=dense, dtype=torch.float64)


def test_pixels_that_orient_come_first_and_ignored_ones_are_gone(case: Any) -> None:
    frames = frames_of(case)
    assert (case.mask[frames.order[: frames.orient]] == 0).all()
    assert (case.mask[frames.order[frames.orient :]] == 1).all()
    assert len(frames.order) == (case.mask < 2).sum()
    assert frames.usable.tolist() == list(range(1, len(case.dense)))
    np.testing.assert_array_equal(frames.photons, case.dense[1:, frames.order[: frames.orient]].sum(1))
    constants = np.log(case.weights[frames.order[: frames.orient]])
    counts = case.dense[1:, frames.order[: frames.orient]]
    np.testing.assert_allclose(
        frames.constants(case.weights[frames.order]), counts @ constants - gammaln(counts + 1).sum(1)
    )


@pytest.mark.parametrize("dense", [True, False])
def test_blocks_are_products_with_the_counts(case: Any, dense: bool) -> None:
    frames = frames_of(case, dense)
    places = np.array([0, 3, 4, 9])
    block, expected = frames.block(places), case.dense[frames.usable[places]][:, frames.order].astype(float)
    np.testing.assert_array_equal(block.matrix().numpy(), expected)
    table = torch.rand(frames.orient, 7, dtype=torch.float64)
    np.testing.assert_allclose(block.times(table).numpy(), expected[:, : frames.orient] @ table.numpy())
    sums, shares = torch.ones(len(frames.order), 7, dtype=torch.float64), torch.rand(4, 7, dtype=torch.float64)
    block.add_to(sums, shares)
    np.testing.assert_allclose(sums.numpy(), 1 + expected.T @ shares.numpy())
    columns, counts = block.frame(2)
    np.testing.assert_array_equal(np.sort(columns.numpy()), np.flatnonzero(expected[2]))
    np.testing.assert_array_equal(counts.numpy(), expected[2][columns.numpy()])


def test_bright_frames_are_dense_and_dim_ones_sparse(case: Any) -> None:
    assert frames_of(case, None).dense
    dim = Frames(np.array([0, 1]), np.flatnonzero(case.mask == 0)[:1], np.array([1]), case.mask)
    assert not dim.dense
    assert len(dim) == 1
