from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from hooke.atoms.batch import ATOM, FRAME, AtomsBatch, PairList, atoms_batch, force_targets
from hooke.atoms.frames import Frames


def test_a_batch_holds_the_frames(frames: Frames) -> None:
    rows = np.array([7, 2, 9])
    some = frames.select(rows)
    batch = atoms_batch(some, rows, {FRAME: some.energies, ATOM: force_targets(some, [0])}, torch.float64)
    assert batch.num_items == 3
    assert batch.rows.tolist() == [7, 2, 9]
    assert torch.equal(batch.positions, torch.from_numpy(some.positions))
    assert batch.frame.bincount().tolist() == some.counts.tolist()
    assert batch.targets[FRAME].shape == (3, 2)
    forces = batch.targets[ATOM].reshape(-1, 1, 3)
    assert torch.equal(forces[:, 0], torch.from_numpy(some.forces[..., 0]))
    assert not batch.periodic.any()
    assert (batch.cell == 0).all()


def test_energies_stay_in_64_bits(frames: Frames) -> None:
    """Rounded to 32 bits total energies would lose millielectronvolts."""
    total, rows = np.array([[-17_660.57324000123], [-17_660.2]]), np.arange(2)
    batch = atoms_batch(frames.select(rows), rows, {FRAME: total})
    assert batch.positions.dtype == torch.float32
    assert np.array_equal(batch.targets[FRAME].numpy(), total)
    assert np.abs(batch.targets[FRAME].float().double().numpy() - total).max() > 1e-4
    assert ATOM not in batch.targets


def test_atoms_are_known_wherever_they_stand(frames: Frames) -> None:
    rows = np.array([4, 1])
    some = frames.select(rows)
    first = atoms_batch(some, rows, {ATOM: force_targets(some, [0])})
    second = atoms_batch(frames.select(np.array([1])), np.array([1]))
    keys, places = first.item_keys(ATOM)
    there = keys == 1
    assert torch.equal(torch.stack([keys[there], places[there]]), torch.stack(second.item_keys(ATOM)))  # type: ignore[arg-type]
    assert first.item_keys(FRAME)[0].tolist() == [4, 1]
    assert FRAME not in first.targets
    assert first.to("meta").positions.is_meta
    assert first.to("meta").targets[ATOM].is_meta
    pairs = (
        replace(first, pairs=PairList(first.rows, first.rows, first.rows[:, None].repeat(1, 3), 5.0)).to("meta").pairs
    )
    assert pairs is not None
    assert pairs.first.is_meta
    assert pairs.shift is not None
    assert pairs.shift.is_meta


def test_batches_are_taken_apart_and_joined(frames: Frames) -> None:
    batch = atoms_batch(frames, np.arange(len(frames)), dtype=torch.float64)
    order = torch.tensor([3, 0, 5])
    some, same = batch.select(order), atoms_batch(frames.select(order.numpy()), order.numpy(), dtype=torch.float64)
    for name in ("numbers", "positions", "offsets", "frame", "charge", "multiplicity", "cell", "periodic", "rows"):
        assert torch.equal(getattr(some, name), getattr(same, name)), name
        joined = AtomsBatch.joined([batch.select(order[:1]), batch.select(order[1:])])
        assert torch.equal(getattr(joined, name), getattr(same, name)), name
    assert batch.select(order[:0]).num_items == 0
