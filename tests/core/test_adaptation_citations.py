"""Publications of evaluation, uncertainty and search."""

from __future__ import annotations

from hooke.core.adaptation_citations import ADAPTATION, ADAPTATION_KEYS
from hooke.core.citations import CITATIONS, PUBLICATIONS


def test_all_are_listed_and_every_key_is_known() -> None:
    assert {entry.key for entry in ADAPTATION} <= set(PUBLICATIONS)
    assert set(ADAPTATION_KEYS) <= set(CITATIONS)
    assert all(key in PUBLICATIONS for keys in ADAPTATION_KEYS.values() for key in keys)
