"""Laplacian eigenvectors of an atom as a set of pairs (entry of the vector, eigenvalue), whatever their number and order.

    deepset:      p_v = ρ(Σ_i φ([u_i(v), λ_i]))
    signnet:      p_v = ρ(Σ_i φ([u_i(v), λ_i]) + φ([-u_i(v), λ_i]))
    transformer:  p_v = ρ(Σ_i t_i),  t = Transformer over i of W [u_i(v), λ_i]

Sums run over the eigenpairs that a molecule has; the others are stored as zeros. An eigenvector is defined up to its sign: "signnet" does not
see it, and the others are shown both signs in training (`nn.graphs.encodings.flip_signs`).

Source: deepset and Transformer over eigenpairs: Kreuzer et al. 2021 (SAN, arXiv 2106.03893); both signs: Lim et al. 2022 (SignNet, arXiv
2202.13013). Differs from the latter: φ acts on the atom's own entry, without message passing.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.molecules.encodings.config import EigenvectorEncoder
from hooke.nn.mlp import mlp

_HEADS = 4


class EigenpairEncoder(nn.Module):
    """From the k entries of an atom and the k eigenvalues of its molecule, side by side, to one row.

    Args:
        kind: "deepset", "signnet" or "transformer".
        count: k.
        width: Of the row; of a Transformer a multiple of 4.
    """

    def __init__(self, kind: EigenvectorEncoder, count: int, width: int) -> None:
        super().__init__()
        self.kind, self.count = kind, count
        self.each = mlp([2, 2 * width, width]) if kind != "transformer" else nn.Linear(2, width)
        self.mix: nn.Module | None = None
        if kind == "transformer":
            self.mix = nn.TransformerEncoderLayer(
                width, _HEADS, 2 * width, dropout=0.0, batch_first=True, norm_first=True
            )
        self.after = mlp([width, 2 * width, width])

    def forward(self, rows: Float[Tensor, "nodes double_count"]) -> Float[Tensor, "nodes width"]:
        """Encode the atoms."""
        vectors, values = rows.split(self.count, dim=1)
        present = values != 0
        pairs = torch.stack([vectors, values], dim=2)
        tokens = self.each(pairs)
        if self.kind == "signnet":
            tokens = tokens + self.each(torch.stack([-vectors, values], dim=2))
        if self.mix is not None:
            nothing = ~present.any(1, keepdim=True)
            tokens = self.mix(
                tokens, src_key_padding_mask=~present & ~nothing
            )  # a row of nothing attends to all: it is dropped below
        return self.after((tokens * present[..., None]).sum(1))
