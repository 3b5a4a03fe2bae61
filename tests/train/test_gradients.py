"""Norms of the parts' gradients: as written out, without a trace in the network, none for a frozen encoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from hooke.core.label import Label
from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.models import gine
from hooke.molecules.spec import MoleculeSpec
from hooke.tasks import combined, multitask
from hooke.train.loop import gradient_norms

LABELS = (Label("a"), Label("b", kind="binary"))


def network_of(task: Any) -> nn.Module:
    torch.manual_seed(0)
    return task.network(gine.Model(gine.Config(width=8, depth=1, dropout=0.5), MoleculeSpec()))


def test_as_written_out() -> None:
    task = multitask.Task(multitask.Config(), MoleculeSpec(LABELS))
    network, batch = network_of(task).train(), batch_of(SMILES, labels=LABELS)
    found = gradient_norms(network, task, batch, 0)
    assert set(found) == {"graph/a", "graph/b"}
    assert network.training
    assert all(module.training for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())
    network.eval()
    task.parts(network, batch, 0, torch.Generator().manual_seed(0))["graph/a"].backward()
    grads = [parameter.grad.flatten() for parameter in network.encoder.parameters() if parameter.grad is not None]
    assert found["graph/a"] == pytest.approx(float(torch.cat(grads).norm()), rel=1e-5)


def test_objectives_are_the_parts_of_a_combination() -> None:
    config = combined.Config({"multitask": {"weight": 2.0}, "attribute_masking": {}})
    task = combined.Task(config, MoleculeSpec(LABELS))
    network, batch = network_of(task), batch_of(SMILES, labels=LABELS)
    found = gradient_norms(network, task, batch, 0)
    assert set(found) == {"multitask", "attribute_masking"}
    assert min(found.values()) > 0


def test_a_task_without_parts_has_one() -> None:
    from hooke.tasks import attribute_masking

    task = attribute_masking.Task(attribute_masking.Config(), MoleculeSpec())
    assert set(gradient_norms(network_of(task), task, batch_of(SMILES), 0)) == {"loss"}


def test_a_frozen_encoder_has_no_gradient() -> None:
    task = multitask.Task(multitask.Config(), MoleculeSpec(LABELS))
    network = network_of(task)
    network.encoder.requires_grad_(requires_grad=False)
    assert gradient_norms(network, task, batch_of(SMILES, labels=LABELS), 0) == {}
