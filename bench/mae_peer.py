"""Weights of transformers' ViTMAE in the names of `hooke.models.mae`, and the worker that runs it in the peer's python.

python bench/mae_peer.py parity SETTINGS.json FOLDER      (writes weights, input, outputs and gradients as .npz)
python bench/mae_peer.py train SETTINGS.json              (reads "run STEPS" lines, answers in JSON)
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def hooke_options(settings: dict[str, Any]) -> dict[str, Any]:
    """`mae.Config` of the standard blocks that ViTMAE has."""
    return {
        "width": settings["width"], "depth": settings["depth"], "heads": settings["heads"], "patch": settings["patch"],
        "mlp_ratio": 4.0, "block": "serial", "qkv_bias": True, "qk_norm": False, "layer_scale": 0.0,
        "stochastic_depth": 0.0, "class_tokens": 1, "decoder_width": settings["decoder_width"],
        "decoder_depth": settings["decoder_depth"], "decoder_heads": settings["decoder_heads"],
    }  # fmt: skip


def peer_model(settings: dict[str, Any]) -> Any:
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    config = ViTMAEConfig(
        hidden_size=settings["width"], num_hidden_layers=settings["depth"], num_attention_heads=settings["heads"],
        intermediate_size=4 * settings["width"], layer_norm_eps=1e-6, image_size=settings["size"],
        patch_size=settings["patch"], num_channels=settings["channels"],
        decoder_num_attention_heads=settings["decoder_heads"], decoder_hidden_size=settings["decoder_width"],
        decoder_num_hidden_layers=settings["decoder_depth"], decoder_intermediate_size=4 * settings["decoder_width"],
        mask_ratio=settings["ratio"], norm_pix_loss=False, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        attn_implementation="sdpa",
    )  # fmt: skip
    return ViTMAEForPreTraining(config)


def blocks(peer: str, ours: str, count: int, weights: dict[str, np.ndarray], out: dict[str, np.ndarray]) -> None:
    for index in range(count):
        theirs, mine = f"{peer}.{index}", f"{ours}.{index}"
        for kind in ("weight", "bias"):
            parts = [weights[f"{theirs}.attention.{name}_proj.{kind}"] for name in "qkv"]
            out[f"{mine}.attention.qkv.{kind}"] = np.concatenate(parts)
            out[f"{mine}.attention.out.{kind}"] = weights[f"{theirs}.attention.o_proj.{kind}"]
            out[f"{mine}.attention_norm.{kind}"] = weights[f"{theirs}.layernorm_before.{kind}"]
            out[f"{mine}.mlp_norm.{kind}"] = weights[f"{theirs}.layernorm_after.{kind}"]
            out[f"{mine}.hidden.{kind}"] = weights[f"{theirs}.mlp.fc1.{kind}"]
            out[f"{mine}.out.{kind}"] = weights[f"{theirs}.mlp.fc2.{kind}"]


def converted(weights: dict[str, np.ndarray], settings: dict[str, Any]) -> dict[str, np.ndarray]:
    """Weights, or gradients, of ViTMAE under our names: its patches lie (row, column, channel), ours (channel, row, column)."""
    patch, channels = settings["patch"], settings["channels"]
    order = np.arange(patch * patch * channels).reshape(patch, patch, channels).transpose(2, 0, 1).ravel()
    out = {
        "encoder.patches.weight": weights["vit.embeddings.patch_embeddings.projection.weight"].reshape(
            settings["width"], -1
        ),
        "encoder.patches.bias": weights["vit.embeddings.patch_embeddings.projection.bias"],
        "encoder.class_tokens": weights["vit.embeddings.cls_token"],
        "decoder.mask_token": weights["decoder.mask_token"],
        "decoder.predict.weight": weights["decoder.decoder_pred.weight"][order],
        "decoder.predict.bias": weights["decoder.decoder_pred.bias"][order],
    }
    for kind in ("weight", "bias"):
        out[f"encoder.final_norm.{kind}"] = weights[f"vit.layernorm.{kind}"]
        out[f"decoder.project.{kind}"] = weights[f"decoder.decoder_embed.{kind}"]
        out[f"decoder.norm.{kind}"] = weights[f"decoder.decoder_norm.{kind}"]
    first = "vit.layers" if any(name.startswith("vit.layers.") for name in weights) else "vit.encoder.layer"
    blocks(first, "encoder.transformer.blocks", settings["depth"], weights, out)
    second = (
        "decoder.layers" if any(name.startswith("decoder.layers.") for name in weights) else "decoder.decoder_layers"
    )
    blocks(second, "decoder.transformer.blocks", settings["decoder_depth"], weights, out)
    return out


def parity(settings: dict[str, Any], folder: Path) -> None:
    import torch
    import transformers

    torch.manual_seed(settings["seed"])
    model = peer_model(settings).train()
    for parameter in model.parameters():
        if parameter.requires_grad:  # biases and norms away from their start
            parameter.data += 0.02 * torch.randn_like(parameter)
    # transformers' own table of positions, in the order rows before columns that we use
    from transformers.models.vit_mae.modeling_vit_mae import build_2d_sinusoidal_position_embedding

    side = settings["size"] // settings["patch"]
    for name, parameter in model.named_parameters():
        if "pos" in name:
            table = build_2d_sinusoidal_position_embedding(side, side, parameter.shape[2], cls_token=True)
            parameter.data = table[None].float()
            parameter.requires_grad_(False)
    data = np.load(folder / "input.npz")
    found = model(torch.from_numpy(data["images"]), noise=torch.from_numpy(data["noise"]))
    found.loss.backward()
    values = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    gradients = {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}
    np.savez(folder / "weights.npz", **converted(values, settings))
    np.savez(folder / "gradients.npz", **converted(gradients, settings))
    np.savez(
        folder / "outputs.npz",
        loss=found.loss.detach().numpy(),
        logits=found.logits.detach().numpy(),
        mask=found.mask.numpy(),
        version=np.array(f"transformers {transformers.__version__}, torch {torch.__version__}"),
    )


def train(settings: dict[str, Any]) -> None:
    """Steps of training on random images in memory: forward, backward, AdamW."""
    import torch

    torch.set_num_threads(settings["threads"])
    torch.manual_seed(0)
    images = torch.randn(settings["batch"], settings["channels"], settings["size"], settings["size"])
    generator = torch.Generator().manual_seed(0)
    if settings["system"] == "hooke":
        from hooke.images.batch import ImageBatch
        from hooke.images.spec import ImageSpec
        from hooke.models import mae
        from hooke.tasks import masked_image

        channels = tuple(f"c{index}" for index in range(settings["channels"]))
        spec = ImageSpec(channels)
        task = masked_image.Task(masked_image.Config(mask_ratio=settings["ratio"], symmetry="none"), spec)
        network = task.network(mae.Model(mae.Config(**hooke_options(settings)), spec)).train()
        batch = ImageBatch(images, channels, torch.arange(len(images)))
        name = f"hooke, torch {torch.__version__}"

        def loss() -> Any:
            return task.losses(network, batch, 0, generator)["loss"]
    else:
        import transformers

        network = peer_model(settings).train()
        name = f"transformers {transformers.__version__}, torch {torch.__version__}"

        def loss() -> Any:
            return network(images).loss

    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(learned, 1e-4, fused=True)
    parameters = sum(parameter.numel() for parameter in learned)
    print(json.dumps({"version": name, "parameters": parameters}), flush=True)
    for line in sys.stdin:
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(int(line.split()[1])):
            with torch.autocast("cpu", torch.bfloat16, enabled=settings["bf16"]):
                value = loss()
            value.backward()
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        print(
            json.dumps(
                {
                    "seconds": time.perf_counter() - start,
                    "cpu_seconds": time.process_time() - cpu,
                    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    options = json.loads(Path(sys.argv[2]).read_text())
    if sys.argv[1] == "parity":
        parity(options, Path(sys.argv[3]))
    else:
        train(options)
