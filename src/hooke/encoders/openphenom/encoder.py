"""Weights in the public OpenPhenom layout as an image encoder: `hooke embed openphenom STORE --weights model.safetensors -o wells.parquet`.

Hooke ships no such weights. The file `model.safetensors` of huggingface.co/recursionpharma/OpenPhenom is under a licence for
non-commercial use, which the embeddings' file repeats. Sizes are read from the tensors; the heads of the decoder, which tensors do
not tell and embeddings do not need, are those of the public models.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hooke.core import registry
from hooke.core.errors import DataError
from hooke.core.hashing import file_sha256
from hooke.core.runs import versions
from hooke.encoders.openphenom.layout import convert
from hooke.images.spec import ImageSpec
from hooke.images.store import ImageStore
from hooke.nn.images.network import ReconstructionNetwork
from hooke.nn.weights import read_weights

NAME = "openphenom"
LICENCE = "OpenPhenom: non-commercial"
CROP = 256  # that the public models were trained on


@dataclass(frozen=True)
class OpenPhenom:
    """A converted model; it has what `embed_wells` asks of an encoder.

    Attributes:
        network: In evaluation mode.
        crop: Side of the crops.
        model_hash: SHA-256 of the file.
        device: Where it runs.
    """

    network: Any
    crop: int
    model_hash: str
    device: torch.device

    @property
    def blocks(self) -> int:
        """Blocks of the encoder that `block=` can name."""
        return int(self.network.encoder.blocks)

    def channels_of(self, store: ImageStore) -> tuple[str, ...]:
        """All channels: it takes any, in any order."""
        return store.channels

    def stamp(self) -> dict[str, Any]:
        """What is written into every file that it makes."""
        return {"run": NAME, "model_hash": self.model_hash, "licence": LICENCE, "versions": versions()}


def load_openphenom(weights: Path | str | None, device: str = "auto") -> OpenPhenom:
    """The encoder of a file of weights.

    Args:
        weights: safetensors in the public layout.
        device: "auto" takes a GPU if there is one, else "cpu", "cuda", "cuda:1".

    Raises:
        DataError: No file is named, it cannot be read, or it holds another model.
    """
    if weights is None:
        raise DataError(
            "Hooke ships no OpenPhenom weights: name the file with --weights model.safetensors "
            "(huggingface.co/recursionpharma/OpenPhenom; its licence is non-commercial)"
        )
    public = read_weights(Path(weights))
    converted = convert(public)
    names = tuple(f"w{number + 1}" for number in range(len(converted["decoder.channel_tokens"])))
    options = sizes(converted) | {
        "norm": "pooled" if "encoder.vit_backbone.fc_norm.weight" in public else "tokens",
        "decoder_depth": _count(r"decoder\.stacks\.0\.blocks\.(\d+)\.", converted),
    }
    module = registry.module("models", "ca_mae")
    encoder = module.Model(module.Config(**options), ImageSpec(names, agnostic=True))
    try:
        encoder.load_state_dict(converted)
    except RuntimeError as error:
        raise DataError(f"{weights} is no whole OpenPhenom model: {str(error).splitlines()[-1].strip()}") from error
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    network = ReconstructionNetwork(encoder).eval().to(device)
    return OpenPhenom(network, CROP, file_sha256(Path(weights)), torch.device(device))


def sizes(converted: Mapping[str, Tensor]) -> dict[str, Any]:
    """The options of `models.ca_mae.Config` that the shapes of the encoder's tensors tell.

    Raises:
        DataError: Tensors are missing.
    """
    first = "encoder.transformer.blocks.0"
    try:
        class_tokens, projection = converted["encoder.class_tokens"], converted[f"{first}.projection.weight"]
        head, pixels = converted[f"{first}.norms.query.weight"].shape[0], converted["encoder.patches.weight"].shape[1]
        decoder_width = converted["decoder.mask_token"].shape[2]
    except KeyError as error:
        raise DataError(f"the state dict lacks {error.args[0]}; it is no whole OpenPhenom model") from error
    width = class_tokens.shape[2]
    return {
        "width": width, "depth": _count(r"encoder\.transformer\.blocks\.(\d+)\.", converted), "heads": width // head,
        "patch": math.isqrt(pixels), "mlp_ratio": (projection.shape[0] - 3 * width) / width, "qkv_bias": True,
        "stochastic_depth": 0.0, "class_tokens": class_tokens.shape[1], "decoder_width": decoder_width,
    }  # fmt: skip


def _count(pattern: str, names: Mapping[str, Tensor]) -> int:
    """One more than the largest number that a pattern finds."""
    found = [int(match[1]) for name in names if (match := re.match(pattern, name))]
    return max(found, default=-1) + 1
