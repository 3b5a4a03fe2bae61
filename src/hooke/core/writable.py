"""Outputs checked before any work: what could not be written in the end, or would overwrite what is read, is refused in one line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hooke.core.errors import DataError, UsageError
from hooke.core.files import try_to_write


def check_output(output: Path | str, *inputs: Path | str | None, suffixes: Sequence[str] = ()) -> None:
    """Refuse a file that cannot be written, or that is one of the inputs; folders on its way are made.

    Args:
        output: The file.
        inputs: What is read; names of data sets and None are no files.
        suffixes: Endings that the name may have; any, if there are none.

    Raises:
        UsageError: It is a folder, an input, no regular file, or has another ending.
        DataError: It cannot be written there.
    """
    path = Path(output)
    if suffixes and path.suffix.lower() not in suffixes:
        raise UsageError(f"the output must end in {' or '.join(suffixes)}, got {path.name}")
    try:
        if path.is_dir():
            raise UsageError(f"the output {path} is a folder: name a file")
        if path.exists() and not path.is_file():
            raise UsageError(f"the output {path} is no regular file")
        for given in inputs:
            if given is not None and _same(path, Path(given)):
                raise UsageError(f"the output {path} is also an input, which would be overwritten: choose another name")
        try_to_write(path.parent, path.name)
    except OSError as error:
        raise DataError(f"cannot write {_shortened(path)}: {_reason(error)}") from error


def check_output_folder(folder: Path | str) -> None:
    """Refuse a folder of outputs that cannot be made or written to.

    Raises:
        UsageError: It is a file.
        DataError: It cannot be written to.
    """
    path = Path(folder)
    try:
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path} is a file: name a folder for the output")
        nearest = path
        while not nearest.exists():
            nearest = nearest.parent
        try_to_write(nearest, "output")
    except OSError as error:
        raise DataError(f"cannot write below {_shortened(path)}: {_reason(error)}") from error


def _same(output: Path, given: Path) -> bool:
    if output.exists() and given.exists():
        return os.path.samefile(output, given)
    return os.path.realpath(output) == os.path.realpath(given)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _shortened(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-60:]}"
