"""Run by tests as a script of its own: steps on molecules in one process, in two, and in two that share one network."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from hooke.core import registry
from hooke.core.label import Label
from hooke.core.loader import RowLoader
from hooke.core.progress import progress
from hooke.core.recipe import TrainSection
from hooke.modalities.molecules.samples import slice_of
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.tables.twins import twin_smiles
from hooke.train.devices import launch, make_fabric
from hooke.train.loop import Trainer

STEPS, BATCH, ROWS, STOP_AFTER = 20, 9, 90, 7
ENCODINGS = EncodingConfig(laplacian=3, random_walk=4)
LABELS = (Label("a"), Label("b"), Label("c", kind="binary"), Label("d", kind="ordinal", classes=3), Label("q", "node"))
SMILES = twin_smiles(ROWS, seed=3)
DROPOUT = {
    "gine": {"dropout": 0.2},
    "gps_plus_plus": {
        "positions": False, "hide_paths": 0.3, "node_dropout": 0.3, "edge_dropout": 0.1, "global_dropout": 0.3,
        "input_dropout": 0.2, "attention_dropout": 0.3, "depth_dropout": 0.3,
    },
}  # fmt: skip
OBJECTIVES = {"multitask": {}, "noisy_nodes": {}, "attribute_masking": {}, "functional_groups": {}}
MULTITASK = {"weighting": "uncertainty", "hide_encodings": 0.2, "dropout": 0.1}
CASES = {
    "gine": ("multitask", MULTITASK),
    "gps_plus_plus": ("combined", {"objectives": {**OBJECTIVES, "multitask": MULTITASK}}),
}


def read(rows: np.ndarray) -> MoleculeBatch:
    """Few labels are measured, each in few molecules, so that most processes see none of some in a step."""
    encodings = replace(ENCODINGS, functional_groups=True)
    batch = collate(slice_of([SMILES[row] for row in rows], encodings=encodings, labels=LABELS))
    graph, node = [], []
    for row, atoms in zip(rows, batch.node_offsets.diff().tolist(), strict=True):
        generator = np.random.default_rng((7, row))
        values = np.array([*generator.normal(size=2), generator.integers(2), generator.integers(3)])
        graph.append(np.where(generator.random(4) < [0.6, 0.15, 0.3, 0.3], values, np.nan))
        charges = generator.normal(size=(atoms, 1))
        node.append(charges if generator.random() < 0.4 else np.full_like(charges, np.nan))
    targets = {"graph": torch.from_numpy(np.stack(graph)), "node": torch.from_numpy(np.concatenate(node))}
    return replace(batch, targets=targets, bounds={}, rows=torch.from_numpy(rows))


def loader(section: TrainSection, fabric: Fabric, *, seed: int | None) -> RowLoader[MoleculeBatch]:
    rows = np.arange(ROWS) if seed is not None else np.arange(20)
    share = {"rank": fabric.global_rank, "world": fabric.world_size}
    sizes = np.array([len(text) for text in SMILES])
    return RowLoader(read, rows, section.batch_size, seed=seed, sizes=sizes, **share)


def train(fabric: Fabric, section: TrainSection, folder: Path, name: str, dtype: torch.dtype, stop_after: int) -> None:
    model = registry.module("models", name)
    kind, options = CASES[name]
    tasks = registry.module("tasks", kind)
    torch.manual_seed(0)
    task: Any = tasks.Task(tasks.Config(**options), MoleculeSpec(LABELS))
    network = task.network(
        model.Model(replace(model.PRESETS["tiny"], **DROPOUT[name]), MoleculeSpec(encodings=ENCODINGS))
    ).to(dtype)
    losses: list[float] = []
    trainer = Trainer(
        network, task, section, fabric=fabric, seed=1, folder=folder, log=lambda **line: None, draws_by_item=True,
        train=loader(section, fabric, seed=5), valid=loader(section, fabric, seed=None),
    )  # fmt: skip
    original = trainer._count

    def counted(batch: Any, loss: float) -> None:
        losses.append(loss)
        original(batch, loss)
        trainer._interruption.asked |= trainer.step + 1 == stop_after

    trainer._count = counted  # type: ignore[method-assign]
    with progress(None, "test", show=False) as bar:
        trainer.run(bar)
    if fabric.is_global_zero:
        torch.save({"losses": losses, "steps": trainer.step}, folder / "losses.pt")


def train_all(fabric: Fabric, section: TrainSection, folder: Path) -> None:
    for name in CASES:
        for dtype in (torch.float64, torch.float32)[: 2 if name == "gine" else 1]:
            train(fabric, section, folder / name / str(dtype).removeprefix("torch."), name, dtype, 0)


def train_and_stop(fabric: Fabric, section: TrainSection, folder: Path) -> None:
    for stop_after in (STOP_AFTER, 0):
        try:
            train(fabric, section, folder, "gine", torch.float64, stop_after)
        except KeyboardInterrupt:
            if fabric.is_global_zero:
                (folder / "state.pt").rename(folder / "kept.pt")
                (folder / "state.pt").write_bytes((folder / "kept.pt").read_bytes())
            fabric.barrier()


def main(folder: Path, what: str) -> None:
    one = TrainSection(
        epochs=2, max_steps=STEPS, batch_size=2 * BATCH, learning_rate=2e-3, accelerator="cpu", threads=1, warmup=0.2
    )
    two = replace(one, batch_size=BATCH, devices=2)
    if what == "shared":
        launch(make_fabric(one), train_all, replace(one, epochs=4), folder / "one")
        launch(make_fabric(two), train_all, replace(two, epochs=4), folder / "two")
    else:
        # so slow that every epoch improves: a mean over batches of sparse labels depends on how rows are divided, and so may the best epoch
        one, two = (replace(each, epochs=4, learning_rate=2e-4) for each in (one, two))
        launch(make_fabric(one), train, one, folder / "one", "gine", torch.float64, 0)
        sharded = replace(two, sharded=True)
        launch(make_fabric(sharded), train_and_stop, sharded, folder / "two")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
