"""Ten steps of every recipe of the published tables on the twin of its data set, with the real widths and as many labels as published.

Encoders above a hundred million parameters are made narrower for their ten steps; at full width they are built without numbers by
the tests.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hooke.core import recipe_files as recipes
from hooke.core import registry
from hooke.core.how import How
from hooke.core.label import Label
from hooke.core.recipe import Recipe, load_recipe
from hooke.core.types import Spec
from hooke.inference.network import build_network, build_task
from hooke.modalities import trainable
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.ingest import ingest
from hooke.molecules.tables.twins import write_twin_table, write_twins
from hooke.studies.plan import encoder_parameters, widened
from hooke.train.optimiser import make_optimiser

FAMILIES = ("toymix_", "largemix_", "ultralarge_", "molgps_", "gps_plus_plus_")
STEPS, BATCH = 10, 4
LARGEST, NARROW = 100_000_000, 10_000_000


def published() -> list[str]:
    """Names of the recipes."""
    return [name for name in recipes.names() if name.startswith(FAMILIES)]


def twin_of(recipe: Recipe, folder: Path) -> MoleculeStore:
    """The twin of a recipe's data with every label column, made once for all recipes of equal data and encodings."""
    how = How(0, False, {"encodings": recipe.sections["encodings"]})
    if recipe.data.name == "csv":
        path = write_twin_table(folder / "table.csv", seed=0, rows=60, labels=(Label("homolumogap"),))
        return ingest([Table(paths=(path,))], folder / "csv", how)
    described = registry.module("datasets", recipe.data.name).Dataset(recipe.data.config).tables
    tables = [
        write_twins(table, folder / "raw" / name, seed=number, every_column=True)
        for number, (name, table) in enumerate(described.items())
    ]
    return ingest(tables, folder / "store", how)


def ten_steps(recipe: Recipe, store: MoleculeStore, spec: Spec) -> tuple[int, list[float]]:
    """Parameters of the network, and the loss of each step."""
    modality, task = trainable("molecules", "fit"), build_task(recipe.task, spec)
    torch.manual_seed(recipe.seed)
    network: Any = build_network(modality, recipe.model, spec, task).train()
    optimiser = make_optimiser(network, replace(recipe.train, learning_rate=3e-4))
    loader = modality.loader(store, np.arange(len(store)), spec, recipe, part="train", seed=0)
    generator, losses = torch.Generator().manual_seed(0), []
    for step, batch in zip(range(STEPS), loader.epoch(0), strict=False):
        loss = task.losses(network, batch, step, generator)["loss"]
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
    return sum(parameter.numel() for parameter in network.parameters()), losses


def main() -> None:
    names = sys.argv[1:] or published()
    torch.set_num_threads(1)
    stores: dict[Any, MoleculeStore] = {}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            recipe = load_recipe(name, [f"train.batch_size={BATCH}"])
            key = repr((recipe.data, recipe.sections["encodings"]))
            if key not in stores:
                stores[key] = twin_of(recipe, Path(folder) / str(len(stores)))
            store = stores[key]
            spec = trainable("molecules", "fit").spec(store, np.arange(len(store)), recipe)
            own, note = encoder_parameters(recipe, spec), ""
            if own > LARGEST:
                recipe, note = widened(recipe, NARROW, spec, tolerance=0.5), f" (encoder narrowed from {own:,})"
            begun = time.perf_counter()
            parameters, losses = ten_steps(recipe, store, spec)
            if len(losses) < STEPS or not np.isfinite(losses).all():
                raise SystemExit(f"{name}: the losses of ten steps are {losses}")
            print(
                f"{name}: {len(store.labels):,} labels, {parameters:,} parameters{note}, loss {losses[0]:.3f} to {losses[-1]:.3f}, "
                f"{time.perf_counter() - begun:.1f} s", flush=True,
            )  # fmt: skip
    print(f"{len(names)} recipes took ten steps on their twins in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
