"""Plans of molecule recipes: every published row can be built without numbers, and the numbers hang together."""

from __future__ import annotations

import pytest

from hooke.core import recipe_files as recipes
from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import load_recipe
from hooke.inference.network import build_network, build_task
from hooke.studies.molecule_plan import encoder_parameters, narrowed, plan_molecules, table, widened

PUBLISHED = [
    name for name in recipes.names() if name.startswith(("toymix", "largemix", "ultralarge", "molgps", "gps_plus_plus"))
]
SIZES = {
    "gps_plus_plus_11m": 11e6, "gps_plus_plus_22m": 22e6, "gps_plus_plus_44m": 44.3e6, "largemix_10m_gine": 1e7,
    "largemix_10m_gated_gcn": 1e7, "largemix_10m_mpnn": 1e7, "molgps_mpnn_10m": 1e7, "molgps_transformer_10m": 1e7,
    "molgps_hybrid_10m": 1e7, "molgps_mpnn_1b": 1e9, "molgps_transformer_1b": 1e9, "molgps_hybrid_1b": 1e9, "molgps_mpnn_3b": 3e9,
}  # fmt: skip


def test_every_published_row_has_its_recipe() -> None:
    rows = {f"toymix_{model}" for model in ("gcn", "gin", "gine", "gated_gcn", "mpnn")}
    for mixture, tables in {
        "toymix": ("qm9", "zinc", "tox21"), "largemix": ("g25", "n4", "pcba", "vcap", "mcf7"), "ultralarge": ("g62", "n7"),
    }.items():  # fmt: skip
        rows |= {f"{mixture}_{model}" for model in ("gcn", "gin", "gine")}
        rows |= {f"{mixture}_{name}_{model}" for name in tables for model in ("gcn", "gin", "gine")}
    assert set(PUBLISHED) == rows | set(SIZES)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_row_is_built_without_numbers(name: str) -> None:
    import torch

    recipe = load_recipe(name)
    data = registry.module("datasets", recipe.data.name).Dataset(recipe.data.config)
    labels = data.every_label if recipe.data.name != "csv" else (load_labels(),)
    task = build_task(recipe.task.name, recipe.task.config, labels, None)
    with torch.device("meta"):
        network = build_network(recipe.model.name, recipe.model.config, recipe.encodings, task)
    assert all(parameter.is_meta for parameter in network.parameters())
    encoder = sum(parameter.numel() for parameter in network.encoder.parameters())  # type: ignore[union-attr]
    if name in SIZES:
        assert encoder == pytest.approx(SIZES[name], rel=0.07)
    elif name.startswith("toymix"):
        assert 30_000 < encoder < 500_000
    else:
        assert recipe.model.config.width == 768


def load_labels():  # type: ignore[no-untyped-def]
    from hooke.core.label import Label

    return Label("homolumogap")


def test_numbers_hang_together() -> None:
    recipe = load_recipe("toymix_gine", ["train.epochs=2"])
    found = {row.mixture: row for row in plan_molecules(recipe, devices=4)}
    assert {name: row.labels for name, row in found.items()} == {"toymix": 34, "largemix": 3313, "ultralarge": 69}
    toy, large = found["toymix"], found["largemix"]
    assert toy.encoder_parameters == large.encoder_parameters < toy.parameters < large.parameters
    assert toy.total_flops == toy.step_flops * 153_000 * 2
    assert toy.hours * 3600 == pytest.approx(153_000 * 2 / toy.molecules_per_second)
    assert toy.device_hours == pytest.approx(4 * toy.hours)
    assert toy.state_gib == pytest.approx(16 * toy.parameters / 2**30)
    assert toy.fits
    assert 10 < toy.atoms < 60
    [more] = plan_molecules(recipe, mixtures=["toymix"], molecules=306_000, devices=4)
    assert more.hours == pytest.approx(2 * toy.hours)
    header, rows = table(list(found.values()))
    assert len(rows) == 3
    assert len(header) == len(rows[0])


def test_wider_encoders_and_parts_of_them() -> None:
    recipe = load_recipe("molgps_mpnn_10m")
    assert encoder_parameters(recipe, widened(recipe, 50_000_000)) == pytest.approx(5e7, rel=0.02)
    whole, parts = (
        plan_molecules(recipe, parameters=[2_000_000_000], mixtures=["ultralarge"], devices=8, sharded=sharded)[0]
        for sharded in (False, True)
    )
    assert parts.state_gib < 0.5 * whole.state_gib
    assert parts.hours == whole.hours
    same, note = narrowed(recipe, 100_000_000)
    assert same is recipe
    assert not note
    small, note = narrowed(load_recipe("molgps_mpnn_1b"), 100_000_000)
    assert small.model.config.width < 300
    assert "narrowed from 1,000,304,910" in note


def test_what_makes_no_plan() -> None:
    recipe = load_recipe("toymix_gcn")
    with pytest.raises(UnknownNameError, match="h100-80"):
        plan_molecules(recipe, device="h100")
    with pytest.raises(UnknownNameError, match="toymix"):
        plan_molecules(recipe, mixtures=["toymax"])
    with pytest.raises(UsageError, match="utilisation"):
        plan_molecules(recipe, utilisation=2)
    with pytest.raises(UsageError, match="no width"):
        widened(recipe, 100)
