"""Losses that ask for the same answer in every experimental batch (domain).

    CORAL:    mean over pairs of domains of  mean (μ_a - μ_b)² + mean (Σ_a - Σ_b)²,  of the embeddings
    IRM:      mean over domains of  g_even g_odd,  g = d/ds mean CE(s z, y) at s = 1, over two halves of the domain's items
    GroupDRO: Σ_d q_d L_d,  q_d ← q_d exp(η L_d), normalised
    DANN:     the gradient of a domain classifier, turned round on its way into the encoder

Source: Sun and Saenko 2016 (arXiv 1607.01719); Arjovsky et al. 2019 (arXiv 1907.02893); Sagawa et al. 2020 (arXiv 1911.08731);
Ganin et al. 2016 (arXiv 1505.07818). Forms and defaults as in WILDS (Koh et al. 2021, arXiv 2012.07421).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


def rows_by_domain(domains: Int[Tensor, " items"]) -> list[Tensor]:
    """The rows of each domain in the batch, domains in rising order."""
    return [(domains == domain).nonzero()[:, 0] for domain in torch.unique(domains)]


def coral_distance(first: Float[Tensor, "first width"], second: Float[Tensor, "second width"]) -> Float[Tensor, ""]:
    """Squared distance of the means, plus that of the covariances where both have two or more rows."""
    distance = (first.mean(0) - second.mean(0)).square().mean()
    if min(len(first), len(second)) < 2:
        return distance
    return distance + (first.T.cov() - second.T.cov()).square().mean()


def coral_penalty(embedding: Float[Tensor, "items width"], domains: Sequence[Tensor]) -> Float[Tensor, ""]:
    """The mean distance over pairs of domains; 0 with a single one."""
    pairs = list(itertools.combinations(domains, 2))
    distances = [coral_distance(embedding[a], embedding[b]) for a, b in pairs]
    return torch.stack(distances).mean() if distances else embedding.sum() * 0


def scale_gradient(logits: Float[Tensor, "items classes"], target: Int[Tensor, " items"]) -> Float[Tensor, " items"]:
    """D CE(s z, y) / ds at s = 1: Σ_k p_k z_k - z_y."""
    own = logits.gather(1, target[:, None])[:, 0]
    return (logits.softmax(1) * logits).sum(1) - own


def irm_penalty(
    logits: Float[Tensor, "items classes"], target: Int[Tensor, " items"], domains: Sequence[Tensor]
) -> Float[Tensor, ""]:
    """The mean product of the gradients of two halves of each domain; domains of one item have none."""
    gradient = scale_gradient(logits, target)
    products = [gradient[rows[::2]].mean() * gradient[rows[1::2]].mean() for rows in domains if len(rows) > 1]
    return torch.stack(products).mean() if products else logits.sum() * 0


def group_losses(
    losses: Float[Tensor, " items"], domains: Int[Tensor, " items"], count: int
) -> tuple[Float[Tensor, " domains"], Float[Tensor, " domains"]]:
    """The mean loss of each domain (0 without items), and its number of items."""
    items = torch.bincount(domains, minlength=count).to(losses.dtype)
    sums = torch.zeros(count, dtype=losses.dtype, device=losses.device).index_add(0, domains, losses)
    return sums / items.clamp(min=1), items


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, rows: Tensor, factor: float) -> Tensor:
        context.factor = factor
        return rows.view_as(rows)

    @staticmethod
    def backward(context: Any, *gradients: Any) -> tuple[Tensor, None]:
        return -context.factor * gradients[0], None


def reverse_gradient(rows: Float[Tensor, "items width"], factor: float) -> Float[Tensor, "items width"]:
    """The same rows; on the way back the gradient is multiplied by -factor."""
    return _Reversal.apply(rows, factor)
