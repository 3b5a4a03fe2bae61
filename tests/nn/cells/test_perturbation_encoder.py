"""Sums over what was done, and compounds with their exposure."""

from __future__ import annotations

import numpy as np
import torch

from hooke.cells.batch import ResponseBatch
from hooke.modalities import modality
from hooke.nn.cells.perturbation_encoder import CompoundEncoder, sums_of

SAMPLE = modality("perturbations").sample()


def batch(*places: int) -> ResponseBatch:
    return SAMPLE.batch(places, SAMPLE.spec)  # type: ignore[no-any-return]


def test_sums_are_the_sparse_product() -> None:
    rows = torch.randn(len(SAMPLE.spec.graph), 3).double()
    some = batch(0, 2, 3, 9)
    incidence = np.zeros((4, len(rows)))
    for row, genes in enumerate(("A", "AC", "", "ABC")):
        incidence[row, [SAMPLE.spec.graph.place[gene] for gene in genes]] = 1
    assert torch.allclose(sums_of(rows, some), torch.from_numpy(incidence) @ rows)
    assert not sums_of(rows, batch(3, 5)).any()


def test_a_compound_depends_on_dose_unit_and_time() -> None:
    torch.manual_seed(0)
    encoder = CompoundEncoder("gine:tiny", 4, 8, 0.0).eval()
    some = batch(0, 3, 5, 7)
    rows = encoder(some)
    assert not rows[0].any()
    assert len({tuple(row.tolist()) for row in rows}) == 4
    assert some.exposure[1].tolist() == [0, 1, 0, np.float32(np.log10(24)), 1]
    assert some.exposure[2].tolist() == [1, 1, 1, 0, 0]
    assert some.exposure[3].tolist() == [0, 0, 0, 0, 0]
