"""`Network`: an encoder with one head a label level; what is trained, saved and used to predict."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.heads import Head


class Network(nn.Module):
    """encoder ∘ heads; the heads share one pass through the encoder."""

    def __init__(self, encoder: nn.Module, heads: Mapping[str, Head]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict(dict(heads))

    def forward(self, batch: MoleculeBatch) -> dict[str, Tensor]:
        """Level → (items, outputs) raw outputs; only a task knows what they mean."""
        output = self.encoder(batch)
        return {level: head(output, batch) for level, head in self.heads.items()}

    def embed(self, batch: MoleculeBatch) -> Float[Tensor, "graphs graph_width"]:
        """One row a molecule, before the heads."""
        return self.encoder.embed(batch)  # type: ignore[operator]
