"""docs/labels.md: its commands and its Python run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import run_page

from hooke.suites import qm1b_scaling

pytest.importorskip("tblite")
PAGE = (Path(__file__).parents[2] / "docs" / "labels.md").read_text(encoding="utf-8")


STUDY = "hooke scale qm1b_scaling"
SHORT = " model.preset=tiny train.max_steps=3 train.batch_size=8 train.accelerator=cpu --seeds 2"


@pytest.mark.mirror
def test_the_page(hooke, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """With few small molecules and steps in place of the 1,260 of the study."""
    monkeypatch.setattr(
        qm1b_scaling, "SUITE", replace(qm1b_scaling.SUITE, heavy_atoms=(4, 4), count=24, shares=(0.5, 1.0))
    )
    Path("molecules.csv").write_text("smiles,id\nCCO,a\nC(,b\nNC=O,c\n")
    Path("frames.xyz").write_text("2\n\nH 0 0 0\nH 0 0 0.75\n")
    assert f"{STUDY}\n" in PAGE
    outputs = [outcome.out for outcome in run_page(hooke, PAGE.replace(f"{STUDY}\n", f"{STUDY}{SHORT}\n"))]
    assert "6 frames: 4 done, 2 rejected" in outputs[0]
    assert any("nothing is written" in each for each in outputs)
    assert "formation" in outputs[-1]
    assert all(f"`{name}`" in PAGE for name in ("pos", "scf_steps", "reason", "conformer", "subset"))
