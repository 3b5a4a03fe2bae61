"""Batches of molecules, and the network of a member."""

from __future__ import annotations

import numpy as np

from hooke.core.runs import RunFolder
from hooke.molecules.store import MoleculeStore
from hooke.train.molecule_member import MoleculeMember, molecule_loader
from hooke.train.recipe import Recipe


def test_molecules_of_similar_size_share_a_batch(store: MoleculeStore) -> None:
    sizes = store.atom_counts
    loader = molecule_loader(store, np.arange(80), 8, seed=0)
    assert np.mean([np.ptp(sizes[rows]) for rows in loader.order(0)]) < 0.5 * np.ptp(sizes)
    assert sum(batch.num_items for batch in loader.epoch(0)) == 80


def test_evaluation_keeps_the_given_order(store: MoleculeStore) -> None:
    loader = molecule_loader(store, np.array([7, 3, 60, 1]), 3, seed=None)
    assert [batch.rows.tolist() for batch in loader.epoch(0)] == [[7, 3, 60], [1]]


def test_a_member_builds_the_same_network_again(recipe: Recipe, store: MoleculeStore, tmp_path) -> None:  # type: ignore[no-untyped-def]
    run = RunFolder.create(tmp_path, "small", recipe.to_json(), store.content_hash)
    member = MoleculeMember(run, recipe, store.folder, np.arange(60), np.arange(60, 80), 1)
    first, again = member.network()[0], member.network()[0]
    assert all((one == other).all() for one, other in zip(first.parameters(), again.parameters(), strict=True))
    assert (member.seed, member.items, member.folder) == (1, 60, run.path("members/1"))
    train, valid = member.loaders(rank=0, world=1)
    assert sum(batch.num_items for batch in train.epoch(0)) == 60
    assert sum(batch.num_items for batch in valid.epoch(0)) == 20
