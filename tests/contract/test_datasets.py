"""Every registered data set keeps the contract, on its offline twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core import registry
from hooke.testing import check_dataset


@pytest.mark.parametrize("name", registry.names("datasets"))
def test_dataset(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    check_dataset(name, tmp_path)
