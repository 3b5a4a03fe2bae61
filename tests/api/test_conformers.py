"""`hooke.conformers` in Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import hooke
from hooke.core.errors import UsageError


def test_module_of_the_package_and_its_two_functions(tmp_path: Path) -> None:
    table = tmp_path / "few.smi"
    table.write_text("CCO\n")
    made = hooke.conformers.generate(table, tmp_path / "few.sdf", number=2, workers=0, show_progress=False)
    assert made.conformers == 2
    found = hooke.conformers.score(
        tmp_path / "few.sdf", tmp_path / "few.sdf", baselines=False, workers=0, show_progress=False
    )
    assert found.systems[0].strict.recall.value < 1e-3
    with pytest.raises(UsageError, match="also an input"):
        hooke.conformers.generate(tmp_path / "few.sdf", tmp_path / "few.sdf")
    with pytest.raises(UsageError, match=r"must end in \.parquet or \.sdf"):
        hooke.conformers.generate(table, tmp_path / "few.xyz")
