"""Fixtures shared by all tests, and the rule for tests that need outside files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

OUTSIDE = {"mirror": "HOOKE_MIRROR", "oracles": "HOOKE_ORACLES"}


def _folder(variable: str) -> Path:
    path = Path(os.environ[variable]).resolve()
    if not path.is_dir():
        raise pytest.UsageError(f"{variable} is set to {path}, which is not a folder")
    return path


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, and count aloud, the tests whose outside folder is not set."""
    for marker, variable in OUTSIDE.items():
        if os.environ.get(variable):
            _folder(variable)
            continue
        needing = [item for item in items if item.get_closest_marker(marker)]
        if needing:
            config.hook.pytest_deselected(items=needing)
            items[:] = [item for item in items if item not in needing]
            config.stash.setdefault(_NOTES, []).append(f"{len(needing)} tests deselected: {variable} is not set")


_NOTES = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for note in config.stash.get(_NOTES, []):
        terminalreporter.write_line(note, yellow=True)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data files, `HOOKE_MIRROR`."""
    return _folder("HOOKE_MIRROR")


@pytest.fixture(scope="session")
def oracles() -> Path:
    """The folder of peers' outputs, `HOOKE_ORACLES`."""
    return _folder("HOOKE_ORACLES")
