"""`response`: changes of all read-outs under a perturbation, decoded from the latent state of perturbed cells.

    changes:      d̂ = mean + σ g(latent)
    expression:   ŷ = softplus_β(x + mean + σ g(latent)),   d̂ = ŷ - x,   β = 10 / σ
    loss = mean over measured read-outs of ((d̂ - d) / σ)² + w (1 - cos(d̂, d))

mean and σ² are the mean change of each read-out over training conditions and the mean variance of the read-outs, so that an untrained g
predicts nearly the mean; x is the control profile of the context, and a predicted expression is never negative. A condition that the model knows
nothing of has the mean. Mean and σ are buffers of the network.

Source: the loss of Wenkel et al. 2025 (arXiv:2505.14919), softplus of Wu et al. 2024 (arXiv:2408.10609). Differs: the mean is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.cells.batch import ResponseBatch
from hooke.cells.response_spec import LEVEL, ResponseSpec
from hooke.core.errors import UsageError
from hooke.nn.mlp import mlp
from hooke.nn.modes import evaluating
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask

_SHARPNESS = 10.0  # of softplus, in units of 1 / sigma


@dataclass(frozen=True)
class Config:
    """What is decoded, and how."""

    space: Literal["changes", "expression"] = "changes"
    hidden: int = 512  # of the decoder
    dropout: float = 0.2  # in the decoder
    cosine: float = 0.0  # weight w


class Network(nn.Module):
    """An encoder with a decoder to all read-outs.

    Attributes:
        mean: (read-outs,) buffer.
        scale: () buffer: sigma.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, encoder: nn.Module, config: Config, readouts: int) -> None:
        super().__init__()
        self.encoder, self.space = encoder, config.space
        self.decoder = mlp(
            [int(encoder.width), config.hidden, readouts], activation_name="leaky_relu", normalisation_name="layer",  # type: ignore[arg-type]
            dropout=config.dropout, axis="conditions",
        )  # fmt: skip
        self.register_buffer("mean", torch.zeros(readouts))
        self.register_buffer("scale", torch.ones(()))

    def forward(
        self, batch: ResponseBatch, gates: Float[Tensor, " graph_edges"] | None = None
    ) -> Float[Tensor, "conditions readouts"]:
        """Changes from control.

        Args:
            batch: Conditions.
            gates: Of the edges of the graph; None leaves all open.
        """
        decoded = self.decoder(self.encoder(batch, gates))
        decoded = decoded.to(torch.promote_types(decoded.dtype, torch.float32))
        change, mean = self.mean + self.scale * decoded, self.mean.to(decoded.dtype)
        if self.space == "expression":
            control = batch.control.to(decoded.dtype)
            sharpness = _SHARPNESS / self.scale
            change = functional.softplus((control + change) * sharpness) / sharpness - control
            mean = torch.maximum(mean, -control)
        return torch.where(batch.known[:, None], change, mean)

    def embed(self, batch: ResponseBatch) -> Float[Tensor, "conditions width"]:
        """One row a condition."""
        return self.encoder.embed(batch)  # type: ignore[operator]


class Task(BaseTask):
    """All read-outs of the spec.

    Raises:
        UsageError: Expression is asked of a screen of z-scores.
    """

    modality = "perturbations"
    config: Config
    spec: ResponseSpec

    def __init__(self, config: Config, spec: ResponseSpec) -> None:
        if config.space == "expression" and spec.scale == "z-score":
            raise UsageError(
                "task.space=expression needs counts or their logarithms; these are z-scores or changes alone"
            )
        super().__init__(config, spec)

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with a new decoder."""
        network = Network(encoder, self.config, len(self.spec.labels))
        if LEVEL in self.spec.statistics:
            found = self.spec.statistics[LEVEL]
            mean = torch.from_numpy(found.mean).nan_to_num()
            network.mean.copy_(mean)
            network.scale.copy_(torch.from_numpy(found.std).square().nanmean().sqrt())
        return network

    def losses(
        self, network: nn.Module, batch: ResponseBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of a batch and its squared part; see `nn.task.Task`."""
        with random_from(generator, network, batch):
            found = network(batch)
        target = batch.targets[LEVEL].to(found.dtype)
        measured = ~target.isnan()
        target = target.masked_fill(~measured, 0)
        squared = ((found - target) / network.scale).square() * measured
        squared = squared.sum() / measured.sum().clamp(min=1)
        loss = squared
        if self.config.cosine:
            some = measured.any(dim=1)
            cosine = functional.cosine_similarity(found * measured, target, dim=1)
            loss = loss + self.config.cosine * ((1 - cosine) * some).sum() / some.sum().clamp(min=1)
        return {"loss": loss, "squared": squared.detach()}

    def columns(self, level: str) -> list[str]:
        """See `Task.columns`."""
        return [label.name for label in self.spec.labels] if level == LEVEL else []

    def predict(self, network: nn.Module, batch: ResponseBatch) -> dict[str, Tensor]:
        """See `Task.predict`."""
        with torch.no_grad(), evaluating(network):
            return {LEVEL: network(batch)}
