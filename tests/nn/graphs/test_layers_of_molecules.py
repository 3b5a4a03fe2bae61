"""Vectors of any layer: every registered encoder of molecules, from the embedding of a run to files and probes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import hooke
from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.inference.loaded import load
from hooke.nn.depth import depth_of, layer_numbers
from hooke.testing.models import model_case

NAMES = [name for name in registry.names("models") if registry.modality_of("models", name) == "molecules"]


@pytest.mark.parametrize("name", NAMES)
def test_each_layer_has_a_vector(name: str) -> None:
    case = model_case(name)
    encoder, batch = case.build(), case.batch()
    count = depth_of(encoder).count
    wanted = [*range(1, count + 1), 0]
    with torch.no_grad():
        rows = encoder.embed_layers(batch, wanted)
        assert torch.equal(rows[-1], encoder.embed(batch))
        assert [part.shape for part in rows] == [(batch.num_graphs, encoder.layer_width(each)) for each in wanted]
        if name != "grover":  # its outputs gather once more after the last block
            torch.testing.assert_close(rows[-2], rows[-1])
        alone = encoder.embed_layers(case.batch([0]), [1])[0]
        torch.testing.assert_close(alone[0], rows[0][0], rtol=1e-9, atol=1e-9)
    assert all(not module._forward_hooks for module in encoder.modules())


def test_names_of_layers() -> None:
    encoder = model_case("gine").build()
    assert layer_numbers(encoder, ("1", "-1", "last")) == [1, 3, 0]
    for wrong in (("4",), ("0",), ("-4",), ("first",), ("1", "1")):
        with pytest.raises(UsageError, match=r"layers are 1 to 3|named twice"):
            layer_numbers(encoder, wrong)


def test_files_and_probes_of_layers(tmp_path: Path) -> None:
    from hooke.molecules.tables.twins import write_twin_table

    table, out = write_twin_table(tmp_path / "assay.csv", seed=0, rows=60), tmp_path / "vectors.parquet"
    hooke.embed("tiny", table, out, layers=("1", "last"), show_progress=False)
    found = pl.read_parquet(out)
    plain = load("tiny").embed(table)
    kept = found["embedding_last"].is_not_null().to_numpy()
    assert np.array_equal(np.stack(found["embedding_last"].drop_nulls().to_numpy()), plain[kept])
    one = tmp_path / "one.parquet"
    hooke.embed("tiny", table, one, layers=("1",), show_progress=False)
    assert pl.read_parquet(one)["embedding"].to_list() == found["embedding_1"].to_list()
    with pytest.raises(UsageError, match="embeddings"):
        hooke.predict("tiny", table, tmp_path / "none.parquet", layers=("1",), show_progress=False)
    report = hooke.probe("tiny", table, split="random", readouts=("linear",), layers=("1", "last"), show_progress=False)
    assert {label.layer for label in report.labels} == {"1", "last"}
    assert report.table()[0][0] == "layer"
