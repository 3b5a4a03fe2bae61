"""Every registered modality keeps the contract, from a store to embeddings."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core import registry
from hooke.testing import check_modality


@pytest.mark.parametrize("name", registry.names("modalities"))
def test_modality(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    check_modality(name, tmp_path)
