"""The bridge to PyG, tested against PyG when it is installed; else a stand-in of its batching covers the conversion."""

from __future__ import annotations

import importlib.util
import sys
import types
from dataclasses import replace
from typing import Any

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.prepare import prepare
from hooke.molecules.pyg import from_pyg, to_pyg

SMILES = ["CCO", "c1ccccc1", "C", "[Na+].[Cl-]", "C1CC1C"]
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # raised by importing PyG
HAS_PYG = importlib.util.find_spec("torch_geometric") is not None


class Fields:
    """Holds attributes and gives them back, as torch_geometric.data.Data does."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def to_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)

    @classmethod
    def from_data_list(cls, graphs: list[Fields]) -> Fields:
        """PyG's rule: names with "index" are shifted by the nodes before and joined along the last axis."""
        ptr = torch.tensor([0, *(len(graph.x) for graph in graphs)]).cumsum(0)
        joined = {}
        for name in vars(graphs[0]):
            parts = [getattr(graph, name) for graph in graphs]
            if "index" in name:
                joined[name] = torch.cat([part + first for part, first in zip(parts, ptr, strict=False)], dim=-1)
            else:
                joined[name] = torch.cat(parts)
        return cls(**joined, ptr=ptr, batch=torch.repeat_interleave(torch.arange(len(graphs)), ptr.diff()))


@pytest.fixture
def pyg(monkeypatch: pytest.MonkeyPatch) -> None:
    if not HAS_PYG:
        data = types.ModuleType("torch_geometric.data")
        data.Batch = data.Data = Fields  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "torch_geometric", types.ModuleType("torch_geometric"))
        monkeypatch.setitem(sys.modules, "torch_geometric.data", data)


def batch_of(smiles: list[str] = SMILES) -> MoleculeBatch:
    """A batch with every kind of field."""
    piece = MoleculeSlice(prepare(smiles, encodings=EncodingConfig(laplacian=2, random_walk=3)).arrays)
    batch = collate(piece)
    sizes = {"graph": batch.num_graphs, "node": batch.num_nodes, "edge": batch.num_bonds, "pair": 2}
    generator = torch.Generator().manual_seed(0)
    return replace(
        batch,
        targets={level: torch.randn(size, 2, generator=generator) for level, size in sizes.items()},
        bounds={"graph": torch.ones(batch.num_graphs, 2, dtype=torch.int8)},
        pair_index=torch.tensor([[0, 4], [2, 7]]),
        rows=torch.arange(batch.num_graphs) + 10,
    )


def equal(first: MoleculeBatch, second: MoleculeBatch) -> bool:
    def same(a: Any, b: Any) -> bool:
        if isinstance(a, torch.Tensor):
            return a.dtype == b.dtype and torch.equal(a, b)
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)

    return all(same(value, getattr(second, name)) for name, value in vars(first).items())


def shuffled(data: Any, **more: Any) -> Fields:
    """A foreign batch: the same graphs with their edges in any order."""
    order = torch.randperm(data.edge_index.shape[1], generator=torch.Generator().manual_seed(0))
    return Fields(x=data.x, edge_index=data.edge_index[:, order], edge_attr=data.edge_attr[order], **more)


@pytest.mark.usefixtures("pyg")
@pytest.mark.parametrize("smiles", [SMILES, ["c1ccccc1", "CCO"], ["CCCCCCCC"]])
def test_round_trip(smiles: list[str]) -> None:
    batch = batch_of(smiles)
    assert equal(from_pyg(to_pyg(batch)), batch)


@pytest.mark.skipif(not HAS_PYG, reason="torch_geometric is not installed")
def test_pyg_takes_the_batch_apart_and_puts_it_together_again() -> None:
    from torch_geometric.data import Batch
    from torch_geometric.loader import DataLoader

    batch = batch_of()
    data = to_pyg(batch)
    assert data.num_graphs == len(SMILES)
    assert data.is_undirected()
    assert equal(from_pyg(Batch.from_data_list(data.to_data_list())), batch)
    assert equal(from_pyg(next(iter(DataLoader(data.to_data_list(), batch_size=len(SMILES))))), batch)
    alone = from_pyg(data[1])
    assert torch.equal(alone.edge_index, batch_of(["c1ccccc1"]).edge_index)


@pytest.mark.usefixtures("pyg")
def test_a_foreign_batch_in_any_edge_order() -> None:
    data, expected = to_pyg(batch_of()), batch_of()
    found = from_pyg(shuffled(data, batch=data.batch, ptr=data.ptr))
    assert torch.equal(found.edge_index, expected.edge_index)
    assert torch.equal(found.edge_codes, expected.edge_codes)
    assert torch.equal(found.edge_reverse, expected.edge_reverse)
    assert torch.equal(found.edge_bond[found.edge_reverse], found.edge_bond)
    assert found.edge_bond.unique().tolist() == list(range(expected.num_bonds))


@pytest.mark.usefixtures("pyg")
def test_one_graph_without_a_batch() -> None:
    found = from_pyg(shuffled(to_pyg(batch_of(["c1ccccc1C"]))))
    assert (found.num_graphs, found.num_nodes, found.num_bonds) == (1, 7, 7)
    assert found.node_graph.tolist() == [0] * 7


@pytest.mark.usefixtures("pyg")
def test_graphs_that_are_not_simple_and_undirected_are_refused() -> None:
    data = to_pyg(batch_of())
    loop = torch.tensor([[0], [0]])
    for edges in (data.edge_index[:, :1], data.edge_index[:, [0, 1, 0, 1]], torch.cat([loop, loop], dim=1), loop):
        codes = data.edge_attr[:1].expand(edges.shape[1], -1)
        with pytest.raises(UsageError, match="one reverse"):
            from_pyg(Fields(x=data.x, edge_index=edges, edge_attr=codes, batch=data.batch, ptr=data.ptr))


@pytest.mark.usefixtures("pyg")
def test_foreign_features_are_refused() -> None:
    data = to_pyg(batch_of())
    for x in (data.x.float(), data.x[:, :5], None):
        with pytest.raises(UsageError, match=r"integer codes, 11 columns"):
            from_pyg(Fields(x=x, edge_index=data.edge_index, edge_attr=data.edge_attr, batch=data.batch, ptr=data.ptr))


def test_without_pyg_the_message_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_geometric", None)
    monkeypatch.setitem(sys.modules, "torch_geometric.data", None)
    with pytest.raises(UsageError, match="pip install torch_geometric"):
        to_pyg(batch_of())
