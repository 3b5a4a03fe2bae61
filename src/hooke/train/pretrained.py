"""A recipe for fine-tuning: the model of a pretrained run, what its encoder depends on, and which changes it can honour.

What leaves a weight its meaning can be changed: probabilities of dropping or hiding something in training. Everything else of the model,
and what the encoder reads, is part of its structure, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hooke.core.errors import UsageError
from hooke.core.recipe import Named, Recipe, named_thing
from hooke.core.recipe_files import build
from hooke.core.runs import RunFolder
from hooke.inference.loaded import read_recipe
from hooke.modalities import NONE, trainable

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
    model = _with_dropouts(before.model, changes.get(_MODEL, {}), pretrained)
    return replace(chosen, model=model, train=replace(recipe.train, encoder_rate=rate))


def _with_dropouts(model: Named, asked: Mapping[str, Any], pretrained: Path) -> Named:
    """The pretrained model with other probabilities.

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
        if value != before and not _DROPS.search(option):
            raise _refusal(_MODEL, option, value, before, pretrained)
    return replace(model, config=chosen)


def _refusal(section: str, name: str, value: Any, before: Any, pretrained: Path) -> UsageError:
    return UsageError(
        f"{section}.{name} = {value} needs another encoder than that of {pretrained}, which has {before}; "
        "leave it out, or train from scratch with `hooke fit`"
    )
