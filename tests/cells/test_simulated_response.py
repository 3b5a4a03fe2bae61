from __future__ import annotations

import numpy as np
import pytest

from hooke.cells.perturbations import of_genes, parse_genes
from hooke.cells.simulated_response import TARGET_SUM, SimulationConfig, simulate
from hooke.core.errors import UsageError

SMALL = SimulationConfig(modules=4, genes_a_module=3, readouts=60, cells=40, controls=100, pairs=6)


def test_the_same_seed_is_the_same_screen() -> None:
    first, second, other = (
        simulate(SMALL),
        simulate(SMALL),
        simulate(SimulationConfig(seed=1, modules=4, genes_a_module=3, readouts=60, cells=40, controls=100, pairs=6)),
    )
    assert np.array_equal(first.profiles.values, second.profiles.values)
    assert first.edges.equals(second.edges)
    assert not np.array_equal(first.profiles.values, other.profiles.values)


def test_cells_are_log1p_of_normalised_counts_of_every_condition() -> None:
    found = simulate(SMALL)
    assert np.expm1(found.profiles.values.astype(np.float64)).sum(axis=1) == pytest.approx(TARGET_SUM, rel=1e-3)
    names, counts = np.unique(found.profiles.column("perturbation"), return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "control": 400,
        **{each.name: 80 for each in found.truth},
    }
    assert {parse_genes(name) for name in names if name != "control"} == set(found.truth)


def test_measured_changes_follow_the_truth_in_the_strong_context_alone() -> None:
    found = simulate(SMALL)
    names, contexts = found.profiles.column("perturbation"), found.profiles.column("cell_type")
    agreement = {}
    for context in ("strong", "weak"):
        control = found.profiles.values[(names == "control") & (contexts == context)].mean(axis=0)
        changes = [
            found.profiles.values[(names == each.name) & (contexts == context)].mean(axis=0) - control
            for each in found.truth
        ]
        agreement[context] = np.mean(
            [np.corrcoef(change, truth)[0, 1] for change, truth in zip(changes, found.truth.values(), strict=True)]
        )
    assert agreement["strong"] > 0.6
    assert abs(agreement["weak"]) < 0.15


def test_neighbours_are_of_one_module_with_few_exceptions_and_alike() -> None:
    found = simulate(SMALL)
    inside = np.mean([found.module[one] == found.module[other] for one, other in found.edges.iter_rows()])
    assert inside > 0.8
    alike = [
        np.corrcoef(found.truth[of_genes(one)], found.truth[of_genes(other)])[0, 1]
        for one, other in found.edges.iter_rows()
        if found.module[one] == found.module[other]
    ]
    assert np.mean(alike) > 0.6


def test_held_out_genes_are_in_no_pair() -> None:
    found = simulate(SMALL)
    held = set(found.genes[::3])
    train = {gene for text in found.without(held).column("perturbation") for gene in text.split("+")}
    assert not train & held
    assert set(found.of(held).column("perturbation")) == held | {"control"}
    with pytest.raises(UsageError, match="pairs"):
        simulate(SimulationConfig(modules=2, genes_a_module=2, pairs=7))
