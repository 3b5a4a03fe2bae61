"""Integrated gradients are complete; deletion is what the score says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.modalities import modality
from hooke.models.txpert import PRESETS, Model
from hooke.nn.cells.edge_gates import deletions, integrated_gradients, without_edges


@pytest.mark.parametrize("sources", ["union", "attention"])
def test_contributions_sum_to_the_difference(sources: str) -> None:
    from dataclasses import replace

    sample = modality("perturbations").sample()
    torch.manual_seed(0)
    model = Model(replace(PRESETS["tiny"], sources=sources, neighbours=20), sample.spec).double().eval()  # type: ignore[arg-type]
    batch, edges = sample.batch([4], sample.spec), len(sample.spec.graph.first)

    def score(gates: torch.Tensor) -> torch.Tensor:
        return model(batch, gates).square().sum()

    found = integrated_gradients(score, edges, steps=200)
    whole, nothing = float(score(torch.ones(edges)).detach()), float(score(torch.zeros(edges)).detach())
    assert found.sum() == pytest.approx(whole - nothing, abs=0.02 * abs(whole - nothing) + 1e-6)
    graph = sample.spec.graph
    ends = [{graph.genes[graph.first[edge]], graph.genes[graph.second[edge]]} for edge in range(edges)]
    near = [edge for edge in range(edges) if {"D", "E"} & ends[edge]]
    assert np.abs(found).argmax() in near
    lost = deletions(score, edges, np.array([0, 2]))
    assert lost[1] == pytest.approx(whole - without_edges(score, edges, np.array([2])))
    assert without_edges(score, edges, np.arange(edges)) == pytest.approx(nothing)
