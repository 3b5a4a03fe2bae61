"""`check_image_model`: what every image model must do.

A model file has `Config` (frozen dataclass), `PRESETS` (name → Config, "tiny" among them) and `Model(config, spec)`, a subclass of
`nn.images.encoder.ImageEncoder`, or of `MaskedEncoder` where it reconstructs hidden patches.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from types import ModuleType
from typing import Any, get_type_hints

import torch
from torch import Tensor

from hooke.core.errors import HookeError
from hooke.images.batch import ImageBatch
from hooke.nn.images.encoder import ImageEncoder, MaskedEncoder
from hooke.nn.images.fourier import hidden_error
from hooke.nn.images.output import ImageOutput, Reconstruction
from hooke.testing.contract import require, require_equal, require_frozen_config, resolve_module, seeded
from hooke.testing.image_samples import CHANNELS, SIZE, SPEC, PixelKind, image_batch
from hooke.testing.models import other_values

RATIO = 0.75


def check_image_model(module: ModuleType | str) -> None:
    """Run every check of `IMAGE_MODEL_CHECKS` on a model file or a registered name.

    Raises:
        ContractError: The first check that fails, with what was found.
    """
    module = resolve_module("models", module)
    for check in IMAGE_MODEL_CHECKS.values():
        check(module)


def build_image_model(
    module: ModuleType,
    config: Any = None,
    *,
    channels: tuple[str, ...] = CHANNELS,
    training: bool = False,
    seed: int = 0,
) -> Any:
    """The "tiny" model in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = module.Model(config or module.PRESETS["tiny"], replace(SPEC, channels=channels))
    return model.double().train(training)


def noise_for(model: MaskedEncoder, batch: ImageBatch, seed: int = 0) -> Tensor:
    """Noise that decides which patches are hidden."""
    return torch.rand(batch.num_items, model.maskable(batch), generator=seeded(seed), dtype=torch.float64)


def _mix(rows: Tensor) -> Tensor:
    """A scalar that depends on every entry in its own way."""
    return (rows * torch.randn(rows.shape, generator=seeded(0), dtype=rows.dtype)).sum()


def interface(module: ModuleType) -> None:
    """Config, presets, shapes, `embed` and `block=`."""
    require(issubclass(module.Model, ImageEncoder), f"{module.__name__}: Model is no ImageEncoder")
    require(module.Model.modality == "images", f"{module.__name__}: the modality is not 'images'")
    require_frozen_config(module)
    presets = getattr(module, "PRESETS", {})
    require("tiny" in presets, f"{module.__name__}: PRESETS has no 'tiny'")
    require(
        all(isinstance(preset, module.Config) for preset in presets.values()),
        f"{module.__name__}: a preset is not a Config",
    )
    batch, model = image_batch(), build_image_model(module)
    found = model(batch)
    require(isinstance(found, ImageOutput), "forward does not return an ImageOutput")
    require(found.embedding.shape == (batch.num_items, model.width), "embedding does not have shape (B, width)")
    require(found.tokens.shape[::2] == (batch.num_items, model.width), "tokens do not have shape (B, T, width)")
    places = found.grid[0] * found.grid[1]
    require((found.tokens.shape[1] - found.class_tokens) % places == 0, "tokens do not fit the grid")
    require_equal(model.embed(batch), found.embedding, "embed is not the embedding of forward", tolerance=0)
    require(model.channels == CHANNELS, "channels are not those it was made for")
    for block in range(1, model.blocks + 1):
        rows = model.embed(batch, block=block)
        require(rows.ndim == 2 and len(rows) == batch.num_items, f"embed(block={block}) does not give one row an image")
        require_equal(
            model.embed(batch, block=block - model.blocks - 1), rows, f"block {block} counted from the end", tolerance=0
        )
    require_equal(model.embed(batch, block=model.blocks), found.embedding, "the last block", tolerance=0)
    for block in (0, model.blocks + 1, -model.blocks - 1):
        _require_refusal(model, batch, f"block {block}", block=block)


def _require_refusal(model: ImageEncoder, batch: ImageBatch, what: str, **options: int) -> None:
    try:
        model.embed(batch, **options)
    except HookeError:
        return
    require(False, f"{what} is not refused with a HookeError")


def channel_order(module: ModuleType) -> None:
    """Channels in another order give the same embedding; missing ones are refused, or embedded by agnostic encoders."""
    model, batch = build_image_model(module), image_batch()
    order = [2, 0, 1]
    other = replace(batch, pixels=batch.pixels[:, order], channels=tuple(batch.channels[index] for index in order))
    require_equal(model.embed(other), model.embed(batch), "the embedding changes with the order of the channels")
    for names in (("dna",), ("dna", "er", "actin", "mito", "rna"), ("one", "two")):
        unlike = image_batch(channels=names)
        if model.agnostic:
            rows = model.embed(unlike)
            require(rows.shape == (unlike.num_items, model.width), f"channels {names} are not embedded")
        elif not set(model.channels) <= set(names):
            _require_refusal(model, unlike, f"a batch of the channels {names}")


def brightness_and_contrast(module: ModuleType) -> None:
    """The embedding does not change when a channel becomes a x + b with a > 0."""
    model, batch = build_image_model(module), image_batch(kind="float64")
    scale = torch.tensor([3.0, 0.01, 700.0]).double()[:, None, None]
    other = replace(batch, pixels=scale * batch.pixels + torch.tensor([0.3, 0.001, 20.0]).double()[:, None, None])
    require_equal(model.embed(other), model.embed(batch), "the embedding changes with a x + b", tolerance=1e-4)


def batch_of_one(module: ModuleType) -> None:
    """An image alone gives what it gives among others."""
    model, batch = build_image_model(module), image_batch()
    together = model.embed(batch)
    for row in range(batch.num_items):
        alone = model.embed(ImageBatch(batch.pixels[row : row + 1], batch.channels, batch.rows[row : row + 1]))
        require_equal(alone, together[row : row + 1], f"image {row} alone differs from itself in a batch")


def gradients(module: ModuleType) -> None:
    """Every parameter gets a gradient from the embedding, but for declared exemptions, and from a reconstruction."""
    batch = image_batch()
    model = build_image_model(module, training=True)
    _mix(model.embed(batch)).backward()
    without = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    excused = {name for name in without if any(re.fullmatch(pattern, name) for pattern in model.gradient_exempt)}
    require(not without - excused, f"no gradient from the embedding: {', '.join(sorted(without - excused))}")
    for pattern in model.gradient_exempt:
        require(
            any(re.fullmatch(pattern, name) for name in without), f"gradient_exempt {pattern!r} excuses no parameter"
        )
    if not isinstance(model, MaskedEncoder):
        return
    model = build_image_model(module, training=True)
    found = model.reconstruct(batch, noise_for(model, batch), RATIO)
    (_mix(found.prediction) + _mix(model.embed(batch))).backward()
    without = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    require(not without, f"no gradient from reconstruction and embedding: {', '.join(sorted(without))}")


def reconstruction(module: ModuleType) -> None:
    """Masked encoders: shapes, share of hidden patches, one image as among others, and hidden patches alone."""
    model, batch = build_image_model(module), image_batch(kind="float64")
    if not isinstance(model, MaskedEncoder):
        return
    noise = noise_for(model, batch)
    found = model.reconstruct(batch, noise, RATIO)
    require(isinstance(found, Reconstruction), "reconstruct does not return a Reconstruction")
    require(
        found.image is not None and found.image.shape == batch.pixels.shape, "the reconstructed image has another shape"
    )
    require(found.prediction.shape == found.target.shape, "prediction and target differ in shape")
    hidden = found.hidden.sum(1)
    expected = model.maskable(batch) - int(model.maskable(batch) * (1 - RATIO))
    require(bool((hidden == expected).all()), f"{hidden.tolist()} patches are hidden instead of {expected}")
    alone = model.reconstruct(ImageBatch(batch.pixels[:1], batch.channels, batch.rows[:1]), noise[:1], RATIO).prediction
    require_equal(alone, found.prediction[:1], "the reconstruction of an image alone differs")
    part = model.reconstruct(batch, noise, RATIO, whole=False)
    require(bool(part.hidden.all()) and part.image is None, "whole=False returns more than hidden patches")
    losses = [hidden_error(each.prediction, each.target, each.hidden) for each in (part, found)]
    require_equal(losses[0], losses[1], "the loss of the hidden patches alone")


def state_round_trip(module: ModuleType) -> None:
    """A model with the saved state of another one computes the same bits."""
    batch, model = image_batch(), build_image_model(module)
    other = build_image_model(module, seed=1)
    require(not torch.equal(other.embed(batch), model.embed(batch)), "the seed does not change the weights")
    other.load_state_dict(model.state_dict())
    require(torch.equal(other.embed(batch), model.embed(batch)), "state_dict does not hold all that the model needs")


def determinism(module: ModuleType) -> None:
    """The same seed gives the same weights; the same batch gives the same bits, in output and gradient."""
    batch = image_batch()
    rows = []
    for _ in range(2):
        model = build_image_model(module)
        embedding = model.embed(batch)
        _mix(embedding).backward()
        rows.append([embedding.detach(), *(p.grad for p in model.parameters() if p.grad is not None)])
    require(all(torch.equal(a, b) for a, b in zip(*rows, strict=True)), "two equal runs differ")


def odd_images(module: ModuleType) -> None:
    """Rectangles, 16 bits, floats, all black and all white: finite outputs and gradients, in training too."""
    kinds: tuple[PixelKind, ...] = ("uint8", "uint16", "float32")
    for training in (False, True):
        for kind in kinds:
            model = build_image_model(module, training=training)
            images = image_batch(size=(SIZE, 2 * SIZE), kind=kind)
            pixels = images.pixels.double()
            pixels[0], pixels[1] = 0, pixels.max()
            embedding = model.embed(replace(images, pixels=pixels.to(images.pixels.dtype)))
            require(bool(embedding.isfinite().all()), f"{kind}: the embedding is not finite")
            _mix(embedding).backward()
            finite = all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)
            require(finite, f"{kind}: the gradient is not finite")


def half_precision(module: ModuleType) -> None:
    """bfloat16 autocast stays within 10% of float32."""
    batch, model = image_batch(), build_image_model(module).float()
    exact = model.embed(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embedding = model.embed(batch).float()
        _mix(embedding).backward()
    require_equal(embedding, exact, "bfloat16 autocast", tolerance=0.1)


def options(module: ModuleType) -> None:
    """Every field of Config changes outputs, gradients or parameters: no option is without effect."""
    batch, config = image_batch(count=3), module.PRESETS["tiny"]

    def fingerprint(changed: Any) -> tuple[Any, ...]:
        model = build_image_model(module, changed, training=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            found = [model.embed(batch)]
            if isinstance(model, MaskedEncoder):
                found.append(model.reconstruct(batch, noise_for(model, batch), RATIO).prediction)
        shapes = tuple((name, tuple(value.shape)) for name, value in model.state_dict().items())
        return (shapes, *(rows.detach().numpy().tobytes() for rows in found))

    usual = fingerprint(config)
    hints = get_type_hints(module.Config)
    for option in fields(config):
        for value in image_option_values(option.name, config, hints[option.name]):
            found = fingerprint(replace(config, **{option.name: value}))
            require(found != usual, f"Config.{option.name} = {value!r} changes nothing")


def image_option_values(name: str, config: Any, hint: Any) -> list[Any]:
    """Valid values of an option of an image model other than its present one."""
    value = getattr(config, name)
    if isinstance(value, tuple):
        return [(*value[:-1], value[-1] + 1)]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 8:
        return [2 * value]  # widths are multiples of heads and groups
    if "heads" in name:
        return [2 * value]
    return other_values(value, hint)


IMAGE_MODEL_CHECKS: dict[str, Callable[[ModuleType], None]] = {
    check.__name__: check
    for check in (
        interface,
        channel_order,
        brightness_and_contrast,
        batch_of_one,
        gradients,
        reconstruction,
        state_round_trip,
        determinism,
        odd_images,
        half_precision,
        options,
    )
}
