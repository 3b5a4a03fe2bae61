"""`MoleculeModel`: what every model of molecules declares and gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.depth import depth_of
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.graphs.pooling import Pooling


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
        node_part: Which of the modules of a layer returns the nodes after it, alone or first.
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
    node_part: int = -1
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

    def embed_layers(self, batch: MoleculeBatch, layers: Sequence[int]) -> list[Float[Tensor, "graphs layer_width"]]:
        """One row a molecule for each of some layers: their nodes, pooled as the encoder pools its own; 0 stands for `embed`.

        Args:
            batch: Molecules.
            layers: Numbers from 1 to the number of layers, or 0.
        """
        caught: dict[int, Tensor] = {}

        def catch(number: int, result: Any) -> None:
            caught[number] = result[0] if isinstance(result, tuple) else result

        parts = depth_of(self).layers
        hooks = [
            parts[number - 1][self.node_part].register_forward_hook(
                lambda _module, _given, result, number=number: catch(number, result)
            )
            for number in set(layers) - {0}
        ]
        try:
            output = self.forward(batch)
        finally:
            for hook in hooks:
                hook.remove()
        pool = getattr(self, "pooling", None) or Pooling("mean")
        return [output.graphs if number == 0 else pool(caught[number][: batch.num_nodes], batch) for number in layers]

    def layer_width(self, number: int) -> int:
        """Numbers that `embed_layers` gives for a layer."""
        if number == 0:
            return self.graph_width
        return self.graph_width // self.views if self.views > 1 else self.graph_width

    def embed(self, batch: MoleculeBatch) -> Float[Tensor, "graphs graph_width"]:
        """One row a molecule."""
        return self.forward(batch).graphs
