"""docs/labels.md: its commands and its Python run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("tblite")
PAGE = (Path(__file__).parents[2] / "docs" / "labels.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(console|python)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.mirror
def test_the_page(hooke) -> None:  # type: ignore[no-untyped-def]
    Path("molecules.csv").write_text("smiles,id\nCCO,a\nC(,b\nNC=O,c\n")
    Path("frames.xyz").write_text("2\n\nH 0 0 0\nH 0 0 0.75\n")
    outputs = []
    for kind, text in BLOCKS:
        if kind == "python":
            exec(text, {})
            continue
        for line in text.strip().splitlines():
            program, *arguments = shlex.split(line)
            assert program == "hooke"
            found = hooke(*arguments)
            assert found.code == 0, (line, found.err)
            outputs.append(found.out)
    assert "6 frames: 4 done, 2 rejected" in outputs[0]
    assert "formation" in outputs[-1]
    assert all(f"`{name}`" in PAGE for name in ("pos", "scf_steps", "reason", "conformer", "subset"))
