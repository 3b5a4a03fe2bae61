"""How far the layers of molecular encoders move in four steps, at widths of 16 to 256, with and without width transfer.

    python bench/coordinate_check.py RESULTS.jsonl [--models gine dmpnn mpnn gps graph_transformer] [--rate 2e-3] [--seeds 3]

    movement(layer, width) = √ mean (x_k - x_0)²   over all entries x of what the layer puts out for one batch

after k steps on that batch. Under width transfer (`nn.width_transfer`) it does not depend on the width; under the standard
parametrisation with one learning rate it grows with it. Printed: the slope of log₂ movement over log₂ width of each layer; 0 is flat.

Source: Yang et al. 2022 (Tensor Programs V, arXiv 2203.03466), appendix D.1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hooke.core import registry
from hooke.core.label import Label
from hooke.core.recipe import Named, TrainSection
from hooke.inference.network import build_network, build_task
from hooke.modalities import trainable
from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.distinct import Distinct
from hooke.nn.graphs.environments import Shared
from hooke.nn.width_transfer import transfer_width
from hooke.train.optimiser import make_optimiser, set_learning_rate

WIDTHS = (16, 32, 64, 128, 256)
STEPS = 4
ENCODINGS = EncodingConfig(random_walk=4)
LABELS = (Label("a"), Label("b", kind="binary"))
SPEC = MoleculeSpec(LABELS, encodings=ENCODINGS)
GROWS: dict[str, Any] = {  # what grows with the width
    "gine": lambda width: {"depth": 3},
    "dmpnn": lambda width: {"depth": 3},
    "mpnn": lambda width: {"depth": 3, "edge_width": width // 2, "pooling": "mean"},
    "gps": lambda width: {"depth": 2, "heads": width // 8},
    "graph_transformer": lambda width: {"depth": 2, "heads": width // 8},
}


def movements(network: Any, task: Any, batch: Any, section: TrainSection, steps: int) -> dict[str, float]:
    """Name of a layer → how far its activations on the batch move in `steps` steps on it, at the section's constant rate.

    Layers are the encoder's inputs, each of its layers, and each head; "[k]" is the k-th further tensor that a layer gives.

    Args:
        network: Encoder and heads; trained in place.
        task: Gives the loss.
        batch: One batch.
        section: Optimiser, learning rate and decay.
        steps: Of training.
    """
    optimiser = make_optimiser(network, section)
    set_learning_rate(optimiser, section.learning_rate)
    generator = torch.Generator().manual_seed(0)
    before = activations(network, batch)
    for step in range(steps):
        optimiser.zero_grad()
        task.losses(network, batch, step, generator)["loss"].backward()
        optimiser.step()
    after = activations(network, batch)
    return {name: float((after[name] - rows).square().mean().sqrt()) for name, rows in before.items()}


@torch.no_grad()
def activations(network: Any, batch: Any) -> dict[str, Tensor]:
    """What each layer puts out in one forward pass, in float64."""
    found: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            for place, rows in enumerate(_tensors(output)):
                found[f"{name}[{place}]" if place else name] = rows.double()

        return hook

    with ExitStack() as hooks:
        for name, module in watched(network).items():
            hooks.callback(module.register_forward_hook(note(name)).remove)
        network(batch)
    return found


def watched(network: Any) -> dict[str, nn.Module]:
    """The modules whose outputs are measured."""
    inputs = {name: module for name, module in network.encoder.named_children() if name.endswith("inputs")}
    layers = {f"layers.{number}": layer for number, layer in enumerate(network.encoder.layers)}
    return {**inputs, **layers, **{f"heads.{name}": head for name, head in network.heads.items()}}


def _tensors(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, Distinct | Shared):
        return [output.rows]
    return [rows for part in output or () for rows in _tensors(part)]


def slopes(moved: Mapping[int, Sequence[Mapping[str, float]]]) -> dict[str, float]:
    """Layer → slope of log₂ of its movement, averaged over repeats, over log₂ of the width.

    Args:
        moved: Width → the `movements` of each repeat (seed).
    """
    widths = sorted(moved)
    found = {}
    for layer in moved[widths[0]][0]:
        means = [np.mean([np.log2(one[layer]) for one in moved[width]]) for width in widths]
        found[layer] = float(np.polyfit(np.log2(widths), means, 1)[0])
    return found


def network(name: str, width: int, task: Any) -> Any:
    config = registry.module("models", name).Config(width=width, **GROWS[name](width))
    return build_network(trainable("molecules", "fit"), Named(name, config, "models"), SPEC, task)


def check(name: str, options: argparse.Namespace, *, transfer: bool) -> dict[str, float]:
    """Layer → slope."""
    task = build_task(Named("multitask", registry.module("tasks", "multitask").Config(), "tasks"), SPEC)
    batch = batch_of(SMILES, encodings=ENCODINGS, labels=LABELS)
    moved: dict[int, list[dict[str, float]]] = {width: [] for width in WIDTHS}
    for width in WIDTHS:
        for seed in range(options.seeds):
            torch.manual_seed(seed)
            made = network(name, width, task)
            if transfer:
                with torch.device("meta"):
                    base = network(name, WIDTHS[0], task)
                transfer_width(made, base)
            moved[width].append(movements(made, task, batch, TrainSection(learning_rate=options.rate), STEPS))
    return slopes(moved)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--models", nargs="*", default=list(GROWS), choices=list(GROWS))
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.models:
        for transfer in (True, False):
            found = check(name, options, transfer=transfer)
            line = {
                "model": name,
                "width_transfer": transfer,
                "rate": options.rate,
                "seeds": options.seeds,
                "slopes": found,
            }
            with open(options.results, "a") as file:
                file.write(json.dumps(line) + "\n")
            steepest = max(found, key=lambda layer: abs(found[layer]))
            how = "width transfer" if transfer else "standard"
            print(
                f"{name}, {how}: steepest {steepest} {found[steepest]:+.2f}, head {found['heads.graph']:+.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
