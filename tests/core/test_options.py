"""A later option at its default changes no hash and no saved recipe; at another value it does."""

from __future__ import annotations

from dataclasses import dataclass

from hooke.core.hashing import content_hash
from hooke.core.options import later, plain, present


@dataclass(frozen=True)
class Before:
    width: int = 3


@dataclass(frozen=True)
class After:
    width: int = 3
    added: int = later(0)


def test_defaults_leave_no_trace() -> None:
    assert content_hash(Before()) == content_hash(After()) == content_hash({"width": 3})
    assert plain(After()) == {"width": 3}
    assert present(After(added=1)) == ["width", "added"]
    assert plain(After(added=1)) == {"width": 3, "added": 1}
    assert content_hash(After(added=1)) != content_hash(Before())
