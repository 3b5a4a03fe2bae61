"""CA-MAE: the decoder against a slow reference, channels in any number and order, subsets to decode."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hooke.core.errors import UnknownNameError, UsageError
from hooke.images.batch import ImageBatch
from hooke.images.batch import image_batch as images_to_batch
from hooke.images.spec import ImageSpec
from hooke.modalities.images.samples import CHANNELS, SPEC, image_batch, noise_for
from hooke.models import ca_mae
from hooke.nn.contract import built
from hooke.nn.masking import mask_by_noise

NAMES = tuple(f"w{number}" for number in range(11))
CONFIG = ca_mae.Config(
    width=12, depth=2, heads=3, patch=8, stochastic_depth=0.0, decoder_width=8, decoder_depth=1, decoder_heads=2,
    cross_heads=4,
)  # fmt: skip


def softmax(scores: list[float]) -> np.ndarray:
    powers = np.exp(np.array(scores) - max(scores))
    return powers / powers.sum()


def slow_decode(
    model: ca_mae.Model,
    visible: np.ndarray,
    masking: object,
    grid: tuple[int, int],
    present: list[int],
    wanted: list[int],
) -> np.ndarray:
    """One image: positions, channel tokens, cross-attention, MLP and stacks, token by token."""
    w = {name: tensor.detach().numpy() for name, tensor in model.decoder.state_dict().items()}

    def linear(name: str, x: np.ndarray) -> np.ndarray:
        return w[f"{name}.weight"] @ x + w.get(f"{name}.bias", 0.0)

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        return (x - x.mean()) / math.sqrt(x.var() + 1e-6) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def gelu(x: np.ndarray) -> np.ndarray:
        return np.array([value * 0.5 * (1 + math.erf(value / 2**0.5)) for value in x])

    def attend(q: np.ndarray, keys: list[np.ndarray], values: list[np.ndarray], heads: int) -> np.ndarray:
        part, out = len(q) // heads, []
        for head in range(heads):
            own = slice(head * part, (head + 1) * part)
            share = softmax([float(q[own] @ key[own]) / math.sqrt(part) for key in keys])
            out.append(sum(s * value[own] for s, value in zip(share, values, strict=True)))
        return np.concatenate(out)

    width, places = model.decoder.width, grid[0] * grid[1]
    seen = {int(token): row for token, row in zip(masking.visible[0], visible, strict=True)}
    tokens: dict[tuple[int, int], np.ndarray] = {}
    for channel in [*present, *(c for c in wanted if c not in present)]:
        for place in range(places):
            number = present.index(channel) * places + place if channel in present else -1
            own = linear("project", seen[number]) if number in seen else w["mask_token"][0, 0]
            rates = [10000.0 ** (-4 * i / width) for i in range(width // 4)]
            at = [[f(x * r) for r in rates] for x in divmod(place, grid[1]) for f in (math.sin, math.cos)]
            tokens[channel, place] = own + np.concatenate(at) + w["channel_tokens"][channel, 0]
    context = [linear("cross_attention.key_value", norm("context_norm", token)) for token in tokens.values()]
    keys, values = [row[:width] for row in context], [row[width:] for row in context]
    out = []
    for channel in wanted:
        rows = []
        for place in range(places):
            q = linear("cross_attention.query", norm("query_norm", tokens[channel, place]))
            x = linear("cross_attention.out", attend(q, keys, values, 4))
            rows.append(x + linear("out", gelu(linear("hidden", norm("mlp_norm", x)))))
        name = f"stacks.{channel}.blocks.0"
        qkv = [linear(f"{name}.attention.qkv", norm(f"{name}.attention_norm", x)) for x in rows]
        for place in range(places):
            found = attend(qkv[place][:width], [r[width : 2 * width] for r in qkv], [r[2 * width :] for r in qkv], 2)
            x = rows[place] + linear(f"{name}.attention.out", found)
            x = x + linear(f"{name}.out", gelu(linear(f"{name}.hidden", norm(f"{name}.mlp_norm", x))))
            out.append(linear("predict", x))
    return np.stack(out)


@pytest.mark.parametrize("wanted", [(0, 1, 2), (2, 0), (1, 3)])
def test_decoder_against_the_slow_reference(wanted: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model = ca_mae.Model(CONFIG, ImageSpec((*CHANNELS, "mito"))).double().eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    masking = mask_by_noise(torch.rand(1, 12, generator=torch.Generator().manual_seed(1)), 0.5)
    visible = torch.randn(1, 6, 12, generator=torch.Generator().manual_seed(2)).double()
    found = model.decoder(visible, masking, (2, 2), [0, 1, 2], list(wanted), whole=True)
    expected = slow_decode(model, visible[0].numpy(), masking, (2, 2), [0, 1, 2], list(wanted))
    np.testing.assert_allclose(found[0].detach().numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("count", [1, 4, 6, 11])
def test_any_number_of_channels(count: int) -> None:
    model, batch = built(ca_mae, replace(SPEC, channels=NAMES)), image_batch(2, channels=NAMES[:count])
    assert model.embed(batch).shape == (2, 96)
    assert model.embed_channels(batch).shape == (2, count, 96)
    assert model(batch).tokens.shape == (2, 1 + 16 * count, 96)
    found = model.reconstruct(batch, noise_for(model, batch), 0.75)
    assert found.image.shape == batch.pixels.shape
    assert (found.hidden.sum(1) == 12 * count).all()


def test_the_mean_embedding_does_not_depend_on_the_order_of_channels() -> None:
    model, batch = built(ca_mae, replace(SPEC, channels=NAMES)), image_batch(2, channels=NAMES[:6])
    order = torch.randperm(6, generator=torch.Generator().manual_seed(0)).tolist()
    other = replace(batch, pixels=batch.pixels[:, order], channels=tuple(NAMES[index] for index in order))
    torch.testing.assert_close(model.embed(other), model.embed(batch), atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(model.embed_channels(other), model.embed_channels(batch)[:, order])


def test_channels_to_decode() -> None:
    model, batch = built(ca_mae, replace(SPEC, channels=NAMES)), image_batch(2, channels=NAMES[:3])
    noise = noise_for(model, batch)
    whole = model.reconstruct(batch, noise, 0.75)
    part = model.reconstruct(batch, noise, 0.75, decode=("w2", "w0"))
    torch.testing.assert_close(part.image, whole.image[:, [2, 0]])
    torch.testing.assert_close(part.target_image, whole.target_image[:, [2, 0]], atol=1e-12, rtol=1e-12)
    new = model.reconstruct(batch, noise, 0.75, decode=("w1", "w7"))
    assert new.image.isfinite().all()
    assert new.target_image[:, 1].isnan().all()
    assert new.hidden[:, 16:].all()


def test_refusals() -> None:
    model, batch = built(ca_mae, SPEC), image_batch(2)
    noise = noise_for(model, batch)
    with pytest.raises(UnknownNameError, match="Did you mean 'actin'"):
        model.reconstruct(batch, noise, 0.75, decode=("actn",))
    for decode in ((), ("dna", "dna")):
        with pytest.raises(UsageError, match="different channels"):
            model.reconstruct(batch, noise, 0.75, decode=decode)
    with pytest.raises(UsageError, match="whole=True"):
        model.reconstruct(batch, noise, 0.75, decode=("dna",), whole=False)
    with pytest.raises(UnknownNameError, match="channel 'x'"):
        other = image_batch(2, channels=("x",))
        model.reconstruct(other, noise_for(model, other), 0.75)


def test_tokens_of_a_256_pixel_image() -> None:
    """1536 tokens, 384 of them visible, with six channels at patch 16."""
    with torch.device("meta"):
        model = ca_mae.Model(ca_mae.PRESETS["small_16"], ImageSpec(NAMES[:6]))
    from hooke.images.batch import meta_batch
    from hooke.nn.masking import visible_count

    assert model.maskable(meta_batch(1, NAMES[:6], 256)) == 1536
    assert visible_count(1536, 0.75) == 384


def test_one_mean_a_channel_in_the_same_order_for_any_order_of_the_input() -> None:
    names = ("b", "a", "c")
    torch.manual_seed(0)
    model = ca_mae.Model(replace(CONFIG, pooling="channels", stem="convolution"), ImageSpec(names)).eval()
    assert model.width == 3 * CONFIG.width
    assert model.width_of(("x", "a", "b", "c")) == 4 * CONFIG.width
    pixels = torch.rand(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    found = model.embed(as_batch(pixels, ("x", "a", "b", "c")))
    assert found.shape == (2, 4 * CONFIG.width)
    order = [3, 2, 0, 1]
    turned = model.embed(as_batch(pixels[:, order], ("c", "b", "x", "a")))
    torch.testing.assert_close(found, turned, atol=1e-5, rtol=1e-5)
    means = model.embed_channels(as_batch(pixels, ("x", "a", "b", "c")))
    torch.testing.assert_close(found.unflatten(1, (4, -1)), means[:, [2, 1, 3, 0]])


def as_batch(pixels: torch.Tensor, channels: tuple[str, ...]) -> ImageBatch:
    return images_to_batch(pixels.numpy(), channels, np.arange(len(pixels)))
