"""No wrong tag is returned, whatever the field does; every conformer's source is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.atoms.conformers.batch import ConformerBatch, conformer_batch
from hooke.atoms.conformers.graph import MoleculeGraph, graph_of_smiles
from hooke.atoms.conformers.stereo import StereoElements
from hooke.nn.atoms.conformer_flow import FLOW, REPAIRED, REPLACED, Flow

STEREO = ("C[C@H](O)[C@@H](N)C(=O)O", "C/C=C/[C@H](C)O", "O[C@@H]1CCC[C@H]1N", "C[S@](=O)C[C@H](F)Cl")


class Towards:
    """A field that leads to a conformer, or to the nearest of several."""

    def __init__(self, goals: np.ndarray) -> None:
        self.goals = torch.from_numpy(goals).float()
        self.goals = self.goals - self.goals.mean(dim=1, keepdim=True)

    def __call__(self, there: ConformerBatch) -> torch.Tensor:
        from hooke.nn.atoms.flow import aligned

        found = []
        for goal in self.goals:
            repeated = goal.repeat(there.num_items, 1)
            turned = aligned(there, repeated, there.positions)
            found.append((turned, (turned - there.positions).square().sum(dim=1)))
        sums = torch.stack([there.means(away[:, None])[:, 0] for _, away in found])
        best = sums.argmin(dim=0)[there.frame]
        chosen = torch.stack([turned for turned, _ in found]).gather(0, best[None, :, None].expand(1, -1, 3))[0]
        return (chosen - there.positions) / (1 - there.time)[there.frame][:, None]


def right(graph: MoleculeGraph, positions: np.ndarray) -> bool:
    return bool(StereoElements.of(graph.molecule.molecule).right(positions).all())


@pytest.mark.parametrize("smiles", STEREO)
def test_a_field_that_cannot_tell_mirror_images_apart_gives_right_ones(smiles: str) -> None:
    graph = graph_of_smiles(smiles)
    goal = graph.molecule.conformers(1, 1)
    [made] = Flow(Towards(np.concatenate([goal, -goal])), steps=10).conformers([graph], 6, [1])
    assert set(made.sources) == {FLOW}
    assert right(graph, made.positions)
    for positions in made.positions:
        between, expected = (np.linalg.norm(each[:, None] - each[None], axis=-1) for each in (positions, goal[0]))
        np.testing.assert_allclose(between, expected, atol=2e-2)


def test_an_epimer_is_repaired_and_what_cannot_be_is_replaced() -> None:
    graph, other = graph_of_smiles(STEREO[0]), graph_of_smiles("C[C@@H](O)[C@@H](N)C(=O)O")
    match = other.molecule.molecule.GetSubstructMatch(graph.molecule.molecule)
    epimer = other.molecule.conformers(1, 1)[:, list(match)]
    own = graph.molecule.conformers(4, 1)
    [made] = Flow(Towards(np.concatenate([epimer, own])), steps=10).conformers([graph], 8, [3])
    assert right(graph, made.positions)
    assert set(made.sources) <= {FLOW, REPAIRED, "flow, sampled again", REPLACED}
    [stubborn] = Flow(Towards(epimer), steps=10).conformers([graph], 3, [3])
    assert set(stubborn.sources) == {REPLACED}
    assert right(graph, stubborn.positions)


def test_fields_that_are_not_finite_are_replaced() -> None:
    graph = graph_of_smiles(STEREO[1])
    [made] = Flow(lambda there: there.positions * torch.nan, steps=2).conformers([graph], 2, [0])
    assert set(made.sources) == {REPLACED}
    assert right(graph, made.positions)


def test_salts_single_atoms_refinement_and_seeds() -> None:
    graphs = [graph_of_smiles(smiles) for smiles in ("C[NH3+].[Cl-]", "[He]", "CCO")]
    flow = Flow(lambda there: torch.zeros_like(there.positions), steps=2)
    first, again, other = (flow.conformers(graphs, 2, seeds) for seeds in ([1, 2, 3], [1, 2, 3], [4, 5, 6]))
    for one, same, different in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one.positions, same.positions)
        assert len(one.positions) == 2
        if one.positions.shape[1] > 1:
            assert not np.array_equal(one.positions, different.positions)
    refined = Flow(lambda there: torch.zeros_like(there.positions), "etkdg", 2).conformers(graphs[2:], 2, [7])[0]
    expected = graphs[2].molecule.conformers(2, 7)
    batch = conformer_batch([graphs[2]] * 2, list(expected), np.arange(2))
    np.testing.assert_allclose(refined.positions.reshape(-1, 3), batch.positions.numpy(), atol=1e-5)
