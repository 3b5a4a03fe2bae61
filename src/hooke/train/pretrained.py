"""A recipe for fine-tuning: the model of a pretrained run, what its encoder depends on, and which changes it can honour.

What leaves a weight its meaning can be changed: probabilities of dropping or hiding something in training. Everything else of the model,
and what the encoder reads, is part of its structure, and is refused; but its depth can be another one where only its first layers are
taken (`TrainSection.start_from`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from hooke.core.errors import DataError, UsageError
from hooke.core.recipe import Named, Recipe, named_thing
from hooke.core.recipe_files import build
from hooke.core.runs import RunFolder
from hooke.inference.loaded import read_recipe
from hooke.modalities import NONE, trainable
from hooke.nn.depth import depth_of

_DROPS = re.compile(r"(^|_)dropout$|^hide_|^stochastic_depth$")  # options that can be changed
_MODEL = "model"


def adapted(recipe: Recipe, pretrained: Path, mode: str = "full", changes: Mapping[str, Any] = NONE) -> Recipe:
    """A recipe with the model of a pretrained run, and what of that run its encoder depends on.

    Args:
        recipe: Data, task and training.
        pretrained: The run.
        mode: "full", or "probe", which keeps the encoder frozen.
        changes: Section → option → value, of the model or of a section of the modality, that were asked for.

    Raises:
        UsageError: The run is about something else, or has no encoder; or an option would need another encoder.
    """
    run = RunFolder.open(pretrained)
    before = read_recipe(run)
    if before.modality != recipe.modality:
        raise UsageError(f"{pretrained} is about {before.modality}, the recipe {recipe.name!r} about {recipe.modality}")
    if before.has_estimator:
        raise UsageError(f"{pretrained} is a run of the estimator {before.model.name!r}, which has no encoder to adapt")
    rate = 0.0 if mode == "probe" else recipe.train.encoder_rate
    chosen = trainable(recipe.modality, "finetune").inherit(recipe, run)
    for name, section in chosen.sections.items():
        for option in changes.get(name, {}):
            wanted, had = getattr(recipe.sections[name], option), getattr(section, option)
            if wanted != had:
                raise _refusal(name, option, wanted, had, pretrained)
    model = _changed(before.model, changes.get(_MODEL, {}), pretrained, cut=recipe.train.start_from != "encoder")
    return replace(chosen, model=model, train=replace(recipe.train, encoder_rate=rate))


def _changed(model: Named, asked: Mapping[str, Any], pretrained: Path, *, cut: bool) -> Named:
    """The pretrained model with other probabilities; with another depth where its encoder is cut.

    Raises:
        UsageError: An unknown option, or one that the pretrained encoder fixes.
    """
    options = {name: value for name, value in asked.items() if name not in ("name", "preset")}
    name = asked.get("name", model.name)
    if name != model.name:
        raise _refusal(_MODEL, "name", name, model.name, pretrained)
    if "preset" in asked:
        preset = named_thing("models", {"name": model.name, "preset": asked["preset"]}, _MODEL, "").config
        options = {**asdict(preset), **options}
    chosen = build(type(model.config), {**asdict(model.config), **options}, _MODEL)
    for option, value in asdict(chosen).items():
        before = getattr(model.config, option)
        if value != before and not (_DROPS.search(option) or (cut and option == "depth")):
            raise _refusal(_MODEL, option, value, before, pretrained)
    return replace(model, config=chosen)


def cut_weights(
    weights: Mapping[str, Tensor], before: nn.Module, encoder: nn.Module, start_from: str
) -> dict[str, Tensor]:
    """The state of a new encoder, with the first layers of a pretrained one in their places.

    Args:
        weights: Of the pretrained encoder.
        before: The pretrained encoder, without weights.
        encoder: The new one.
        start_from: See `TrainSection.start_from`.

    Raises:
        UsageError: Either of the two has fewer layers.
        DataError: Their layers differ in more than their number.
    """
    old, new = depth_of(before), depth_of(encoder)
    last = int(start_from.partition(".")[2] or 0)
    if last > min(old.count, new.count):
        raise UsageError(
            f"train.start_from = {start_from}: the pretrained encoder has {old.count} layers and the new one {new.count}"
        )
    whole = last == old.count == new.count  # then what follows the last layer is taken as well
    wanted = {name for name, level in old.levels.items() if name in weights and (whole or level <= last)}
    own = encoder.state_dict()
    strange = sorted(name for name in wanted if name not in own or own[name].shape != weights[name].shape)
    if strange:
        raise DataError(f"these weights of the pretrained encoder have no place in the new one: {strange[:5]}")
    return {**own, **{name: weights[name] for name in wanted}}


def _refusal(section: str, name: str, value: Any, before: Any, pretrained: Path) -> UsageError:
    return UsageError(
        f"{section}.{name} = {value} needs another encoder than that of {pretrained}, which has {before}; "
        "leave it out, or train from scratch with `hooke fit`"
    )
