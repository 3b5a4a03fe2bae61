"""Numbers that belong to a molecule: the same in every batch, uniform, and new with every key."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hooke.core.label import Label
from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.molecules.batch import MoleculeBatch
from hooke.nn.item_noise import item_ids, item_uniform, keyed, mixed, uniform

PAIRS = (Label("distance", "pair"),)


def numbered(order: list[int]) -> MoleculeBatch:
    batch = batch_of([SMILES[place] for place in order], labels=PAIRS)
    return replace(batch, rows=torch.tensor([7 + 2**33 * place for place in order]))


@pytest.mark.parametrize("axis", ["graphs", "nodes", "edges", "bonds", "nodes and graphs"])
def test_a_molecule_keeps_its_numbers_in_another_batch(axis: str) -> None:
    order = [3, 0, 7, 2, 1]
    ids = item_ids(numbered(order), axis)
    alone = [item_ids(numbered([place]), axis) for place in order]
    if axis == "nodes and graphs":
        alone = [item_ids(numbered([place]), "nodes") for place in order] + [
            item_ids(numbered([place]), "graphs") for place in order
        ]
    assert torch.equal(ids, torch.cat(alone))
    assert len(ids.unique()) == len(ids)


def test_pairs_follow_their_molecule() -> None:
    batch = numbered([0, 1])
    assert len(item_ids(batch, "pairs")) == batch.pair_index.shape[1]
    assert torch.equal(item_ids(batch, "pairs")[: numbered([0]).pair_index.shape[1]], item_ids(numbered([0]), "pairs"))


def test_batches_without_rows_count_their_molecules() -> None:
    batch = replace(numbered([0, 1]), rows=torch.zeros(0, dtype=torch.int64))
    assert len(item_ids(batch, "graphs").unique()) == 2


def test_numbers_are_uniform_and_unrelated() -> None:
    ids = torch.arange(20_000, dtype=torch.int32)
    first, second = (uniform(keyed(ids, key), 8).double() for key in (1, 2))
    assert first.min() >= 0
    assert first.max() < 1
    counts = torch.histc(first, 16, 0, 1)
    assert float(((counts - counts.mean()) ** 2 / counts.mean()).sum()) < 40  # χ² with 15 degrees of freedom
    both = np.corrcoef(np.concatenate([first.T.numpy(), second.T.numpy()]))
    assert np.abs(both - np.eye(16)).max() < 0.05
    next_to_it = np.corrcoef(first[:-1, 0].numpy(), first[1:, 0].numpy())[0, 1]
    assert abs(next_to_it) < 0.03


def test_the_hash_is_that_of_its_source() -> None:
    def by_hand(x: int) -> int:
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
            x = (x ^ (x >> shift)) * factor % 2**32
        return x - 2**32 if x >= 2**31 else x

    values = [0, 1, 12345, 2**31 - 1]
    assert mixed(torch.tensor(values, dtype=torch.int32)).tolist() == [by_hand(value) for value in values]


def test_one_number_is_drawn_whatever_the_batch() -> None:
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    small, large = (
        item_uniform(numbered(order), "nodes", 2, g) for order, g in zip(([0], [0, 5, 6]), generators, strict=True)
    )
    assert torch.equal(small, large[: len(small)])
    assert torch.equal(generators[0].get_state(), generators[1].get_state())
    assert not torch.equal(small, item_uniform(numbered([0]), "nodes", 2, generators[0]))
