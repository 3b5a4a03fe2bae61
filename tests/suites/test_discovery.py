from __future__ import annotations

from hooke.core import registry
from hooke.suites import DiscoverySuite, suite


def test_its_screens_are_there() -> None:
    found = suite("discovery")
    assert isinstance(found, DiscoverySuite)
    assert found.size == 5
    assert {*found.screens} == {*registry.module("datasets", found.dataset).SCREENS}
