"""The perceptron on profiles: standardised inputs, missing numbers, one row at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hooke.cells.batch import ProfileBatch, profile_batch
from hooke.cells.spec import ProfileSpec
from hooke.core.types import LabelStatistics
from hooke.modalities import Sample, modality
from hooke.models.mlp_profiles import PRESETS, Config, Model


@pytest.fixture
def sample() -> Sample:
    return modality("cells").sample(1)


def made(sample: Sample, config: Config = PRESETS["tiny"], seed: int = 0) -> Model:
    torch.manual_seed(seed)
    return Model(config, sample.spec).eval()


@pytest.mark.parametrize("preset", PRESETS)
def test_shapes_and_gradients(sample: Sample, preset: str) -> None:
    model = made(sample, PRESETS[preset])
    batch: ProfileBatch = sample.batch(range(8), sample.spec)
    rows = model.embed(batch)
    assert rows.shape == (8, model.width)
    assert torch.isfinite(rows).all()
    (rows * torch.randn_like(rows)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().sum() > 0, name


def test_a_row_depends_on_itself_alone(sample: Sample) -> None:
    model = made(sample, replace(Config(), normalisation="batch")).double()
    whole = model.embed(sample.batch(range(8), sample.spec))
    order = [3, 7, 0]
    assert torch.allclose(model.embed(sample.batch(order, sample.spec)), whole[order], atol=1e-12)
    assert torch.allclose(model.embed(sample.batch([5], sample.spec)), whole[[5]], atol=1e-12)


def test_inputs_in_standard_deviations() -> None:
    statistics = LabelStatistics(np.full(3, 9.0), np.array([1.0, -2.0, 0.0]), np.array([2.0, 1.0, 5.0]))
    plain = made(Sample(ProfileSpec(features=("a", "b", "c")), 0, list))
    scaling = made(Sample(ProfileSpec(features=("a", "b", "c"), feature_statistics=statistics), 0, list))
    values = np.array([[3.0, -2.0, 10.0], [1.0, np.nan, np.inf], [1e9, -1e9, 0.0]])
    scaled = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [10.0, -10.0, 0.0]])
    rows = np.arange(3)
    assert torch.allclose(
        scaling.embed(profile_batch(values, rows)), plain.embed(profile_batch(scaled, rows)), atol=1e-6
    )


def test_the_statistics_travel_with_the_weights(sample: Sample) -> None:
    model = made(sample)
    bare = made(replace(sample, spec=replace(sample.spec, feature_statistics=None)), seed=1)
    bare.load_state_dict(model.state_dict())
    batch = sample.batch(range(8), sample.spec)
    assert torch.equal(bare.embed(batch), model.embed(batch))


def test_dropout_belongs_to_training(sample: Sample) -> None:
    model, batch = made(sample, Config(dropout=0.5)), sample.batch(range(8), sample.spec)
    assert torch.equal(model.embed(batch), model.embed(batch))
    model.train()
    assert not torch.equal(model.embed(batch), model.embed(batch))
