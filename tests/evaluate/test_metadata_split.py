"""Splits by metadata keep together what belongs together."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.recipe import SplitSection
from hooke.evaluate.metadata_split import KINDS, metadata_split
from hooke.evaluate.splits import Split

THIRDS = (0.4, 0.3, 0.3)
TABLE = pl.DataFrame(
    [
        (f"e{experiment}", f"p{plate}", f"A{well:02d}", site, f"b{experiment}", f"g{well % 5}")
        for experiment in range(3) for plate in range(4) for well in range(6) for site in range(2)
    ],
    schema=["experiment", "plate", "well", "site", "batch", "gene"], orient="row",
)  # fmt: skip


def check(found: Split, table: pl.DataFrame, keys: list[str]) -> None:
    parts = (found.train, found.valid, found.test)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(table)))
    groups = [set(table[part].select(keys).rows()) for part in parts]
    assert all(groups)
    assert sum(map(len, groups)) == len(set(table.select(keys).rows()))


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("random", ["experiment", "plate", "well"]), ("well", ["experiment", "plate", "well"]), ("plate", ["experiment", "plate"]),
        ("experiment", ["experiment"]), ("batch", ["batch"]), ("group", ["gene"]),
    ],
)  # fmt: skip
def test_groups_never_part(kind: str, keys: list[str]) -> None:
    section = SplitSection(kind=kind, fractions=THIRDS, seed=3, column="gene" if kind == "group" else "")
    found = metadata_split(TABLE, section)
    check(found, TABLE, keys)
    again = metadata_split(TABLE, section)
    assert found.test.tolist() == again.test.tolist()


def test_tables_that_know_less() -> None:
    plates = TABLE.select("plate", "well")
    check(metadata_split(plates, SplitSection(kind="plate", fractions=THIRDS)), plates, ["plate"])
    check(metadata_split(plates, SplitSection(kind="random", fractions=THIRDS)), plates, ["plate", "well"])
    genes = TABLE.select("gene")
    found = metadata_split(genes, SplitSection(kind="random", fractions=THIRDS))
    assert len(found.train) == round(0.4 * len(genes))
    unknown = TABLE.with_columns(batch=pl.lit(None, pl.String))
    assert len(metadata_split(unknown, SplitSection(kind="batch")).train) == len(TABLE)


def test_words_of_a_column() -> None:
    words = np.array(["train", "val", " Test", "tarin", "Training", "", "validation", "id_test"])[
        np.arange(len(TABLE)) % 8
    ]
    table = TABLE.with_columns(pl.Series("split", words))
    found = metadata_split(table, SplitSection(kind="published"))
    assert [rows[0] for rows in (found.train, found.valid, found.test)] == [0, 1, 2]
    eighth = len(table) // 8
    assert [len(rows) for rows in (found.train, found.valid, found.test)] == [2 * eighth, 2 * eighth, eighth]
    assert found.left_out == {
        "with 'tarin' in 'split' (did you mean 'train'?)": eighth, "with nothing in 'split'": eighth,
        "with 'id_test' in 'split' (did you mean 'test'?)": eighth,
    }  # fmt: skip
    named = table.rename({"split": "part"})
    assert np.array_equal(metadata_split(named, SplitSection(kind="column", column="part")).test, found.test)
    with pytest.raises(DataError, match="calls no profile 'train'"):
        metadata_split(TABLE, SplitSection(kind="column", column="gene"), item="profile")


def test_many_words_are_listed_in_part_and_counted_in_whole() -> None:
    words = ["train", *(f"site{number}" for number in range(20)), *(f"site{number}" for number in range(3))]
    left_out = metadata_split(pl.DataFrame({"split": words}), SplitSection(kind="column")).left_out
    assert len(left_out) == 9
    assert sum(left_out.values()) == 23
    assert left_out["with 'site0' in 'split'"] == 2
    assert left_out["with other words in 'split'"] == 12


def test_what_cannot_be_split() -> None:
    assert "batch" in KINDS
    with pytest.raises(UnknownNameError, match="unknown kind of split 'scaffold'"):
        metadata_split(TABLE, SplitSection(kind="scaffold"))
    with pytest.raises(UsageError, match=r"data\.split\.column"):
        metadata_split(TABLE, SplitSection(kind="group"))
    with pytest.raises(UnknownNameError, match="metadata column 'plate'"):
        metadata_split(TABLE.drop("plate"), SplitSection(kind="plate"))
