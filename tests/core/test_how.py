"""How data sets are prepared."""

from __future__ import annotations

from hooke.core.how import QUIET, How


def test_by_default_on_all_cores_with_progress_and_without_sections() -> None:
    assert How() == How(None, True, {})
    assert (QUIET.workers, QUIET.show_progress) == (0, False)
