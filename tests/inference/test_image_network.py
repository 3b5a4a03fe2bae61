"""What a run keeps of its images, and the networks built from it."""

from __future__ import annotations

import pytest

from hooke.core import registry
from hooke.core.errors import UnknownNameError
from hooke.images.store import ImageStore
from hooke.inference.image_network import ImageSetup, build_image_network


def test_setup_round_trip(screen: ImageStore) -> None:
    task = registry.module("tasks", "perturbation_classification").Config()
    setup = ImageSetup.of(screen, task, ("ER", "DNA"))
    assert setup.channels == ("ER", "DNA")
    assert setup.batches == screen.batches
    assert setup.classes == screen.classes("perturbation")[1]
    assert ImageSetup.from_json(setup.to_json()) == setup
    with pytest.raises(UnknownNameError, match="DNA"):
        ImageSetup.of(screen, task, ("DNAA",))


def test_heads_have_the_classes_and_reconstruction_none(screen: ImageStore) -> None:
    model = registry.module("models", "ca_mae")
    for name in ("perturbation_classification", "masked_image"):
        task = registry.module("tasks", name).Config()
        setup = ImageSetup.of(screen, task)
        network, _ = build_image_network(name, task, "ca_mae", model.PRESETS["tiny_16"], setup)
        heads = getattr(network, "heads", {})
        assert [head.out_features for head in (heads.values() if heads else ())] == (
            [len(setup.classes)] if setup.target else []
        )
