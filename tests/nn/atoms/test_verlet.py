"""Verlet lists: the same pairs as a search, whoever comes, goes and moves; periodic systems among open ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hooke.atoms.batch import AtomsBatch
from hooke.core.errors import UsageError
from hooke.modalities.atoms import MODALITY
from hooke.nn.atoms.pairs import pairs_within
from hooke.nn.atoms.verlet import VerletLists

CUTOFF = 2.5


def systems(periodic: int) -> AtomsBatch:
    """Eight frames, of which some are put into cells that are too small for one image."""
    sample = MODALITY.sample()
    batch = sample.batch(range(8), sample.spec)
    cell, along = batch.cell.clone(), batch.periodic.clone()
    cell[:periodic] = torch.diag(torch.tensor([4.0, 4.5, 5.0], dtype=torch.float64))
    along[:periodic] = torch.tensor([True, True, False])
    return replace(batch, cell=cell, periodic=along)


def distances(batch: AtomsBatch) -> torch.Tensor:
    found = pairs_within(batch, CUTOFF)
    key = torch.stack([found.first.double(), found.second.double(), found.distance], dim=1)
    low, high = torch.minimum(key[:, 0], key[:, 1]), torch.maximum(key[:, 0], key[:, 1])
    order = sorted(zip(low.tolist(), high.tolist(), key[:, 2].tolist(), strict=True))
    return torch.tensor(order, dtype=torch.float64)


@pytest.mark.parametrize("periodic", [0, 3])
def test_the_pairs_are_those_of_a_search(periodic: int) -> None:
    if periodic:
        pytest.importorskip("vesin")
    batch, generator = systems(periodic), torch.Generator().manual_seed(0)
    lists = VerletLists(CUTOFF, 0.6)
    for turn in range(12):
        if turn == 4:
            batch = batch.select(torch.tensor([6, 1, 3]))
        if turn == 7:
            batch = AtomsBatch.joined(
                [batch, replace(systems(periodic).select(torch.tensor([0, 4])), rows=torch.tensor([50, 51]))]
            )
        step = torch.randn(batch.positions.shape, generator=generator, dtype=torch.float64) * 0.04
        step[batch.frame == 0] = 0
        batch = replace(batch, positions=batch.positions + step)
        found, expected = distances(lists.of(batch)), distances(batch)
        assert torch.allclose(found, expected, atol=1e-9)
    assert 10 <= lists.searches < 40  # of 70 at one for each system and call
    still = lists.searches
    assert lists.of(batch).pairs is lists.of(batch).pairs
    assert lists.searches == still


def test_without_a_skin_every_move_is_a_search() -> None:
    lists, batch = VerletLists(CUTOFF, 0.0), systems(0)
    lists.of(batch)
    lists.of(replace(batch, positions=batch.positions + 1e-3))
    assert lists.searches == 16
    assert lists.of(batch.select(torch.arange(0))).num_items == 0
    with pytest.raises(UsageError, match="at least 0"):
        VerletLists(CUTOFF, -1.0)
