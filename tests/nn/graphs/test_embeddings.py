from __future__ import annotations

import pytest
import torch

from hooke.modalities.molecules.samples import batch_of
from hooke.molecules.vocabulary import ATOM_VOCABULARIES, BOND_VOCABULARIES
from hooke.nn.graphs.embeddings import AtomEmbedding, BondEmbedding
from hooke.nn.graphs.segment import edges_of


def test_rows_are_sums_of_tables(batch) -> None:
    """The full sum, derived features included, is checked with each model; here the bond tables, row by row."""
    embedding = BondEmbedding(4)
    found = embedding(batch).expand()
    starts = [0]
    for vocabulary in BOND_VOCABULARIES[:-1]:
        starts.append(starts[-1] + vocabulary.size)
    for row, codes in zip(found, batch.edge_codes.tolist(), strict=True):
        expected = sum(embedding.table.rows.weight[start + code] for start, code in zip(starts, codes, strict=True))
        torch.testing.assert_close(row, expected)


def derived(smiles: str) -> list[list[int]]:
    """(group, period, degree, valence) of each atom, read off an embedding whose rows are their own numbers."""
    embedding = AtomEmbedding(1).double()
    sizes = [vocabulary.size for vocabulary in ATOM_VOCABULARIES]
    start = sum(sizes)
    found = []
    for offset, size in ((0, 19), (19, 8), (27, 8), (35, 10)):
        with torch.no_grad():
            embedding.table.rows.weight.zero_()
            first = start + offset
            rows = torch.arange(size).double()
            if offset >= 27:  # degree and valence are running sums
                rows = rows.clamp(max=1)
            embedding.table.rows.weight[first : first + size, 0] = rows
        one = batch_of([smiles])
        found.append(embedding(one, edges_of(one)).expand()[:, 0].round().long().tolist())
    assert start + 45 == len(embedding.table.rows.weight)
    return [list(row) for row in zip(*found, strict=True)]


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CO", [[14, 2, 1, 4], [16, 2, 1, 2]]),
        ("C#N", [[14, 2, 1, 4], [15, 2, 1, 3]]),
        ("[Na+].[Cl-]", [[1, 3, 0, 0], [17, 3, 0, 0]]),
        ("*C", [[0, 0, 1, 1], [14, 2, 1, 4]]),
        ("c1ccccc1", [[14, 2, 2, 4]] * 6),
    ],
)
def test_derived_features(smiles: str, expected: list[list[int]]) -> None:
    assert derived(smiles) == expected


def test_equal_atoms_are_embedded_once(batch) -> None:
    rows = AtomEmbedding(3)(batch, edges_of(batch))
    assert len(rows.rows) < batch.num_nodes == len(rows.expand())


def test_a_count_that_was_never_seen_is_near_the_largest_seen() -> None:
    embedding = AtomEmbedding(16)
    start = ATOM_VOCABULARIES[0].size + ATOM_VOCABULARIES[1].size
    with torch.no_grad():
        embedding.table.rows.weight[start : start + 4] = 3.0  # what training does to the codes that it meets
    methane, methyl = batch_of(["C"]), batch_of(["CC"])
    one, other = (embedding(batch, edges_of(batch)).expand()[0] for batch in (methane, methyl))
    assert (one - other).abs().max() < 2
    assert other.min() > 8
