"""TxPert: genes that were never perturbed are known by their neighbours, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hooke.modalities import modality
from hooke.models.txpert import PRESETS, Config, Model

SAMPLE = modality("perturbations").sample()


def made(config: Config = PRESETS["tiny"], seed: int = 0) -> Model:
    torch.manual_seed(seed)
    return Model(config, SAMPLE.spec).double().eval()


@pytest.mark.parametrize("sources", ["union", "attention"])
@pytest.mark.parametrize("basal", [True, False])
def test_sets_add_up_in_the_latent_space(sources: str, basal: bool) -> None:
    model = made(replace(PRESETS["tiny"], sources=sources, basal=basal))  # type: ignore[arg-type]
    rows = model.perturbed(SAMPLE.batch([0, 1, 2, 9], SAMPLE.spec))
    assert torch.allclose(rows[3], rows[1] + rows[2], atol=1e-12)  # A, B, A+C and A+B+C
    assert (model.basal is None) != basal


def test_delta_mode_does_not_see_the_context() -> None:
    batch = SAMPLE.batch([0, 1], SAMPLE.spec)
    other = replace(batch, control=batch.control.flip(0))
    delta = made(replace(PRESETS["tiny"], basal=False))
    assert torch.equal(delta(batch), delta(other))
    assert not torch.allclose(made()(batch), made()(other))


def test_an_edge_reaches_as_far_as_there_are_layers() -> None:
    model = made(replace(PRESETS["tiny"], inputs="embedding", neighbours=20, layers=1))
    graph, batch = SAMPLE.spec.graph, SAMPLE.batch([6], SAMPLE.spec)  # F, a neighbour of A and E
    gates = torch.ones(len(graph.first)).double()
    whole = model(batch, gates)
    for edge in range(len(graph.first)):
        closed = gates.clone()
        closed[edge] = 0
        near = "F" in (graph.genes[graph.first[edge]], graph.genes[graph.second[edge]])
        assert torch.allclose(model(batch, closed), whole) != near


def test_presets_are_of_the_paper() -> None:
    assert PRESETS["paper"] == Config(inputs="embedding")
    assert (PRESETS["paper"].layers, PRESETS["paper"].heads, PRESETS["paper"].node_width) == (4, 2, 128)
