"""Encoders that come inside the package: small finished runs, each with a model card and the hashes of its files.

    vectors = hooke.load("tiny").embed(["CCO", "c1ccccc1"])

Wherever a run folder is asked for, such a name can stand: `hooke embed tiny`, `hooke finetune tiny`, `hooke probe tiny`. A folder of that name
in the working directory goes first.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from hooke.core import registry
from hooke.core.errors import DataError, UnknownNameError, nearest
from hooke.core.hashing import file_sha256
from hooke.core.runs import RunFolder

CARD = "card.json"
_FOLDER = Path(str(resources.files("hooke.inference") / "data"))


def shipped_names() -> list[str]:
    """Names of the encoders inside the package."""
    return sorted(path.parent.name for path in _FOLDER.glob(f"*/{CARD}"))


def run_path(name: Path | str) -> Path:
    """The path of a run as it is given, or the folder of a shipped encoder by its name, with every file checked.

    Raises:
        DataError: A file of the encoder is missing or was changed.
    """
    if Path(name).exists() or str(name) not in shipped_names():
        return Path(name)
    return _checked(_FOLDER / str(name))


def known_names() -> list[str]:
    """Names that stand for weights instead of a run folder."""
    return [*shipped_names(), *registry.names("encoders")]


def is_published(name: Path | str) -> bool:
    """Whether a name stands for published weights: no folder of that name is there."""
    return str(name) in registry.names("encoders") and not Path(name).exists()


def refuse_missing(name: Path | str) -> None:
    """Look for a run or weights of that name before anything heavy is imported.

    Raises:
        DataError: There are none.
    """
    if is_published(name):
        return
    folder = run_path(name)
    if folder.exists():
        return
    if meant := nearest(str(name), known_names()):
        raise DataError(f"there is no run folder {name}; did you mean the published weights {meant!r}?")
    RunFolder.open(folder)


def model_card(name: str) -> dict[str, Any]:
    """What a shipped encoder says about itself: data, licence, metrics, limits.

    Raises:
        UnknownNameError: No such encoder.
    """
    if name not in shipped_names():
        raise UnknownNameError("shipped encoder", name, shipped_names())
    return json.loads((_FOLDER / name / CARD).read_text())


@cache
def _checked(folder: Path) -> Path:
    for file, expected in json.loads((folder / CARD).read_text())["sha256"].items():
        path = folder / file
        if not path.is_file() or file_sha256(path) != expected:
            raise DataError(f"{path} is missing or damaged: install hooke-bio again")
    return folder
