"""`check_task`: what every molecule task must do.

A task file has `Config` (frozen dataclass) and `Task(config, spec)`, a `nn.task.Task`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import torch

from hooke.core import registry
from hooke.core.label import Label
from hooke.core.types import LabelStatistics
from hooke.modalities.molecules.permute import permuted
from hooke.modalities.molecules.samples import ENCODINGS, SMILES, slice_of
from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.spec import LEVELS, MoleculeSpec
from hooke.nn.graphs.network import Network
from hooke.nn.task import Task
from hooke.testing.contract import require, require_equal, require_frozen_config, resolve_module, seeded

LABELS = (
    Label("regression"),
    Label("binary", kind="binary"),
    Label("classes", kind="multiclass", classes=3),
    Label("ordered", kind="ordinal", classes=4),
    Label("second"),
    Label("charge", "node"),
    Label("bond_order", "edge"),
    Label("distance", "pair"),
)
STATISTICS = {
    level: LabelStatistics(np.full(count, 10), np.full(count, 3.0), np.full(count, 2.0))
    for level in LEVELS
    if (count := sum(label.level == level for label in LABELS))
}


def check_task(module: ModuleType | str, config: Any = None) -> None:
    """Run every check of `TASK_CHECKS` on a task file or a registered name.

    Raises:
        ContractError: The first check that fails, with what was found.
    """
    module = resolve_module("tasks", module)
    for check in TASK_CHECKS.values():
        check(module, config)


def build(
    module: ModuleType, config: Any, statistics: Mapping[str, LabelStatistics] = STATISTICS, seed: int = 0
) -> tuple[Task, Network]:
    """The task for `LABELS` and its network around the tiny GINE, in float64."""
    task = module.Task(config or module.Config(), MoleculeSpec(LABELS, encodings=ENCODINGS, statistics=statistics))
    model = registry.module("models", "gine")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = task.network(model.Model(model.PRESETS["tiny"], task.inputs(task.needs(task.spec))))
    return task, network.double()


def _slice(task: Task) -> MoleculeSlice:
    """Molecules with all that the task learns from."""
    return slice_of(SMILES, encodings=task.needs(task.spec).encodings, labels=LABELS)


def _batch(task: Task) -> MoleculeBatch:
    """The molecules of `_slice` as one batch."""
    return collate(_slice(task))


def losses(module: ModuleType, config: Any) -> None:
    """A finite scalar loss and detached parts; every parameter gets a gradient; one generator state gives one result."""
    require_frozen_config(module)
    require(issubclass(module.Task, Task), f"{module.__name__}: Task is not a Task of hooke.nn.task")
    require(module.Task.modality == "molecules", f"{module.__name__}: Task.modality is not 'molecules'")
    found = []
    for _ in range(2):
        task, network = build(module, config)
        parts = task.losses(network.train(), _batch(task), 0, seeded(1))
        require("loss" in parts, "losses returns no 'loss'")
        loss = parts["loss"]
        require(loss.ndim == 0 and bool(loss.isfinite()), f"the loss is not a finite scalar: {loss}")
        attached = [name for name, part in parts.items() if name != "loss" and part.requires_grad]
        require(not attached, f"parts that are not detached: {', '.join(attached)}")
        loss.backward()
        without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
        require(not without, f"no gradient: {', '.join(without)}")
        found.append(loss.detach())
    require(torch.equal(*found), "two runs with equal generators differ")


def unmeasured(module: ModuleType, config: Any) -> None:
    """A batch without any measurement has a finite loss and finite gradients."""
    task, network = build(module, config)
    batch = _batch(task)
    empty = replace(batch, targets={level: torch.full_like(rows, torch.nan) for level, rows in batch.targets.items()})
    loss = task.losses(network, empty, 0, seeded(1))["loss"]
    require(bool(loss.isfinite()), f"the loss of a batch without measurements is {loss}")
    loss.backward()
    if not task.learns_labels(task.config):
        alone = task.losses(network, replace(batch, targets={}), 0, seeded(1))["loss"]
        require(torch.equal(alone, loss), "a task without labels gives another loss with them")
    finite = all(bool(p.grad.isfinite().all()) for p in network.parameters() if p.grad is not None)
    require(finite, "the gradient of a batch without measurements is not finite")


def predictions(module: ModuleType, config: Any) -> None:
    """One row an item, one column a name of `columns`; probabilities of classes sum to one; modes are left alone."""
    task, network = build(module, config)
    batch = _batch(task)
    network.train()
    found = task.predict(network, batch)
    require(network.training, "predict leaves the network in another mode")
    if not task.learns_labels(task.config):
        require(not found, f"a task without labels predicts {sorted(found)}")
        require(not any(task.columns(level) for level in LEVELS), "a task without labels has columns")
        return
    require(set(found) == {label.level for label in LABELS}, f"predict returns levels {sorted(found)}")
    for level, rows in found.items():
        names = task.columns(level)
        require(
            rows.shape == (len(batch.targets[level]), len(names)), f"{level}: rows or columns do not fit the labels"
        )
        require(not rows.requires_grad and bool(rows.isfinite().all()), f"{level}: predictions carry gradients or NaN")
    names = task.columns("graph")
    columns = [names.index(f"classes[{k}]") for k in range(3)]
    require_equal(
        found["graph"][:, columns].sum(1), torch.ones(len(SMILES)).double(), "class probabilities", tolerance=1e-6
    )
    probability = found["graph"][:, names.index("binary")]
    require(bool(((probability >= 0) & (probability <= 1)).all()), "a binary prediction is no probability")


def statistics_are_saved(module: ModuleType, config: Any) -> None:
    """A task without statistics and a loaded network predict what the trained ones predict."""
    task, network = build(module, config)
    batch = _batch(task)
    other_task, other = build(module, config, {}, seed=1)
    other.load_state_dict(network.state_dict())
    expected = task.predict(network, batch)
    for level, rows in other_task.predict(other, batch).items():
        require_equal(rows, expected[level], f"{level} predictions after loading", tolerance=0)


def order_of_atoms_and_bonds(module: ModuleType, config: Any) -> None:
    """Predictions of all levels, bonds and pairs included, do not depend on order or direction."""
    task, network = build(module, config)
    molecules = _slice(task)
    other = permuted(molecules, np.random.default_rng(2))
    before = task.predict(network, collate(molecules))
    after = task.predict(network, collate(other.molecules))
    swapped = replace(collate(other.molecules), pair_index=torch.from_numpy(other.molecules.pair_index[::-1].copy()))
    order = {"node": torch.from_numpy(other.nodes), "edge": torch.from_numpy(other.bonds)}
    for level, rows in before.items():
        expected = rows[order[level]] if level in order else rows
        require_equal(after[level], expected, f"{level} predictions in another order of atoms and bonds")
    if "pair" in before:
        require_equal(task.predict(network, swapped)["pair"], before["pair"], "pair predictions with swapped ends")


TASK_CHECKS: dict[str, Callable[[ModuleType, Any], None]] = {
    check.__name__: check for check in (losses, unmeasured, predictions, statistics_are_saved, order_of_atoms_and_bonds)
}
