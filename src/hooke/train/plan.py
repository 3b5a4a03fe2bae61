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
from hooke.nn.flops import count_flops, kept_bytes, meta_batch

OptimiserName = Literal["adamw", "lion"]
_STATE_NUMBERS = {"adamw": 2, "lion": 1}
_GIBI = 2**30


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
    mask_ratio: float = 0.75
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
        model: Any = registry.module("models", name).Model(config, channels)
    batch = meta_batch(1, channels, settings.size)
    masked = hasattr(model, "reconstruct")

    def forward() -> object:
        if not masked:
            return model(batch)
        noise = torch.empty(1, model.maskable(batch), device="meta")
        return model.reconstruct(batch, noise, settings.mask_ratio)

    model.train()
    flops = count_flops(forward)
    patches = hasattr(getattr(model, "encoder", None), "transformer")
    kept = kept_bytes(forward, model, without_attention=patches) / 2  # float32 → bfloat16
    output = model.eval()(batch)
    places = output.tokens.shape[1] - output.class_tokens
    visible = int(places * (1 - settings.mask_ratio)) if masked and patches else places
    decoder = model.decoder if masked else nn.Module()
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
    if settings.device not in DEVICES:
        raise UnknownNameError("device", settings.device, DEVICES)
    if min(images, settings.batch, settings.epochs, settings.devices) < 1 or not 0 < settings.utilisation <= 1:
        raise UsageError(
            f"images, batch, epochs and devices must be 1 or more, utilisation in (0, 1]; got {images}, {settings}"
        )
    return _assemble(model, preset, images, settings, _measure(model, presets[preset], settings))


def plans(names: Sequence[tuple[str, str]], image_counts: Sequence[int], settings: Settings = Settings()) -> list[Plan]:
    """One row for each (model, preset) and number of images; each model is measured once."""
    rows = []
    for model, preset in names:
        first = plan(model, preset, image_counts[0], settings)
        for images in image_counts:
            factor = images / first.images
            rows.append(
                replace(
                    first,
                    images=images,
                    total_flops=first.total_flops * factor,
                    hours=first.hours * factor,
                    device_hours=first.device_hours * factor,
                )
            )
    return rows


def _assemble(model: str, preset: str, images: int, settings: Settings, found: _Measured) -> Plan:
    device = DEVICES[settings.device]
    step = found.flops * (4 if settings.checkpointing else 3)
    numbers = 2 + _STATE_NUMBERS[settings.optimiser] + settings.average  # weights, gradients, state, average
    state = 4.0 * numbers * found.parameters / (settings.devices if settings.sharded else 1)
    each = found.inputs if settings.checkpointing else found.activations
    share = -(-settings.batch // settings.devices)
    room = 0.9 * device.memory_gib * _GIBI - state
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
        state_gib=state / _GIBI,
        activations_gib=each * share / _GIBI,
        fits=at_once >= share,
        accumulate=-(-share // at_once) if at_once else 0,
        images_per_second=speed,
        tokens_per_second=speed * found.tokens,
        hours=seconds / 3600,
        device_hours=seconds / 3600 * settings.devices,
    )
