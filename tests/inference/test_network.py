from __future__ import annotations

import pytest
import torch

from hooke.core import registry
from hooke.core.errors import UnknownNameError
from hooke.core.label import Label
from hooke.core.types import LabelStatistics
from hooke.inference.network import build_network, build_task, predicts_labels
from hooke.molecules.encodings.config import EncodingConfig


def test_a_network_has_one_head_a_level_and_follows_the_generator() -> None:
    import numpy as np

    labels = (Label("a"), Label("b", "node"))
    statistics = {"graph": LabelStatistics(np.array([3.0]), np.array([5.0]), np.array([2.0]))}
    task = build_task("multitask", registry.module("tasks", "multitask").Config(), labels, statistics)
    config, networks = registry.module("models", "gine").PRESETS["tiny"], []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        networks.append(build_network("gine", config, EncodingConfig(), task))
    assert set(networks[0].heads) == {"graph", "node"}
    assert networks[0].heads["graph"].mean.tolist() == [5.0]
    first, same, other = (network.state_dict() for network in networks)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="multitask"):
        build_task("multitsk", None, (), None)


def test_an_encoder_does_not_read_what_its_task_predicts() -> None:
    encodings = EncodingConfig(random_walk=3, functional_groups=True)
    config, read = registry.module("models", "gine").PRESETS["tiny"], {}
    for name in ("functional_groups", "multitask"):
        task = build_task(name, registry.module("tasks", name).Config(), (Label("a"),), None)
        features = build_network("gine", config, encodings, task).encoder.node_inputs.features.encodings
        read[name] = {*features.node, *features.graph}
    assert read == {"functional_groups": {"random_walk"}, "multitask": {"random_walk", "functional_groups"}}


def test_which_objectives_predict_labels() -> None:
    combined = registry.module("tasks", "combined").Config
    assert predicts_labels("multitask", registry.module("tasks", "multitask").Config())
    assert not predicts_labels("gpse", registry.module("tasks", "gpse").Config())
    assert predicts_labels("combined", combined())
    assert not predicts_labels("combined", combined({"contextual_property": {}, "functional_groups": {}}))
