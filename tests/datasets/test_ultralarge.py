"""UltraLarge: nothing is guessed about its archive; files that are named are prepared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.core.pt_files import write_integer_lists
from hooke.datasets.ultralarge import ARCHIVE, CARD, Config, Dataset


def test_the_card_names_the_archive_and_invents_no_file() -> None:
    assert CARD.files == ()
    assert ARCHIVE in CARD.source
    assert [label.name for label in Dataset(Config()).labels] == ["pm6/graph_*", "pm6/node_*"]
    assert [label.level for label in Dataset(Config(node="")).labels] == ["graph"]
    with pytest.raises(UsageError, match=r"zenodo\.8370547"):
        Dataset(Config()).prepare(Path("nowhere"))


def test_named_files_are_one_table(tmp_path: Path) -> None:
    first = pl.DataFrame(
        {"ordered_smiles": ["CCO", "C"], "graph_gap": [1.0, 2.0], "node_charge": [[0.1, 0.2, 0.3], None]}
    )
    second = pl.DataFrame(
        {"ordered_smiles": ["[O:1]([H:3])[C:2]([H:4])([H:5])[H:6]"], "graph_gap": [3.0], "node_charge": [[7.0, 8.0]]}
    )
    for name, frame in (("a", first), ("b", second)):
        frame.write_parquet(tmp_path / f"{name}.parquet")
    write_integer_lists(tmp_path / "split.pt", {"train": [0], "val": [1], "test": [2]})
    files = f"{tmp_path}/a.parquet, {tmp_path}/b.parquet"
    store = Dataset(Config(files=files, split=str(tmp_path / "split.pt"))).prepare(tmp_path, QUIET)
    assert [label.name for label in store.labels] == ["pm6/graph_gap", "pm6/node_charge"]
    assert store.smiles() == ["CCO", "C", "CO"]
    assert store.graph_labels()[0][:, 0].tolist() == [1, 2, 3]
    codes = store.split()
    assert codes is not None
    assert codes.tolist() == [0, 1, 2]
    assert store.source_rows().tolist() == [1, 2, 3]
    np.testing.assert_allclose(store.read(np.arange(3)).targets["node"][:, 0], [0.1, 0.2, 0.3, np.nan, 8, 7], rtol=1e-6)
    again = Dataset(Config(files=tuple(files.split(", ")))).prepare(tmp_path, QUIET)
    assert again.split() is None


def test_the_twin_needs_no_network(tmp_path: Path) -> None:
    twin = Dataset(Config()).twin(tmp_path, seed=3)
    assert len(twin) == 60
    assert {label.level for label in twin.labels} == {"graph", "node"}
