"""Losses worked by hand, labels that are missing, total energies in 64 bits, and refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from hooke.atoms.spec import ATOM, FRAME, AtomsSpec
from hooke.core.errors import UsageError
from hooke.modalities.atoms import MODALITY
from hooke.models import painn
from hooke.nn.atoms.energy_model import derivatives
from hooke.nn.contract import seeded
from hooke.tasks.energy_forces import Config, Task

METHOD = "other:made"


def built(spec: AtomsSpec, config: Config | None = None) -> tuple[Task, Any]:
    task = Task(config or Config(), spec)
    torch.manual_seed(0)
    return task, task.network(painn.Model(painn.PRESETS["tiny"], task.inputs(spec))).double()


def test_the_loss_is_the_formula() -> None:
    sample = MODALITY.sample()
    task, network = built(sample.spec, Config(energy_weight=2.0, force_weight=3.0))
    batch = sample.batch(range(5), sample.spec)
    found = derivatives(network, batch)
    energies = found.energies[:, 0] + network.offsets_of(batch)[:, 0]
    per_atom = (energies - batch.targets[FRAME][:, 0]) / batch.offsets.diff()
    pull = found.forces[..., 0] - batch.targets[ATOM]
    losses = task.losses(network, batch, 0, seeded(0))
    expected = 2 * (per_atom**2).mean() + 3 * (pull**2).mean()
    assert float(losses["loss"].detach()) == pytest.approx(float(expected), rel=1e-12)
    assert float(losses["energy_per_atom_mae"]) == pytest.approx(float(per_atom.abs().mean()), rel=1e-12)
    assert float(losses["force_mae"]) == pytest.approx(float(pull.abs().mean()), rel=1e-12)


def test_what_is_not_known_is_left_out_of_the_means() -> None:
    sample = MODALITY.sample()
    task, network = built(sample.spec)
    batch = sample.batch(range(4), sample.spec)
    frame, atom = batch.targets[FRAME].clone(), batch.targets[ATOM].clone()
    frame[1:, 0], atom[batch.frame > 0] = torch.nan, torch.nan
    hidden = replace(batch, targets={FRAME: frame, ATOM: atom})
    alone = sample.batch([0], sample.spec)
    assert float(task.losses(network, hidden, 0, seeded(0))["loss"].detach()) == pytest.approx(
        float(task.losses(network, alone, 0, seeded(0))["loss"].detach()), rel=1e-10
    )


def test_total_energies_keep_their_digits_in_networks_of_32_bits() -> None:
    sample = MODALITY.sample()
    spec = replace(sample.spec, e0={METHOD: tuple(-17_000.0 - number for number in sample.spec.elements)})
    task, network = built(spec)
    network = network.float()
    network.offsets = built(spec)[1].offsets
    batch = sample.batch(range(3), spec)
    double = built(spec)[1]
    assert task.predict(network, batch)[FRAME].dtype == torch.float64
    error = (task.predict(network, batch)[FRAME] - task.predict(double, batch)[FRAME]).abs().max()
    assert float(error) < 2e-5


def test_what_cannot_be_learnt_is_refused() -> None:
    sample = MODALITY.sample()
    with pytest.raises(UsageError, match="energies"):
        Task(Config(), sample.spec.with_labels(sample.spec.properties))
    with pytest.raises(UsageError, match="no energy that they are the derivative of"):
        [force] = sample.spec.forces
        Task(Config(), sample.spec.with_labels((*sample.spec.energies, replace(force, method="gfn2"))))
    with pytest.raises(ValueError, match="at least 0"):
        Config(energy_weight=0.0, force_weight=0.0)
    assert Task(Config(), sample.spec).columns(ATOM) == ["forces[x]", "forces[y]", "forces[z]"]
