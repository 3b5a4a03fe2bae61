"""The public OpenPhenom layout of a CA-MAE's weights, in the names of `hooke.models.ca_mae` (presets "openphenom...").

    encoder.vit_backbone.*     a ViT of timm with parallel scaling blocks, pooled by the mean and normalised after it
    decoder.*                  shared cross-attention and MLP, one stack of blocks a channel
    encoder_decoder_proj, decoder_pred

Two things need care. The positions are stored there although they are fixed; they are checked against ours and dropped. And timm's
block adds [0, 0, 0, mlp_bias] to outputs that lie as [hidden, query, key, value], so the bias reaches the last quarter of the
hidden part, the queries, the keys and the values; the converted bias says exactly that, hence `qkv_bias = true`.

Source: names and shapes as in github.com/recursionpharma/maes_microscopy (mae_modules.py, vit.py, huggingface_mae.py) and
timm 0.9.7 (vision_transformer.py). The weights themselves are not shipped; their licence is non-commercial.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from hooke.core.errors import DataError
from hooke.nn.images.positions import sine_positions

_BLOCK = {
    "in_norm": "norm",
    "in_proj.weight": "projection.weight",
    "q_norm": "norms.query",
    "k_norm": "norms.key",
    "attn_out_proj": "attention_out",
    "mlp_out_proj": "mlp_out",
    "ls.gamma": "scale.gamma",
    "mlp_bias": "bias",
}
_STACK = {
    "norm1": "attention_norm",
    "attn.qkv": "attention.qkv",
    "attn.proj": "attention.out",
    "norm2": "mlp_norm",
    "mlp.fc1": "hidden",
    "mlp.fc2": "out",
}
_OTHERS = {
    "encoder.vit_backbone.cls_token": "encoder.class_tokens",
    "encoder.vit_backbone.patch_embed.proj": "encoder.patches",
    "encoder.vit_backbone.fc_norm": "encoder.final_norm",
    "encoder.vit_backbone.norm": "encoder.final_norm",
    "decoder.mask_token": "decoder.mask_token",
    "decoder.cross_attention.q": "decoder.cross_attention.query",
    "decoder.cross_attention.kv": "decoder.cross_attention.key_value",
    "decoder.cross_attention.proj": "decoder.cross_attention.out",
    "decoder.mlp.fc1": "decoder.hidden",
    "decoder.mlp.fc2": "decoder.out",
    "decoder.context_norm": "decoder.context_norm",
    "decoder.query_norm": "decoder.query_norm",
    "decoder.out_norm": "decoder.mlp_norm",
    "encoder_decoder_proj": "decoder.project",
    "decoder_pred": "decoder.predict",
}
_TOLERANCE = 1e-4


def _renamed(name: str, table: Mapping[str, str]) -> str | None:
    """The name with its longest known beginning replaced."""
    for public in sorted(table, key=len, reverse=True):
        if name == public or name.startswith(f"{public}."):
            return table[public] + name[len(public) :]
    return None


def our_name(public: str) -> str | None:
    """Our name of a public tensor; None for those without a counterpart of their own.

    Raises:
        DataError: The layout has no such tensor.
    """
    if public in ("encoder.vit_backbone.pos_embed", "decoder.pos_embeddings", "decoder.placeholder"):
        return None
    if re.fullmatch(r"decoder\.modality_tokens\.\d+", public):
        return None
    patterns: tuple[tuple[str, Mapping[str, str], Callable[[re.Match[str]], str]], ...] = (
        (
            r"encoder\.vit_backbone\.blocks\.(\d+)\.(.+)",
            _BLOCK,
            lambda found: f"encoder.transformer.blocks.{found[1]}.",
        ),
        (
            r"decoder\.decoders\.(\d+)\.(\d+)\.(.+)",
            _STACK,
            lambda found: f"decoder.stacks.{found[1]}.blocks.{found[2]}.",
        ),
    )
    for pattern, table, prefix in patterns:
        if found := re.fullmatch(pattern, public):
            rest = _renamed(found[found.re.groups], table)
            if rest is not None:
                return prefix(found) + rest
    name = _renamed(public, _OTHERS)
    if name is None:
        raise DataError(f"the OpenPhenom layout has no tensor {public!r}; is this another model's state dict?")
    return name


def convert(public: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A public state dict in our names and shapes.

    Raises:
        DataError: A tensor that the layout has not, one that is missing, or positions other than the fixed ones.
    """
    out: dict[str, Tensor] = {}
    for name, tensor in public.items():
        ours = our_name(name)
        if ours is not None:
            out[ours] = tensor
    _check_positions(public)
    patches = "encoder.patches.weight"
    tokens = sorted(
        (name for name in public if name.startswith("decoder.modality_tokens.")), key=lambda n: int(n.split(".")[-1])
    )
    if patches not in out or not tokens:
        raise DataError("the state dict lacks the patch embedding or the channel tokens; it is no OpenPhenom model")
    out[patches] = out[patches].flatten(1)
    out["decoder.channel_tokens"] = torch.cat([public[name] for name in tokens])
    for name in [name for name in out if re.fullmatch(r"encoder\.transformer\.blocks\.\d+\.bias", name)]:
        width = out[name.removesuffix("bias") + "norm.weight"].shape[0]
        out[name] = torch.cat([out[name].new_zeros(3 * width), out[name]])
    return out


def _check_positions(public: Mapping[str, Tensor]) -> None:
    for name in ("encoder.vit_backbone.pos_embed", "decoder.pos_embeddings"):
        if name not in public:
            continue
        table = public[name][0].float()
        if not bool((table[0] == 0).all()):
            raise DataError(f"{name} gives the class token a position; expected zeros")
        rows = table[1:]
        again = (rows[1:] == rows[0]).all(1).nonzero()[:, 0]  # the first place of the second channel
        patches = int(again[0]) + 1 if len(again) else len(rows)
        side = round(patches**0.5)
        places = sine_positions((side, side), rows.shape[1], device=rows.device)
        if len(rows) % len(places) or bool(
            (rows - places.repeat(len(rows) // len(places), 1)).abs().max() > _TOLERANCE
        ):
            raise DataError(f"{name} lacks the fixed sine-cosine positions, the only ones Hooke's CA-MAE supports")
