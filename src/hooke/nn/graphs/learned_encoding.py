"""A trained encoder as an encoding: its node states, normalised, beside the computed encodings that another encoder reads.

    p_v = LN(g_v),  g = nodes of the source for the same molecules

The source (GPSE) is a registered model that is built by name, filled with the weights of a finished run, and never trained again: its
weights are saved with the network, so that predicting needs no other file.

Source: Cantürk et al. 2024 (GPSE, arXiv 2307.07107), section 3.3. Differs from it: layer norm instead of dropout and batch norm before the MLP
that every encoding has here (`nn.graphs.encodings`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.json_text import json_text
from hooke.core.options import plain
from hooke.core.reading import reading
from hooke.core.recipe import named_thing
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.vocabulary import FEATURES
from hooke.nn.graphs.molecule_model import MoleculeModel
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


class LearnedEncoding(MoleculeModel):
    """An encoder that reads the node states of a frozen source among its encodings; otherwise like the encoder itself.

    Attributes:
        encoder: What is trained.
        source: What it reads; without gradients, always in evaluation mode.
    """

    def __init__(self, encoder: nn.Module, source: nn.Module) -> None:
        super().__init__()
        self.encoder, self.source = encoder, source.requires_grad_(requires_grad=False)
        self.stacks, self.tail = (
            tuple(f"encoder.{name}" for name in getattr(encoder, names)) for names in ("stacks", "tail")
        )
        self.node_part = encoder.node_part  # type: ignore[assignment]
        self.node_width, self.edge_width, self.graph_width, self.views = (
            int(getattr(encoder, name)) for name in ("node_width", "edge_width", "graph_width", "views")
        )

    @property
    def pooling(self) -> Any:
        """That of the encoder."""
        return getattr(self.encoder, "pooling", None)

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


def with_learned(model: Callable[[Any, MoleculeSpec], nn.Module], config: Any, spec: MoleculeSpec) -> nn.Module:
    """The encoder of a model for a spec, with its source if the encodings name one.

    Args:
        model: Class of the reading encoder.
        config: Its options.
        spec: `encodings.learned` names the source; see `source_of`.

    Raises:
        UnknownNameError: No such model or preset.
        UsageError: The name has another form.
    """
    if not spec.encodings.learned:
        return model(config, spec)
    source = source_of(spec.encodings.learned, spec.encodings.features)
    computed: dict[str, Any] = {field.name: getattr(spec.encodings, field.name) for field in fields(EncodingConfig)}
    encodings = WithLearned(**computed, source_width=source.node_width)
    return LearnedEncoding(model(config, replace(spec, encodings=encodings)), source)


def source_name(model: Mapping[str, Any], stated: str) -> str:
    """How `encodings.learned` names the model of a run: "MODEL:PRESET" where that was stated and is true, else "MODEL:{options}".

    Args:
        model: Its table in the recipe of the run.
        stated: What stands in `encodings.learned` before; "" for nothing.

    Raises:
        UsageError: Another model is stated.
    """
    made = named_thing("models", model, "encodings.learned", "")
    if stated:
        name, config = _parsed(stated)
        if name != made.name:
            raise UsageError(f"encodings.learned is {stated!r}, but train.learned_from is a run of {made.name}")
        if config == made.config:
            return stated
    return f"{made.name}:{json_text(plain(made.config), compact=True)}"


def source_of(name: str, features: int = FEATURES) -> MoleculeModel:
    """The source "MODEL:PRESET" or "MODEL:{options}", with new weights; it reads no encoding itself.

    Raises:
        UnknownNameError: No such model or preset.
        UsageError: The name has another form, or there is no such option.
    """
    model, config = _parsed(name)
    return registry.module("models", model).Model(config, MoleculeSpec(encodings=EncodingConfig(features=features)))


def _parsed(name: str) -> tuple[str, Any]:
    """Name and options of a source."""
    model, colon, options = name.partition(":")
    if not colon:
        raise UsageError(f'encodings.learned has the form "MODEL:PRESET" ("gpse:small"), got {name!r}')
    table: dict[str, Any] = {"preset": options}
    if options.startswith("{"):
        with reading("encodings.learned", raised=UsageError):
            table = json.loads(options)
    return model, named_thing("models", {**table, "name": model}, "encodings.learned", "").config
