"""Derivatives in every mode of gradients, several outputs, frames without neighbours, and refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hooke.atoms.spec import AtomsSpec
from hooke.core.errors import UsageError
from hooke.modalities.atoms import MODALITY
from hooke.models import schnet
from hooke.nn.atoms.energy_model import derivatives, frame_sum, outputs_of


def test_forces_do_not_depend_on_the_callers_mode() -> None:
    sample = MODALITY.sample()
    batch = sample.batch(range(6), sample.spec)
    model = schnet.Model(schnet.PRESETS["tiny"], sample.spec).double()
    graph = derivatives(model, batch, keep_graph=True)
    with torch.no_grad():
        plain = derivatives(model, batch)
    assert graph.forces.requires_grad
    assert not plain.forces.requires_grad
    assert not plain.energies.requires_grad
    assert torch.equal(plain.forces, graph.forces.detach())
    assert plain.forces.shape == (len(batch.numbers), 3, 2)
    assert derivatives(model, batch, columns=1).forces.shape[-1] == 1
    assert torch.allclose(frame_sum(plain.forces[..., 0], batch), torch.zeros(6, 3, dtype=torch.float64), atol=1e-10)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    alone = sample.batch(sample.odd["one atom"], sample.spec)
    assert torch.equal(derivatives(model, alone).forces, torch.zeros(1, 3, 2, dtype=torch.float64))
    open_ = derivatives(model, batch, stress=True).stress
    assert open_ is not None
    assert bool(open_.isnan().all())


def test_what_no_network_can_be_is_refused() -> None:
    with pytest.raises(UsageError, match="a cutoff must be above 0"):
        schnet.Model(replace(schnet.PRESETS["tiny"], cutoff=0.0), AtomsSpec())
    with pytest.raises(UsageError, match="elements up to 99"):
        schnet.Model(schnet.PRESETS["tiny"], AtomsSpec(elements=(1, 104)))
    assert outputs_of(AtomsSpec()) == 1
    assert outputs_of(MODALITY.sample().spec) == 2
