from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("anndata")

from tests.cells.conftest import write_cells

from hooke.cells.perturbations import of_genes
from hooke.cells.predictions import Predictions, read_predictions
from hooke.cells.profiles import Profiles
from hooke.cells.screen import Columns, Scale
from hooke.core.errors import DataError, UnknownNameError

GROUPS = [(of_genes("A"), "x"), (of_genes("A", "B"), "x"), (of_genes("A"), "y"), (of_genes("C"), "y")]
GENES = ["g2", "g0", "gone"]


def read(path: Path, **options: object) -> Predictions:
    return read_predictions(path, GROUPS, GENES, columns=Columns(), **options)  # type: ignore[arg-type]


def rows() -> tuple[np.ndarray, dict[str, list[str]]]:
    values = np.arange(21.0).reshape(7, 3)
    return values, {
        "perturbation": ["A", "B+A", "ctrl+A+B", "A", "control", "Z", "C"],
        "cell_type": ["x", "x", "x", "y", "y", "y", "x"],
    }


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_rows_are_averaged_and_controls_are_not_read(tmp_path: Path, layout: str) -> None:
    values, obs = rows()
    found = read(write_cells(tmp_path / "p.h5ad", values, obs, genes=["g0", "g1", "g2"], layout=layout))
    assert found.genes.tolist() == [True, True, False]
    assert found.values[:, :2].tolist()[:3] == [[2.0, 0.0], [6.5, 4.5], [11.0, 9.0]]
    assert np.isnan(found.values[3]).all()
    assert found.left_out == {"controls, which are not read": 1, "not measured": 2}
    assert found.rows + sum(found.left_out.values()) == 7
    twisted = values.copy()
    twisted[4] = 1e4
    again = read(write_cells(tmp_path / "q.h5ad", twisted, obs, genes=["g0", "g1", "g2"], layout=layout))
    without = [row for row in range(7) if row != 4]
    kept = {name: [column[row] for row in without] for name, column in obs.items()}
    fewer = read(write_cells(tmp_path / "r.h5ad", values[without], kept, genes=["g0", "g1", "g2"]))
    for other in (again, fewer):
        assert np.array_equal(found.values, other.values, equal_nan=True)


def test_tables_are_read_alike(tmp_path: Path) -> None:
    values, obs = rows()
    Profiles(values, pl.DataFrame(obs), ("g0", "g1", "g2")).write(tmp_path / "p.parquet")
    found = read(tmp_path / "p.parquet", space="changes")
    reference = np.full((4, 3), 100.0)
    profiles = found.profiles(reference)
    assert profiles[0].tolist() == [102.0, 100.0, 100.0]  # what is not predicted does not change
    assert np.isnan(profiles[3]).all()


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    values, obs = rows()
    path = write_cells(tmp_path / "p.h5ad", values, obs, genes=["g0", "g1", "g2"])
    with pytest.raises(UnknownNameError, match="space"):
        read(path, space="deltas")
    with pytest.raises(DataError, match="another scale than the screen"):
        read(write_cells(tmp_path / "c.h5ad", values * 100, obs, genes=["g0", "g1", "g2"]), scale=Scale("log1p"))
    with pytest.raises(DataError, match="another scale than the screen"):
        read(write_cells(tmp_path / "n.h5ad", values - 5, obs, genes=["g0", "g1", "g2"]), scale=Scale("log1p"))
    with pytest.raises(DataError, match="none of the 3 genes"):
        read(write_cells(tmp_path / "g.h5ad", values, obs, genes=["h0", "h1", "h2"]))
    with pytest.raises(DataError, match="none of the perturbations"):
        read(write_cells(tmp_path / "z.h5ad", values, {**obs, "perturbation": ["Z"] * 7}, genes=["g0", "g1", "g2"]))
    with pytest.raises(DataError, match="does not say the context"):
        read(write_cells(tmp_path / "x.h5ad", values, {"perturbation": obs["perturbation"]}, genes=["g0", "g1", "g2"]))
    values[0, 0] = np.nan
    with pytest.raises(DataError, match="1 predictions hold NaN"):
        read(write_cells(tmp_path / "i.h5ad", values, obs, genes=["g0", "g1", "g2"]))
