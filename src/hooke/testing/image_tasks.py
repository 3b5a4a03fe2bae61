"""`check_image_task`: what every image task must do.

A task file has `Config` (frozen dataclass) and `Task(config, spec)`, a subclass of `nn.task.Task`. Without a config the checks use
`PRESETS["tiny"]` where the file has presets. It is tested around the tiny encoder of `ENCODER`, "vit" unless the file declares
another (name, {option: value}).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import torch

from hooke.core import registry
from hooke.images.spec import LEVEL
from hooke.nn.images.classification import column_names
from hooke.nn.task import Task
from hooke.testing.contract import require, require_equal, require_frozen_config, resolve_module, seeded
from hooke.testing.image_samples import SPEC, image_batch


def check_image_task(module: ModuleType | str, config: Any = None) -> None:
    """Run every check of `IMAGE_TASK_CHECKS` on a task file or a registered name.

    Raises:
        ContractError: The first check that fails, with what was found.
    """
    module = resolve_module("tasks", module)
    for check in IMAGE_TASK_CHECKS.values():
        check(module, config)


def build_image_task(module: ModuleType, config: Any, seed: int = 0) -> tuple[Task, Any]:
    """The task and its network around a tiny encoder, in float64."""
    name, options = getattr(module, "ENCODER", ("vit", {}))
    usual = getattr(module, "PRESETS", {}).get("tiny") or module.Config()
    task = module.Task(config or usual, SPEC)
    model = registry.module("models", name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = task.network(model.Model(replace(model.PRESETS["tiny"], **options), SPEC))
    return task, network.double()


def losses(module: ModuleType, config: Any) -> None:
    """A finite scalar loss and detached parts; every parameter gets a gradient; one generator state gives one result."""
    require_frozen_config(module)
    require(issubclass(module.Task, Task), f"{module.__name__}: Task is no nn.task.Task")
    require(module.Task.modality == "images", f"{module.__name__}: the modality is not 'images'")
    batch, found = image_batch(), []
    for _ in range(2):
        task, network = build_image_task(module, config)
        parts = task.losses(network.train(), batch, 0, seeded(1))
        require("loss" in parts, "losses returns no 'loss'")
        loss = parts["loss"]
        require(loss.ndim == 0 and bool(loss.isfinite()), f"the loss is not a finite scalar: {loss}")
        attached = [name for name, part in parts.items() if name != "loss" and part.requires_grad]
        require(not attached, f"parts that are not detached: {', '.join(attached)}")
        loss.backward()
        found.append(loss.detach())
        require(torch.equal(found[0], found[-1]), "two runs with equal generators differ")
    learned = {name for name, p in network.named_parameters() if p.requires_grad}
    fed = {name for name, p in network.named_parameters() if p.grad is not None and bool(p.grad.any())}
    unfed = learned - fed
    require(not unfed, f"no gradient: {', '.join(sorted(unfed))}")


def evaluation(module: ModuleType, config: Any) -> None:
    """In evaluation the loss is finite, changes nothing, and depends on the generator's state alone."""
    task, network = build_image_task(module, config)
    network.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        found = [task.losses(network, image_batch(), 3, seeded(1))["loss"] for _ in range(2)]
    require(bool(found[0].isfinite()) and torch.equal(*found), f"evaluation losses differ or are not finite: {found}")
    changed = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
    require(not changed, f"evaluation changes {', '.join(changed)}")


def embedding(module: ModuleType, config: Any) -> None:
    """The network embeds as its encoder does, from any block."""
    _, network = build_image_task(module, config)
    batch, network = image_batch(), network.eval()
    for block in (1, -1):
        expected = network.encoder.embed(batch, block=block)
        require_equal(network.embed(batch, block=block), expected, f"embed(block={block})", tolerance=0)


def learns(module: ModuleType, config: Any) -> None:
    """Thirty steps on one batch lower its loss."""
    task, network = build_image_task(module, config)
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], 2e-3)
    network, batch, values = network.float(), image_batch(), []
    for step in range(30):
        loss = task.losses(network.train(), batch, step, seeded(step % 2))["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(float(loss.detach()))
    require(
        sum(values[-4:]) < sum(values[:4]),
        f"the loss does not fall: {values[0]:.4g} at first, {values[-1]:.4g} at last",
    )


def predictions(module: ModuleType, config: Any) -> None:
    """One row an image, one column a name of `columns`; probabilities of classes sum to one; modes are left alone."""
    task, network = build_image_task(module, config)
    batch = image_batch()
    network.train()
    found = task.predict(network, batch)
    require(network.training, "predict leaves the network in another mode")
    names = task.columns(LEVEL)
    if not task.supervised:
        require(not found and not names, f"a task without labels predicts {sorted(found)} {names}")
        return
    require(set(found) == {LEVEL}, f"predict returns levels {sorted(found)}")
    rows = found[LEVEL]
    require(bool(names) and rows.shape == (batch.num_items, len(names)), "rows or columns do not fit")
    require(not rows.requires_grad and bool(rows.isfinite().all()), "predictions carry gradients or are not finite")
    order = [name for label in SPEC.labels for name in column_names(label)]
    require(
        names == [name for name in order if name in names], f"the columns are not those of the labels in order: {names}"
    )
    for label in SPEC.labels:
        columns = [names.index(name) for name in column_names(label) if name in names]
        if label.classes and columns:
            sums = rows[:, columns].sum(1)
            require_equal(sums, torch.ones_like(sums), f"{label.name}: sums of probabilities", tolerance=1e-6)


def unlabelled(module: ModuleType, config: Any) -> None:
    """A batch without any label has a finite loss and finite gradients."""
    task, network = build_image_task(module, config)
    batch = image_batch()
    empty = replace(batch, targets={LEVEL: torch.full_like(batch.targets[LEVEL], torch.nan)})
    loss = task.losses(network.train(), empty, 0, seeded(1))["loss"]
    require(bool(loss.isfinite()), f"the loss of a batch without labels is {loss}")
    loss.backward()
    if not task.supervised:
        task, other = build_image_task(module, config)
        alone = task.losses(other.train(), replace(batch, targets={}), 0, seeded(1))["loss"]
        require(torch.equal(alone, loss), "a task without labels gives another loss without targets")
    finite = all(bool(p.grad.isfinite().all()) for p in network.parameters() if p.grad is not None)
    require(finite, "the gradient of a batch without labels is not finite")


def state_round_trip(module: ModuleType, config: Any) -> None:
    """A network with the saved state of another one has the same loss; no tensor is saved twice."""
    task, network = build_image_task(module, config)
    _, other = build_image_task(module, config, seed=1)
    places = [value.data_ptr() for value in network.state_dict().values() if value.numel()]
    require(len(places) == len(set(places)), "two names of the state hold one tensor")
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        found = [task.losses(each.eval(), image_batch(), 0, seeded(1))["loss"] for each in (network, other)]
    require(torch.equal(*found), "state_dict does not hold all that the loss needs")


IMAGE_TASK_CHECKS: dict[str, Callable[[ModuleType, Any], None]] = {
    check.__name__: check
    for check in (losses, evaluation, embedding, learns, predictions, unlabelled, state_round_trip)
}
