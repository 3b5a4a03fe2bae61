"""Contrastive losses: two views of an image are closer to each other than to views of other images."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


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
