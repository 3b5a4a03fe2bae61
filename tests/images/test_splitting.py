"""Splits of fields: whole wells, plates, experiments, groups, or words of a column."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.recipe import SplitSection
from hooke.images.splitting import split_images
from hooke.images.store import ImageStore

HALVES = (0.5, 0.25, 0.25)


@pytest.mark.parametrize("kind", ["random", "well", "group"])
def test_groups_never_part(screen: ImageStore, kind: str) -> None:
    column = "gene" if kind == "group" else ""
    found = split_images(screen, SplitSection(kind=kind, fractions=HALVES, column=column))  # type: ignore[arg-type]
    together = np.sort(np.concatenate([found.train, found.valid, found.test]))
    assert np.array_equal(together, np.arange(len(screen)))
    keys = [column] if column else ["experiment", "plate", "well"]
    parts = [set(screen.metadata[part].select(keys).rows()) for part in (found.train, found.valid, found.test)]
    assert all(parts)
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]


def test_experiments_and_plates(screen: ImageStore) -> None:
    for kind in ("experiment", "plate"):
        found = split_images(screen, SplitSection(kind=kind, fractions=(0.5, 0.5, 0.0)))  # type: ignore[arg-type]
        assert screen.metadata[found.train]["experiment"].n_unique() == 1
        assert screen.metadata[found.valid]["experiment"].n_unique() == 1
        assert not len(found.test)


def test_words_of_a_column(screen: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    words = np.array(["train", "val", "Test", "id_test"])[np.arange(len(screen)) % 4]
    table = screen.metadata.with_columns(pl.Series("split", words))
    monkeypatch.setattr(ImageStore, "metadata", property(lambda _: table))
    found = split_images(screen, SplitSection(kind="published"))
    assert [rows[0] for rows in (found.train, found.valid, found.test)] == [0, 1, 2]
    assert len(found.train) + len(found.valid) + len(found.test) < len(screen)
    with pytest.raises(DataError, match="calls no field 'train'"):
        split_images(screen, SplitSection(kind="column", column="plate"))


def test_wrong_kinds(screen: ImageStore) -> None:
    with pytest.raises(UsageError, match="unknown kind of split"):
        split_images(screen, SplitSection(kind="scaffold"))
    with pytest.raises(UsageError, match="data.split.column"):
        split_images(screen, SplitSection(kind="group"))
    with pytest.raises(UnknownNameError, match="metadata column"):
        split_images(screen, SplitSection(kind="column", column="splitt"))
