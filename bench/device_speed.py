"""Speed on an accelerator, in one prepared script of at most five minutes: training of GPS++ and MAE, embedding of molecules.

    python bench/device_speed.py RESULTS.jsonl [--device cuda] [--seconds 45] [--setting full|tiny]

Three lines, each written as soon as it is measured:

- GPS++ (44M parameters, labels and noisy nodes, the published batch of 921 molecules) in bfloat16: training graphs a second.
- MAE of ViT-L/16 on crops of 256 x 256 in six channels, bfloat16: training images a second, and the share of the accelerator's dense
  bfloat16 peak by the FLOPs of `hooke fit --dry-run`.
- The encoder that comes with Hooke: molecules embedded a second.

Molecules are those of `pocketmix` with several labels; images are simulated. Batches lie on the device before the clock starts, so that the
device is measured and not the reading; their making is stated beside it (`loader_items_per_second`, one process). Steps run for so many
seconds after a warm-up and are waited for at the end. `--setting tiny` is for a test of the script on a CPU.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import hooke
from embed_speed import keep
from hooke.core.recipe import Recipe, resolve
from hooke.inference.network import build_network, build_task
from hooke.modalities import readable, trainable
from hooke.studies.plan import DEVICES, plan_recipe
from hooke.train.devices import make_fabric
from hooke.train.fit import prepare
from hooke.train.optimiser import make_optimiser

WARM_UP, BATCHES = 5, 8
SETTINGS: dict[str, dict[str, Any]] = {
    "full": {"gps": "44m", "graphs": 921, "mae": "large_16", "images": 128, "crop": 256, "molecules": 4096},
    "tiny": {"gps": "tiny", "graphs": 32, "mae": "tiny", "images": 4, "crop": 64, "molecules": 64},
}


def gps_recipe(setting: dict[str, Any], device: str) -> Recipe:
    """GPS++ as in the recipes `gps_plus_plus_*`, on the molecules of the package."""
    objectives = {"multitask": {"weight": 1.0, "regression_loss": "mae"}, "noisy_nodes": {"weight": 1.0}}
    return resolve({
        "data": {"name": "pocketmix", "part": "all"},
        "encodings": {"laplacian": 7, "random_walk": 16},
        "model": {"name": "gps_plus_plus", "preset": setting["gps"]},
        "task": {"name": "combined", "objectives": objectives},
        "train": {"batch_size": setting["graphs"], **_train(device)},
    })  # fmt: skip


def mae_recipe(setting: dict[str, Any], device: str) -> Recipe:
    """MAE on crops."""
    return resolve({
        "data": {"name": "screen"},
        "model": {"name": "mae", "preset": setting["mae"]},
        "task": {"name": "masked_image"},
        "images": {"crop": setting["crop"]},
        "train": {"batch_size": setting["images"], **_train(device)},
    })  # fmt: skip


def _train(device: str) -> dict[str, Any]:
    return {"accelerator": device, "precision": "bf16-mixed", "learning_rate": 1e-4, "clip": 5.0}


def trainer(recipe: Recipe, spec: Any, batches: Sequence[Any]) -> tuple[Callable[[], int], int]:
    """A function that makes one training step and returns how many items it had, and the parameters of the network."""
    modality, fabric = trainable(recipe.modality, "fit"), make_fabric(recipe.train)
    torch.manual_seed(0)
    task = build_task(recipe.task, spec)
    network = build_network(modality, recipe.model, spec, task).train()
    module: Any
    module, optimiser = fabric.setup(_Losses(network, task), make_optimiser(network, recipe.train))
    generator = torch.Generator().manual_seed(0)
    turns = itertools.cycle([batch.to(fabric.device) for batch in batches])

    def step() -> int:
        batch = next(turns)
        fabric.backward(module(batch, generator))
        fabric.clip_gradients(module, optimiser, max_norm=recipe.train.clip, error_if_nonfinite=False)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return int(batch.num_items)

    return step, sum(parameter.numel() for parameter in network.parameters())


class _Losses(torch.nn.Module):
    """Network and task as one module."""

    def __init__(self, network: torch.nn.Module, task: Any) -> None:
        super().__init__()
        self.network, self.task = network, task

    def forward(self, batch: Any, generator: torch.Generator) -> Any:
        return self.task.losses(self.network, batch, 0, generator)["loss"]


def rate(step: Callable[[], int], device: str, seconds: float) -> dict[str, float]:
    """Items a second of steps in a row, and the peak of memory that they need."""
    for _ in range(WARM_UP):
        step()
    _wait(device)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    items, steps, start = 0, 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        items += step()
        steps += 1
        if steps % 10 == 0:  # steps are only put into a queue
            _wait(device)
    _wait(device)
    took = time.perf_counter() - start
    memory = {"peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2)} if device == "cuda" else {}
    return {
        "items_per_second": round(items / took, 1),
        "ms_a_step": round(1000 * took / steps, 2),
        "steps": steps,
        **memory,
    }


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def train_gps(setting: dict[str, Any], device: str, seconds: float) -> dict[str, Any]:
    """Training graphs a second."""
    recipe = gps_recipe(setting, device)
    store = prepare(recipe, workers=0, show_progress=False)
    modality, rows = trainable(recipe.modality, "fit"), np.arange(len(store))
    spec = modality.spec(store, rows, recipe)
    loader = modality.loader(store, rows, spec, recipe, part="train", seed=0)
    batches, made = _timed(itertools.islice(loader.epoch(0), BATCHES))
    step, parameters = trainer(recipe, spec, batches)
    atoms = sum(batch.num_nodes for batch in batches) / sum(batch.num_graphs for batch in batches)
    return {
        "what": "GPS++, training graphs", "parameters": parameters, "batch": setting["graphs"], "atoms_a_molecule": round(atoms, 1),
        **rate(step, device, seconds), "loader_items_per_second": made,
    }  # fmt: skip


def train_mae(setting: dict[str, Any], device: str, seconds: float) -> dict[str, Any]:
    """Training images a second, and the share of the peak."""
    recipe = mae_recipe(setting, device)
    sample = trainable(recipe.modality, "fit").plan_sample(recipe, "", {})
    places = [number % sample.items for number in range(setting["images"])]
    batches, made = _timed(sample.batch(places, sample.spec) for _ in range(2))
    step, parameters = trainer(recipe, sample.spec, batches)
    speed = rate(step, device, seconds)
    flops = plan_recipe(recipe)[0].step_flops
    line = {
        "what": "MAE, training images", "parameters": parameters, "batch": setting["images"], "crop": setting["crop"],
        "channels": len(sample.spec.channels), **speed, "step_tflops_an_image": round(flops / 1e12, 4), "loader_items_per_second": made,
    }  # fmt: skip
    peaks = [DEVICES[name].peak_flops for name in DEVICES if name.split("-")[0].upper() in _device_name(device).upper()]
    return line | ({"share_of_peak": round(flops * speed["items_per_second"] / peaks[0], 3)} if peaks else {})


def embed(setting: dict[str, Any], device: str, seconds: float) -> dict[str, Any]:
    """Molecules a second of the encoder that comes with Hooke."""
    encoder: Any = hooke.load("tiny", device=device)
    store = prepare(resolve({"data": {"name": "pocketmix", "part": "all"}}), workers=0, show_progress=False)
    smiles = [text for text, _ in zip(itertools.cycle(store.smiles()), range(setting["molecules"]), strict=False)]
    modality = readable("molecules", "embed")
    source = modality.source(smiles, encoder.spec, modality.options(), batch_size=setting["molecules"])
    batches, made = _timed(batch for job in source.jobs() for batch in source.chunk(source.prepare(job)).batches)
    turns = itertools.cycle([batch.to(torch.device(device)) for batch in batches])

    def step() -> int:
        batch = next(turns)
        return len(encoder.vectors(batch))

    speed = rate(step, device, seconds)
    return {"what": "tiny, molecules embedded", "batch": setting["molecules"], **speed, "loader_items_per_second": made}


def _timed(batches: Iterator[Any]) -> tuple[list[Any], float]:
    """Batches, and how many of their items were made a second."""
    start = time.perf_counter()
    made = list(batches)
    return made, round(sum(batch.num_items for batch in made) / (time.perf_counter() - start), 1)


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--setting", default="full", choices=list(SETTINGS))
    given = parser.parse_args()
    setting = SETTINGS[given.setting]
    about = {"device": _device_name(given.device), "torch": torch.__version__, "setting": given.setting}
    for measure in (train_gps, train_mae, embed):
        keep(given.results, {**measure(setting, given.device, given.seconds), **about})


if __name__ == "__main__":
    main()
