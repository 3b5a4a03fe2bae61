"""TxPert: the state of the cells plus encodings of perturbed genes by attention over one or more graphs of known relations.

    latent = f(x) + Σ_{p ∈ P} z_p,    Z = GATv2(genes; edges of all sources)        change = decoder(latent)  (`tasks.response`)

The edges of several sources are either united, each edge knowing its sources, or each source has an encoder of its own and every gene mixes
them by attention. Without the basal state (`basal = false`) the model is the "delta mode" of the paper.

Source: Wenkel et al. 2025 (arXiv:2505.14919); layers: Brody et al. 2022 (arXiv:2105.14491). Written from the paper's formulas.
Differs: layer normalisation, see `nn.cells.perturbation_encoder`; Exphormer and graphs that are not public are not there; genes may be known by
their places in the spectrum of the graph, since an embedding of a gene that was never perturbed is random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from torch import Tensor

from hooke.cells.batch import ResponseBatch
from hooke.cells.graph import Graph
from hooke.cells.response_spec import ResponseSpec
from hooke.nn.cells.graph_attention import GraphEncoder, GraphMixture, Inputs
from hooke.nn.cells.perturbation_encoder import PerturbationEncoder, sums_of


@dataclass(frozen=True)
class Config:
    """Sizes and choices."""

    width: int = 64  # of the latent space
    node_width: int = 128  # of genes within the graph
    layers: int = 4
    heads: int = 2
    neighbours: int = 20  # most edges into a gene
    inputs: Inputs = "both"  # features of genes: learnt, of the spectrum of the graph, or both
    sources: Literal["union", "attention"] = "union"
    basal: bool = True
    hidden: int = 512  # of the perceptrons of cells and compounds
    dropout: float = 0.2


PRESETS: dict[str, Config] = {
    "tiny": Config(width=16, node_width=16, layers=2, neighbours=2, hidden=16, dropout=0.1),
    "small": Config(node_width=64, layers=2, hidden=128, inputs="spectral"),
    "paper": Config(inputs="embedding"),
}


class Model(PerturbationEncoder):
    """The encoder."""

    reads_graph = True

    def __init__(self, config: Config, spec: ResponseSpec) -> None:
        super().__init__(
            spec, width=config.width, hidden=config.hidden, dropout=config.dropout, basal=config.basal
        )  # fmt: skip

        def encoder(graph: Graph, numbers: np.ndarray | None = None) -> GraphEncoder:
            return GraphEncoder(
                graph, inputs=config.inputs, node_width=config.node_width, layers=config.layers, heads=config.heads,
                neighbours=config.neighbours, dropout=config.dropout, width=config.width, numbers=numbers,
            )  # fmt: skip

        graph = spec.graph
        self.genes: GraphEncoder | GraphMixture | None = None
        if not len(graph):
            return
        if config.sources == "union" or len(graph.sources) < 2:
            self.genes = encoder(graph)
        else:
            names = [each.name for each in graph.sources]
            alone = []
            for place, name in enumerate(names):
                others = (each for each in names if each != name)
                alone.append(encoder(graph.without(*others), np.flatnonzero(graph.members[:, place])))
            self.genes = GraphMixture(alone, config.width)

    @property
    def stacks(self) -> tuple[str, ...]:
        """Attention over the graph, or over each source; see `nn.depth`."""
        return tuple(f"{path}.{name}" for path in self._encoders for name in ("layers", "norms"))

    @property
    def tail(self) -> tuple[str, ...]:
        """What comes after attention; see `nn.depth`."""
        mixed = ("genes.key",) if isinstance(self.genes, GraphMixture) else ()
        return (*(f"{path}.last" for path in self._encoders), *mixed)

    @property
    def _encoders(self) -> tuple[str, ...]:
        if isinstance(self.genes, GraphMixture):
            return tuple(f"genes.encoders.{place}" for place in range(len(self.genes.encoders)))
        return () if self.genes is None else ("genes",)

    def perturbed(
        self, batch: ResponseBatch, gates: Float[Tensor, " graph_edges"] | None = None
    ) -> Float[Tensor, "conditions width"]:
        """See `PerturbationEncoder.perturbed`."""
        if self.genes is None:
            return batch.control.new_zeros(batch.num_items, self.width)
        return sums_of(self.genes(gates), batch)
