"""ET-Flow: parity, edges, sizes; equivariance, gradients and options are checked by the contract."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hooke.atoms.conformers.batch import ConformerBatch
from hooke.core.errors import UsageError
from hooke.modalities import modality
from hooke.models import et_flow
from hooke.models.et_flow import PRESETS, Config, Model, _neighbours
from hooke.nn.contract import built

TINY = PRESETS["tiny"]


def batch() -> ConformerBatch:
    sample = modality("conformers").sample()
    found: ConformerBatch = sample.batch(range(sample.items), sample.spec)
    return found


def test_reflection_is_followed_without_handed_features_alone() -> None:
    molecules = batch()
    mirror = torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    mirrored = replace(molecules, positions=molecules.positions * mirror)
    differences = []
    for handed in (False, True):
        model = built(et_flow, None, replace(TINY, handed=handed))
        with torch.no_grad():
            differences.append(float((model(mirrored) - model(molecules) * mirror).abs().max()))
    assert differences[0] < 1e-9
    assert differences[1] > 1e-6


def test_velocities_are_centred_and_turn_in_single_precision_to_1e_5() -> None:
    molecules = batch()
    model = built(et_flow, None).float()
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    turn = (turn * torch.linalg.det(turn)).double()
    with torch.no_grad():
        one, other = model(molecules), model(replace(molecules, positions=molecules.positions @ turn))
    assert float((other - one @ turn.float()).abs().max()) < 1e-5
    assert float(molecules.means(one.double()).abs().max()) < 1e-6


def test_edges_are_bonds_and_the_nearest_atoms() -> None:
    molecules = batch()
    target, source = _neighbours(molecules, 10.0, 4)
    counts = torch.bincount(target, minlength=len(molecules.numbers))
    sizes = molecules.offsets.diff()[molecules.frame]
    assert (counts == torch.minimum(sizes - 1, torch.tensor(4))).all()
    pairs = set(zip(target.tolist(), source.tolist(), strict=True))
    assert all((a, b) in pairs and (b, a) in pairs for a, b in molecules.bonds.T.tolist())
    assert bool((molecules.frame[target] == molecules.frame[source]).all())
    far = replace(molecules, positions=molecules.positions * 100)  # bonds alone are left
    assert len(_neighbours(far, 10.0, 32)[0]) == 2 * molecules.bonds.shape[1]


def test_published_sizes() -> None:
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in Model(Config(), None).parameters())
    assert 6e6 < count < 10e6  # 8.3 million are said of the publication's
    with pytest.raises(UsageError, match="heads"):
        Model(Config(width=30, heads=4), None)
