"""Losses of single values, vectorised over label columns, and their masked means of static shape.

Contrastive losses: two views of an image are closer to each other than to views of other images.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int8
from torch import Tensor
from torch.nn import functional

from hooke.nn.processes import step_sum


def nt_xent(
    first: Float[Tensor, "images width"], second: Float[Tensor, "images width"], temperature: float
) -> Float[Tensor, ""]:
    """Normalised temperature-scaled cross-entropy over the 2 N views, both directions.

        L = mean over views i of -log( e^(s_ij / τ) / Σ_{k ≠ i} e^(s_ik / τ) ),  j the other view of i, s cosines

    Source: Chen et al. 2020 (arXiv 2002.05709).
    """
    rows = functional.normalize(torch.cat([first, second]), dim=1)
    count = len(first)
    cosines = (rows @ rows.T / temperature).fill_diagonal_(-torch.inf)
    partner = torch.arange(2 * count, device=rows.device).roll(count)
    return functional.cross_entropy(cosines, partner)


def key_contrast(
    queries: Float[Tensor, "images width"], keys: Float[Tensor, "images width"], temperature: float
) -> Float[Tensor, ""]:
    """2 τ times the cross-entropy of each query finding the teacher's key of the same image.

    Source: MoCo v3, Chen et al. 2021 (arXiv 2104.02057).
    """
    rows, others = functional.normalize(queries, dim=1), functional.normalize(keys, dim=1)
    own = torch.arange(len(rows), device=rows.device)
    return 2 * temperature * functional.cross_entropy(rows @ others.T / temperature, own)


RegressionLoss = Literal["mse", "mae", "huber"]


def regression_loss(
    prediction: Float[Tensor, "items labels"],
    target: Float[Tensor, "items labels"],
    bound: Int8[Tensor, "items labels"] | None,
    kind: RegressionLoss,
    delta: float,
) -> Float[Tensor, "items labels"]:
    """Squared, absolute or Huber error; one-sided where the target is censored.

    A bound of +1 says that the truth is above the target, so only predictions below it cost something; -1 the reverse.

    Args:
        prediction: Normalised predictions.
        target: Normalised targets.
        bound: 0 exact, +1 truth above, -1 truth below; None when nothing is censored.
        kind: Which error.
        delta: Where the Huber error turns from square to straight.
    """
    error = prediction - target
    if bound is not None:
        error = torch.where(bound > 0, error.clamp(max=0), torch.where(bound < 0, error.clamp(min=0), error))
    if kind == "mse":
        return error.square()
    if kind == "mae":
        return error.abs()
    return functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=delta)


def class_loss(
    logits: Float[Tensor, "items labels classes"], target: Float[Tensor, "items labels"]
) -> Float[Tensor, "items labels"]:
    """Cross-entropy CE = -log p_target."""
    return -logits.log_softmax(2).gather(2, target.long()[:, :, None]).squeeze(2)


def ordinal_loss(
    logits: Float[Tensor, "items labels classes"], target: Float[Tensor, "items labels"], alpha: float
) -> Float[Tensor, "items labels"]:
    """Hybrid cross-entropy of ordered classes: α CE + (1 - α) (Σ_k k p_k - target)².

    Source: the HybridCE loss of Graphium.
    """
    ranks = torch.arange(logits.shape[2], dtype=logits.dtype, device=logits.device)
    expected = logits.softmax(2) @ ranks
    return alpha * class_loss(logits, target) + (1 - alpha) * (expected - target).square()


def measured_mean(
    losses: Float[Tensor, "items labels"], weights: Float[Tensor, "items labels"] | Float[Tensor, "1 labels"]
) -> Float[Tensor, ""]:
    """Σ w l / Σ w over all items of the step (`nn.processes`); 0 when nothing has weight."""
    total = step_sum(weights.expand_as(losses).sum())
    return step_sum((weights * losses).sum()) / torch.where(total > 0, total, torch.ones_like(total))


def label_means(
    losses: Float[Tensor, "items labels"], measured: Bool[Tensor, "items labels"]
) -> tuple[Float[Tensor, " labels"], Float[Tensor, " labels"]]:
    """The mean loss of each label over its measured items of the step (0 without any), and how many there are."""
    sums = step_sum(torch.stack([(losses * measured).sum(0), measured.sum(0).to(losses.dtype)]))
    return sums[0] / sums[1].clamp(min=1), sums[1]


def weighted_mean(values: Float[Tensor, " labels"], weights: Float[Tensor, " labels"]) -> Float[Tensor, ""]:
    """Σ w v / Σ w of values that are already those of the whole step; 0 when nothing has weight."""
    total = weights.sum()
    return (weights * values).sum() / torch.where(total > 0, total, torch.ones_like(total))
