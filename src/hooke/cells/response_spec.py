"""`ResponseSpec`: what a network must know of the screen that it was made for: read-outs, contexts, and the genes with their graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy.sparse.csgraph import connected_components

from hooke.cells.graph import EdgeSource, Graph
from hooke.core.types import LabelledSpec, labels_from_json, statistics_from_json

LEVEL = "response"


@dataclass(frozen=True)
class ResponseSpec(LabelledSpec):
    """Read-outs, contexts, genes and their graph.

    Attributes:
        labels, statistics: As in `LabelledSpec`: a label a read-out, whose value is the change from control; statistics over training rows.
        graph: Its nodes are all genes that can be asked for. Without edges where the model reads none.
        trained: Genes that were perturbed in training.
        contexts: Names.
        controls: (contexts, read-outs) float64 mean profiles of control cells; zeros where the data are changes alone.
        scale: Of the profiles, as in `cells.screen.Scale`.
        compounds: Encoder of compounds and its preset, "gine:tiny"; "" where only genes were perturbed.
    """

    graph: Graph = field(default_factory=lambda: without_edges(()))
    trained: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    controls: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    scale: str = "z-score"
    compounds: str = ""

    @cached_property
    def known(self) -> np.ndarray:
        """(genes,) bool: perturbed in training, or connected in the graph to a gene that was."""
        if not len(self.graph):
            return np.zeros(0, bool)
        _, component = connected_components(self.graph.adjacency, directed=False)
        own = np.array([self.graph.place[gene] for gene in self.trained], np.int64)
        return np.isin(component, component[own])

    def unknown(self, genes: Sequence[str]) -> str:
        """Why nothing is known of a set of genes; "" where all of them are known."""
        reasons = []
        for gene in genes:
            node = self.graph.place.get(gene)
            if node is None:
                reasons.append(f"{gene}: not among the genes of this model")
            elif not self.known[node]:
                reasons.append(f"{gene}: not perturbed in training, and no path in the graph to a gene that was")
        return "; ".join(reasons)

    def to_json(self) -> dict[str, Any]:
        """See `LabelledSpec.to_json`."""
        graph = self.graph
        return {
            **super().to_json(), "genes": list(graph.genes), "first": graph.first.tolist(), "second": graph.second.tolist(),
            "weights": graph.weights.tolist(), "members": graph.members.astype(int).tolist(),
            "sources": [[each.name, each.licence] for each in graph.sources], "trained": list(self.trained),
            "contexts": list(self.contexts), "controls": self.controls.tolist(), "scale": self.scale, "compounds": self.compounds,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Back from `to_json`."""
        first = np.array(value["first"], np.int64)
        sources = tuple(EdgeSource(*each) for each in value["sources"])
        graph = Graph(
            tuple(value["genes"]), first, np.array(value["second"], np.int64), np.array(value["weights"], np.float64),
            np.array(value["members"], bool).reshape(len(first), len(sources)), sources,
        )  # fmt: skip
        controls = np.array(value["controls"], np.float64).reshape(len(value["contexts"]), -1)
        return cls(
            labels_from_json(value), statistics_from_json(value), graph, tuple(value["trained"]), tuple(value["contexts"]), controls,
            value["scale"], value["compounds"],
        )  # fmt: skip


def without_edges(genes: Sequence[str]) -> Graph:
    """Genes of which no relation is known."""
    none = np.zeros(0, np.int64)
    return Graph(tuple(genes), none, none, np.zeros(0), np.zeros((0, 0), bool), ())
