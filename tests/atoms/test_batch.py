from __future__ import annotations

import numpy as np
import torch

from hooke.atoms.batch import ATOM, FRAME, atoms_batch
from hooke.atoms.frames import Frames


def test_a_batch_holds_the_frames(frames: Frames) -> None:
    rows = np.array([7, 2, 9])
    some = frames.select(rows)
    batch = atoms_batch(some, rows, some.energies, torch.float64)
    assert batch.num_items == 3
    assert batch.rows.tolist() == [7, 2, 9]
    assert torch.equal(batch.positions, torch.from_numpy(some.positions))
    assert batch.frame.bincount().tolist() == some.counts.tolist()
    assert batch.targets[FRAME].shape == (3, 2)
    forces = batch.targets[ATOM].reshape(-1, 1, 3)
    assert torch.equal(forces[:, 0], torch.from_numpy(some.forces[..., 0]))
    assert not batch.periodic.any()
    assert (batch.cell == 0).all()


def test_single_precision_keeps_energies_of_formation(frames: Frames) -> None:
    """Rounded as total energies they lose millielectronvolts; without what the atoms contribute they do not."""
    formed = np.array([[-131.57324000123], [-131.2]])
    total = formed - 17_529.0
    rows = np.arange(2)
    single = atoms_batch(frames.select(rows), rows, formed).targets[FRAME].double().numpy()
    rounded = atoms_batch(frames.select(rows), rows, total).targets[FRAME].double().numpy()
    assert np.abs(single - formed).max() < 1e-5
    assert np.abs(rounded - total).max() > 1e-4


def test_atoms_are_known_wherever_they_stand(frames: Frames) -> None:
    first = atoms_batch(frames.select(np.array([4, 1])), np.array([4, 1]))
    second = atoms_batch(frames.select(np.array([1])), np.array([1]))
    keys, places = first.item_keys(ATOM)
    there = keys == 1
    assert torch.equal(torch.stack([keys[there], places[there]]), torch.stack(second.item_keys(ATOM)))  # type: ignore[arg-type]
    assert first.item_keys(FRAME)[0].tolist() == [4, 1]
    assert FRAME not in first.targets
    assert first.to("meta").positions.is_meta
    assert first.to("meta").targets[ATOM].is_meta
