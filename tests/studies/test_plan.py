"""Plans of recipes: published sizes and hours, every published row built without numbers, and numbers that hang together."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch

from hooke.core import recipe_files as recipes
from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.recipe import load_recipe
from hooke.inference.network import build_network, build_task
from hooke.modalities import Trainable, trainable
from hooke.molecules.spec import MoleculeSpec
from hooke.studies.plan import GIBI, Plan, encoder_parameters, plan_recipe, table, widened

PUBLISHED = [
    name for name in recipes.names() if name.startswith(("toymix", "largemix", "ultralarge", "molgps", "gps_plus_plus"))
]
SIZES = {
    "gps_plus_plus_11m": 11e6, "gps_plus_plus_22m": 22e6, "gps_plus_plus_44m": 44.3e6, "largemix_10m_gine": 1e7,
    "largemix_10m_gated_gcn": 1e7, "largemix_10m_mpnn": 1e7, "molgps_mpnn_10m": 1e7, "molgps_transformer_10m": 1e7,
    "molgps_hybrid_10m": 1e7, "molgps_mpnn_1b": 1e9, "molgps_transformer_1b": 1e9, "molgps_hybrid_1b": 1e9, "molgps_mpnn_3b": 3e9,
}  # fmt: skip
SMALL = ("images.crop=32", "train.batch_size=4", "train.epochs=2", "train.optimiser=lion")
LABELS = "task.name=perturbation_classification"


def of_images(model: str, *changes: str, preset: str = "tiny", devices: int = 2, sharded: bool = False) -> Plan:
    """A million small images of three channels."""
    recipe = load_recipe("own_images", [f"model.name={model}", f"model.preset={preset}", *SMALL, *changes])
    return plan_recipe(recipe, data=["1M"], channels=3, devices=devices, sharded=sharded)[0]


def test_a_published_run() -> None:
    """MAE-L/8: 16 million crops, 500 epochs, 15,360 H100 hours (arXiv 2411.02572, second-hand) at a utilisation of 0.1."""
    options = ("model.name=mae", "model.preset=large_8", "images.crop=256", "train.epochs=500", "train.batch_size=128")
    recipe = load_recipe("own_images", [*options, "train.optimiser=lion"])
    found, *_ = plan_recipe(recipe, data=["1M"], devices=128, utilisation=0.1)
    assert found.tokens == 1024
    assert found.visible == 256
    assert found.parameters == pytest.approx(329e6, rel=0.01)
    assert 16 * found.device_hours == pytest.approx(15_360, rel=0.1)


def test_numbers_of_images_hang_together() -> None:
    found = of_images("mae")
    assert found.step_flops == 3 * found.forward_flops
    assert found.total_flops == found.step_flops * 1_000_000 * 2
    assert found.hours * 3600 == pytest.approx(1_000_000 * 2 / found.items_per_second)
    assert found.device_hours == pytest.approx(2 * found.hours)
    assert found.tokens_per_second == pytest.approx(found.items_per_second * 16)
    assert found.fits
    assert found.accumulate == 1
    assert found.encoder_parameters < found.parameters
    assert (found.unit, found.labels, found.gathered_gib) == ("crops", 0, 0)


def test_what_saves_memory_and_what_costs() -> None:
    usual, recomputed = of_images("ca_mae"), of_images("ca_mae", "images.recompute=true")
    assert recomputed.activations_gib < usual.activations_gib
    assert recomputed.step_flops == 4 * usual.forward_flops
    parts = of_images("ca_mae", sharded=True)
    assert parts.state_gib == pytest.approx(usual.state_gib / 2)
    assert 0 < parts.gathered_gib < 8 * parts.parameters / GIBI
    assert of_images("ca_mae", "train.optimiser=adamw").state_gib > usual.state_gib
    assert of_images("ca_mae", "train.ema=0.9").state_gib == pytest.approx(4 / 3 * usual.state_gib)
    assert usual.tokens == 48
    assert usual.visible == 12


@pytest.mark.parametrize("model", ["vit", "resnet", "densenet", "mu_net"])
def test_every_kind_of_encoder(model: str) -> None:
    found = of_images(model, "images.recompute=true", *(() if model == "mu_net" else (LABELS,)))
    assert found.visible == found.tokens
    assert found.forward_flops > 1e6
    assert found.activations_gib > 0
    assert (
        found.step_flops == (4 if model == "vit" else 3) * found.forward_flops
    )  # blocks of transformers are recomputed


def test_what_does_not_fit() -> None:
    recipe = load_recipe(
        "own_images", ["model.name=mae", "model.preset=tiny", "images.crop=64", "train.batch_size=1000000"]
    )
    found, *_ = plan_recipe(recipe, data=["1M"], channels=3, device="a100-80")
    assert not found.fits
    assert found.accumulate > 1
    smaller = recipe.with_changes(train={"batch_size": -(-(10**6) // found.accumulate)})
    assert plan_recipe(smaller, data=["1M"], channels=3, device="a100-80")[0].fits


def test_refusals() -> None:
    with pytest.raises(UnknownNameError, match="preset of mae"):
        of_images("mae", preset="tinny")
    with pytest.raises(UsageError, match="channels is no option of a plan for molecules"):
        plan_recipe(load_recipe("tiny_gine"), channels=3)
    with pytest.raises(UsageError, match="molecules is no option of a plan for images"):
        plan_recipe(load_recipe("tiny_mae"), molecules=3)
    with pytest.raises(UsageError, match="counts at 0 or above"):
        plan_recipe(load_recipe("tiny_mae"), channels=-1)
    with pytest.raises(UsageError, match="ridge is an estimator: .* nothing needs planning"):
        plan_recipe(load_recipe("tiny_gine", ['model={name="ridge"}']))


def test_a_recipe_for_three_numbers_of_images() -> None:
    recipe = load_recipe("tiny_ca_mae", ["train.optimiser=lion", "train.epochs=3", "images.crop=32"])
    rows = plan_recipe(recipe, channels=3, devices=2)
    assert [row.items for row in rows] == [1_000_000, 10_000_000, 100_000_000]
    assert (rows[0].tokens, rows[0].visible) == (12, 3)
    assert rows[1].device_hours == pytest.approx(10 * rows[0].device_hours)
    assert rows[0].step_flops == 3 * rows[0].forward_flops
    assert plan_recipe(recipe, data=["10M"], channels=3, devices=2) == rows[1:2]
    header, lines = table(rows)
    assert len(header) == len(lines[0])
    assert lines[0][0] == "1,000,000"
    assert json.loads(json.dumps(asdict(rows[0])))["unit"] == header[0] == "crops"
    labels = plan_recipe(load_recipe("screen_wsl", ["images.crop=32"]))
    assert labels[0].visible == labels[0].tokens
    with pytest.raises(UnknownNameError, match="device"):
        plan_recipe(recipe, device="h100")


@pytest.mark.parametrize("name", ["tiny_ca_mae", "tiny_gine"])
def test_a_modality_that_says_nothing_of_plans(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe(name)
    modality = trainable(recipe.modality, "fit")
    for method in ("plan_sizes", "plan_sample", "plan_tokens", "plan_options", "utilisation"):
        monkeypatch.setattr(type(modality), method, getattr(Trainable, method))
    rows = plan_recipe(recipe)
    assert [(row.data, row.items) for row in rows] == [("1M", 10**6), ("10M", 10**7), ("100M", 10**8)]
    assert rows[0].forward_flops > 0
    assert rows[0].tokens == 1


def test_every_published_row_has_its_recipe() -> None:
    rows = {f"toymix_{model}" for model in ("gcn", "gin", "gine", "gated_gcn", "mpnn")}
    for mixture, tables in {
        "toymix": ("qm9", "zinc", "tox21"), "largemix": ("g25", "n4", "pcba", "vcap", "mcf7"), "ultralarge": ("g62", "n7"),
    }.items():  # fmt: skip
        rows |= {f"{mixture}_{model}" for model in ("gcn", "gin", "gine")}
        rows |= {f"{mixture}_{name}_{model}" for name in tables for model in ("gcn", "gin", "gine")}
    rows |= {"largemix_gated_gcn", "largemix_mpnn"}
    assert set(PUBLISHED) == rows | set(SIZES)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_row_is_built_without_numbers(name: str) -> None:
    recipe = load_recipe(name)
    data = registry.module("datasets", recipe.data.name).Dataset(recipe.data.config)
    labels = data.every_label if recipe.data.name != "csv" else (Label("homolumogap"),)
    spec = MoleculeSpec(labels, encodings=recipe.sections["encodings"])
    task = build_task(recipe.task, spec)
    with torch.device("meta"):
        network = build_network(trainable("molecules", "fit"), recipe.model, spec, task)
    assert all(parameter.is_meta for parameter in network.parameters())
    encoder = sum(parameter.numel() for parameter in network.encoder.parameters())  # type: ignore[union-attr]
    if name in SIZES:
        assert encoder == pytest.approx(SIZES[name], rel=0.07)
    elif name.startswith("toymix"):
        assert 30_000 < encoder < 500_000
    elif name.startswith("largemix"):  # one table alone: 704
        width = {"gine": 704 if name.count("_") > 1 else 512, "gated": 512, "mpnn": 512}.get(
            recipe.model.name.split("_")[0], 768
        )
        assert recipe.model.config.width == width
    else:
        assert recipe.model.config.width == 768


def test_numbers_of_molecules_hang_together() -> None:
    recipe = load_recipe("toymix_gine", ["train.epochs=2"])
    found = {row.data: row for row in plan_recipe(recipe, devices=4)}
    assert {name: row.labels for name, row in found.items()} == {"toymix": 34, "largemix": 3313, "ultralarge": 69}
    toy, large = found["toymix"], found["largemix"]
    assert toy.encoder_parameters == large.encoder_parameters < toy.parameters < large.parameters
    assert toy.total_flops == toy.step_flops * 153_000 * 2
    assert toy.hours * 3600 == pytest.approx(153_000 * 2 / toy.items_per_second)
    assert toy.device_hours == pytest.approx(4 * toy.hours)
    assert toy.state_gib == pytest.approx(16 * toy.parameters / 2**30)
    assert toy.fits
    assert 10 < toy.tokens < 60
    [more] = plan_recipe(recipe, data=["toymix"], molecules=306_000, devices=4)
    assert more.hours == pytest.approx(2 * toy.hours)
    header, rows = table(list(found.values()))
    assert len(rows) == 3
    assert len(header) == len(rows[0])


@pytest.mark.parametrize("name", ["tiny_combined", "tiny_gpse", "tiny_grover_pretrain"])
def test_objectives_without_labels(name: str) -> None:
    [found] = plan_recipe(load_recipe(name), data=["toymix"])
    assert found.forward_flops > 0
    assert (found.labels > 0) == (name == "tiny_combined")


def test_wider_encoders_and_parts_of_them() -> None:
    recipe = load_recipe("molgps_mpnn_10m")
    spec = MoleculeSpec((Label("gap"),), encodings=recipe.sections["encodings"])
    assert encoder_parameters(widened(recipe, 50_000_000, spec), spec) == pytest.approx(5e7, rel=0.02)
    whole, parts = (
        plan_recipe(recipe, parameters=[2_000_000_000], data=["ultralarge"], devices=8, sharded=sharded)[0]
        for sharded in (False, True)
    )
    assert parts.state_gib + parts.gathered_gib < 0.5 * whole.state_gib
    assert parts.hours == whole.hours
    large = load_recipe("molgps_mpnn_1b")
    assert encoder_parameters(large, spec) == 1_000_308_558
    assert widened(large, 10_000_000, spec).model.config.width < 300


def test_what_makes_no_plan_of_molecules() -> None:
    recipe = load_recipe("toymix_gcn")
    with pytest.raises(UnknownNameError, match="h100-80"):
        plan_recipe(recipe, device="h100")
    with pytest.raises(UnknownNameError, match="toymix"):
        plan_recipe(recipe, data=["toymax"])
    with pytest.raises(UsageError, match="utilisation"):
        plan_recipe(recipe, utilisation=2)
    with pytest.raises(UsageError, match="no width"):
        widened(recipe, 100, MoleculeSpec((Label("gap"),), encodings=recipe.sections["encodings"]))
