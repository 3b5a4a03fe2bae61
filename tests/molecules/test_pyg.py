"""The bridge to PyG, tested when it is installed; a stand-in of its Batch covers the conversion itself."""

from __future__ import annotations

import importlib.util
import sys
import types
from typing import Any

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.encodings import EncodingConfig
from hooke.molecules.prepare import prepare
from hooke.molecules.pyg import from_pyg, to_pyg

SMILES = ["CCO", "c1ccccc1", "C", "[Na+].[Cl-]"]


class FakeBatch:
    """Holds attributes and gives them back, as torch_geometric.data.Batch does."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def to_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)


@pytest.fixture
def pyg(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("torch_geometric") is None:
        data = types.ModuleType("torch_geometric.data")
        data.Batch = FakeBatch  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "torch_geometric", types.ModuleType("torch_geometric"))
        monkeypatch.setitem(sys.modules, "torch_geometric.data", data)


def batch_of() -> MoleculeBatch:
    arrays = prepare(SMILES, encodings=EncodingConfig(laplacian=2, random_walk=3)).arrays
    return collate(MoleculeSlice(arrays))


def equal(first: MoleculeBatch, second: MoleculeBatch) -> bool:
    def same(a: Any, b: Any) -> bool:
        return torch.equal(a, b) if isinstance(a, torch.Tensor) else a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)

    return all(same(value, getattr(second, name)) for name, value in vars(first).items())


@pytest.mark.usefixtures("pyg")
def test_round_trip() -> None:
    batch = batch_of()
    assert equal(from_pyg(to_pyg(batch)), batch)


@pytest.mark.usefixtures("pyg")
def test_a_foreign_batch_in_any_edge_order() -> None:
    data = to_pyg(batch_of())
    order = torch.randperm(data.edge_index.shape[1], generator=torch.Generator().manual_seed(0))
    foreign = FakeBatch(x=data.x, edge_index=data.edge_index[:, order], edge_attr=data.edge_attr[order], batch=data.batch, ptr=data.ptr)
    found, expected = from_pyg(foreign), batch_of()
    assert torch.equal(found.edge_index, expected.edge_index)
    assert torch.equal(found.edge_reverse, expected.edge_reverse)
    assert torch.equal(found.edge_bond[found.edge_reverse], found.edge_bond)
    assert found.edge_bond.unique().tolist() == list(range(expected.num_bonds))


@pytest.mark.usefixtures("pyg")
def test_directed_graphs_are_refused() -> None:
    data = to_pyg(batch_of())
    half = FakeBatch(x=data.x, edge_index=data.edge_index[:, :1], edge_attr=data.edge_attr[:1], batch=data.batch, ptr=data.ptr)
    with pytest.raises(UsageError, match="directed"):
        from_pyg(half)


def test_without_pyg_the_message_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_geometric", None)
    monkeypatch.setitem(sys.modules, "torch_geometric.data", None)
    with pytest.raises(UsageError, match="pip install torch_geometric"):
        to_pyg(batch_of())
