"""`Network`: an encoder with heads; what is trained, saved and used to predict.

There is one head a label level, or what an objective without labels needs.
"""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float, Int
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch


class Network(nn.Module):
    """encoder ∘ heads; the heads, modules of (output, batch), share one pass through the encoder."""

    def __init__(self, encoder: nn.Module, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict(dict(heads))

    def forward(
        self, batch: MoleculeBatch, items: Mapping[str, Int[Tensor, " items"]] | None = None
    ) -> dict[str, Tensor]:
        """Name of the head (a level) → (items, outputs) raw outputs; only a task knows what they mean.

        Args:
            batch: Molecules.
            items: Name of a head → the items that it is asked for, in this order; all of them without.
        """
        output = self.encoder(batch)
        if items is None:
            return {level: head(output, batch) for level, head in self.heads.items()}
        return {level: head(output, batch, items[level]) for level, head in self.heads.items()}

    def embed(self, batch: MoleculeBatch) -> Float[Tensor, "graphs graph_width"]:
        """One row a molecule, before the heads."""
        return self.encoder.embed(batch)  # type: ignore[operator]
