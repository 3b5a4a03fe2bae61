"""Weights in the public OpenPhenom layout as an image encoder: `hooke embed openphenom STORE --weights model.safetensors -o wells.parquet`.

Hooke ships no such weights. The file `model.safetensors` of huggingface.co/recursionpharma/OpenPhenom is under a licence for
non-commercial use, which the embeddings' file repeats. Sizes are read from the tensors; the heads of the decoder, which tensors do
not tell and embeddings do not need, are those of the public models.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hooke.core import registry
from hooke.core.errors import DataError
from hooke.core.hashing import file_sha256
from hooke.core.recipe import modality_object
from hooke.core.runs import versions
from hooke.core.types import Batch, Chunk
from hooke.encoders import Encoder
from hooke.encoders.openphenom.conversion import convert
from hooke.images.spec import ImageSpec
from hooke.nn.images.network import ReconstructionNetwork
from hooke.nn.weights import read_weights

NAME = "openphenom"
LICENCE = "OpenPhenom: non-commercial"
CROP = 256  # that the public models were trained on


class OpenPhenom(Encoder):
    """A converted model.

    Args:
        network: Moved to the device, in evaluation mode.
        spec: Its channels; it takes any, in any order.
        model_hash: SHA-256 of the file.
        device: Where it runs.
    """

    def __init__(self, network: ReconstructionNetwork, spec: ImageSpec, model_hash: str, device: torch.device) -> None:
        self.network, self._spec = network.eval().to(device), spec
        self.model_hash, self.device = model_hash, device

    @property
    def modality(self) -> str:
        """Images."""
        return "images"

    @property
    def spec(self) -> ImageSpec:
        """Its channels and the side of its crops."""
        return self._spec

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        return self.network.encoder.width

    @property
    def on_gpu(self) -> bool:
        """See `Encoder.on_gpu`."""
        return self.device.type != "cpu"

    @torch.no_grad()
    def vectors(self, batch: Batch, options: Any = None) -> np.ndarray:
        """See `Encoder.vectors`."""
        images = modality_object(self.modality)
        options = images.options() if options is None else options
        return images.vectors(self.network, batch.to(self.device), options).float().cpu().numpy()

    def adapting(self, chunk: Chunk, options: Any) -> AbstractContextManager[None]:
        """See `Encoder.adapting`."""
        return modality_object(self.modality).adapting([self.network], self.device, chunk, options)

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
    module, spec = registry.module("models", "ca_mae"), ImageSpec(names, crop=CROP, agnostic=True)
    encoder = module.Model(module.Config(**options), spec)
    try:
        encoder.load_state_dict(converted)
    except RuntimeError as error:
        raise DataError(
            f"{weights} is not a complete OpenPhenom model: {str(error).splitlines()[-1].strip()}"
        ) from error
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return OpenPhenom(ReconstructionNetwork(encoder), spec, file_sha256(Path(weights)), torch.device(device))


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
        raise DataError(f"the state dict lacks {error.args[0]}; it is not a complete OpenPhenom model") from error
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
