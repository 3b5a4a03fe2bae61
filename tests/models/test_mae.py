"""MAE against a slow reference in numpy float64: patches, tokens and heads in loops, weights read by name."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hooke.images.spec import ImageSpec
from hooke.modalities.images.samples import CHANNELS, image_batch, noise_for
from hooke.models import mae
from hooke.nn.images.fourier import hidden_error

CONFIG = mae.Config(
    width=12, depth=2, heads=3, patch=4, block="serial", qkv_bias=True, qk_norm=False, layer_scale=0.0,
    stochastic_depth=0.0, decoder_width=8, decoder_depth=2, decoder_heads=2,
)  # fmt: skip
SIX = tuple("abcdef")


class Slow:
    """The whole forward pass of one image at a time."""

    def __init__(self, state: dict[str, np.ndarray], config: mae.Config) -> None:
        self.state, self.config = state, config

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return self.state[f"{name}.weight"] @ x + self.state[f"{name}.bias"]

    def norm(self, name: str, x: np.ndarray) -> np.ndarray:
        mean = sum(x) / len(x)
        variance = sum((value - mean) ** 2 for value in x) / len(x)
        return (x - mean) / math.sqrt(variance + 1e-6) * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]

    def position(self, down: int, across: int, width: int) -> np.ndarray:
        rates = [10000.0 ** (-4 * i / width) for i in range(width // 4)]
        parts = [[f(at * rate) for rate in rates] for at in (down, across) for f in (math.sin, math.cos)]
        return np.array([value for part in parts for value in part])

    def block(self, name: str, tokens: list[np.ndarray], heads: int) -> list[np.ndarray]:
        width = len(tokens[0])
        part = width // heads
        qkv = [self.linear(f"{name}.attention.qkv", self.norm(f"{name}.attention_norm", x)) for x in tokens]
        out = []
        for i, x in enumerate(tokens):
            row = np.zeros(width)
            for head in range(heads):
                q = qkv[i][head * part :][:part]
                powers = [math.exp(float(q @ other[width + head * part :][:part]) / math.sqrt(part)) for other in qkv]
                values = [other[2 * width + head * part :][:part] for other in qkv]
                row[head * part :][:part] = sum(p * v for p, v in zip(powers, values, strict=True)) / sum(powers)
            out.append(x + self.linear(f"{name}.attention.out", row))
        after = []
        for x in out:
            hidden = self.linear(f"{name}.hidden", self.norm(f"{name}.mlp_norm", x))
            after.append(
                x + self.linear(f"{name}.out", np.array([h * 0.5 * (1 + math.erf(h / 2**0.5)) for h in hidden]))
            )
        return after

    def image(self, pixels: np.ndarray, noise: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        config, side = self.config, self.config.patch
        images = pixels.astype(np.float64)
        images = np.stack(
            [(channel - channel.mean()) / math.sqrt(float(channel.var()) + 1e-5 * 255**2) for channel in images]
        )
        grid = (images.shape[1] // side, images.shape[2] // side)
        places = [(down, across) for down in range(grid[0]) for across in range(grid[1])]
        patches = [
            np.array(
                [
                    images[c, down * side + y, across * side + x]
                    for c in range(len(images))
                    for y in range(side)
                    for x in range(side)
                ]
            )
            for down, across in places
        ]
        order = sorted(range(len(places)), key=lambda n: noise[n])
        visible = order[: int(len(places) * (1 - ratio))]
        tokens = [self.state["encoder.class_tokens"][0, 0]]
        tokens += [
            self.linear("encoder.patches", patches[n]) + self.position(*places[n], config.width) for n in visible
        ]
        for index in range(config.depth):
            tokens = self.block(f"encoder.transformer.blocks.{index}", tokens, config.heads)
        tokens = [self.linear("decoder.project", self.norm("encoder.final_norm", x)) for x in tokens]
        rows = [tokens[0]]
        for n, place in enumerate(places):
            own = tokens[1 + visible.index(n)] if n in visible else self.state["decoder.mask_token"][0, 0]
            rows.append(own + self.position(*place, config.decoder_width))
        for index in range(config.decoder_depth):
            rows = self.block(f"decoder.transformer.blocks.{index}", rows, config.decoder_heads)
        prediction = [self.linear("decoder.predict", self.norm("decoder.norm", x)) for x in rows[1:]]
        hidden = np.array([n not in visible for n in range(len(places))])
        return np.stack(prediction), np.stack(patches), hidden


def model() -> mae.Model:
    torch.manual_seed(0)
    made = mae.Model(CONFIG, ImageSpec(CHANNELS)).double().train()
    for parameter in made.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return made


def slow_loss(state: dict[str, np.ndarray], pixels: np.ndarray, noise: np.ndarray) -> float:
    errors = []
    for image, own in zip(pixels, noise, strict=True):
        prediction, target, hidden = Slow(state, CONFIG).image(image, own, 0.75)
        errors += [float(((prediction[n] - target[n]) ** 2).mean()) for n in np.flatnonzero(hidden)]
    return sum(errors) / len(errors)


def test_prediction_loss_and_gradient() -> None:
    made, batch = model(), image_batch(2, size=(12, 16))
    noise = noise_for(made, batch)
    found = made.reconstruct(batch, noise, 0.75)
    state = {name: tensor.detach().numpy().copy() for name, tensor in made.state_dict().items()}
    pixels = batch.pixels.numpy()
    for item in range(2):
        prediction, target, hidden = Slow(state, CONFIG).image(pixels[item], noise[item].numpy(), 0.75)
        np.testing.assert_allclose(found.prediction[item].detach().numpy(), prediction, atol=1e-10)
        np.testing.assert_allclose(found.target[item].numpy(), target, atol=1e-10)
        assert (found.hidden[item].numpy() == hidden).all()
    loss = hidden_error(found.prediction, found.target, found.hidden)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(slow_loss(state, pixels, noise.numpy()), rel=1e-10)
    gradients = {name: parameter.grad.numpy() for name, parameter in made.named_parameters()}
    generator = np.random.default_rng(0)
    direction = {name: generator.normal(size=value.shape) for name, value in gradients.items()}
    slopes = []
    for sign in (1, -1):
        moved = {name: value + sign * 1e-5 * direction[name] for name, value in state.items()}
        slopes.append(slow_loss(moved, pixels, noise.numpy()))
    expected = sum(float((gradients[name] * direction[name]).sum()) for name in gradients)
    assert (slopes[0] - slopes[1]) / 2e-5 == pytest.approx(expected, rel=1e-6)


def test_the_loss_does_not_see_visible_predictions_nor_the_encoder_hidden_pixels() -> None:
    made, batch = model().eval(), image_batch(2, size=(16, 16), kind="float64")
    noise = noise_for(made, batch)
    found = made.reconstruct(batch, noise, 0.75)
    part = made.reconstruct(batch, noise, 0.75, whole=False)
    assert torch.allclose(part.prediction.sort(1).values, found.prediction[found.hidden].view(2, 12, -1).sort(1).values)
    other = made.encoder(found.target + found.hidden[:, :, None] * 5.0, (4, 4), masking=_masking(noise))
    assert torch.equal(other, made.encoder(found.target, (4, 4), masking=_masking(noise)))


def _masking(noise: torch.Tensor) -> object:
    from hooke.nn.masking import mask_by_noise

    return mask_by_noise(noise, 0.75)


@pytest.mark.parametrize("preset", ["small_16", "base_16", "large_8", "giant_8"])
def test_the_decoder_has_25_million_parameters(preset: str) -> None:
    with torch.device("meta"):
        made = mae.Model(mae.PRESETS[preset], ImageSpec(SIX))
    assert sum(p.numel() for p in made.decoder.parameters()) / 1e6 == pytest.approx(25.9, abs=0.9)
    if preset == "giant_8":
        assert sum(p.numel() for p in made.parameters()) / 1e9 == pytest.approx(1.86, rel=0.01)
