"""Pairs within a cutoff: padded blocks, cell lists and ready lists give the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hooke.atoms.batch import AtomsBatch
from hooke.core.errors import DataError
from hooke.modalities.atoms import MODALITY
from hooke.nn.atoms import pairs as module
from hooke.nn.atoms.pairs import Pairs, filtered_sum, pairs_within, search


def batch() -> AtomsBatch:
    sample = MODALITY.sample()
    return sample.batch(range(sample.items), sample.spec)


def keyed(found: Pairs) -> dict[tuple[int, int], float]:
    return {
        (min(pair), max(pair)): distance
        for *pair, distance in zip(found.first.tolist(), found.second.tolist(), found.distance.tolist(), strict=True)
    }


def test_blocks_lists_and_ready_lists_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = batch()
    direct = keyed(pairs_within(frames, 2.0))
    ready = replace(frames, pairs=search(frames, 3.0))
    assert keyed(pairs_within(ready, 2.0)) == direct
    assert keyed(pairs_within(replace(frames, pairs=search(frames, 1.0)), 2.0)) == direct  # too short: searched again
    monkeypatch.setattr(module, "_PADDED_ENTRIES", 1)
    assert keyed(pairs_within(frames, 2.0)) == direct
    monkeypatch.setattr(module, "_PADDED_ATOMS", 0)
    assert keyed(pairs_within(frames, 2.0)) == direct
    frame = frames.frame
    assert all(frame[first] == frame[second] for first, second in direct)


def test_coincident_atoms_are_an_error_that_names_the_frame() -> None:
    frames = batch()
    positions = frames.positions.clone()
    first = int(frames.offsets[5])
    positions[first + 1] = positions[first]
    with pytest.raises(DataError, match=r"two atoms of frame 5 coincide"):
        pairs_within(replace(frames, positions=positions), 5.0)


def test_edges_and_directions() -> None:
    found = pairs_within(batch(), 3.0)
    assert torch.equal(found.targets, torch.cat([found.first, found.second]))
    assert torch.equal(found.sources, torch.cat([found.second, found.first]))
    assert torch.allclose(found.directions.norm(dim=1), torch.ones(len(found.first), dtype=torch.float64))


def test_a_filtered_sum_is_that_over_neighbours() -> None:
    found = pairs_within(batch(), 3.0)
    generator = torch.Generator().manual_seed(0)
    sent = torch.randn(len(batch().numbers), 4, dtype=torch.float64, generator=generator)
    weights = torch.randn(len(found.first), 4, dtype=torch.float64, generator=generator)
    expected = torch.zeros_like(sent)
    for pair, (first, second) in enumerate(zip(found.first.tolist(), found.second.tolist(), strict=True)):
        expected[first] += sent[second] * weights[pair]
        expected[second] += sent[first] * weights[pair]
    assert torch.allclose(filtered_sum(sent, weights, found), expected, atol=1e-12)
