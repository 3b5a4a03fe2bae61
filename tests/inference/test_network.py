from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hooke.core import registry
from hooke.core.errors import UnknownNameError
from hooke.core.label import Label
from hooke.core.recipe import Named, load_recipe
from hooke.core.types import LabelStatistics
from hooke.images.store import ImageStore
from hooke.inference.network import build_network, build_task
from hooke.modalities import trainable
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec

MOLECULES = trainable("molecules", "fit")
GINE = Named("gine", registry.module("models", "gine").PRESETS["tiny"], "models")


def task_of(name: str, spec: Any) -> Any:
    return build_task(Named(name, registry.module("tasks", name).Config(), "tasks"), spec)


def test_a_network_has_one_head_a_level_and_follows_the_generator() -> None:
    statistics = {"graph": LabelStatistics(np.array([3.0]), np.array([5.0]), np.array([2.0]))}
    spec = MoleculeSpec((Label("a"), Label("b", "node")), statistics=statistics)
    task, networks = task_of("multitask", spec), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        networks.append(build_network(MOLECULES, GINE, spec, task))
    assert set(networks[0].heads) == {"graph", "node"}
    assert networks[0].heads["graph"].mean.tolist() == [5.0]
    first, same, other = (network.state_dict() for network in networks)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_other_options_than_the_recipes_can_be_built() -> None:
    spec = MoleculeSpec((Label("a"),))
    narrow = build_network(MOLECULES, GINE, spec, task_of("multitask", spec), config=type(GINE.config)(width=8))
    assert narrow.encoder.width == 8


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="multitask"):
        build_task(Named("multitsk", None, "tasks"), MoleculeSpec())


def test_an_encoder_does_not_read_what_its_task_predicts() -> None:
    spec = MoleculeSpec((Label("a"),), encodings=EncodingConfig(random_walk=3, functional_groups=True))
    read = {}
    for name in ("functional_groups", "multitask"):
        features = build_network(MOLECULES, GINE, spec, task_of(name, spec)).encoder.node_inputs.features.encodings
        read[name] = {*features.node, *features.graph}
    assert read == {"functional_groups": {"random_walk"}, "multitask": {"random_walk", "functional_groups"}}


def test_which_objectives_learn_labels() -> None:
    combined = registry.module("tasks", "combined")
    for name, learns in (("multitask", True), ("gpse", False)):
        module = registry.module("tasks", name)
        assert module.Task.learns_labels(module.Config()) == learns
    assert combined.Task.learns_labels(combined.Config())
    without = combined.Config({"contextual_property": {}, "functional_groups": {}})
    assert not combined.Task.learns_labels(without)


def test_heads_of_images_have_the_classes_and_reconstruction_none(screen: ImageStore) -> None:
    images = trainable("images", "fit")
    for name, recipe in (("perturbation_classification", "tiny_wsl"), ("masked_image", "tiny_ca_mae")):
        spec = images.spec(screen, np.arange(len(screen)), load_recipe(recipe))
        model = Named("ca_mae", registry.module("models", "ca_mae").PRESETS["tiny_16"], "models")
        network = build_network(images, model, spec, task_of(name, spec))
        heads = getattr(network, "heads", {})
        assert [head.out_features for head in (heads.values() if heads else ())] == (
            [spec.labels[0].classes] if spec.labels else []
        )
