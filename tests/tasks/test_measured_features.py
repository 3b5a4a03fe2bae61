"""Measured features: the loss by hand, rows that were not measured, and a training from a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hooke.core.errors import UsageError
from hooke.core.recipe import load_recipe
from hooke.images.batch import image_batch as stored_batch
from hooke.images.spec import LEVEL
from hooke.images.store import ImageStore
from hooke.inference.loaded import LoadedRun
from hooke.modalities import trainable
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import resnet
from hooke.nn.contract import built
from hooke.tasks.measured_features import FEATURES, Config, Task, feature_loss
from hooke.train.fit import fit, prepare

SMALL = (
    "data.size=32", "data.modules=2", "data.genes_per_module=2", "data.lone_genes=0", "data.inactive_genes=0", "data.guides=1",
    "data.compounds=0", "data.experiments=1", "data.controls=4", "data.sites=2", "train.epochs=1", "train.threads=1",
)  # fmt: skip

SHORT = ("task.measured_fields=12", "train.batch_size=8", "data.split.fractions=[0.5,0.5,0.0]")


def test_the_loss_of_two_fields_by_hand() -> None:
    """Huber: 2 (0.5 · 0.5² + (3 - 0.5)) over two measured features; the third field says nothing, not even to the gradient."""
    predicted = torch.tensor([[0.5, 3.0], [1.0, 1.0]], dtype=torch.float64, requires_grad=True)
    measured = torch.tensor([[0.0, 0.0], [torch.nan, torch.nan]], dtype=torch.float64)
    loss = feature_loss(predicted, measured)
    assert float(loss.detach()) == pytest.approx(2 * (0.125 + 2.5) / 2, abs=1e-12)
    loss.backward()
    assert predicted.grad is not None
    assert predicted.grad.tolist() == [[0.5, 1.0], [0.0, 0.0]]
    assert float(feature_loss(predicted.detach(), torch.full_like(predicted, torch.nan))) == 0


def test_classes_and_features_add_up() -> None:
    batch = image_batch(6)
    silenced = batch.targets[LEVEL].clone()
    silenced[:, 2:] = torch.nan
    alone = replace(batch, targets={LEVEL: silenced})
    found = {}
    for weight in (0.0, 1.0, 3.0):
        torch.manual_seed(0)
        task = Task(Config(weight=weight), SPEC)
        network = task.network(built(resnet, SPEC)).double().eval()
        with torch.no_grad():
            found[weight] = task.losses(network, batch, 0, torch.Generator())
            silent = task.losses(network, alone, 0, torch.Generator())["loss"]
        assert float(silent) == pytest.approx(float(found[0.0]["loss"]))
    first, second, third = (float(found[weight]["loss"]) for weight in (0.0, 1.0, 3.0))
    assert second - first == pytest.approx(float(found[1.0][FEATURES]), rel=1e-9)
    assert third - first == pytest.approx(3 * (second - first), rel=1e-9)


def test_images_without_features_are_refused() -> None:
    with pytest.raises(UsageError, match="measured features"):
        Task(Config(), replace(SPEC, labels=SPEC.labels[:1]))
    batch = image_batch(6)
    task = Task(Config(), SPEC)
    network = task.network(built(resnet, SPEC)).double().eval()
    bare = replace(batch, targets={LEVEL: batch.targets[LEVEL][:, :1]})
    with pytest.raises(UsageError, match="carry no 'features'"):
        task.losses(network, bare, 0, torch.Generator())


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (2, 3, 0, 1, 4, 5)])
def test_predictions_are_in_the_order_of_the_labels(order: tuple[int, ...]) -> None:
    spec = replace(SPEC, labels=tuple(SPEC.labels[place] for place in order))
    task, batch = Task(Config(), spec), image_batch(6)
    network = task.network(built(resnet, SPEC)).double().eval()
    output = network(batch)
    columns = dict(zip(task.columns(LEVEL), task.predict(network, batch)[LEVEL].unbind(1), strict=True))
    expected = {f"perturbation[{number}]": output.logits["perturbation"].softmax(1)[:, number] for number in range(5)}
    expected |= dict(zip(("area", "brightness", "texture", "density"), output.logits[FEATURES].unbind(1), strict=True))
    assert [name for label in spec.labels for name in columns if name.startswith(label.name)] == list(columns)
    assert set(columns) == set(expected)
    for name, rows in columns.items():
        assert torch.equal(rows, expected[name].detach())
    turned = replace(batch, targets={LEVEL: batch.targets[LEVEL][:, list(order)]})
    losses = [
        float(one.losses(network, given, 0, torch.Generator())["loss"].detach())
        for one, given in ((task, turned), (Task(Config(), SPEC), batch))
    ]
    assert losses[0] == losses[1]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageStore:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    found = prepare(load_recipe("screen_library", SMALL), workers=0, show_progress=False)
    assert isinstance(found, ImageStore)
    return found


def test_a_run_learns_them_and_embeds_without_them(store: ImageStore, tmp_path: Path) -> None:
    recipe = load_recipe("screen_library_wsl", (*SMALL, *SHORT))
    run = fit(recipe, runs=tmp_path / "runs", store=store, show_progress=False)
    scores = run.metrics()[-1]
    assert np.isfinite([scores[f"valid_{FEATURES}"], scores["valid_cross_entropy"]]).all()
    spec = trainable("images", "fit").read_spec(run)
    for level in ("field", "well"):
        found = run.read_json("metrics.json")["valid"][level]
        assert list(found) == [label.name for label in spec.labels]
        assert 0 <= found["gene"]["accuracy"] <= 1
        measured = [values["rmse"] for name, values in found.items() if name != "gene"]
        assert np.isfinite(measured).any()
    network = LoadedRun.open(run.folder, "cpu").network
    batch = stored_batch(np.stack(list(store.read([0, 1]))), store.channels, np.arange(2))
    assert network.embed(batch).shape == (2, 5 * 64)
    with pytest.raises(UsageError, match="all channels"):
        fit(recipe.with_section("images", channels=("DNA", "ER")), runs=tmp_path / "runs", store=store)
