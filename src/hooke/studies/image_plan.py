"""What a training run would need, before anything runs: parameters, FLOPs, memory, tokens a second, accelerator hours.

    FLOPs of a step and image = 3 × forward (4 × with activation checkpointing), counted on the meta device
    seconds = images × epochs × FLOPs / (devices × peak × utilisation)
    memory = weights + gradients + optimiser state + activations of a device's share of the batch

The utilisation is the one number that is assumed and not computed. Published runs imply what is reached in practice: MAE-L/8 on
PP-16M, 16 million crops × 500 epochs in 15,360 H100 hours (arXiv 2411.02572, second-hand), is about 0.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import Recipe
from hooke.images.batch import meta_batch
from hooke.images.spec import ImageSpec
from hooke.nn.flops import count_flops, kept_bytes
from hooke.nn.images.encoder import ImageEncoder, MaskedEncoder, PatchTokenEncoder

OptimiserName = Literal["adamw", "lion"]
STATE_NUMBERS = {"adamw": 2, "lion": 1}  # an optimiser keeps for each weight
GIBI = 2**30
IMAGE_COUNTS = (1_000_000, 10_000_000, 100_000_000)


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
class Settings:
    """How one would train."""

    channels: int = 6
    size: int = 256  # side of a crop in pixels
    mask_ratio: float = 0.75  # 0: every token passes through the encoder, and no decoder follows
    batch: int = 2048  # images a step, over all devices
    epochs: int = 100
    devices: int = 16
    device: str = "h100-80"
    utilisation: float = 0.3  # share of the peak that is reached
    optimiser: OptimiserName = "lion"
    checkpointing: bool = False  # recompute activations in the backward pass
    average: bool = False  # keep an exponential moving average of the weights
    sharded: bool = False  # FSDP: weights, gradients and optimiser state divided among the devices


@dataclass(frozen=True)
class Plan:
    """One row of the table.

    Attributes:
        model: Registered name.
        preset: Of the model.
        parameters: All of them.
        encoder_parameters: Without the decoder.
        images: In the data set.
        tokens: Of an image, all channels counted where each has its own.
        visible: Tokens of an image that pass through the encoder.
        forward_flops: Of one image.
        step_flops: Of one image, forward and backward.
        total_flops: Of the whole run.
        state_gib: Weights, gradients, optimiser state and average, on one device.
        activations_gib: Of a device's share of a batch, in bfloat16.
        fits: Whether both fit 90% of a device's memory.
        accumulate: Steps of accumulation after which they would (1: none needed; 0: not even one image fits).
        images_per_second: Over all devices.
        tokens_per_second: Tokens of images, hidden ones counted, over all devices.
        hours: Wall time.
        device_hours: Wall time × devices.
    """

    model: str
    preset: str
    parameters: int
    encoder_parameters: int
    images: int
    tokens: int
    visible: int
    forward_flops: int
    step_flops: int
    total_flops: float
    state_gib: float
    activations_gib: float
    fits: bool
    accumulate: int
    images_per_second: float
    tokens_per_second: float
    hours: float
    device_hours: float


@dataclass(frozen=True)
class _Measured:
    parameters: int
    encoder_parameters: int
    tokens: int
    visible: int
    flops: int
    activations: float  # bytes an image, bfloat16
    inputs: float  # of these, what checkpointing keeps


def _measure(name: str, config: Any, settings: Settings) -> _Measured:
    channels = tuple(f"channel_{number + 1}" for number in range(settings.channels))
    with torch.device("meta"):
        model: ImageEncoder = registry.module("models", name).Model(config, ImageSpec(channels))
    batch = meta_batch(1, channels, settings.size)
    masked = isinstance(model, MaskedEncoder) and settings.mask_ratio > 0

    def forward() -> object:
        if not isinstance(model, MaskedEncoder) or not masked:
            return model(batch)
        noise = torch.empty(1, model.maskable(batch), device="meta")
        return model.reconstruct(batch, noise, settings.mask_ratio)

    model.train()
    flops = count_flops(forward)
    patches = isinstance(model, PatchTokenEncoder)
    kept = kept_bytes(forward, model, without_attention=patches) / 2  # float32 → bfloat16
    output = model.eval()(batch)
    places = output.tokens.shape[1] - output.class_tokens
    visible = int(places * (1 - settings.mask_ratio)) if masked and patches else places
    decoder = model.decoder if isinstance(model, MaskedEncoder) else nn.Module()
    all_parameters = sum(parameter.numel() for parameter in model.parameters())
    return _Measured(
        parameters=all_parameters,
        encoder_parameters=all_parameters - sum(parameter.numel() for parameter in decoder.parameters()),
        tokens=places,
        visible=visible,
        flops=flops,
        activations=kept,
        inputs=_block_inputs(model, visible + output.class_tokens, places + output.class_tokens, kept),
    )


def _block_inputs(model: nn.Module, visible: int, places: int, kept: float) -> float:
    """Bytes of the inputs of all blocks and of everything within the largest one, in bfloat16."""
    from hooke.nn.transformer import Transformer

    stacks = [(name, part) for name, part in model.named_modules() if isinstance(part, Transformer)]
    if not stacks:
        return kept
    total, blocks = 0.0, 0
    for name, stack in stacks:
        first: Any = stack.blocks[0] if len(stack.blocks) else None
        if first is None:
            continue
        width = next(part.normalized_shape[0] for part in first.modules() if isinstance(part, nn.LayerNorm))
        own = len([other for other, _ in stacks if other.startswith("decoder.stacks")]) or 1
        rows = visible if name.startswith("encoder") else places / own
        total += 2.0 * rows * width * len(stack.blocks)
        blocks += len(stack.blocks)
    return min(kept, total + kept / max(1, blocks))


def plan(model: str, preset: str, images: int, settings: Settings = Settings()) -> Plan:
    """What training one preset on so many images would need.

    Args:
        model: Registered image model.
        preset: Of that model.
        images: Crops of one epoch.
        settings: How.

    Raises:
        UnknownNameError: No such model, preset or device.
        UsageError: Numbers that make no run.
    """
    presets = registry.module("models", model).PRESETS
    if preset not in presets:
        raise UnknownNameError(f"preset of {model}", preset, presets)
    return plan_config(model, presets[preset], images, settings, name=preset)


def plan_config(model: str, config: Any, images: int, settings: Settings, *, name: str) -> Plan:
    """`plan` of a config that is no preset, called `name` in the table."""
    if settings.device not in DEVICES:
        raise UnknownNameError("device", settings.device, DEVICES)
    if min(images, settings.batch, settings.epochs, settings.devices) < 1 or not 0 < settings.utilisation <= 1:
        raise UsageError(
            f"images, batch, epochs and devices must be 1 or more, utilisation in (0, 1]; got {images}, {settings}"
        )
    return _assemble(model, name, images, settings, _measure(model, config, settings))


def plan_recipe(
    recipe: Recipe, *, image_counts: Sequence[int] = IMAGE_COUNTS, channels: int = 0, size: int = 0, **changes: Any
) -> list[Plan]:
    """What training by an image recipe would need, for several numbers of images.

    Args:
        recipe: Of images.
        image_counts: Crops of an epoch.
        channels: How many; 0 takes those that the recipe names, else 6.
        size: Side of a crop; 0 takes the recipe's, else 256.
        changes: Other fields of `Settings`: device, devices, utilisation, batch, sharded.

    Raises:
        UsageError: The recipe is about something else.
        UnknownNameError: No such device.
    """
    if recipe.domain != "images":
        raise UsageError(f"a plan is made for recipes on images; {recipe.name!r} is about {recipe.domain}")
    train = recipe.train
    values: dict[str, Any] = {
        "channels": channels or len(recipe.images.channels) or Settings.channels,
        "size": size or recipe.images.crop or Settings.size,
        "mask_ratio": getattr(recipe.task.config, "mask_ratio", 0.0),
        "batch": train.batch_size * train.accumulate * train.devices,
        "epochs": train.epochs,
        "devices": train.devices,
        "optimiser": train.optimiser,
        "checkpointing": recipe.images.recompute,
        "average": train.ema > 0,
    }
    settings = Settings(**{**values, **changes})
    first = plan_config(recipe.model.name, recipe.model.config, image_counts[0], settings, name=recipe.name)
    return [_scaled(first, images) for images in image_counts]


def plans(names: Sequence[tuple[str, str]], image_counts: Sequence[int], settings: Settings = Settings()) -> list[Plan]:
    """One row for each (model, preset) and number of images; each model is measured once."""
    rows = []
    for model, preset in names:
        first = plan(model, preset, image_counts[0], settings)
        rows += [_scaled(first, images) for images in image_counts]
    return rows


def _scaled(first: Plan, images: int) -> Plan:
    """The same run on another number of images."""
    factor = images / first.images
    return replace(
        first, images=images, total_flops=first.total_flops * factor, hours=first.hours * factor,
        device_hours=first.device_hours * factor,
    )  # fmt: skip


def _assemble(model: str, preset: str, images: int, settings: Settings, found: _Measured) -> Plan:
    device = DEVICES[settings.device]
    step = found.flops * (4 if settings.checkpointing else 3)
    numbers = 2 + STATE_NUMBERS[settings.optimiser] + settings.average  # weights, gradients, state, average
    state = 4.0 * numbers * found.parameters / (settings.devices if settings.sharded else 1)
    each = found.inputs if settings.checkpointing else found.activations
    share = -(-settings.batch // settings.devices)
    room = 0.9 * device.memory_gib * GIBI - state
    at_once = int(room // each) if room > 0 else 0
    speed = settings.devices * device.peak_flops * settings.utilisation / step
    seconds = images * settings.epochs / speed
    return Plan(
        model=model,
        preset=preset,
        parameters=found.parameters,
        encoder_parameters=found.encoder_parameters,
        images=images,
        tokens=found.tokens,
        visible=found.visible,
        forward_flops=found.flops,
        step_flops=step,
        total_flops=float(step) * images * settings.epochs,
        state_gib=state / GIBI,
        activations_gib=each * share / GIBI,
        fits=at_once >= share,
        accumulate=-(-share // at_once) if at_once else 0,
        images_per_second=speed,
        tokens_per_second=speed * found.tokens,
        hours=seconds / 3600,
        device_hours=seconds / 3600 * settings.devices,
    )


def table(rows: Sequence[Plan]) -> tuple[list[str], list[list[str]]]:
    """Header and rows for people."""
    header = [
        "images", "parameters", "tokens (visible)", "GFLOP a step and image", "state", "activations", "fits", "images/s",
        "tokens/s", "hours", "GPU-hours",
    ]  # fmt: skip
    return header, [
        [
            f"{row.images:,}", f"{row.parameters:,}", f"{row.tokens:,} ({row.visible:,})", f"{row.step_flops / 1e9:,.2f}",
            f"{row.state_gib:.2f} GiB", f"{row.activations_gib:.2f} GiB",
            "yes" if row.fits else f"with accumulate={row.accumulate}" if row.accumulate else "no",
            f"{row.images_per_second:,.0f}", f"{row.tokens_per_second:,.0f}", f"{row.hours:,.2f}", f"{row.device_hours:,.2f}",
        ]
        for row in rows
    ]  # fmt: skip
