from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.stats

pytest.importorskip("anndata")

from tests.cells.conftest import made_cells, write_cells

from hooke.cells.differential import differential_genes
from hooke.cells.expression import open_expression
from hooke.cells.screen import CONTROL, Screen
from hooke.cells.statistics import gather


@pytest.mark.parametrize(("layout", "most"), [("csr", 1 << 24), ("csr", 3_000), ("csc", 1), ("dense", 4_000)])
def test_rank_sums_are_scipys_in_blocks_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, most: int
) -> None:
    values, obs = made_cells()
    values[7] = 0
    names = [f"G{number}" for number in range(values.shape[1])]
    names[3] = "1-Mar"
    monkeypatch.setattr("hooke.cells.expression._BLOCK_VALUES", 2_500)
    path = write_cells(tmp_path / "cells.h5ad", values, obs, layout=layout, genes=names)
    with open_expression(path) as expression:
        screen = gather(expression, Screen.of(expression), show_progress=False).screen
        found = differential_genes(expression, screen, most=most, show_progress=False)
    assert [each.context for each in found] == [0, 1]
    measured = values[:, screen.gene_columns]
    for each in found:
        control = measured[(screen.perturbation == CONTROL) & (screen.context == each.context)]
        for row, perturbation in enumerate(each.perturbations):
            own = measured[(screen.perturbation == perturbation) & (screen.context == each.context)]
            expected = scipy.stats.mannwhitneyu(own, control, use_continuity=False, method="asymptotic")
            assert each.tests.p_value[row] == pytest.approx(expected.pvalue, rel=1e-9)
            assert each.change[row] == pytest.approx(own.mean(axis=0) - control.mean(axis=0), abs=1e-12)


def test_planted_genes_are_found(tmp_path: Path) -> None:
    values, obs = made_cells(effect=1.5, cells=60, controls=100)
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    with open_expression(path) as expression:
        screen = Screen.of(expression)
        [first, _] = differential_genes(expression, screen, show_progress=False)
    names = [screen.perturbations[number].name for number in first.perturbations]
    significant = first.tests.significant()[names.index("P2")]
    planted = np.arange(40) % 5 == 2
    assert significant[planted].all()
    assert significant[~planted].mean() < 0.15
