"""docs/python.md: what it does in memory and with scikit-learn runs, block after block in one namespace."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import hooke
from hooke.cells.profiles import Profiles
from hooke.molecules.tables.twins import write_twin_table

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


def blocks(section: str) -> list[str]:
    [text] = re.findall(rf"## {section}\n(.*?)(?=\n## |\Z)", PAGE, re.DOTALL)
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_page(run: Path, wells: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    write_twin_table(tmp_path / "assay.csv", seed=0, rows=30)
    text = (tmp_path / "assay.csv").read_text()
    header, rest = text.split("\n", 1)
    (tmp_path / "assay.csv").write_text(
        ",".join(["y" if k == 1 else name for k, name in enumerate(header.split(","))]) + "\n" + rest
    )
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    names: dict[str, Any] = {"hooke": hooke, "run": SimpleNamespace(folder=run)}
    for block in blocks("In memory"):
        exec(block.replace("report=False", 'report=False, model="ridge"'), names)
    assert names["vectors"].shape == (3, 384)
    assert np.isnan(names["vectors"][2]).all()
    (tmp_path / "pairs.csv").write_text("entity1,entity2\nGENE00,GENE01\nGENE02,GENE03\n")
    names["wells"] = wells
    for block in blocks("Maps of biology"):
        exec(block, names)
    assert names["recalls"]["queries"].max() == 2
    assert list(names["compared"]["method"]) == ["none", "centre"]
    for block in (*blocks("Loggers"), *blocks("scikit-learn")):
        exec(block, names)
    assert len(names["mean"]) == len(names["std"]) == 1
    assert names["chain"].score(names["molecules"], names["values"]) > 0.5
