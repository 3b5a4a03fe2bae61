from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from hooke.core.errors import UsageError
from hooke.modalities import modality
from hooke.models import vit
from hooke.nn import contract
from hooke.tasks import masked_image, multitask, sit_v1


def test_require() -> None:
    contract.require(True, "fine")
    with pytest.raises(contract.ContractError, match="broken"):
        contract.require(False, "broken")


def test_require_equal() -> None:
    contract.require_equal(torch.ones(2), torch.ones(2) + 1e-12, "ones")
    contract.require_equal(torch.zeros(0), torch.zeros(0), "nothing")
    contract.require_equal(torch.tensor([1.0, torch.nan]), torch.tensor([1.0, torch.nan]), "NaN")
    for other, message in (
        (torch.ones(3), "shape"),
        (torch.ones(2) + 0.1, r"ones: differs by 0\.1"),
        (torch.tensor([1.0, torch.nan]), "differs by nan"),
    ):
        for pair in ((torch.ones(2), other), (other, torch.ones(2))):
            with pytest.raises(contract.ContractError, match=message):
                contract.require_equal(*pair, "ones")


def test_require_refusal() -> None:
    def refuse() -> None:
        raise UsageError("no")

    contract.require_refusal(refuse, "it")
    with pytest.raises(contract.ContractError, match="it is not refused"):
        contract.require_refusal(dict, "it")


def test_seeded() -> None:
    assert torch.equal(torch.rand(3, generator=contract.seeded(1)), torch.rand(3, generator=contract.seeded(1)))


def test_every_entry_mixes_in_its_own_way() -> None:
    rows = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    contract.mixture([rows, rows[:1]]).backward()
    assert rows.grad is not None
    assert len(rows.grad.unique()) == 6


def test_parameters_without_gradient() -> None:
    network = nn.ModuleDict({"layers": nn.ModuleList(nn.Linear(2, 2) for _ in range(3)), "frozen": nn.Linear(2, 2)})
    network["frozen"].requires_grad_(requires_grad=False)
    network["layers"][1](network["layers"][0](torch.ones(1, 2))).sum().backward()
    assert contract.parameters_without_gradient(network) == {"layers.last.weight", "layers.last.bias"}
    assert contract.finite_gradients(network)
    network["layers"][0].weight.grad.fill_(torch.inf)
    assert not contract.finite_gradients(network)


def test_models_to_check() -> None:
    case = contract.ModelCase(vit, modality("images"))
    models = [case.build(), case.build(), case.build(seed=1), case.build(vit.PRESETS["tiny_16"], training=True)]
    weights = [model.encoder.patches.weight for model in models]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert [model.training for model in models] == [False, False, False, True]
    assert weights[3].dtype == torch.float64
    assert models[3].patch == 16
    assert case.batch().num_items == case.sample.items
    assert case.batch([3, 1]).rows.tolist() == [3, 1]
    assert set(case.outputs(models[0], [2])) == {"field", "tokens"}


def test_tasks_to_check() -> None:
    images, molecules = modality("images"), modality("molecules")
    task, network = contract.TaskCase(sit_v1, images).build()
    assert network.training
    assert network.encoder.encoder.learned == 2
    assert isinstance(contract.TaskCase(masked_image, images).build()[0], masked_image.Task)
    given = multitask.Config(hidden_width=5)
    assert contract.TaskCase(multitask, molecules, given).config is given
    assert contract.TaskCase(multitask, molecules).config == multitask.Config()
    presets = SimpleNamespace(PRESETS={"tiny": given}, Config=multitask.Config)
    assert contract.TaskCase(presets, molecules).config is given
    case = contract.TaskCase(multitask, molecules)
    bare = replace(case.sample.spec, statistics={})
    (task, first), (other, second) = case.build(), case.build(spec=bare, seed=1)
    assert task.spec is case.sample.spec
    assert other.spec is bare
    assert first.heads["graph"].mean.any()
    assert not second.heads["graph"].mean.any()
    assert not torch.equal(first.heads["node"].layers[0].weight, second.heads["node"].layers[0].weight)
    assert case.batch([4, 0]).rows.tolist() == [4, 0]
