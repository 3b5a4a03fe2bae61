"""What is trained on images, saved and used to embed: an encoder with what an objective adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.nn.images.encoder import MaskedEncoder
from hooke.nn.images.output import Reconstruction


class ImageNetwork(nn.Module):
    """An encoder that embeds; the frame of the networks of all image objectives."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def embed(self, batch: ImageBatch, *, block: int = -1) -> Float[Tensor, "images width"]:
        """One row an image, after block `block` of the encoder."""
        encoder: Any = self.encoder
        return encoder.embed(batch, block=block)


class ReconstructionNetwork(ImageNetwork):
    """A masked encoder that reconstructs.

    Raises:
        UsageError: The encoder cannot.
    """

    encoder: MaskedEncoder

    def __init__(self, encoder: nn.Module) -> None:
        if not isinstance(encoder, MaskedEncoder):
            raise UsageError("this objective hides parts of images; it needs a masked encoder: mae, ca_mae or mu_net")
        super().__init__(encoder)

    def forward(
        self, batch: ImageBatch, noise: Float[Tensor, "images patches"], ratio: float, *, whole: bool = True
    ) -> Reconstruction:
        """Hide the patches with the most noise and predict them, and the others when the image is wanted `whole`."""
        return self.encoder.reconstruct(batch, noise, ratio, whole=whole)


@dataclass(frozen=True)
class Classified:
    """What a `ClassifierNetwork` says of `B` images.

    Attributes:
        logits: target → (B, classes).
        embedding: (B, width), before dropout and heads.
    """

    logits: Mapping[str, Tensor]
    embedding: Float[Tensor, "images width"]


class ClassifierNetwork(ImageNetwork):
    """An encoder with one linear head a target."""

    def __init__(self, encoder: nn.Module, classes: Mapping[str, int], dropout: float = 0.0) -> None:
        super().__init__(encoder)
        width: Any = encoder.width
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(int(width), count) for name, count in classes.items()})
        for head in self.heads.values():
            nn.init.normal_(head.weight, std=0.02)  # type: ignore[arg-type]
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]

    def forward(self, batch: ImageBatch) -> Classified:
        """Logits of every target, and the embedding."""
        embedding = self.embed(batch)
        rows = self.dropout(embedding)
        return Classified({name: head(rows) for name, head in self.heads.items()}, embedding)


def concatenated(parts: list[Classified], order: Tensor) -> Classified:
    """Parts of a batch as one again; `order` is the place of each row of the parts in the batch."""
    back = order.argsort()
    logits = {name: torch.cat([part.logits[name] for part in parts])[back] for name in parts[0].logits}
    return Classified(logits, torch.cat([part.embedding for part in parts])[back])
