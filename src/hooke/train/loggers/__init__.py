"""Loggers: where the metrics of every epoch go beside metrics.jsonl, one file each, which holds `Logger`; the name is the file's.

    hooke fit tiny 'train.loggers=["tensorboard", "wandb"]'

Third parties register a module of their own under the entry point `hooke.loggers`.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.recipe import TrainSection


@dataclass(frozen=True)
class Logged:
    """The training of one network of a run.

    Attributes:
        folder: Of the run.
        part: "members", or "refit" for the training on all rows.
        number: Which member of the ensemble.
        recipe: The resolved recipe, nested dictionaries.
        done: Epochs that an earlier process trained and this one goes on from; 0 for a new training.
    """

    folder: Path
    part: str
    number: int
    recipe: Mapping[str, Any]
    done: int = 0

    @property
    def name(self) -> str:
        """The same whenever this training goes on, and of no other run."""
        return f"{self.folder.parent.name}-{self.folder.name}-{self.part}-{self.number}"


class MetricLogger(ABC):
    """One open log.

    Args:
        logged: What is trained. Where `logged.done` is above 0, the log of the same `logged.name` goes on after that epoch.
    """

    package: ClassVar[str] = ""  # module that it needs, "" for none
    extra: ClassVar[str] = ""  # of hooke-bio, which installs it

    @classmethod
    def require(cls) -> Any:
        """The module that it needs.

        Raises:
            UsageError: It is not installed.
        """
        if not cls.package:
            return None
        try:
            return importlib.import_module(cls.package)
        except ImportError as error:
            name = cls.__module__.rpartition(".")[2]
            way = f"'hooke-bio[{cls.extra}]'" if cls.extra else cls.package.partition(".")[0]
            raise UsageError(f"the logger {name!r} needs a package that is not installed: pip install {way}") from error

    @abstractmethod
    def __init__(self, logged: Logged) -> None: ...

    @abstractmethod
    def write(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """The metrics of an epoch (from 1), those of its line of metrics.jsonl; epochs come in order."""

    @abstractmethod
    def close(self, *, failed: bool) -> None:
        """End; `failed` where the training ended with an error or was stopped."""


def names_of(section: TrainSection) -> tuple[str, ...]:
    """The loggers that a recipe asks for; `tensorboard = true` is one of them."""
    others = [name for name in section.loggers if name != "tensorboard"]
    return (*(["tensorboard"] if section.tensorboard or "tensorboard" in section.loggers else []), *others)


def check_loggers(section: TrainSection) -> None:
    """Refuse loggers that are not there before anything is prepared.

    Raises:
        UnknownNameError: No such logger; the message offers the nearest.
        UsageError: Its package is not installed.
    """
    for name in names_of(section):
        registry.module("loggers", name).Logger.require()


@contextmanager
def open_loggers(names: Sequence[str], logged: Logged) -> Iterator[list[MetricLogger]]:
    """The loggers of one training; all are closed at the end, whatever happens."""
    opened: list[MetricLogger] = []
    failed = True
    try:
        for name in names:
            opened.append(registry.module("loggers", name).Logger(logged))
        yield opened
        failed = False
    finally:
        for logger in opened:
            logger.close(failed=failed)
