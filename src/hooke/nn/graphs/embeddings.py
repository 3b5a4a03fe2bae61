"""Embeddings of the integer codes of atoms and bonds.

    x_v = Σ_c W_c[code_c(v)]

with one table W_c for each code column; for atoms also for the derived group, period, degree and valence. The rows of counts
(hydrogens, radicals, degree, valence) are running sums, W_c[k] = Σ_{j ≤ k} δ_j: an atom with a count that no training
molecule has (methane's four hydrogens) is then close to the nearest count that was seen, instead of anywhere. All
tables are one parameter. The sum is computed once for each different combination of codes in the batch (`Distinct`), as a product
of a 0/1 matrix with the tables, whose gradient has the same bits every time.

Source: the categorical encoder of GPS++ (arXiv 2212.02229, section 4), with its atom features of set 1.
"""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.vocabulary import (
    ATOM_COLUMNS,
    ATOM_VOCABULARIES,
    BOND_VOCABULARIES,
    FEATURES,
    GROUP_OF_ELEMENT,
    PERIOD_OF_ELEMENT,
    atom_vocabularies,
)
from hooke.nn.graphs.distinct import Distinct, group_equal
from hooke.nn.graphs.segment import Edges, bag_sum

MAXIMUM_DEGREE = 7  # larger degrees share the last code
MAXIMUM_VALENCE = 9  # likewise
_BOND_ORDER = (1.0, 2.0, 3.0, 1.5, 1.0, 0.0, 0.0)  # by code of "order": dative counts 1, zero and unknown 0
_HYDROGENS = ATOM_COLUMNS.index("hydrogens")
_HYDROGEN_CODES = ATOM_VOCABULARIES[_HYDROGENS].size
_DERIVED_SIZES = (max(GROUP_OF_ELEMENT) + 1, max(PERIOD_OF_ELEMENT) + 1, MAXIMUM_DEGREE + 1, MAXIMUM_VALENCE + 1)
_BOND_SIZES = tuple(vocabulary.size for vocabulary in BOND_VOCABULARIES)


class _CodeEmbedding(nn.Module):
    """Σ_c W_c[code_c] for each different row of codes."""

    radix: Tensor
    first_row: Tensor
    summed: Tensor

    def __init__(
        self, sizes: tuple[int, ...], key_columns: tuple[int, ...], width: int, counts: tuple[int, ...] = ()
    ) -> None:
        super().__init__()
        self.rows = nn.Embedding(sum(sizes), width)
        nn.init.normal_(self.rows.weight, std=len(sizes) ** -0.5)
        blocks = [torch.ones(size, size).tril() if i in counts else torch.eye(size) for i, size in enumerate(sizes)]
        self.register_buffer("summed", torch.block_diag(*blocks), persistent=False)
        radix = torch.zeros(len(sizes), dtype=torch.int64, device="cpu")
        scale = 1
        for column in key_columns:
            radix[column] = scale
            scale *= sizes[column]
        self.register_buffer("radix", radix, persistent=False)
        starts = torch.tensor([0, *sizes[:-1]], device="cpu").cumsum(0)
        self.register_buffer("first_row", starts, persistent=False)

    def forward(self, codes: Int[Tensor, "items columns"]) -> Distinct:
        """Embed rows of codes."""
        groups = group_equal((codes * self.radix).sum(1))
        weight = self.summed.to(self.rows.weight.dtype) @ self.rows.weight
        ones = torch.zeros(groups.first.shape[0], len(weight), dtype=weight.dtype, device=codes.device)
        ones.scatter_(1, codes[groups.first] + self.first_row, 1.0)
        return Distinct(ones @ weight, groups)


class AtomEmbedding(nn.Module):
    """Embedding of the atom codes of a version (`vocabulary`) and of group, period, degree and valence."""

    group_and_period: Tensor
    bond_order: Tensor

    def __init__(self, width: int, features: int = FEATURES) -> None:
        super().__init__()
        sizes = (*(vocabulary.size for vocabulary in atom_vocabularies(features)), *_DERIVED_SIZES)
        counts = (len(sizes) - 2, len(sizes) - 1)  # degree and valence
        # Group and period follow from the element, so they need no place in the key of a combination.
        key = (*range(len(sizes) - len(_DERIVED_SIZES)), *counts)
        self.table = _CodeEmbedding(sizes, key, width, (_HYDROGENS, ATOM_COLUMNS.index("radicals"), *counts))
        self.register_buffer(
            "group_and_period",
            torch.tensor([GROUP_OF_ELEMENT, PERIOD_OF_ELEMENT], device="cpu").T.contiguous(),
            persistent=False,
        )
        self.register_buffer("bond_order", torch.tensor(_BOND_ORDER, device="cpu")[:, None], persistent=False)

    def forward(self, batch: MoleculeBatch, edges: Edges) -> Distinct:
        """Embed the atoms of a batch."""
        codes = batch.atom_codes
        orders = bag_sum(self.bond_order.float(), batch.edge_codes[:, 0].contiguous(), edges.offsets).squeeze(1)
        hydrogens = codes[:, _HYDROGENS]
        hydrogens = hydrogens.masked_fill(hydrogens == _HYDROGEN_CODES - 1, 0)
        valence = (orders.round().long() + hydrogens).clamp_(max=MAXIMUM_VALENCE)
        degree = edges.degree.clamp(max=MAXIMUM_DEGREE)
        columns = [codes, self.group_and_period[codes[:, 0]], degree[:, None], valence[:, None]]
        return self.table(torch.cat(columns, dim=1))


class BondEmbedding(nn.Module):
    """Embedding of the four bond codes, one row a directed edge."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = _CodeEmbedding(_BOND_SIZES, tuple(range(len(_BOND_SIZES))), width)

    def forward(self, batch: MoleculeBatch) -> Distinct:
        """Embed the edges of a batch."""
        return self.table(batch.edge_codes)
