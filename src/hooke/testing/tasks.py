"""`check_task`: what every task must do, on the sample of its modality, around the model of the modality's example.

A task file has `Config` (frozen dataclass) and `Task(config, spec)`, a `nn.task.Task` that states its `modality`; another model can
be named by `Task.example_model`. Without a config the checks use `PRESETS["tiny"]` where the file has presets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hooke.core.types import labels_of
from hooke.modalities import Trainable
from hooke.nn.contract import (
    TaskCase,
    finite_gradients,
    parameters_without_gradient,
    require,
    require_equal,
    seeded,
)
from hooke.nn.modes import evaluating
from hooke.nn.task import Task
from hooke.testing.contract import require_frozen_config, resolve_module, stated_modality
from hooke.testing.models import require_following, require_items

STEPS, LEARNING_RATE = 8, 2e-3


def check_task(module: ModuleType | str, config: Any = None) -> None:
    """Run the checks of `TASK_CHECKS` and those of the modality on a task file or a registered name.

    Raises:
        ContractError: The first check that fails, with what was found.
    """
    case = task_case(module, config)
    for check in task_checks(case).values():
        check(case)


def task_case(module: ModuleType | str, config: Any = None) -> TaskCase:
    """A task file or registered name with the sample of the modality that it states."""
    module = resolve_module("tasks", module)
    require_frozen_config(module)
    require(issubclass(module.Task, Task), f"{module.__name__}: Task is not a Task of hooke.nn.task")
    modality = stated_modality(module.Task, module.__name__)
    require(isinstance(modality, Trainable), f"{module.__name__}: {modality.name} are data alone")
    return TaskCase(module, modality, config)


def task_checks(case: TaskCase) -> dict[str, Callable[[TaskCase], None]]:
    """Name → check: those of all tasks, then those of its modality."""
    return {**TASK_CHECKS, **case.modality.checks().tasks}


def losses(case: TaskCase) -> None:
    """A finite scalar loss and detached parts; every parameter gets a gradient; one generator state gives one result."""
    found = []
    for _ in range(2):
        task, network = case.build()
        parts = task.losses(network, case.batch(), 0, seeded(1))
        require("loss" in parts, "losses returns no 'loss'")
        loss = parts["loss"]
        require(loss.ndim == 0 and bool(loss.isfinite()), f"the loss is not a finite scalar: {loss}")
        attached = [name for name, part in parts.items() if name != "loss" and part.requires_grad]
        require(not attached, f"parts that are not detached: {', '.join(attached)}")
        loss.backward()
        found.append(loss.detach())
    require(torch.equal(*found), "two runs with equal generators differ")
    without = parameters_without_gradient(network)
    require(not without, f"no gradient: {', '.join(sorted(without))}")


def evaluation(case: TaskCase) -> None:
    """In evaluation the loss is finite, changes nothing, and depends on the generator's state alone."""
    task, network = case.build()
    network.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = [_evaluated(task, network, case.batch(), step=3) for _ in range(2)]
    require(bool(found[0].isfinite()) and torch.equal(*found), f"evaluation losses differ or are not finite: {found}")
    changed = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
    require(not changed, f"evaluation changes {', '.join(changed)}")


def _evaluated(task: Task, network: Any, batch: Any, step: int = 0) -> Tensor:
    with torch.no_grad(), evaluating(network):
        return task.losses(network, batch, step, seeded(1))["loss"]


def embedding(case: TaskCase) -> None:
    """The network embeds as its encoder does."""
    _, network = case.build()
    network, batch = network.eval(), case.batch()
    require_equal(network.embed(batch), network.encoder.embed(batch), "embed", tolerance=0.0)


def learns(case: TaskCase) -> None:
    """Eight steps on one batch lower its loss."""
    task, network = case.build()
    network, batch, values = network.float(), case.batch(), []
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], LEARNING_RATE)
    for step in range(STEPS):
        loss = task.losses(network, batch, step, seeded(step % 2))["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(float(loss.detach()))
    falls = sum(values[-4:]) < sum(values[:4])
    require(falls, f"the loss does not fall: {values[0]:.4g} at first, {values[-1]:.4g} at last")


def predictions(case: TaskCase) -> None:
    """A row an item, columns of labels in order, probabilities that sum to one; nothing without labels; modes are left alone."""
    task, network = case.build()
    batch = case.batch()
    found = task.predict(network, batch)
    require(network.training, "predict leaves the network in another mode")
    columns = {level: names for level in case.modality.levels if (names := task.columns(level))}
    if not case.learns_labels:
        require(not found and not columns, f"a task without labels predicts {sorted(found)} {columns}")
        return
    require(bool(found) and found.keys() == columns.keys(), f"predict returns levels {sorted(found)}, not {[*columns]}")
    for level, rows in found.items():
        names = columns[level]
        shape = (len(batch.targets[level]), len(names))
        require(rows.shape == shape, f"{level}: {tuple(rows.shape)} predictions do not fit the labels, {shape}")
        require(not rows.requires_grad and bool(rows.isfinite().all()), f"{level}: predictions carry gradients or NaN")
        labels = labels_of(case.sample.spec, level)
        order = [name for label in labels for name in label.column_names if name in names]
        require(names == order, f"{level}: the columns are not those of the labels in order: {names}")
        for label in labels:
            if label.kind != "regression" and label.column_names[0] in names:
                probability = rows[:, [names.index(name) for name in label.column_names]]
                valid = bool(((probability >= 0) & (probability <= 1)).all())
                require(valid, f"{label.name}: a prediction is not a probability")
                sums = probability.sum(1)
                if label.classes:
                    require_equal(sums, torch.ones_like(sums), f"{label.name}: sums of probabilities", tolerance=1e-6)


def learnt_labels(case: TaskCase) -> None:
    """The loss depends on exactly the labels that are predicted."""
    if not case.learns_labels:
        return
    task, network = case.build()
    batch = case.batch()
    usual = _evaluated(task, network, batch)
    for level, targets in batch.targets.items():
        stop = 0
        for label in labels_of(case.sample.spec, level):
            without, start, stop = targets.clone(), stop, stop + label.width
            without[:, start:stop] = torch.nan
            learnt = not torch.equal(
                _evaluated(task, network, replace(batch, targets={**batch.targets, level: without})), usual
            )
            predicted = label.column_names[0] in task.columns(level)
            require(learnt == predicted, f"the label {label.name!r} is {'learnt' if learnt else 'predicted'} alone")


def unmeasured(case: TaskCase) -> None:
    """A batch without any measurement has a finite loss and finite gradients."""
    task, network = case.build()
    batch = case.batch()
    empty = replace(batch, targets={level: torch.full_like(rows, torch.nan) for level, rows in batch.targets.items()})
    loss = task.losses(network, empty, 0, seeded(1))["loss"]
    require(bool(loss.isfinite()), f"the loss of a batch without measurements is {loss}")
    loss.backward()
    require(finite_gradients(network), "the gradient of a batch without measurements is not finite")
    if not case.learns_labels:
        task, other = case.build()
        alone = task.losses(other, replace(batch, targets={}), 0, seeded(1))["loss"]
        require(torch.equal(alone, loss), "a task without labels gives another loss without targets")


def items(case: TaskCase) -> None:
    """An item is predicted alike alone, in a part of the batch and in another order."""
    if not case.learns_labels:
        return
    task, network = case.build()
    count = case.sample.items
    alone = [task.predict(network, case.batch([place])) for place in range(count)]
    for places in (range(count), range(count - 1, -1, -1)):
        require_items(task.predict(network, case.batch(places)), alone, places)


def symmetries(case: TaskCase) -> None:
    """The predictions follow, or do not notice, what is done to the batch."""
    if not case.learns_labels:
        return
    task, network = case.build()
    batch = case.batch()
    before = task.predict(network, batch)
    for symmetry in case.modality.symmetries:
        changed, follow = symmetry.change(batch, np.random.default_rng(2))
        require_following(before, task.predict(network, changed), follow, symmetry)


def state_round_trip(case: TaskCase) -> None:
    """A network with the saved state of another one has the same loss and predictions; no tensor is saved twice."""
    task, network = case.build()
    _, other = case.build(seed=1)
    places = [value.data_ptr() for value in network.state_dict().values() if value.numel()]
    require(len(places) == len(set(places)), "two names of the state hold one tensor")
    other.load_state_dict(network.state_dict())
    batch = case.batch()
    found = [_evaluated(task, each, batch) for each in (network, other)]
    require(torch.equal(*found), "state_dict does not contain everything the loss needs")
    expected = task.predict(network, batch)
    for level, rows in task.predict(other, batch).items():
        require_equal(rows, expected[level], f"{level} predictions after loading", tolerance=0.0)


TASK_CHECKS: dict[str, Callable[[TaskCase], None]] = {
    check.__name__: check
    for check in (
        losses, evaluation, embedding, learns, predictions, learnt_labels, unmeasured, items, symmetries, state_round_trip,
    )
}  # fmt: skip
