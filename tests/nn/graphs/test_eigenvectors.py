"""Eigenvectors as sets of pairs: order, number and signs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hooke.core import registry
from hooke.modalities.molecules.samples import batch_of
from hooke.molecules.encodings.config import EIGENVALUES, EIGENVECTORS, EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.eigenvectors import EigenpairEncoder

KINDS = ("deepset", "signnet", "transformer")


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_are_a_set(kind: str) -> None:
    torch.manual_seed(0)
    encoder = EigenpairEncoder(kind, 4, 8).double().eval()  # type: ignore[arg-type]
    vectors, values = torch.randn(5, 4, dtype=torch.float64), torch.rand(5, 4, dtype=torch.float64) + 0.1
    vectors[:, 3], values[:, 3] = 0, 0  # stored zeros: there is no fourth pair
    rows = encoder(torch.cat([vectors, values], dim=1))
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(encoder(torch.cat([vectors[:, order], values[:, order]], dim=1)), rows)
    fewer = EigenpairEncoder(kind, 3, 8).double().eval()  # type: ignore[arg-type]
    fewer.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(fewer(torch.cat([vectors[:, :3], values[:, :3]], dim=1)), rows)
    signs = torch.tensor([-1.0, 1.0, -1.0, 1.0], dtype=torch.float64)
    turned = encoder(torch.cat([vectors * signs, values], dim=1))
    assert torch.allclose(turned, rows) == (kind == "signnet")
    nothing = encoder(torch.zeros(2, 8, dtype=torch.float64))
    assert nothing.isfinite().all()


@pytest.mark.parametrize("name", ["gine", "gps_plus_plus", "grover"])
def test_encoders_read_them_through_the_shared_parts(name: str) -> None:
    encodings = EncodingConfig(laplacian=3, random_walk=4, eigenvector_encoder="signnet")
    assert encodings.computed == EncodingConfig(laplacian=3, random_walk=4)
    batch = batch_of(["CCO", "C", "c1ccccc1C"], encodings=encodings)
    module = registry.module("models", name)
    torch.manual_seed(0)
    model = module.Model(module.PRESETS["tiny"], MoleculeSpec(encodings=encodings)).eval()
    before = model(batch).graphs
    turned = replace(batch, node_encodings={**batch.node_encodings, EIGENVECTORS: -batch.node_encodings[EIGENVECTORS]})
    torch.testing.assert_close(model(turned).graphs, before)
    doubled = replace(
        batch, graph_encodings={**batch.graph_encodings, EIGENVALUES: 2 * batch.graph_encodings[EIGENVALUES]}
    )
    assert not torch.allclose(model(doubled).graphs, before)


def test_without_eigenvectors_it_is_refused() -> None:
    with pytest.raises(ValueError, match="set laplacian above 0"):
        EncodingConfig(eigenvector_encoder="deepset")
