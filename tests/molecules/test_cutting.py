from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hooke.molecules.arrays import contiguous
from hooke.molecules.batch import ATOMS_A_MOLECULE, batches, cuts
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.featurise import same_codes
from hooke.molecules.prepare import prepare


@given(st.lists(st.integers(1, 70_000), max_size=60), st.integers(1, 20))
def test_cuts_cover_everything_within_the_bounds(counts: list[int], batch_size: int) -> None:
    atoms = np.array(counts, dtype=np.int64)
    found = list(cuts(atoms, batch_size))
    assert [row for start, stop in found for row in range(start, stop)] == list(range(len(counts)))
    for start, stop in found:
        assert 1 <= stop - start <= batch_size
        assert stop - start == 1 or atoms[start:stop].sum() <= batch_size * ATOMS_A_MOLECULE


def test_a_range_of_molecules_is_what_preparing_them_alone_gives(smiles: list[str]) -> None:
    encodings = EncodingConfig(laplacian=2, random_walk=3)
    whole = prepare(smiles, encodings=encodings).arrays
    for start, stop in ((0, 5), (17, 18), (58, 64), (0, len(smiles)), (3, 3)):
        part, alone = contiguous(whole, start, stop), prepare(smiles[start:stop], encodings=encodings).arrays
        assert same_codes(part, alone)
        assert {name: values.shape for name, values in part.atom_encodings.items()} == {
            name: values.shape for name, values in alone.atom_encodings.items()
        }
        np.testing.assert_allclose(
            part.graph_encodings["laplacian_eigenvalues"], alone.graph_encodings["laplacian_eigenvalues"], atol=2e-3
        )
        np.testing.assert_allclose(part.atom_encodings["random_walk"], alone.atom_encodings["random_walk"], atol=2e-3)


def test_batches_hold_the_molecules_in_order(smiles: list[str]) -> None:
    arrays = prepare(smiles).arrays
    found = list(batches(arrays, 16))
    assert [batch.num_graphs for batch in found] == [16, 16, 16, 16, 1]
    np.testing.assert_array_equal(np.concatenate([batch.atom_codes.numpy() for batch in found]), arrays.atom_codes)
    assert list(batches(prepare([]).arrays, 16)) == []
