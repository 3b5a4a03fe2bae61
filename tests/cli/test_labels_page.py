"""docs/labels.md: its commands and its Python run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import run_page

pytest.importorskip("tblite")
PAGE = (Path(__file__).parents[2] / "docs" / "labels.md").read_text(encoding="utf-8")


@pytest.mark.mirror
def test_the_page(hooke) -> None:  # type: ignore[no-untyped-def]
    Path("molecules.csv").write_text("smiles,id\nCCO,a\nC(,b\nNC=O,c\n")
    Path("frames.xyz").write_text("2\n\nH 0 0 0\nH 0 0 0.75\n")
    outputs = [outcome.out for outcome in run_page(hooke, PAGE)]
    assert "6 frames: 4 done, 2 rejected" in outputs[0]
    assert any("nothing is written" in each for each in outputs)
    assert "formation" in outputs[-1]
    assert all(f"`{name}`" in PAGE for name in ("pos", "scf_steps", "reason", "conformer", "subset"))
