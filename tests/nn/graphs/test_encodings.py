from __future__ import annotations

import torch

from hooke.modalities.molecules.samples import batch_of
from hooke.molecules.encodings.config import EIGENVALUES, EIGENVECTORS, RANDOM_WALK
from hooke.nn.graphs.encodings import EncodingsEncoder, flip_signs, hide_encodings


def test_flip_acts_on_eigenvectors_only(batch) -> None:
    found = flip_signs(batch, torch.Generator().manual_seed(0))
    assert found.graph_encodings is batch.graph_encodings
    assert torch.equal(found.node_encodings[RANDOM_WALK], batch.node_encodings[RANDOM_WALK])
    before, after = batch.node_encodings[EIGENVECTORS], found.node_encodings[EIGENVECTORS]
    assert torch.equal(before.abs(), after.abs())
    assert not torch.equal(before, after)
    for graph in range(batch.num_graphs):
        mine = batch.node_graph == graph
        for column in range(before.shape[1]):
            same = torch.equal(before[mine, column], after[mine, column])
            assert same or torch.equal(before[mine, column], -after[mine, column])


def test_flip_follows_the_generator(batch) -> None:
    first, second = (flip_signs(batch, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first.node_encodings[EIGENVECTORS], second.node_encodings[EIGENVECTORS])


def test_flip_without_eigenvectors(batch) -> None:
    from dataclasses import replace

    bare = replace(batch, node_encodings={})
    assert flip_signs(bare, torch.Generator()) is bare


def test_inputs_are_found_by_name(batch) -> None:
    """The order of the encodings does not matter."""
    from dataclasses import replace

    encoder = EncodingsEncoder({EIGENVECTORS: 3, RANDOM_WALK: 4}, {EIGENVALUES: 3}, 5)
    turned = replace(batch, node_encodings=dict(reversed(list(batch.node_encodings.items()))))
    assert torch.equal(encoder(batch), encoder(turned))
    alone = EncodingsEncoder({RANDOM_WALK: 4}, {}, 5)
    assert alone(batch).shape == (batch.num_nodes, 5)


def test_hiding_takes_whole_molecules(batch) -> None:
    found = hide_encodings(batch, 0.5, torch.Generator().manual_seed(1))
    for name, before in batch.node_encodings.items():
        hidden = {
            bool((after == 0).all())
            for graph in range(batch.num_graphs)
            for was, after in [
                (before[batch.node_graph == graph], found.node_encodings[name][batch.node_graph == graph])
            ]
            if was.any() and (torch.equal(was, after) or not after.any())
        }
        assert hidden == {True, False}
    nothing = hide_encodings(batch, 0.0, torch.Generator())
    assert all(torch.equal(nothing.node_encodings[name], value) for name, value in batch.node_encodings.items())
    bare = batch_of(["CCO"])
    assert hide_encodings(bare, 0.5, torch.Generator()) is bare
