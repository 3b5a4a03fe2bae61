from __future__ import annotations

from dataclasses import replace

import pytest

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import load_recipe
from hooke.studies.image_plan import Settings, plan, plan_recipe, plans, table

SMALL = Settings(channels=3, size=32, batch=8, devices=2, epochs=2)


def test_a_published_run() -> None:
    """MAE-L/8: 16 million crops, 500 epochs, 15,360 H100 hours (arXiv 2411.02572, second-hand) at a utilisation of 0.1."""
    found = plan("mae", "large_8", 16_000_000, Settings(batch=16384, epochs=500, devices=128, utilisation=0.1))
    assert found.tokens == 1024
    assert found.visible == 256
    assert found.parameters == pytest.approx(329e6, rel=0.01)
    assert found.device_hours == pytest.approx(15_360, rel=0.1)


def test_numbers_hang_together() -> None:
    found = plan("mae", "tiny", 1000, SMALL)
    assert found.step_flops == 3 * found.forward_flops
    assert found.total_flops == found.step_flops * 1000 * 2
    assert found.hours * 3600 == pytest.approx(1000 * 2 / found.images_per_second)
    assert found.device_hours == pytest.approx(2 * found.hours)
    assert found.tokens_per_second == pytest.approx(found.images_per_second * 16)
    assert found.fits
    assert found.accumulate == 1
    assert found.encoder_parameters < found.parameters


def test_what_saves_memory_and_what_costs() -> None:
    usual = plan("ca_mae", "tiny", 1000, SMALL)
    recomputed = plan("ca_mae", "tiny", 1000, replace(SMALL, checkpointing=True))
    assert recomputed.activations_gib < usual.activations_gib
    assert recomputed.step_flops == 4 * usual.forward_flops
    assert plan("ca_mae", "tiny", 1000, replace(SMALL, sharded=True)).state_gib == pytest.approx(usual.state_gib / 2)
    assert plan("ca_mae", "tiny", 1000, replace(SMALL, optimiser="adamw")).state_gib > usual.state_gib
    assert plan("ca_mae", "tiny", 1000, replace(SMALL, average=True)).state_gib == pytest.approx(
        4 / 3 * usual.state_gib
    )
    assert usual.tokens == 48
    assert usual.visible == 12


@pytest.mark.parametrize("model", ["vit", "resnet", "densenet", "mu_net"])
def test_every_kind_of_encoder(model: str) -> None:
    found = plan(model, "tiny", 1000, replace(SMALL, checkpointing=True))
    assert found.visible == found.tokens
    assert found.forward_flops > 1e6
    assert found.activations_gib > 0


def test_what_does_not_fit() -> None:
    crowded = Settings(channels=3, size=64, devices=1, batch=10**6, device="a100-80")
    found = plan("mae", "tiny", 10**6, crowded)
    assert not found.fits
    assert found.accumulate > 1
    assert plan("mae", "tiny", 10**6, replace(crowded, batch=-(-(10**6) // found.accumulate))).fits


def test_a_table() -> None:
    rows = plans([("mae", "tiny"), ("vit", "tiny")], [1000, 10_000], SMALL)
    assert [(row.model, row.images) for row in rows] == [("mae", 1000), ("mae", 10_000), ("vit", 1000), ("vit", 10_000)]
    assert rows[1] == plan("mae", "tiny", 10_000, SMALL)


def test_refusals() -> None:
    with pytest.raises(UnknownNameError, match="preset of mae"):
        plan("mae", "tinny", 1000, SMALL)
    with pytest.raises(UnknownNameError, match="device"):
        plan("mae", "tiny", 1000, replace(SMALL, device="h10"))
    with pytest.raises(UsageError, match="must be 1 or more"):
        plan("mae", "tiny", 0, SMALL)
    with pytest.raises(UsageError, match="utilisation"):
        plan("mae", "tiny", 1000, replace(SMALL, utilisation=1.5))


def test_a_recipe_for_three_numbers_of_images() -> None:
    recipe = load_recipe("tiny_ca_mae", ["train.optimiser=lion", "train.epochs=3"])
    rows = plan_recipe(recipe, channels=3, size=32, devices=2)
    assert [row.images for row in rows] == [1_000_000, 10_000_000, 100_000_000]
    assert (rows[0].tokens, rows[0].visible) == (12, 3)
    assert rows[1].device_hours == pytest.approx(10 * rows[0].device_hours)
    assert rows[0].step_flops == 3 * rows[0].forward_flops
    header, lines = table(rows)
    assert len(header) == len(lines[0])
    assert lines[0][0] == "1,000,000"
    labels = plan_recipe(load_recipe("screen_wsl"), size=32)
    assert labels[0].visible == labels[0].tokens
    with pytest.raises(UsageError, match="is about molecules"):
        plan_recipe(load_recipe("tiny_gine"))
    with pytest.raises(UnknownNameError, match="device"):
        plan_recipe(recipe, device="h100")
