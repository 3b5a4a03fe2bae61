"""Members of image runs: batches of crops, classes, starting from another run's encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hooke.core.recipe import Recipe, load_recipe
from hooke.core.runs import RunFolder
from hooke.images.spec import LEVEL
from hooke.images.store import ImageStore
from hooke.modalities import trainable
from hooke.nn.transformer import Transformer
from hooke.train.member import Member

IMAGES = trainable("images", "fit")


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("tiny_wsl", ["images.crop=24", "images.crops_per_field=2"])


def member(recipe: Recipe, store: ImageStore, folder: Path, **changes: object) -> Member:
    run = RunFolder(folder)
    spec = IMAGES.spec(store, np.arange(12), recipe)
    return replace(
        Member(run, recipe, spec, store.folder, np.arange(12), np.arange(12, 18), 0),
        **changes,  # type: ignore[arg-type]
    )


def test_crops_of_an_epoch(recipe: Recipe, screen: ImageStore, tmp_path: Path) -> None:
    one = member(recipe, screen, tmp_path)
    train, valid = one.loaders(rank=0, world=1)
    batches = list(train.epoch(0))
    assert sum(batch.num_items for batch in batches) == IMAGES.epoch_items(one.train_rows, recipe, screen) == 24
    assert batches[0].pixels.shape[1:] == (5, 24, 24)
    assert {level: values.shape for level, values in batches[0].targets.items()} == {LEVEL: (len(batches[0].rows), 1)}
    assert sum(batch.num_items for batch in valid.epoch(0)) == 6
    shared = [one.loaders(rank=rank, world=2)[1] for rank in (0, 1)]
    assert sum(batch.num_items for loader in shared for batch in loader.epoch(0)) == 6


def test_classes_are_those_of_the_head(recipe: Recipe, screen: ImageStore) -> None:
    spec = IMAGES.spec(screen, np.arange(len(screen)), recipe)
    codes, names = screen.classes("perturbation")
    [label] = spec.labels
    fewer = replace(spec, labels=(replace(label, classes=len(names) - 1, names=names[1:]),))
    loader = IMAGES.loader(screen, np.arange(len(screen)), fewer, recipe, part="valid")
    found = np.concatenate([batch.targets[LEVEL].numpy() for batch in loader.epoch(0)])
    np.testing.assert_array_equal(found[:, 0], np.where(codes > 0, codes - 1, np.nan))


def test_recomputing_activations(screen: ImageStore, tmp_path: Path) -> None:
    recipe = load_recipe("tiny_ca_mae", ["images.recompute=true"])
    network, _ = member(recipe, screen, tmp_path).network()
    stacks = [part for part in network.modules() if isinstance(part, Transformer)]
    assert stacks
    assert all(part.checkpointing for part in stacks)


def test_a_decoder_of_other_channels_starts_anew(screen: ImageStore, tmp_path: Path) -> None:
    recipe = load_recipe("tiny_ca_mae")
    five = member(recipe, screen, tmp_path).network()[0].encoder.state_dict()
    fewer = load_recipe("tiny_ca_mae", ['images.channels=["DNA", "ER"]', "seed=1"])
    other = member(fewer, screen, tmp_path)
    network, _ = other.network()
    decoder = network.encoder.decoder.mask_token.clone()
    IMAGES.start(network, dict(five), fewer, 0)
    assert torch.equal(network.encoder.encoder.patches.weight, five["encoder.patches.weight"])
    assert torch.equal(network.encoder.decoder.mask_token, decoder)
    same = member(replace(recipe, seed=1), screen, tmp_path)
    network, _ = same.network()
    IMAGES.start(network, dict(five), recipe, 0)
    assert torch.equal(network.encoder.decoder.mask_token, five["decoder.mask_token"])
    with pytest.raises(RuntimeError):
        IMAGES.start(network, {"nothing": torch.zeros(1)}, fewer, 0)
