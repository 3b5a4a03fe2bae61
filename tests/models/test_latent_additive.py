"""The latent additive model: an untrained gene has an encoding that nothing has touched, so it is flagged."""

from __future__ import annotations

import torch

from hooke.modalities import modality
from hooke.models.latent_additive import PRESETS, Model

SAMPLE = modality("perturbations").sample()


def test_what_was_done_adds_to_the_state_of_the_cells() -> None:
    torch.manual_seed(0)
    model = Model(PRESETS["tiny"], SAMPLE.spec).double().eval()
    batch = SAMPLE.batch([0, 2], SAMPLE.spec)
    nothing = SAMPLE.batch([0, 2], SAMPLE.spec)
    basal = model(batch) - model.perturbed(batch)
    assert torch.allclose(basal, model(nothing) - model.perturbed(nothing))
    assert model.basal is not None
    assert not Model.reads_graph


def test_only_the_perturbed_gene_gets_a_gradient() -> None:
    model = Model(PRESETS["tiny"], SAMPLE.spec).double()
    model(SAMPLE.batch([0], SAMPLE.spec)).square().sum().backward()
    assert model.genes.grad is not None
    touched = model.genes.grad.abs().sum(1) > 0
    assert [SAMPLE.spec.graph.genes[row] for row in touched.nonzero()[:, 0].tolist()] == ["A"]
