"""Offsets hold isolated atoms and mean contributions, in 64 bits; outputs are scaled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from hooke.modalities.atoms import MODALITY
from hooke.models import schnet
from hooke.nn.atoms.network import EnergyNetwork


def test_offsets_and_scale() -> None:
    sample = MODALITY.sample()
    method, spec = "other:made", sample.spec.with_labels((*sample.spec.energies, *sample.spec.forces))
    e0 = tuple(-100.123456789 * number for number in spec.elements)
    spec = replace(spec, e0={method: e0}, scale={method: 0.5})
    network = EnergyNetwork(schnet.Model(schnet.PRESETS["tiny"], spec), spec)
    batch = sample.batch(range(4), spec)
    table = np.array(e0) + np.array(spec.shift[method])
    expected = [
        sum(table[spec.elements.index(int(number))] for number in batch.numbers[batch.frame == frame])
        for frame in range(4)
    ]
    np.testing.assert_allclose(network.offsets_of(batch)[:, 0], expected, rtol=1e-14)
    assert network.offsets.dtype == torch.float64
    assert torch.allclose(network(batch), 0.5 * network.encoder(batch))
    assert torch.equal(network.embed(batch), network.encoder.embed(batch))
