from __future__ import annotations

from hooke.modalities.molecules.samples import ENCODINGS
from hooke.models.gine import Config
from hooke.molecules.encodings.config import EncodingConfig
from hooke.nn.graphs.inputs import EdgeInputs, NodeFeatures, NodeInputs
from hooke.nn.graphs.segment import edges_of


def test_encodings_widen_the_features(batch) -> None:
    edges = edges_of(batch)
    plain, encoded = NodeFeatures(6, 4, EncodingConfig()), NodeFeatures(6, 4, ENCODINGS)
    assert (plain.width, encoded.width) == (6, 10)
    assert plain(batch, edges).expand().shape == (batch.num_nodes, 6)
    assert encoded(batch, edges).expand().shape == (batch.num_nodes, 10)


def test_pre_layers(batch) -> None:
    sizes = Config(width=7, embedding_width=6, pre_layers=2)
    nodes, edges = NodeInputs(sizes, EncodingConfig()), EdgeInputs(sizes, 3)
    assert nodes(batch, edges_of(batch)).expand().shape == (batch.num_nodes, 7)
    assert edges(batch).expand().shape == (len(batch.edge_bond), 3)
    assert len([layer for layer in nodes.layers if hasattr(layer, "weight")]) == 2
