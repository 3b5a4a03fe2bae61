"""A trained encoder as an encoding: its node states, normalised, beside the computed encodings that another encoder reads.

    p_v = LN(g_v),  g = nodes of the source for the same molecules

The source (GPSE) is a registered model that is built by name, filled with the weights of a finished run, and never trained again: its
weights are saved with the network, so that predicting needs no other file.

Source: Cantürk et al. 2024 (GPSE, arXiv 2307.07107), section 3.3. Differs from it: layer norm instead of dropout and batch norm before the MLP
that every encoding has here (`nn.graphs.encodings`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.encodings.config import EncodingConfig
from hooke.nn.graphs.output import MoleculeOutput

LEARNED = "learned"


@dataclass(frozen=True)
class WithLearned(EncodingConfig):
    """The encodings that the reading encoder sees: the computed ones, and `source_width` columns of the source."""

    source_width: int = 0

    @property
    def node_widths(self) -> dict[str, int]:
        """Name -> width of the encodings of nodes."""
        return {**super().node_widths, LEARNED: self.source_width}


class LearnedEncoding(nn.Module):
    """An encoder that reads the node states of a frozen source among its encodings; otherwise like the encoder itself.

    Attributes:
        encoder: What is trained.
        source: What it reads; without gradients, always in evaluation mode.
    """

    def __init__(self, encoder: nn.Module, source: nn.Module) -> None:
        super().__init__()
        self.encoder, self.source = encoder, source.requires_grad_(requires_grad=False)
        self.node_width, self.edge_width, self.graph_width = (
            int(getattr(encoder, name)) for name in ("node_width", "edge_width", "graph_width")
        )
        self.views = int(getattr(encoder, "views", 1))

    def train(self, mode: bool = True) -> LearnedEncoding:
        """Training mode of all but the source."""
        super().train(mode)
        self.source.eval()
        return self

    def forward(self, batch: MoleculeBatch) -> MoleculeOutput:
        """The encoder's output for the molecules with what the source says of their nodes."""
        with torch.no_grad():
            nodes = self.source(batch).nodes
            rows = functional.layer_norm(nodes, nodes.shape[1:])
        return self.encoder(replace(batch, node_encodings={**batch.node_encodings, LEARNED: rows}))

    def embed(self, batch: MoleculeBatch) -> Float[Tensor, "graphs graph_width"]:
        """One row a molecule."""
        return self.forward(batch).graphs


def with_learned(make: Callable[[EncodingConfig], nn.Module], encodings: EncodingConfig) -> nn.Module:
    """An encoder that reads the encodings, with its source if they name one.

    Args:
        make: Of the reading encoder, from the encodings that it sees.
        encodings: `learned` names the source as "MODEL:PRESET".

    Raises:
        UnknownNameError: No such model or preset.
        UsageError: The name has another form.
    """
    if not encodings.learned:
        return make(encodings)
    source = source_of(encodings.learned)
    seen: dict[str, Any] = {field.name: getattr(encodings, field.name) for field in fields(EncodingConfig)}
    return LearnedEncoding(make(WithLearned(**seen, source_width=int(source.node_width))), source)  # type: ignore[arg-type]


def source_of(name: str) -> nn.Module:
    """The source "MODEL:PRESET", with new weights; it reads no encoding itself."""
    model, colon, preset = name.partition(":")
    if not colon:
        raise UsageError(f'encodings.learned has the form "MODEL:PRESET" ("gpse:small"), got {name!r}')
    module = registry.module("models", model)
    if preset not in module.PRESETS:
        raise UnknownNameError(f"preset of {model}", preset, module.PRESETS)
    return module.Model(module.PRESETS[preset], EncodingConfig())
