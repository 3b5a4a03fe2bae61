from __future__ import annotations

import numpy as np
import torch

from hooke.modalities.molecules.checks import item_keys, sorted_edges
from hooke.modalities.molecules.samples import (
    ENCODINGS,
    LABELS,
    LARGE,
    SMILES,
    batch_of,
    drug_like,
    sample,
    slice_of,
    with_node_inputs,
)


def test_batches_keep_the_promises_of_the_type() -> None:
    batch = batch_of([*SMILES, LARGE], encodings=ENCODINGS, labels=LABELS)
    sorted_edges(batch)
    item_keys(batch)
    assert batch.num_graphs == len(SMILES) + 1
    assert batch.node_offsets.diff().max() > 200
    assert {level: rows.shape[1] for level, rows in batch.targets.items()} == {
        "graph": 5,
        "node": 1,
        "edge": 1,
        "pair": 1,
    }
    assert (batch.node_graph[batch.pair_index[0]] == batch.node_graph[batch.pair_index[1]]).all()


def test_targets_follow_the_seed_and_are_partly_missing() -> None:
    first, second, third = (slice_of(SMILES, labels=LABELS, seed=seed).targets["node"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third, equal_nan=True)
    assert 0 < np.isnan(first).mean() < 0.5


def test_a_molecule_is_the_same_in_every_batch() -> None:
    made = sample(3)
    both, alone = (made.batch(places, made.spec) for places in ([13, 2], [2]))
    assert both.rows.tolist() == [13, 2]
    assert both.num_nodes == 242
    assert torch.equal(both.atom_codes[-1:], alone.atom_codes)
    for level, rows in alone.targets.items():
        start = len(both.targets[level]) - len(rows)
        torch.testing.assert_close(both.targets[level][start:], rows, equal_nan=True)
    wide, narrow = (with_node_inputs(batch, {"positions": 3}).node_encodings["positions"] for batch in (both, alone))
    assert wide.shape == (242, 3)
    assert torch.equal(wide[-1:], narrow)
    assert set(made.batch([0], made.spec).node_encodings) == {"laplacian_eigenvectors", "random_walk"}


def test_drug_like_molecules_carry_labels_and_encodings() -> None:
    spec = sample().spec
    found = drug_like(spec, count=8)
    batch = found.batch(range(found.items), spec)
    sorted_edges(batch)
    assert batch.num_graphs == found.items == 8
    assert batch.targets["graph"].shape == (8, 5)
    assert set(batch.node_encodings) == set(batch_of(SMILES, encodings=spec.encodings).node_encodings)
    assert found.batch([3], spec).num_nodes == batch.node_offsets.diff()[3]
