"""Run by tests as a script of its own: training on two processes beside one."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from hooke.core.errors import DataError, HookeError
from hooke.core.loader import RowLoader
from hooke.core.progress import progress
from hooke.core.recipe import TrainSection
from hooke.train.devices import launch, make_fabric
from hooke.train.loop import Trainer

SECTION = {
    "epochs": 3, "batch_size": 4, "accumulate": 2, "learning_rate": 0.02, "precision": "64-true", "accelerator": "cpu",
    "ema": 0.9, "threads": 1, "warmup": 0.0, "clip": 0.5,
}  # fmt: skip
ROWS = 37
STOP_AFTER = 5  # steps, in the middle of the last epoch


@dataclass(frozen=True)
class Points:
    x: Tensor
    rows: Tensor

    @property
    def num_items(self) -> int:
        return len(self.rows)

    def to(self, device: torch.device) -> Points:
        return Points(self.x.to(device), self.rows.to(device))


class Squares:
    """Learn the sum of squares; one weight of the network is never used, one is read by the loss alone."""

    def losses(self, network: Any, batch: Points, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        error = (network(batch.x).squeeze(1) - (batch.x**2).sum(1)).square().mean()
        return {"loss": error * (-network.scale).exp() + network.scale, "error": error.detach()}


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
        self.scale = nn.Parameter(torch.zeros(()))
        self.unused = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def read(rows: np.ndarray) -> Points:
    x = np.random.default_rng(0).normal(size=(200, 3))[rows]
    return Points(torch.from_numpy(x), torch.from_numpy(rows))


def loader(rank: int, world: int) -> RowLoader[Points]:
    return RowLoader(read, np.arange(ROWS - 5), 8 // world, seed=3, rank=rank, world=world)


def train(fabric: Fabric, section: TrainSection, folder: Path, stop_after: int) -> None:
    torch.manual_seed(0)
    rank, world = fabric.global_rank, fabric.world_size
    lines = folder / "lines.jsonl"

    def log(**fields: Any) -> None:
        with open(lines, "a") as file:
            file.write(json.dumps({**fields, "rank": rank}) + "\n")

    trainer = Trainer(
        Network(), Squares(), section, fabric=fabric, seed=1, folder=folder, log=log,
        train=loader(rank, world),
        valid=RowLoader(read, np.arange(ROWS - 5, ROWS), 2, seed=None, rank=rank, world=world),
    )  # fmt: skip
    if stop_after:
        original = trainer._train_batch

        def stopping(batch: Any) -> None:
            original(batch)
            if trainer.step == stop_after and rank == 1:  # one process is asked, all stop
                trainer._interruption.asked = True

        trainer._train_batch = stopping  # type: ignore[method-assign]
    with progress(None, "test") as bar:
        trainer.run(bar)


def train_and_fail(fabric: Fabric, section: TrainSection, folder: Path) -> None:
    train(fabric, section, folder, 0)
    if fabric.global_rank == 1:
        raise DataError("shard 7 is damaged")
    fabric.barrier()


def main(folder: Path) -> None:
    one, two = TrainSection(**SECTION), TrainSection(**SECTION, devices=2)  # type: ignore[arg-type]
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    launch(make_fabric(one), train, one, folder / "one", 0)
    try:
        launch(make_fabric(two), train, two, folder / "two", STOP_AFTER)
    except KeyboardInterrupt:
        print("stopped", (folder / "two" / "state.pt").exists())
    try:
        launch(make_fabric(two), train_and_fail, two, folder / "two")
    except HookeError as caught:
        print(type(caught).__name__, caught)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
