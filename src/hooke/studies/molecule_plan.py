"""What pretraining on the published mixtures would need, before anything runs: parameters, FLOPs, memory, accelerator hours.

    FLOPs of a step and molecule = 3 × forward, counted on the meta device over molecules of pocketmix, heads included
    seconds = molecules × epochs × FLOPs / (devices × peak × utilisation)
    memory of a device = weights + gradients + optimiser state + activations of its share of the batch

When they are divided among devices, each has its part of weights, gradients and state, and what is gathered at a time besides.

Activations are those of bfloat16, half of what is counted in 32 bits; weights, gradients and optimiser state have 32 bits.

The utilisation is the one number that is assumed and not computed; gathering neighbours is bound by memory, so it is far below that of
a Transformer on images. Graphium's and MolGPS's throughput on GPUs is not published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from importlib import resources
from typing import Any

import polars as pl
import torch

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import Recipe
from hooke.inference.network import build_network, build_task
from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.encodings.config import EncodingConfig, add_encodings
from hooke.molecules.featurise import featurise
from hooke.molecules.parse import parse
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.dry import dry_cost
from hooke.studies.image_plan import DEVICES, GIBI, STATE_NUMBERS

MIXTURES = {"toymix": 153_000, "largemix": 5_400_829, "ultralarge": 83_000_000}  # rows, as their cards state
SAMPLE = 64  # molecules whose mean is taken
_NARROW = 10_000_000
_TOLERANCE = 0.05  # of a wanted number of parameters


@dataclass(frozen=True)
class MoleculePlan:
    """One row of the table.

    Attributes:
        recipe: Its name.
        mixture: Data set.
        labels: Of it.
        molecules: Of an epoch.
        parameters: Encoder and heads.
        encoder_parameters: Without the heads.
        width: Of the nodes.
        atoms: Heavy atoms of a molecule, the mean of the sample.
        step_flops: Of one molecule, forward and backward.
        total_flops: Of the whole run.
        state_gib: Weights, gradients, optimiser state and average, on one device.
        activations_gib: Of a device's share of a batch, in bfloat16.
        fits: Whether both fit 90% of a device's memory.
        molecules_per_second: Over all devices.
        hours: Wall time.
        device_hours: Wall time × devices.
    """

    recipe: str
    mixture: str
    labels: int
    molecules: int
    parameters: int
    encoder_parameters: int
    width: int
    atoms: float
    step_flops: int
    total_flops: float
    state_gib: float
    activations_gib: float
    fits: bool
    molecules_per_second: float
    hours: float
    device_hours: float


def plan_molecules(
    recipe: Recipe,
    *,
    parameters: Sequence[int] = (),
    mixtures: Sequence[str] = tuple(MIXTURES),
    molecules: int = 0,
    device: str = "h100-80",
    devices: int = 0,
    utilisation: float = 0.1,
    sharded: bool | None = None,
) -> list[MoleculePlan]:
    """What training a recipe's model on the published mixtures would need.

    Args:
        recipe: Of molecules; its model, task, encodings and training.
        parameters: Of encoders to plan besides or instead: the recipe's encoder made wider or narrower; none takes it as it is.
        mixtures: Which.
        molecules: Of an epoch, instead of the mixtures' own numbers.
        device: Accelerator.
        devices: How many; 0 takes the recipe's.
        utilisation: Share of the device's peak that is reached.
        sharded: Divide weights, gradients and optimiser state among the devices; None as the recipe says.

    Raises:
        UnknownNameError: No such mixture or device.
        UsageError: Numbers that make no run.
    """
    for name in mixtures:
        if name not in MIXTURES:
            raise UnknownNameError("mixture", name, MIXTURES)
    if device not in DEVICES:
        raise UnknownNameError("device", device, DEVICES)
    if not 0 < utilisation <= 1 or molecules < 0 or devices < 0:
        raise UsageError(
            f"utilisation must lie in (0, 1], counts at 0 or above; got {utilisation}, {molecules}, {devices}"
        )
    configs = [widened(recipe, wanted) for wanted in parameters] or [recipe.model.config]
    train = replace(recipe.train, devices=max(devices or recipe.train.devices, 1), sharded=False)
    batch = sample_batch(recipe.encodings)
    rows = []
    for config in configs:
        for name in mixtures:
            found = _measure(recipe, config, name, batch)
            rows.append(
                _assemble(
                    recipe, name, molecules or MIXTURES[name], found, DEVICES[device], train.devices, utilisation,
                    recipe.train.sharded if sharded is None else sharded,
                )
            )  # fmt: skip
    return rows


def sample_batch(encodings: EncodingConfig) -> MoleculeBatch:
    """Molecules of the embedded data set, evenly spaced, with these encodings."""
    with resources.as_file(resources.files("hooke.datasets") / "data" / "pocketmix.parquet") as path:
        texts = pl.read_parquet(path, columns=["smiles"])["smiles"].to_list()
    chosen = texts[:: max(1, len(texts) // SAMPLE)][:SAMPLE]
    return collate(MoleculeSlice(add_encodings(featurise([parse(text) for text in chosen]), encodings)))


def widened(recipe: Recipe, wanted: int) -> Any:
    """The recipe's model with its widths scaled together until its encoder has so many parameters.

    Depth and heads stay, as in MolGPS's scaling of width.

    Raises:
        UsageError: No width comes within 5% of it.
    """
    best, count = _nearest(recipe, wanted)
    if abs(count - wanted) > _TOLERANCE * wanted:
        raise UsageError(f"no width of {recipe.model.name} gives {wanted:,} parameters; the nearest is {count:,}")
    return best


def _nearest(recipe: Recipe, wanted: int) -> tuple[Any, int]:
    """The options whose encoder is nearest in parameters, and those."""
    config = recipe.model.config
    low, high = 1 / 64, 1024.0
    best, best_count = config, encoder_parameters(recipe, config)
    for _ in range(28):
        middle = (low * high) ** 0.5
        trial = _scaled(config, middle)
        count = encoder_parameters(recipe, trial)
        if abs(count - wanted) < abs(best_count - wanted):
            best, best_count = trial, count
        low, high = (middle, high) if count < wanted else (low, middle)
    return best, best_count


def narrowed(recipe: Recipe, largest: int) -> tuple[Recipe, str]:
    """The recipe, with an encoder of ten million parameters if it has more than `largest`, and what was done in words: "" if nothing."""
    own = encoder_parameters(recipe, recipe.model.config)
    if own <= largest:
        return recipe, ""
    config, _ = _nearest(recipe, _NARROW)
    return replace(recipe, model=replace(recipe.model, config=config)), f" (encoder narrowed from {own:,})"


def _scaled(config: Any, factor: float) -> Any:
    heads = int(getattr(config, "heads", 1))  # must divide the width
    steps = {"width": heads, "edge_width": 1, "global_width": 1, "bond_width": 1}
    names = [field.name for field in fields(config) if field.name in steps]
    return replace(
        config, **{name: max(1, round(getattr(config, name) * factor / steps[name])) * steps[name] for name in names}
    )


def encoder_parameters(recipe: Recipe, config: Any) -> int:
    """Of an encoder of the recipe's kind with these options, built without numbers."""
    with torch.device("meta"):
        encoder = registry.module("models", recipe.model.name).Model(config, MoleculeSpec(encodings=recipe.encodings))
    return sum(parameter.numel() for parameter in encoder.parameters())


@dataclass(frozen=True)
class _Measured:
    labels: int
    parameters: int
    encoder_parameters: int
    width: int
    atoms: float
    gathered: int  # parameters that a process holds whole at a time when they are divided
    flops: float  # a molecule, forward
    activations: float  # bytes a molecule, bfloat16


def _measure(recipe: Recipe, config: Any, mixture: str, batch: MoleculeBatch) -> _Measured:
    module = registry.module("datasets", mixture)
    labels = module.Dataset(module.Config()).every_label
    task = build_task(recipe.task.name, recipe.task.config, labels, None)
    with torch.device("meta"):
        network = build_network(recipe.model.name, config, recipe.encodings, task)
    flops, kept = dry_cost(lambda: network.train()(batch), network)
    encoder: Any = network.encoder
    count = batch.num_graphs
    return _Measured(
        len(labels), _count(network), _count(encoder), int(encoder.node_width), batch.num_nodes / count, _gathered(network), flops / count,
        kept / 2 / count,
    )  # fmt: skip


def _gathered(network: torch.nn.Module) -> int:
    """What lies outside of the layers stays whole for a step; of the layers, two at a time do (see `train.shards`)."""
    layers = [_count(layer) for layer in getattr(network.encoder, "layers", [])]
    return _count(network) - sum(layers) + 2 * max(layers, default=0)


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _assemble(
    recipe: Recipe,
    mixture: str,
    molecules: int,
    found: _Measured,
    device: Any,
    devices: int,
    utilisation: float,
    sharded: bool,
) -> MoleculePlan:
    train = recipe.train
    step = round(3 * found.flops)
    numbers = 2 + STATE_NUMBERS[train.optimiser] + (train.ema > 0)  # weights, gradients, state, average
    state = 4.0 * numbers * found.parameters
    if sharded:  # weights and gradients of what is gathered besides
        state = state / devices + 4.0 * 2 * found.gathered
    activations = found.activations * train.batch_size
    speed = devices * device.peak_flops * utilisation / step
    seconds = molecules * train.epochs / speed
    return MoleculePlan(
        recipe=recipe.name,
        mixture=mixture,
        labels=found.labels,
        molecules=molecules,
        parameters=found.parameters,
        encoder_parameters=found.encoder_parameters,
        width=found.width,
        atoms=found.atoms,
        step_flops=step,
        total_flops=float(step) * molecules * train.epochs,
        state_gib=state / GIBI,
        activations_gib=activations / GIBI,
        fits=state + activations <= 0.9 * device.memory_gib * GIBI,
        molecules_per_second=speed,
        hours=seconds / 3600,
        device_hours=seconds / 3600 * devices,
    )


def table(rows: Sequence[MoleculePlan]) -> tuple[list[str], list[list[str]]]:
    """Header and rows for people."""
    header = [
        "mixture", "molecules", "labels", "width", "encoder", "with heads", "MFLOP a step and molecule", "state", "activations",
        "fits", "molecules/s", "hours", "GPU-hours",
    ]  # fmt: skip
    return header, [
        [
            row.mixture, f"{row.molecules:,}", f"{row.labels:,}", f"{row.width:,}", f"{row.encoder_parameters:,}",
            f"{row.parameters:,}", f"{row.step_flops / 1e6:,.1f}", f"{row.state_gib:.2f} GiB", f"{row.activations_gib:.2f} GiB",
            "yes" if row.fits else "no", f"{row.molecules_per_second:,.0f}", f"{row.hours:,.2f}", f"{row.device_hours:,.2f}",
        ]
        for row in rows
    ]  # fmt: skip
