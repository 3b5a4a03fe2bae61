from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

pytest.importorskip("h5py")
pytest.importorskip("anndata")

from tests.cells.conftest import made_cells, write_cells

from hooke.cells.expression import Entries, Rows, open_expression
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UnknownNameError, UsageError


@pytest.mark.parametrize("layout", ["csr", "csc", "dense"])
def test_blocks_add_up_to_the_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    values, obs = made_cells()
    path = write_cells(tmp_path / "cells.h5ad", values, obs, layout=layout)
    monkeypatch.setattr("hooke.cells.expression._BLOCK_VALUES", 2_000)
    with open_expression(path) as expression:
        assert expression.shape == values.shape
        assert expression.layout == layout
        read = np.zeros(values.shape)
        blocks = list(expression.blocks())
        assert len(blocks) > 3
        for block in blocks:
            if isinstance(block, Rows):
                read[block.span.start : block.span.stop] = block.values
            else:
                assert isinstance(block, Entries)
                read[block.cells, block.genes] = block.values
        assert np.array_equal(read, values)
        later = list(expression.blocks(2))
        assert [block.span for block in later] == [block.span for block in blocks[2:]]


def test_columns_of_every_kind(tmp_path: Path) -> None:
    values, _ = made_cells(cells=1, controls=1)
    count = len(values)
    obs = {
        "text": [["x", "y"][row % 2] for row in range(count)],
        "dose": np.where(np.arange(count) == 1, np.nan, 0.5),
        "number": np.arange(count) % 3,
    }
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    with open_expression(path) as expression:
        assert expression.columns() == ["dose", "number", "text"] or set(expression.columns()) == {
            "dose",
            "number",
            "text",
        }
        found, codes = expression.column("text")
        assert found[codes].tolist() == obs["text"]
        found, codes = expression.column("dose")
        assert codes[1] == -1
        assert (found[codes[codes >= 0]] == 0.5).all()
        found, codes = expression.column("number")
        assert found[codes].tolist() == obs["number"].tolist()
        assert expression.says_log1p
        assert expression.genes()[:2] == ["G0", "G1"]
        with pytest.raises(UnknownNameError):
            expression.column("batch")


def test_layers(tmp_path: Path) -> None:
    values, obs = made_cells(cells=1, controls=1)
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    with pytest.raises(UnknownNameError, match="layer"), open_expression(path, "counts"):
        pass


def test_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    values, obs = made_cells(cells=2, controls=2)
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    data = path.read_bytes()
    with pytest.raises(DataError, match="there is no file"), open_expression(tmp_path / "none.h5ad"):
        pass
    cut = tmp_path / "cut.h5ad"
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="cannot be read as AnnData"), open_expression(cut):
        pass
    text = tmp_path / "text.h5ad"
    text.write_text("not HDF5")
    with pytest.raises(DataError, match="cannot be read as AnnData"), open_expression(text):
        pass


def test_parts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    import h5py

    values, obs = made_cells(cells=2, controls=2)
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    with h5py.File(path, "r+") as file:
        index = file["obs"].attrs["_index"]
        kept = file["obs"][index][:-1]
        del file["obs"][index]
        file["obs"].create_dataset(index, data=kept)
    with pytest.raises(DataError, match=r"obs has \d+ rows, the matrix"), open_expression(path):
        pass
    path = write_cells(tmp_path / "cells2.h5ad", values, obs)
    with h5py.File(path, "r+") as file:
        codes = file["obs/perturbation/codes"][:-1]
        del file["obs/perturbation/codes"]
        file["obs/perturbation"].create_dataset("codes", data=codes)
    with open_expression(path) as expression, pytest.raises(DataError, match="column perturbation of obs has"):
        expression.column("perturbation")
    path = write_cells(tmp_path / "cells3.h5ad", values, obs)
    with h5py.File(path, "r+") as file:
        file["X/indices"][3] = 10_000
    with (
        open_expression(path) as expression,
        pytest.raises(DataError, match="index of its sparse matrix is out of range"),
    ):
        list(expression.blocks())
    with h5py.File(path, "r+") as file:
        file["X/indptr"][2] = 10**6
    with open_expression(path) as expression, pytest.raises(DataError, match="indptr"):
        list(expression.blocks())


def test_tables_of_wells_are_read_alike(tmp_path: Path) -> None:
    metadata = pl.DataFrame(
        {"compound": ["a", "DMSO", "b"], "control": ["", "negative", "positive"], "concentration_um": [1.0, None, 2.0]}
    )
    profiles = Profiles(np.arange(6.0).reshape(3, 2), metadata, ("f0", "f1"))
    profiles.write(tmp_path / "wells.parquet")
    with open_expression(tmp_path / "wells.parquet") as expression:
        assert expression.shape == (3, 2)
        assert expression.genes() == ["f0", "f1"]
        found, codes = expression.column("compound")
        assert found[codes].tolist() == ["a", "control", "b"]
        assert expression.column("concentration_um")[1].tolist() == [0, -1, 1]
        [block] = expression.blocks()
        assert np.array_equal(block.values, profiles.values)
    with pytest.raises(UsageError, match="no layers"), open_expression(tmp_path / "wells.parquet", "counts"):
        pass
