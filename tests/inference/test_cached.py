"""Embeddings computed once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hooke.core.how import QUIET
from hooke.inference.cached import cached_embeddings
from hooke.inference.loaded import LoadedRun
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.ingest import prepare_tables
from hooke.molecules.tables.twins import write_twin_table


def test_the_second_call_computes_nothing(
    tmp_path: Path, make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = LoadedRun.open(make_run(tmp_path / "runs"), "cpu")
    table = write_twin_table(tmp_path / "t.csv", seed=0, rows=30)
    store = prepare_tables([Table(paths=(table,))], tmp_path / "stores", "t", QUIET)
    first = cached_embeddings(run, store, folder=tmp_path / "e", show_progress=False)
    assert first.shape == (30, run.width)
    assert np.allclose(first, run.embed(store.smiles()), atol=1e-5)
    monkeypatch.setattr(LoadedRun, "vectors", None)
    again = cached_embeddings(run, store, folder=tmp_path / "e", show_progress=False)
    assert np.array_equal(first, again)
    assert [path.suffix for path in sorted((tmp_path / "e").iterdir())] in ([".npy"], [".npy", ".lock"])
