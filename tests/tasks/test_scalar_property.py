"""Losses worked by hand, sums and means over atoms, digits in 64 bits, and names that are not there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hooke.atoms.spec import ATOM, FRAME, AtomsSpec
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.types import labels_of
from hooke.modalities.atoms import MODALITY
from hooke.models import painn
from hooke.nn.contract import seeded
from hooke.tasks.energy_forces import Config as EnergyConfig
from hooke.tasks.energy_forces import Task as EnergyTask
from hooke.tasks.scalar_property import Config, Task
from hooke.testing import check_task
from hooke.testing.tasks import task_case


def built(spec: AtomsSpec, config: Config | None = None) -> tuple[Task, Any]:
    task = Task(config or Config(), spec)
    torch.manual_seed(0)
    return task, task.network(painn.Model(painn.PRESETS["tiny"], task.inputs(spec))).double()


def spec_with_sums() -> AtomsSpec:
    spec = MODALITY.sample().spec
    shift = tuple(0.1 * number for number in spec.elements)
    return replace(spec, shift={**spec.shift, "dipole": shift}, scale={**spec.scale, "dipole": 0.5})


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_the_loss_is_the_formula(loss: Any, reduce: Any) -> None:
    sample, spec = MODALITY.sample(), spec_with_sums()
    task, network = built(spec, Config(reduce=reduce, loss=loss, huber_delta=0.3))
    batch = sample.batch(range(5), spec)
    found = (task.predict(network, batch)[FRAME] - batch.targets[FRAME][:, 1:])[:, 0]
    place = labels_of(spec, FRAME).index(spec.properties[0])
    counts = batch.offsets.diff()
    e = found / float(spec.statistics[FRAME].std[place]) if reduce == "mean" else found / counts / 0.5
    formulas = {"mse": e**2, "mae": e.abs(), "huber": torch.where(e.abs() < 0.3, e**2 / 2, 0.3 * (e.abs() - 0.15))}
    losses = task.losses(network, batch, 0, seeded(0))
    assert float(losses["loss"].detach()) == pytest.approx(float(formulas[loss].mean()), rel=1e-9)
    assert float(losses["standardised_mae"]) == pytest.approx(float(e.abs().mean()), rel=1e-9)


def test_sums_grow_with_the_system_and_means_do_not() -> None:
    sample, spec = MODALITY.sample(), spec_with_sums()
    apart = sample.batch(sample.odd["fragments apart"], spec)
    half = len(apart.numbers) // 2
    single = replace(
        apart, numbers=apart.numbers[:half], positions=apart.positions[:half], offsets=apart.offsets // 2, frame=apart.frame[:half]
    )  # fmt: skip
    for reduce, times in (("sum", 2.0), ("mean", 1.0)):
        task, network = built(spec, Config(reduce=reduce))  # type: ignore[arg-type]
        found, expected = (float(task.predict(network, batch)[FRAME]) for batch in (apart, single))
        assert found == pytest.approx(times * expected, rel=1e-9)


def test_predictions_keep_the_digits_of_large_numbers_in_networks_of_32_bits() -> None:
    sample = MODALITY.sample()
    statistics = {
        FRAME: sample.spec.statistics[FRAME]._replace(mean=np.array([0.0, 1e7 + 0.125]), std=np.array([1.0, 1e-3]))
    }
    spec = replace(sample.spec, statistics=statistics)
    task = Task(Config(), spec)
    network: Any = task.network(painn.Model(painn.PRESETS["tiny"], task.inputs(spec)))
    batch = sample.batch([0, 1], spec)
    batch = replace(batch, positions=batch.positions.float(), cell=batch.cell.float())
    assert task.predict(network, batch)[FRAME] == pytest.approx(1e7 + 0.125, abs=0.01)


def test_names_that_are_not_there_and_data_without_numbers_are_refused() -> None:
    spec = MODALITY.sample().spec
    with pytest.raises(UnknownNameError, match="unknown label 'dipol'. Did you mean 'dipole'"):
        Task(Config(labels=("dipol",)), spec)
    with pytest.raises(UsageError, match="the data hold none; energy_forces learns energies"):
        Task(Config(), spec.with_labels(spec.energies))


def test_each_task_of_frames_learns_its_own_labels() -> None:
    spec = MODALITY.sample().spec
    assert [label.name for label in Task.learnt(Config(), spec.labels)] == ["dipole"]
    assert [label.name for label in EnergyTask.learnt(EnergyConfig(), spec.labels)] == ["energy", "forces"]
    assert ATOM not in {label.level for label in Task.learnt(Config(labels=("dipole",)), spec.labels)}


def test_it_is_a_task_with_sums_too() -> None:
    assert task_case("scalar_property").learns_labels
    check_task("scalar_property", Config(reduce="sum", loss="huber"))
