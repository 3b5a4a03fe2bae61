"""Runs of potentials."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from hooke.atoms.facts import Facts
from hooke.atoms.store import Source, write_frames
from hooke.atoms.twins import made_frames
from hooke.core.recipe import load_recipe
from hooke.core.runs import RunFolder
from hooke.inference.loaded import LoadedRun
from hooke.inference.network import build_network, build_task
from hooke.modalities import trainable

METHODS = ("gfn2", "gfn1")


@pytest.fixture(scope="session")
def several_methods(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    """An untrained network with a head for each of two methods."""
    folder = tmp_path_factory.mktemp("several")
    facts = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", METHODS, METHODS)
    frames = made_frames(facts)
    store = write_frames(folder / "store", [Source("made", [(frames, [])])], facts, "made")
    recipe, modality = load_recipe("tiny_potential_painn", []), trainable("atoms", "fit")
    spec = modality.spec(store, torch.arange(len(frames)).numpy(), recipe)
    run = RunFolder.create(folder, "several", recipe.to_json(), "data-hash")
    run.write_json("spec.json", spec.to_json())
    torch.manual_seed(0)
    network = build_network(modality, recipe.model, spec, build_task(recipe.task, spec))
    path = run.path("members/0/best.safetensors")
    path.parent.mkdir(parents=True)
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    run.finish()
    return LoadedRun.open(run.folder, "cpu")
