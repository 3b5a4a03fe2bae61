"""`MoleculeModel`: what every model of molecules declares and gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.output import MoleculeOutput


class MoleculeModel(nn.Module, ABC):
    """A model file has a subclass called `Model`, of (config, spec).

    Attributes:
        modality: The kind of data.
        extra_encodings: Name → width of the encodings of nodes that it reads, where a batch has them, besides those of the spec
            (coordinates ...).
        gradient_exempt: Regular expression of parameter names → why they get no gradient from the rows of molecules; in these names
            "layers.last." stands for the last layer.
        stacks: Module lists that grow with depth, and
        tail: Modules after the last layer; see `nn.depth`.
        views: Representations side by side in the columns of each row; see `nn.graphs.views_of_output`.
        node_width: Of the rows of nodes.
        edge_width: Of the rows of directed edges; 0 without any.
        graph_width: Of the rows of molecules.
    """

    modality: ClassVar[str] = "molecules"
    extra_encodings: ClassVar[Mapping[str, int]] = MappingProxyType({})
    gradient_exempt: ClassVar[Mapping[str, str]] = MappingProxyType({})
    stacks: tuple[str, ...] = ("layers", "virtual_nodes")
    tail: tuple[str, ...] = ()
    views: int = 1
    node_width: int
    edge_width: int
    graph_width: int

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        return self.graph_width

    @abstractmethod
    def forward(self, batch: MoleculeBatch) -> MoleculeOutput:
        """Represent the nodes, edges and molecules of a batch."""

    def embed(self, batch: MoleculeBatch) -> Float[Tensor, "graphs graph_width"]:
        """One row a molecule."""
        return self.forward(batch).graphs
