"""Which rows of several tables meet, and what is counted of them; the whole is tested in `tests/datasets/test_mixture.py`."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.molecules.blocks import NO_SPLIT
from hooke.molecules.tables.joining import (
    check_number,
    counts_of_tables,
    in_table,
    keys_by_part,
    members,
    table_that_tests,
)

KEYS = np.array([[1, 0], [2, 0], [1, 0], [2, 0], [3, 0], [3, 0]], np.uint64)
TABLE = np.array([0, 0, 1, 1, 1, 1])


def test_a_table_does_not_empty_its_own_rows() -> None:
    split = np.array([0, 2, 2, 0, 2, 0])
    assert table_that_tests(KEYS, split, TABLE).tolist() == [1, -1, -1, 0, -1, -1]
    assert (table_that_tests(KEYS, np.full(6, NO_SPLIT), TABLE) == -1).all()
    assert len(table_that_tests(KEYS[:0], split[:0], TABLE[:0])) == 0


def test_keys_meet_within_a_part_alone() -> None:
    split = np.array([0, 1, 0, 0, NO_SPLIT, NO_SPLIT])
    dropped = np.array([False, False, False, False, False, True])
    keys = [tuple(key) for key in keys_by_part(KEYS, split, dropped).tolist()]
    assert keys[0] == keys[2]
    assert len(set(keys)) == 5


def test_members_and_counts_add_up() -> None:
    kept_row = np.array([0, 1, 0, 1, 4, 4])
    tables = members(kept_row, TABLE)
    assert tables.tolist() == [3, 3, 0, 0, 2, 0]
    assert in_table(tables, 0).tolist() == [True, True, False, False, False, False]
    counts = counts_of_tables(["a", "b"], {"a": 2, "b": 5}, TABLE, np.zeros(6, bool), tables)
    assert counts["a"] == {
        "rows_read": 2,
        "rejected": 0,
        "tested_elsewhere": 0,
        "repeated": 0,
        "molecules": 2,
        "shared": 2,
    }
    assert counts["b"] == {
        "rows_read": 5,
        "rejected": 1,
        "tested_elsewhere": 0,
        "repeated": 1,
        "molecules": 3,
        "shared": 2,
    }


def test_a_row_has_a_bit_for_each_table() -> None:
    check_number(64)
    assert members(np.array([0]), np.array([63])).tolist() == [1 << 63]
    with pytest.raises(UsageError, match="at most 64"):
        check_number(65)
