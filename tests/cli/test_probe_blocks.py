"""`hooke probe-blocks`."""

from __future__ import annotations

import json
from pathlib import Path


def test_table_and_json(hooke, image_run: Path, screen) -> None:  # type: ignore[no-untyped-def]
    found = hooke("probe-blocks", image_run, screen.folder)
    assert found.code == 0, found.err
    assert "best" in found.out
    scores = json.loads(hooke("probe-blocks", image_run, screen.folder, "--target", "gene", "--json").out)
    assert [score["block"] for score in scores] == [1, 2]
