"""What training by a recipe would need, before anything runs: parameters, FLOPs, memory, throughput, accelerator hours.

    FLOPs of a step and item = 3 × forward (4 × where activations are recomputed)
    seconds = items × epochs × FLOPs / (devices × peak × utilisation)
    memory of a device = weights + gradients + optimiser state + activations of its batch

The forward pass, that of the objective's losses, is counted on the meta device over a sample of the modality. Weights, gradients
and state have 32 bits, activations those of bfloat16, half of what is counted. Divided among devices (FSDP), each holds its part of
the state, and besides whole weights and gradients of what is gathered at a time.

The utilisation is the one number that is assumed and not computed. A published run says what is reached in practice: MAE-L/8 on
PP-16M, 16 million crops × 500 epochs in 15,360 H100 hours (arXiv 2411.02572, second-hand), is about 0.1. Graphium's and MolGPS's
throughput on GPUs is not published.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import nn

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.json_text import json_text
from hooke.core.recipe import Recipe
from hooke.core.types import Spec
from hooke.inference.network import build_network, build_task
from hooke.modalities import Sample, Trainable, trainable
from hooke.nn.dry import dry_cost, dry_pass
from hooke.nn.task import Task
from hooke.nn.transformer import Transformer
from hooke.train.shards import stacked_blocks

STATE_NUMBERS = {"adamw": 2, "lion": 1}  # an optimiser keeps for each weight
GIBI = 2**30
_WIDTHS = ("width", "edge_width", "global_width", "bond_width")  # options of a model that are scaled together


@dataclass(frozen=True)
class Device:
    """An accelerator: its dense bfloat16 peak as its maker states it, and its memory."""

    peak_flops: float  # per second
    memory_gib: float


DEVICES: dict[str, Device] = {
    "a100-80": Device(312e12, 80),
    "h100-80": Device(989e12, 80),
    "h200-141": Device(989e12, 141),
}


@dataclass(frozen=True)
class Plan:
    """One row of the table.

    Attributes:
        recipe: Its name.
        model: Registered name.
        data: What is trained on, as the modality names it.
        unit: What its items are.
        items: Of an epoch.
        labels: That are learnt.
        parameters: Of the whole network.
        encoder_parameters: Without decoder and heads.
        width: Of an embedding.
        tokens: Of an item, the mean of the sample: atoms; patches, all channels counted where each has its own.
        visible: Tokens of an item that pass through the encoder.
        forward_flops: Of one item.
        step_flops: Of one item, forward and backward.
        total_flops: Of the whole run.
        state_gib: Weights, gradients, optimiser state and average, on one device.
        gathered_gib: Whole weights and gradients that a device holds besides, where they are divided among devices.
        activations_gib: Of a device's batch, in bfloat16.
        fits: Whether all of it fits 90% of a device's memory.
        accumulate: Into how many batches a device's one must be cut for that (1: none needed; 0: not even one item fits).
        items_per_second: Over all devices.
        tokens_per_second: Hidden ones counted, over all devices.
        hours: Wall time.
        device_hours: Wall time × devices.
    """

    recipe: str
    model: str
    data: str
    unit: str
    items: int
    labels: int
    parameters: int
    encoder_parameters: int
    width: int
    tokens: float
    visible: float
    forward_flops: int
    step_flops: int
    total_flops: float
    state_gib: float
    gathered_gib: float
    activations_gib: float
    fits: bool
    accumulate: int
    items_per_second: float
    tokens_per_second: float
    hours: float
    device_hours: float


def plan_recipe(
    recipe: Recipe,
    *,
    data: Sequence[str] = (),
    parameters: Sequence[int] = (),
    device: str = "h100-80",
    devices: int = 0,
    utilisation: float | None = None,
    sharded: bool | None = None,
    **options: int,
) -> list[Plan]:
    """What training by a recipe would need, for several sizes of data.

    Args:
        recipe: Of any modality.
        data: Only these of the modality's `plan_sizes`.
        parameters: Of encoders to plan instead of the recipe's: its own made wider or narrower.
        device: Accelerator.
        devices: How many; 0 takes the recipe's.
        utilisation: Share of the device's peak that is reached; None takes the modality's.
        sharded: Divide weights, gradients and optimiser state among the devices; None as the recipe says.
        options: Counts that the modality knows (`plan_options`): channels, molecules.

    Raises:
        UnknownNameError: No such data or device.
        UsageError: Numbers that make no run, an option that the modality does not know, or nothing to plan.
    """
    modality = trainable(recipe.modality, "fit --dry-run")
    if recipe.has_estimator:
        raise UsageError(f"{recipe.model.name} is an estimator: it takes no accelerator, nothing needs planning")
    for name in options:
        if name not in modality.plan_options:
            raise UsageError(f"{name} is no option of a plan for {modality.name}")
    share = modality.utilisation if utilisation is None else utilisation
    if not 0 < share <= 1 or min(devices, *options.values(), 0) < 0:
        raise UsageError(f"utilisation must lie in (0, 1], counts at 0 or above; got {share}, {devices}, {options}")
    if device not in DEVICES:
        raise UnknownNameError("device", device, DEVICES)
    sizes = modality.plan_sizes(options)
    for name in data:
        if name not in sizes:
            raise UnknownNameError(f"data of a plan for {modality.name}", name, sizes)
    samples = {name: modality.plan_sample(recipe, name, options) for name in data or sizes}
    spec = next(iter(samples.values())).spec
    machines = _Machines(
        DEVICES[device],
        devices or recipe.train.devices * recipe.train.nodes,
        share,
        recipe.train.sharded if sharded is None else sharded,
    )
    rows = []
    for variant in [widened(recipe, wanted, spec) for wanted in parameters] or [recipe]:
        costs: dict[str, _Cost] = {}
        for name, sample in samples.items():
            key = json_text(sample.spec.to_json())
            if key not in costs:
                costs[key] = _measure(modality, variant, sample)
            rows.append(_assemble(variant, name, sizes[name], costs[key], machines))
    return rows


def widened(recipe: Recipe, wanted: int, spec: Spec, *, tolerance: float = 0.05) -> Recipe:
    """The recipe with its model's widths scaled together until the encoder has so many parameters.

    Depth and heads stay, as in MolGPS's scaling of width.

    Args:
        recipe: With any model that has a width.
        wanted: Number of parameters.
        spec: Of the data.
        tolerance: The largest miss, as a share of `wanted`.

    Raises:
        UsageError: No width comes so near.
    """
    low, high = 1 / 64, 1024.0
    best, best_count = recipe, encoder_parameters(recipe, spec)
    for _ in range(28):
        middle = (low * high) ** 0.5
        trial = replace(recipe, model=replace(recipe.model, config=_scaled(recipe.model.config, middle)))
        count = encoder_parameters(trial, spec)
        if abs(count - wanted) < abs(best_count - wanted):
            best, best_count = trial, count
        low, high = (middle, high) if count < wanted else (low, middle)
    if abs(best_count - wanted) > tolerance * wanted:
        raise UsageError(f"no width of {recipe.model.name} gives {wanted:,} parameters; the nearest is {best_count:,}")
    return best


def _scaled(config: Any, factor: float) -> Any:
    heads = int(getattr(config, "heads", 1))  # must divide the width
    steps = {name: heads if name == "width" else 1 for name in _WIDTHS}
    names = [field.name for field in fields(config) if field.name in steps]
    return replace(
        config, **{name: max(1, round(getattr(config, name) * factor / steps[name])) * steps[name] for name in names}
    )


def encoder_parameters(recipe: Recipe, spec: Spec) -> int:
    """Of the recipe's encoder for such data, without its decoder; built without numbers."""
    model, task = registry.module("models", recipe.model.name).Model, build_task(recipe.task, spec)
    with torch.device("meta"):
        encoder = trainable(recipe.modality, "fit").encoder(model, recipe.model.config, task.inputs(spec))
    return _encoder_count(encoder)


def _encoder_count(encoder: nn.Module) -> int:
    return _count(encoder.parameters()) - _count(getattr(encoder, "decoder", nn.Module()).parameters())


def _count(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


@dataclass(frozen=True)
class _Machines:
    device: Device
    count: int
    utilisation: float
    sharded: bool


@dataclass(frozen=True)
class _Cost:
    labels: int
    parameters: int
    encoder_parameters: int
    gathered: int  # parameters that a process holds whole at a time when they are divided
    width: int
    tokens: float
    visible: float
    flops: int  # an item, forward
    passes: int  # of this cost in a step
    activations: float  # bytes an item, bfloat16


def _measure(modality: Trainable, recipe: Recipe, sample: Sample) -> _Cost:
    task, batch = build_task(recipe.task, sample.spec), sample.batch(range(sample.items), sample.spec)
    with torch.device("meta"):
        network: Any = build_network(modality, recipe.model, sample.spec, task)
    modality.configure(network, recipe)
    tokens, visible = dry_pass(lambda: modality.plan_tokens(recipe, network.eval().encoder, batch))
    network.train()
    flops, kept = _step_cost(task, network, batch)
    stacks = [part for part in network.modules() if isinstance(part, Transformer) and part.checkpointing]
    if stacks:  # besides what is kept of each block, all of the one that is recomputed
        for stack in stacks:
            stack.checkpointing = False
        _, whole = _step_cost(task, network, batch)
        kept += (whole - kept) / max(1, sum(len(stack.blocks) for stack in stacks))
    return _Cost(
        labels=len(sample.spec.labels) if recipe.learns_labels else 0,
        parameters=_count(network.parameters()),
        encoder_parameters=_encoder_count(network.encoder),
        gathered=_gathered(network),
        width=network.encoder.width,
        tokens=tokens,
        visible=visible,
        flops=round(flops / batch.num_items),
        passes=4 if stacks else 3,
        activations=kept / 2 / batch.num_items,
    )


def _step_cost(task: Task, network: nn.Module, batch: Any) -> tuple[int, float]:
    return dry_cost(lambda: task.losses(network, batch, 0, torch.Generator().manual_seed(0))["loss"], network)


def _gathered(network: nn.Module) -> int:
    """What lies outside of stacks stays whole for a step; of their blocks, two at a time do (see `train.shards`)."""
    blocks = stacked_blocks(network)
    within = {parameter for block in blocks for parameter in block.parameters()}
    largest = max((_count(block.parameters()) for block in blocks), default=0)
    return _count(network.parameters()) - _count(within) + 2 * largest


def _assemble(recipe: Recipe, data: str, items: int, cost: _Cost, machines: _Machines) -> Plan:
    train, device = recipe.train, machines.device
    step = cost.passes * cost.flops
    numbers = 2 + STATE_NUMBERS[train.optimiser] + (train.ema > 0)  # weights, gradients, state, average
    state = 4.0 * numbers * cost.parameters / (machines.count if machines.sharded else 1)
    gathered = 4.0 * 2 * cost.gathered if machines.sharded else 0.0
    room = 0.9 * device.memory_gib * GIBI - state - gathered
    at_once = int(room // cost.activations) if room > 0 else 0
    speed = machines.count * device.peak_flops * machines.utilisation / step
    hours = items * train.epochs / speed / 3600
    return Plan(
        recipe=recipe.name,
        model=recipe.model.name,
        data=data,
        unit=trainable(recipe.modality, "fit").unit,
        items=items,
        labels=cost.labels,
        parameters=cost.parameters,
        encoder_parameters=cost.encoder_parameters,
        width=cost.width,
        tokens=cost.tokens,
        visible=cost.visible,
        forward_flops=cost.flops,
        step_flops=step,
        total_flops=float(step) * items * train.epochs,
        state_gib=state / GIBI,
        gathered_gib=gathered / GIBI,
        activations_gib=cost.activations * train.batch_size / GIBI,
        fits=at_once >= train.batch_size,
        accumulate=-(-train.batch_size // at_once) if at_once else 0,
        items_per_second=speed,
        tokens_per_second=speed * cost.tokens,
        hours=hours,
        device_hours=hours * machines.count,
    )


def table(rows: Sequence[Plan]) -> tuple[list[str], list[list[str]]]:
    """Header and rows for people."""
    unit = rows[0].unit
    header = [
        unit, "data", "labels", "width", "parameters (encoder)", "tokens (visible)", "MFLOP a step and item", "state (gathered)",
        "activations", "fits", f"{unit}/s", "hours", "GPU-hours",
    ]  # fmt: skip
    return header, [
        [
            f"{row.items:,}", row.data, f"{row.labels:,}", f"{row.width:,}", f"{row.parameters:,} ({row.encoder_parameters:,})",
            f"{row.tokens:,.0f} ({row.visible:,.0f})", f"{row.step_flops / 1e6:,.1f}",
            f"{row.state_gib:.2f} ({row.gathered_gib:.2f}) GiB", f"{row.activations_gib:.2f} GiB",
            "yes" if row.fits else f"with accumulate={row.accumulate}" if row.accumulate else "no",
            f"{row.items_per_second:,.0f}", f"{row.hours:,.2f}", f"{row.device_hours:,.2f}",
        ]
        for row in rows
    ]  # fmt: skip
