from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import DataError
from hooke.core.paths import cache_folder, mirror_folder


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("HOOKE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "hooke"


def test_a_mirror_is_a_folder_or_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOOKE_MIRROR", str(tmp_path))
    assert mirror_folder() == tmp_path
    monkeypatch.setenv("HOOKE_MIRROR", "")
    assert mirror_folder() is None
    monkeypatch.setenv("HOOKE_MIRROR", str(tmp_path / "missing"))
    with pytest.raises(DataError, match="not a folder"):
        mirror_folder()
