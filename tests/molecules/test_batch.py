"""Collation: sorted edges, reverses, and independence of order and company."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.molecules.arrays import MoleculeArrays, MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.prepare import prepare

SMILES = ["CCO", "c1ccccc1C", "C", "[Na+].[Cl-]", "CC(=O)OC", "C1CC1"]


def batch_of(smiles: list[str]) -> MoleculeBatch:
    return collate(MoleculeSlice(prepare(smiles).arrays))


@given(st.lists(st.sampled_from(SMILES), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_edges_are_sorted_and_have_their_reverse(smiles: list[str]) -> None:
    batch = batch_of(smiles)
    source, destination = batch.edge_index
    assert (destination[1:] >= destination[:-1]).all()
    everything = torch.arange(len(source))
    assert torch.equal(batch.edge_reverse[batch.edge_reverse], everything)
    assert torch.equal(source[batch.edge_reverse], destination)
    assert torch.equal(batch.edge_codes[batch.edge_reverse], batch.edge_codes)
    assert torch.equal(batch.edge_bond[batch.edge_reverse], batch.edge_bond)
    assert (batch.edge_bond.bincount(minlength=batch.num_bonds) == 2).all()
    assert torch.equal(batch.node_graph, torch.repeat_interleave(torch.arange(len(smiles)), batch.node_offsets.diff()))
    assert torch.equal(batch.node_graph[source], batch.node_graph[destination])


@given(st.lists(st.sampled_from(SMILES), min_size=1, max_size=5), st.data())
@settings(max_examples=25, deadline=None)
def test_an_item_of_a_batch_equals_its_batch_of_one(smiles: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(smiles) - 1))
    together, alone = batch_of(smiles), batch_of([smiles[place]])
    nodes = together.node_graph == place
    edges = nodes[together.edge_index[1]]
    first = int(together.node_offsets[place])
    assert torch.equal(together.atom_codes[nodes], alone.atom_codes)
    assert torch.equal(together.edge_index[:, edges] - first, alone.edge_index)
    assert torch.equal(together.edge_codes[edges], alone.edge_codes)


def test_the_order_of_bonds_in_the_store_changes_no_edge() -> None:
    arrays = prepare(["CC(=O)OC"]).arrays
    order = np.array([2, 0, 3, 1])
    flipped = MoleculeArrays(
        arrays.atom_offsets,
        arrays.bond_offsets,
        arrays.atom_codes,
        arrays.bond_atoms[order][:, ::-1],
        arrays.bond_codes[order],
    )
    first, second = collate(MoleculeSlice(arrays)), collate(MoleculeSlice(flipped))
    assert torch.equal(first.edge_index, second.edge_index)
    assert torch.equal(first.edge_codes, second.edge_codes)
    assert torch.equal(first.edge_reverse, second.edge_reverse)


def test_labels_and_encodings_travel_with_the_batch() -> None:
    arrays = prepare(["CCO", "C"]).arrays
    piece = MoleculeSlice(
        arrays,
        {"graph": np.array([[1.0], [np.nan]], np.float32), "node": np.zeros((4, 2), np.float32)},
        {"graph": np.array([[1], [0]], np.int8)},
        np.array([[0], [2]]),
        np.array([7, 3]),
    )
    batch = collate(piece)
    assert batch.targets["graph"].isnan().tolist() == [[False], [True]]
    assert batch.bounds["graph"].dtype == torch.int8
    assert batch.rows.tolist() == [7, 3]
    assert batch.pair_index.tolist() == [[0], [2]]
    assert (batch.num_graphs, batch.num_nodes, batch.num_bonds) == (2, 4, 2)


def test_to_moves_every_tensor() -> None:
    moved = batch_of(["CCO"]).to("meta")
    for value in vars(moved).values():
        for tensor in value.values() if isinstance(value, dict) else [value]:
            assert tensor.device.type == "meta"


def test_single_atoms_have_no_edges() -> None:
    batch = batch_of(["C", "[Na+].[Cl-]"])
    assert batch.edge_index.shape == (2, 0)
    assert batch.num_bonds == 0


def test_wrong_shapes_are_caught_under_pytest() -> None:
    batch = batch_of(["CCO"])
    with pytest.raises(TypeError):
        MoleculeBatch(**{**vars(batch), "edge_codes": batch.edge_codes[:-1]})
