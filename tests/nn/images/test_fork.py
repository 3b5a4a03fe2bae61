"""Forks against plain test-time augmentation, shifted input, and the cost formula."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import ca_mae, densenet, mae, mu_net, resnet, vit
from hooke.nn.contract import built
from hooke.nn.images.dihedral import turn
from hooke.nn.images.fork import BRANCHES, Branch, fork, moved, stages_of

ENCODERS = (vit, mae, ca_mae, resnet, densenet, mu_net)


@pytest.mark.parametrize("module", ENCODERS)
def test_at_stage_0_it_is_test_time_augmentation(module: object) -> None:
    model, batch = built(module, SPEC), image_batch(3)
    rows = fork(model, batch, BRANCHES["dihedral"], 0)
    for branch, found in zip(BRANCHES["dihedral"], rows, strict=True):
        expected = model.embed(replace(batch, pixels=turn(batch.pixels, branch.turn)))
        torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("module", ENCODERS)
def test_the_first_branch_is_the_plain_pass_and_the_last_stage_changes_nothing(module: object) -> None:
    model, batch = built(module, SPEC), image_batch(3)
    plain, count = model.embed(batch), stages_of(model).count
    for stage in range(count + 1):
        torch.testing.assert_close(fork(model, batch, BRANCHES["flip"], stage)[0], plain, atol=1e-10, rtol=1e-10)
    for row in fork(model, batch, BRANCHES["dihedral"], count):
        torch.testing.assert_close(row, plain, atol=1e-10, rtol=1e-10)
    assert not torch.allclose(fork(model, batch, BRANCHES["flip"], 1)[1], plain, atol=1e-6)


def test_a_shift_before_a_stride_is_a_shift_of_the_input() -> None:
    """Away from the border, the shifted branch of stage 0 is the pass on the shifted image."""
    model, batch = built(resnet, SPEC), image_batch(2, size=(64, 64), kind="float64")
    images = model.images(batch)
    shifted = torch.roll(images, (-1, -1), (2, 3))
    found = model.maps(moved(images, Branch(0, (1, 1))), last=1)
    torch.testing.assert_close(found[:, :, 2:-3, 2:-3], model.maps(shifted, last=1)[:, :, 2:-3, 2:-3])


def test_moves() -> None:
    maps = torch.arange(12.0).view(1, 1, 3, 4)
    assert moved(maps, Branch()) is maps
    assert moved(maps, Branch(0, (1, 2))).flatten().tolist() == [6, 7, 7, 7, 10, 11, 11, 11, 10, 11, 11, 11]
    with pytest.raises(UsageError, match="does not fit maps"):
        moved(maps, Branch(0, (3, 0)))


def test_in_a_transformer_content_moves_and_positions_stay() -> None:
    model, batch = built(vit, SPEC), image_batch(2)
    stages = stages_of(model)
    state = stages.run(stages.start(batch), 0, 1)
    found = stages.move(state, 1, Branch(4))
    patches = model.encoder.patches
    images = stages.start(batch)
    from hooke.nn.images.patches import patchify
    from hooke.nn.images.positions import sine_positions

    content = patches(patchify(images, 8)).view(2, 4, 4, -1).flip(2).flatten(1, 2)
    expected = content + sine_positions((4, 4), 96, device=torch.device("cpu"), dtype=torch.float64)
    torch.testing.assert_close(found[:, 1:], expected)


def test_refusals() -> None:
    model = built(vit, SPEC)
    with pytest.raises(UsageError, match="stage from 0 to 5"):
        fork(model, image_batch(), BRANCHES["flip"], 6)
    with pytest.raises(UsageError, match="one or more branches"):
        fork(model, image_batch(), [], 0)
    wide = image_batch(size=(32, 64))
    with pytest.raises(UsageError, match="square images"):
        fork(model, wide, BRANCHES["dihedral"], 0)
    with pytest.raises(UsageError, match="square grid"):
        fork(model, wide, BRANCHES["dihedral"], 2)
    assert fork(model, wide, BRANCHES["flips"], 2).shape == (4, 6, 96)
    with pytest.raises(UsageError, match="neither stages"):
        stages_of(torch.nn.Linear(2, 2))
