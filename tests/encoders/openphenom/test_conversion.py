"""The public layout, written down from its source and not from our code.

Names and shapes: maes_microscopy (huggingface_mae.py: MAEModel; mae_modules.py: MAEEncoder, CAMAEDecoder, CrossAttention; vit.py:
ChannelAgnosticPatchEmbed, vit_small_patch16_256 with global_pool "avg" of models/phenom_beta_huggingface/config.json) on timm 0.9.7
(vision_transformer.py: ParallelScalingBlock, Block; layers/mlp.py).
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hooke.core.errors import DataError
from hooke.encoders.openphenom.conversion import convert, our_name
from hooke.images.spec import ImageSpec
from hooke.modalities.images.samples import image_batch
from hooke.models import ca_mae

CHANNELS = tuple(f"w{number}" for number in range(1, 7))


def layout(
    width: int = 384, depth: int = 12, head: int = 64, patch: int = 16, grid: int = 16, inputs: int = 11,
    decoder: int = 256, stack: int = 4, channels: int = 6,
) -> dict[str, tuple[int, ...]]:  # fmt: skip
    """Public name → shape."""
    vit = "encoder.vit_backbone"
    shapes: dict[str, tuple[int, ...]] = {
        f"{vit}.cls_token": (1, 1, width),
        f"{vit}.pos_embed": (1, 1 + inputs * grid * grid, width),
        f"{vit}.patch_embed.proj.weight": (width, 1, patch, patch),
        f"{vit}.patch_embed.proj.bias": (width,),
        f"{vit}.fc_norm.weight": (width,),
        f"{vit}.fc_norm.bias": (width,),
        "decoder.mask_token": (1, 1, decoder),
        "decoder.placeholder": (1, 1, decoder),
        "decoder.pos_embeddings": (1, 1 + channels * grid * grid, decoder),
        "decoder.cross_attention.q.weight": (decoder, decoder),
        "decoder.cross_attention.kv.weight": (2 * decoder, decoder),
        "decoder.cross_attention.proj.weight": (decoder, decoder),
        "decoder.cross_attention.proj.bias": (decoder,),
        "decoder.mlp.fc1.weight": (4 * decoder, decoder),
        "decoder.mlp.fc1.bias": (4 * decoder,),
        "decoder.mlp.fc2.weight": (decoder, 4 * decoder),
        "decoder.mlp.fc2.bias": (decoder,),
        "encoder_decoder_proj.weight": (decoder, width),
        "encoder_decoder_proj.bias": (decoder,),
        "decoder_pred.weight": (patch * patch, decoder),
        "decoder_pred.bias": (patch * patch,),
    }
    for norm in ("context_norm", "query_norm", "out_norm"):
        shapes |= {f"decoder.{norm}.{kind}": (decoder,) for kind in ("weight", "bias")}
    for block in range(depth):
        at = f"{vit}.blocks.{block}"
        shapes |= {
            f"{at}.mlp_bias": (4 * width,),
            f"{at}.in_norm.weight": (width,),
            f"{at}.in_norm.bias": (width,),
            f"{at}.in_proj.weight": (7 * width, width),
            f"{at}.q_norm.weight": (head,),
            f"{at}.q_norm.bias": (head,),
            f"{at}.k_norm.weight": (head,),
            f"{at}.k_norm.bias": (head,),
            f"{at}.attn_out_proj.weight": (width, width),
            f"{at}.attn_out_proj.bias": (width,),
            f"{at}.mlp_out_proj.weight": (width, 4 * width),
            f"{at}.mlp_out_proj.bias": (width,),
            f"{at}.ls.gamma": (width,),
        }
    for channel in range(channels):
        shapes[f"decoder.modality_tokens.{channel}"] = (1, 1, decoder)
        for block in range(stack):
            at = f"decoder.decoders.{channel}.{block}"
            shapes |= {
                f"{at}.norm1.weight": (decoder,),
                f"{at}.norm1.bias": (decoder,),
                f"{at}.attn.qkv.weight": (3 * decoder, decoder),
                f"{at}.attn.qkv.bias": (3 * decoder,),
                f"{at}.attn.proj.weight": (decoder, decoder),
                f"{at}.attn.proj.bias": (decoder,),
                f"{at}.norm2.weight": (decoder,),
                f"{at}.norm2.bias": (decoder,),
                f"{at}.mlp.fc1.weight": (4 * decoder, decoder),
                f"{at}.mlp.fc1.bias": (4 * decoder,),
                f"{at}.mlp.fc2.weight": (decoder, 4 * decoder),
                f"{at}.mlp.fc2.bias": (decoder,),
            }
    return shapes


def positions(grid: int, width: int, channels: int) -> Tensor:
    """As the public code makes them, place by place."""
    rows = [torch.zeros(width)]
    rates = [10000.0 ** (-i / (width // 4)) for i in range(width // 4)]
    for place in range(grid * grid):
        angles = [torch.tensor([part * rate for rate in rates]) for part in divmod(place, grid)]
        rows.append(torch.cat([angles[0].sin(), angles[0].cos(), angles[1].sin(), angles[1].cos()]))
    return torch.stack([rows[0], *rows[1:] * channels])[None]


def generated(shapes: dict[str, tuple[int, ...]], *, grid: int, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state = {name: 0.05 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    for name in ("encoder.vit_backbone.pos_embed", "decoder.pos_embeddings"):
        rows, width = shapes[name][1:]
        state[name] = positions(grid, width, (rows - 1) // grid**2)
    return state


SMALL = {
    "width": 24, "depth": 2, "head": 8, "patch": 4, "grid": 4, "inputs": 5, "decoder": 16, "stack": 1, "channels": 3,
}  # fmt: skip
CONFIG = ca_mae.Config(
    width=24, depth=2, heads=3, patch=4, qkv_bias=True, stochastic_depth=0.0, decoder_width=16, decoder_depth=1,
    decoder_heads=4, cross_heads=8,
)  # fmt: skip


@pytest.mark.parametrize("preset", ["openphenom", "openphenom_wide"])
def test_keys_and_shapes_of_the_public_layout(preset: str) -> None:
    config = ca_mae.PRESETS[preset]
    shapes = layout(decoder=config.decoder_width, stack=config.decoder_depth)
    with torch.device("meta"):
        model = ca_mae.Model(config, ImageSpec(CHANNELS))
        state = {name: torch.empty(shape) for name, shape in shapes.items() if "pos_embed" not in name}
    converted = {name: tuple(tensor.shape) for name, tensor in convert(state).items()}
    assert converted == {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    names = [our_name(name) for name in shapes]
    kept = [name for name in names if name is not None]
    assert len(set(kept)) == len(kept)


def test_a_generated_state_dict_computes_what_the_public_block_computes() -> None:
    """The first encoder block by the public formula, the bias of timm's parallel block included."""
    state = generated(layout(**SMALL), grid=4)
    model = ca_mae.Model(CONFIG, ImageSpec(("a", "b", "c"))).eval()
    model.load_state_dict(convert(state))
    tokens = torch.randn(2, 7, 24, generator=torch.Generator().manual_seed(1))
    at = "encoder.vit_backbone.blocks.0"
    normed = functional.layer_norm(tokens, (24,), state[f"{at}.in_norm.weight"], state[f"{at}.in_norm.bias"], 1e-6)
    bias = torch.cat([torch.zeros(72), state[f"{at}.mlp_bias"]])
    hidden, *parts = (normed @ state[f"{at}.in_proj.weight"].T + bias).split([96, 24, 24, 24], 2)
    query, key, value = (part.reshape(2, 7, 3, 8) for part in parts)
    query = functional.layer_norm(query, (8,), state[f"{at}.q_norm.weight"], state[f"{at}.q_norm.bias"], 1e-6)
    key = functional.layer_norm(key, (8,), state[f"{at}.k_norm.weight"], state[f"{at}.k_norm.bias"], 1e-6)
    weights = (torch.einsum("bnhd,bmhd->bhnm", query, key) / 8**0.5).softmax(3)
    attended = torch.einsum("bhnm,bmhd->bnhd", weights, value).reshape(2, 7, 24)
    update = attended @ state[f"{at}.attn_out_proj.weight"].T + state[f"{at}.attn_out_proj.bias"]
    update = update + functional.gelu(hidden) @ state[f"{at}.mlp_out_proj.weight"].T + state[f"{at}.mlp_out_proj.bias"]
    expected = tokens + state[f"{at}.ls.gamma"] * update
    torch.testing.assert_close(model.encoder.transformer.blocks[0](tokens), expected, atol=1e-5, rtol=1e-5)
    assert model.embed(image_batch(2, channels=("x", "y"), size=(16, 16))).shape == (2, 24)


def test_a_final_norm_on_the_tokens_is_the_other_public_pooling() -> None:
    state = generated(layout(**SMALL), grid=4)
    for kind in ("weight", "bias"):
        state[f"encoder.vit_backbone.norm.{kind}"] = state.pop(f"encoder.vit_backbone.fc_norm.{kind}")
    model = ca_mae.Model(replace(CONFIG, norm="tokens"), ImageSpec(("a", "b", "c")))
    model.load_state_dict(convert(state))


def test_what_is_not_the_layout_is_refused() -> None:
    state = generated(layout(**SMALL), grid=4)
    with pytest.raises(DataError, match="no tensor 'head.weight'"):
        convert({**state, "head.weight": torch.zeros(1)})
    with pytest.raises(DataError, match="no tensor 'decoder.decoders.0.0.other'"):
        convert({**state, "decoder.decoders.0.0.other": torch.zeros(1)})
    with pytest.raises(DataError, match="fixed sine-cosine positions"):
        convert({**state, "decoder.pos_embeddings": torch.roll(state["decoder.pos_embeddings"], 1, 2)})
    with pytest.raises(DataError, match="class token a position"):
        convert({**state, "decoder.pos_embeddings": state["decoder.pos_embeddings"] + 1})
    with pytest.raises(DataError, match="lacks the patch embedding"):
        convert({"decoder.mask_token": torch.zeros(1)})
