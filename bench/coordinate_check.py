"""How far the layers of molecular encoders move in four steps, at widths of 16 to 256, with and without width transfer.

    python bench/coordinate_check.py RESULTS.jsonl [--models gine dmpnn mpnn gps graph_transformer] [--rate 2e-3] [--seeds 3]

Printed: the slope of log₂ movement over log₂ width of each layer; 0 is flat (`hooke.studies.coordinate_check`).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from hooke.core import registry
from hooke.core.label import Label
from hooke.core.recipe import Named, TrainSection
from hooke.inference.network import build_network, build_task
from hooke.modalities import trainable
from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.width_transfer import transfer_width
from hooke.studies.coordinate_check import movements, slopes

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
