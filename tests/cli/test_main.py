"""Help, version, errors and exit codes."""

from __future__ import annotations

import errno

import pytest

from hooke.cli import main
from hooke.version import __version__

VERBS = (
    "data", "fit", "resume", "finetune", "predict", "embed", "export", "search", "scale", "probe", "probe-blocks", "benchmark", "show",
    "quickstart",
)  # fmt: skip


def test_help_names_every_verb(hooke) -> None:  # type: ignore[no-untyped-def]
    found = hooke("--help")
    assert found.code == 0
    assert all(verb in found.out for verb in VERBS)
    assert hooke("--version").out.strip() == __version__


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(hooke, verb: str) -> None:  # type: ignore[no-untyped-def]
    found = hooke(verb, "--help")
    assert found.code == 0
    assert "Example" in found.out or verb in ("data", "show")


def test_errors_are_one_message_with_their_code(hooke) -> None:  # type: ignore[no-untyped-def]
    found = hooke("fit", "pocketmx")
    assert found.code == 2
    assert "Did you mean 'pocketmix'" in found.err
    assert "Traceback" not in found.err
    assert hooke("fit").code == 2
    assert hooke("nonsense").code == 2
    assert hooke("predict", "no_such_run", "x.csv", "-o", "y.parquet").code == 3


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "hooke: the disk is full"),
        (RuntimeError("IO error: No space left on device (os error 28)"), "run the same command again"),
        (PermissionError(errno.EACCES, "Permission denied", "/plates/P1"), "hooke: permission denied: /plates/P1"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "/a"), "hooke: /a: Is a directory"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "hooke: /a: Read-only file system"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 5000), f"hooke: {'x' * 200}: File name too long"),
    ],
)
def test_full_disks_and_closed_folders_are_no_defects(  # type: ignore[no-untyped-def]
    hooke, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def failing() -> None:
        raise error

    monkeypatch.setattr(main, "_command", lambda: failing)
    found = hooke("quickstart")
    assert found.code == 3
    assert message in found.err


def test_defects_keep_their_traceback(hooke, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(main, "_command", lambda: lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        hooke("quickstart")


def test_ctrl_c_says_how_to_go_on(hooke, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "_command", lambda: interrupted)
    found = hooke("quickstart")
    assert found.code == 130
    assert "continues" in found.err
