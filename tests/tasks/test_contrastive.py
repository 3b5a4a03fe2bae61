"""The contrast of views, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.molecules.samples import batch_of
from hooke.models import gine
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.contract import seeded
from hooke.tasks.contrastive import Config, Task
from hooke.testing.tasks import check_task


def test_two_equal_views_of_two_molecules() -> None:
    task = Task(Config(share=0.0, temperature=0.5), MoleculeSpec())
    torch.manual_seed(0)
    network, batch = task.network(gine.Model(gine.PRESETS["tiny"])), batch_of(["CCO", "c1ccccc1"])
    first, second = torch.nn.functional.normalize(network(batch)["projection"], dim=1)
    cosine = float((first @ second).detach())
    own, other = math.exp(1 / 0.5), math.exp(cosine / 0.5)
    found = task.losses(network, batch, 0, seeded(0))["loss"]
    assert float(found.detach()) == pytest.approx(-math.log(own / (own + 2 * other)), rel=1e-4)


def test_views_differ() -> None:
    task = Task(Config(share=0.5), MoleculeSpec())
    network, batch = task.network(gine.Model(gine.PRESETS["tiny"])), batch_of(["CCOCCN", "c1ccccc1"])
    seen = []
    network.encoder.register_forward_hook(lambda module, arguments, output: seen.append(arguments[0].atom_codes))
    task.losses(network, batch, 0, seeded(0))
    assert not torch.equal(*seen)


def test_contract_with_masking() -> None:
    check_task("contrastive", Config(augmentation="masking", share=0.4))
    with pytest.raises(UsageError, match="above 0"):
        Config(temperature=0.0)
