from __future__ import annotations

import numpy as np

from hooke.modalities.molecules.samples import ENCODINGS, LARGE, SMILES, batch_of, drug_like, sample, slice_of
from hooke.testing.models import check_batch
from hooke.testing.tasks import LABELS


def test_batches_keep_the_promises_of_the_type() -> None:
    batch = batch_of([*SMILES, LARGE], encodings=ENCODINGS, labels=LABELS)
    check_batch(batch)
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


def test_drug_like_molecules_carry_labels_and_encodings() -> None:
    spec = sample().spec
    found = drug_like(spec, count=8)
    batch = found.batch(range(found.items))
    check_batch(batch)
    assert batch.num_graphs == found.items == 8
    assert batch.targets["graph"].shape == (8, 5)
    assert set(batch.node_encodings) == set(batch_of(SMILES, encodings=spec.encodings).node_encodings)
    assert found.batch([3]).num_nodes == batch.node_offsets.diff()[3]
