"""`check_model`: what every model must do, on the sample of its modality.

A model file has `Config` (frozen dataclass), `PRESETS` (name → Config, "tiny" among them) and `Model(config, spec)`, a `torch.nn.Module` that
states its `modality` and has `width` and `embed(batch)`. `Model.gradient_exempt`, if it is there, maps regular expressions of
parameter names to the reason why the embedding gives them no gradient.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from types import ModuleType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor, nn

from hooke.modalities import Follow, Symmetry
from hooke.nn.contract import (
    ContractError,
    ModelCase,
    finite_gradients,
    mixture,
    parameters_without_gradient,
    require,
    require_equal,
)
from hooke.testing.contract import require_frozen_config, resolve_module, stated_modality


def check_model(module: ModuleType | str) -> None:
    """Run the checks of `MODEL_CHECKS` and those of the modality on a model file or a registered name.

    Raises:
        ContractError: The first check that fails, with what was found.
    """
    case = model_case(module)
    for check in model_checks(case).values():
        check(case)


def model_case(module: ModuleType | str) -> ModelCase:
    """A model file or registered name with the sample of the modality that it states."""
    module = resolve_module("models", module)
    return ModelCase(module, stated_modality(module.Model, module.__name__))


def model_checks(case: ModelCase) -> dict[str, Callable[[ModelCase], None]]:
    """Name → check: those of all models, then those of its modality."""
    return {**MODEL_CHECKS, **case.modality.checks().models}


def interface(case: ModelCase) -> None:
    """Config, presets, base class; one finite row of `width` an item, the same as in the outputs."""
    module = case.module
    require_frozen_config(module)
    base = case.modality.base
    require(issubclass(module.Model, base), f"{module.__name__}: Model is not a {base.__name__}")
    presets = getattr(module, "PRESETS", {})
    require("tiny" in presets, f"{module.__name__}: PRESETS has no 'tiny'")
    of_config = all(isinstance(preset, module.Config) for preset in presets.values())
    require(of_config, f"{module.__name__}: a preset is not a Config")
    batch, model = case.batch(), case.build()
    rows = model.embed(batch)
    require(rows.shape == (batch.num_items, model.width), f"embed has shape {tuple(rows.shape)}, not (items, width)")
    found = case.outputs(model)
    first = case.modality.levels[0]
    require_equal(rows, found[first], f"embed is not the {first} rows of the outputs", tolerance=0.0)
    for level, values in found.items():
        require(values.isfinite().all(), f"the {level} rows are not finite")


def items(case: ModelCase) -> None:
    """An item gives the same alone, in a part of the batch and in another order as in the whole batch."""
    model, count = case.build(), case.sample.items
    with torch.no_grad():
        whole = case.outputs(model)
        alone = [case.outputs(model, [place]) for place in range(count)]
        require_items(whole, alone, range(count))
        for part in (range(count - 1, -1, -1), range(count // 2), range(count // 2, count)):
            require_items(case.outputs(model, part), alone, part)


def require_items(found: Mapping[str, Tensor], alone: Any, places: Sequence[int]) -> None:
    """Raise `ContractError` unless the rows of a batch are those of its items alone (place → level → rows), one after another."""
    for level, rows in found.items():
        start = 0
        for place in places:
            expected = alone[place][level]
            here = rows[start : start + len(expected)]
            require_equal(
                here, expected, f"{level}: item {place} alone differs from itself in the batch of {[*places]}"
            )
            start += len(expected)
        require(start == len(rows), f"{level}: {len(rows)} rows of a batch, {start} of its items alone")


def symmetries(case: ModelCase) -> None:
    """The outputs follow, or do not notice, what is done to the batch."""
    model, batch = case.build(), case.batch()
    with torch.no_grad():
        before = case.modality.outputs(model, batch)
        for symmetry in case.modality.symmetries:
            changed, follow = symmetry.change(batch, np.random.default_rng(1))
            require_following(before, case.modality.outputs(model, changed), follow, symmetry)


def require_following(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], follow: Follow, symmetry: Symmetry
) -> None:
    """Raise `ContractError` unless the values after a symmetry are what those before it say."""
    require(before.keys() == after.keys(), f"other levels after a change of the {symmetry.name}")
    for level, values in before.items():
        expected = follow(level, values)
        if expected is not None:
            what = f"{level} does not follow the {symmetry.name}"
            require_equal(after[level], expected, what)


def gradients(case: ModelCase) -> None:
    """Every parameter gets a gradient from the embedding, but for declared exemptions; from all outputs, without any."""
    first = case.modality.levels[0]
    exempt = getattr(case.module.Model, "gradient_exempt", {})
    for patterns in (exempt, {}):
        model = case.build(training=True)
        found = case.outputs(model)
        mixture([found[first]] if patterns is exempt else found.values()).backward()
        without = parameters_without_gradient(model)
        excused = {name for name in without if any(re.fullmatch(pattern, name) for pattern in patterns)}
        source = "the embedding" if patterns is exempt else "any output"
        require(not without - excused, f"no gradient from {source}: {', '.join(sorted(without - excused))}")
        for pattern in patterns:
            used = any(re.fullmatch(pattern, name) for name in without)
            require(used, f"gradient_exempt {pattern!r} excuses no parameter")


def state_round_trip(case: ModelCase) -> None:
    """A model with the saved state of another one computes the same bits."""
    model, other = case.build(), case.build(seed=1)
    with torch.no_grad():
        expected, found = case.outputs(model), case.outputs(other)
        require(not _same_bits(found, expected), "the seed does not change the weights")
        other.load_state_dict(model.state_dict())
        require(_same_bits(case.outputs(other), expected), "state_dict does not contain everything the model needs")


def _same_bits(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return all(torch.equal(rows, expected[level]) for level, rows in found.items())


def determinism(case: ModelCase) -> None:
    """The same seed gives the same weights; the same batch gives the same bits, in output and gradient."""
    runs = []
    for _ in range(2):
        model = case.build()
        found = case.outputs(model)
        mixture(found.values()).backward()
        grads = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        runs.append([*(rows.detach() for rows in found.values()), *grads])
    require(all(torch.equal(a, b) for a, b in zip(*runs, strict=True)), "two equal runs differ")


def odd_items(case: ModelCase) -> None:
    """Odd items give finite outputs and gradients, in training too, and the same alone as together."""
    alone: dict[int, dict[str, Tensor]] = {}
    for what, places in case.sample.odd.items():
        for training in (False, True):
            model = case.build(training=training)
            found = case.outputs(model, places)
            require(all(bool(rows.isfinite().all()) for rows in found.values()), f"{what}: the output is not finite")
            mixture(found.values()).backward()
            require(finite_gradients(model), f"{what}: the gradient is not finite")
            if not training:
                with torch.no_grad():
                    for place in places:
                        if place not in alone:
                            alone[place] = found if len(places) == 1 else case.outputs(model, [place])
                require_items(found, alone, places)


def half_precision(case: ModelCase) -> None:
    """bfloat16 autocast stays within 10% of float32."""
    model, batch = case.build().float(), case.batch()
    exact = model.embed(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rows = model.embed(batch).float()
        mixture([rows]).backward()
    require_equal(rows, exact, "bfloat16 autocast", tolerance=0.1)


def options(case: ModelCase) -> None:
    """Every field of Config changes the outputs, or adds parameters that change them in training: no option is without effect."""
    config, places = case.module.PRESETS["tiny"], range(0, case.sample.items, 2)

    def run(changed: Any, *, learning: bool = False) -> tuple[nn.Module, dict[str, Tensor]]:
        model = case.build(changed, training=True)
        with torch.random.fork_rng(devices=[]), torch.set_grad_enabled(learning):
            torch.manual_seed(0)
            return model, case.outputs(model, places)

    usual = run(config)[1]
    hints = get_type_hints(case.module.Config)
    for option in fields(config):
        for value in other_values(option.name, getattr(config, option.name), hints[option.name]):
            changed = replace(config, **{option.name: value})
            if _same_bits(run(changed)[1], usual):
                model, found = run(changed, learning=True)
                mixture(found.values()).backward()
                shapes = [{name: p.shape for name, p in made.named_parameters()} for made in (case.build(), model)]
                learns = shapes[0] != shapes[1] and not parameters_without_gradient(model)
                require(learns, f"Config.{option.name} = {value!r} changes nothing")


def other_values(name: str, value: Any, hint: Any) -> list[Any]:
    """Valid values of an option other than its present one: widths and heads are doubled, as they must divide each other.

    Raises:
        ContractError: An option of a type that this kit does not know.
    """
    if get_origin(hint) in (Union, UnionType):  # of names, and of lists of names
        names = next((each for each in get_args(hint) if get_origin(each) is Literal), None)
        if names is not None:
            return [*other_values(name, value, names), get_args(names)[:2]]
    if get_origin(hint) is Literal:
        return [choice for choice in get_args(hint) if choice != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [2 * value if value >= 8 or "heads" in name else value + 1]
    if isinstance(value, float):
        return [value + 0.25]
    if isinstance(value, tuple):
        return [(*value[:-1], value[-1] + 1)]
    raise ContractError(f"an option of type {hint!r} cannot be varied; use a Literal, bool, int, float or tuple")


MODEL_CHECKS: dict[str, Callable[[ModelCase], None]] = {
    check.__name__: check
    for check in (
        interface, items, symmetries, gradients, state_round_trip, determinism, odd_items, half_precision, options,
    )
}  # fmt: skip
