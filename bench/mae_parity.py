"""Forward and gradient of `hooke.models.mae` against transformers' ViTMAE with copied weights and equal masks, in float32.

    python bench/mae_parity.py RESULTS.jsonl --peer PYTHON        (PYTHON: of an environment with transformers)

Prints, and appends as a line, the largest difference of loss, prediction and gradients over the largest value of each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from hooke.images.batch import ImageBatch
from hooke.images.spec import ImageSpec
from hooke.models import mae
from hooke.nn.images.channels import standardise
from hooke.nn.images.fourier import hidden_error
from mae_peer import hooke_options

SETTINGS = [
    {
        "name": "tiny", "width": 96, "depth": 3, "heads": 4, "patch": 8, "size": 64,
        "decoder_width": 64, "decoder_depth": 2, "decoder_heads": 4,
    },
    {
        "name": "small_16", "width": 384, "depth": 12, "heads": 6, "patch": 16, "size": 128,
        "decoder_width": 512, "decoder_depth": 8, "decoder_heads": 16,
    },
]  # fmt: skip


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / max(1e-12, np.abs(expected).max()))


def compare(settings: dict[str, Any], peer: str) -> dict[str, Any]:
    channels = tuple(f"c{index}" for index in range(settings["channels"]))
    generator = torch.Generator().manual_seed(settings["seed"])
    images = torch.randn(4, len(channels), settings["size"], settings["size"], generator=generator)
    images = standardise(standardise(images))  # standardising once more changes nothing
    noise = torch.rand(4, (settings["size"] // settings["patch"]) ** 2, generator=generator)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "input.npz", images=images.numpy(), noise=noise.numpy())
        (folder / "settings.json").write_text(json.dumps(settings))
        worker = str(Path(__file__).parent / "mae_peer.py")
        subprocess.run([peer, worker, "parity", str(folder / "settings.json"), name], check=True)
        weights, gradients, outputs = (
            dict(np.load(folder / f"{part}.npz")) for part in ("weights", "gradients", "outputs")
        )
    model = mae.Model(mae.Config(**hooke_options(settings)), ImageSpec(channels)).train()
    model.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()})
    found = model.reconstruct(ImageBatch(images, channels, torch.arange(4)), noise, settings["ratio"])
    loss = hidden_error(found.prediction, found.target, found.hidden)
    loss.backward()
    patch, count = settings["patch"], len(channels)
    order = np.arange(patch * patch * count).reshape(patch, patch, count).transpose(2, 0, 1).ravel()
    mine = {name: parameter.grad.numpy() for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert set(mine) == set(gradients), sorted(set(mine) ^ set(gradients))
    differences = {name: relative(mine[name], gradients[name]) for name in mine}
    worst = max(differences, key=differences.__getitem__)
    return {
        "setting": settings["name"],
        "equal_masks": bool((found.hidden.numpy() == outputs["mask"].astype(bool)).all()),
        "loss": float(loss.detach()),
        "loss_difference": abs(float(loss.detach()) - float(outputs["loss"])),
        "prediction_difference": relative(found.prediction.detach().numpy(), outputs["logits"][:, :, order]),
        "gradient_difference": differences[worst],
        "worst_gradient": worst,
        "gradient_norm_difference": float(
            np.sqrt(
                sum(((mine[n] - gradients[n]) ** 2).sum() for n in mine) / sum((g**2).sum() for g in gradients.values())
            )
        ),
        "tensors": len(mine),
        "peer": str(outputs["version"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--peer", required=True, help="python of an environment with transformers")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    options.results.parent.mkdir(parents=True, exist_ok=True)
    for settings in SETTINGS:
        for seed in range(options.seeds):
            line = {"seed": seed, **compare({**settings, "channels": 3, "ratio": 0.75, "seed": seed}, options.peer)}
            with open(options.results, "a") as file:
                file.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)
            numbers = [line[name] for name in ("loss_difference", "prediction_difference", "gradient_difference")]
            if not line["equal_masks"] or max(numbers) > 1e-5:
                sys.exit("no parity to 1e-5")


if __name__ == "__main__":
    main()
