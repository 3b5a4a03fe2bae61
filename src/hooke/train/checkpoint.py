"""Checkpoints: weights as safetensors for every reader, the whole training state for resuming. No pickle is executed."""

from __future__ import annotations

import errno
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from hooke.core.checked import SEAL, seal
from hooke.core.errors import DamagedError, DataError
from hooke.core.files import remove, replacing, write_durably
from hooke.core.json_text import json_text
from hooke.core.reading import reading
from hooke.train.monitor import rank

_FULL_BELOW = 1 << 20  # bytes free; torch and safetensors do not always say why writing failed


def save_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write a network's weights, its `state_dict`; the old file stays whole until the new one is."""
    tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in weights.items()}
    with _replacing(path) as temporary:
        mode = temporary.stat().st_mode
        save_file(tensors, temporary, metadata=SEAL)
        temporary.chmod(mode)  # safetensors would keep it from everyone else
        seal(temporary)


class Checkpoints:
    """The weights of the best epochs beside best.safetensors, and what is known of them: checkpoints.json.

    Args:
        folder: Where they are.
        count: How many epochs are kept.
        monitor: What they are ranked by (`train.monitor.rank`): the name of its value in the file.
    """

    def __init__(self, folder: Path, count: int, monitor: str = "loss") -> None:
        self.folder, self.count, self._monitor = folder, count, monitor
        self._path = folder / "checkpoints.json"
        self._kept: list[dict[str, float]] = []
        if self._path.exists():
            self._kept = json.loads(self._path.read_text(encoding="utf-8"))

    def name(self, epoch: int) -> str:
        """The file of an epoch, from 1."""
        return f"epoch-{epoch}.safetensors"

    def wants(self, value: float) -> bool:
        """Whether an epoch is among the best ones so far."""
        kept = [rank(self._monitor, each[self._monitor]) for each in self._kept]
        return len(kept) < self.count or rank(self._monitor, value) < max(kept)

    def add(self, epoch: int, value: float) -> None:
        """Note an epoch whose file was just written, and remove the file of the one that falls out."""
        others = [each for each in self._kept if each["epoch"] != epoch]
        ranked = sorted(
            [*others, {"epoch": epoch, self._monitor: value}],
            key=lambda each: (rank(self._monitor, each[self._monitor]), each["epoch"]),
        )
        self._kept = ranked[: self.count]
        write_durably(self._path, json_text(self._kept))
        for each in ranked[self.count :]:
            remove(self.folder / self.name(int(each["epoch"])))


def save_state(state: Mapping[str, Any], path: Path) -> None:
    """Write a training state (tensors and plain values only); the old file stays whole until the new one is."""
    with _replacing(path) as temporary:
        torch.save(dict(state), temporary)


def check_state(path: Path) -> None:
    """Compare every byte of a training state with its checksums: it is a zip file, which torch reads without looking.

    Raises:
        DamagedError: They differ.
    """
    with reading(path, raised=lambda _: DamagedError(path)), zipfile.ZipFile(path) as file:
        if file.testzip() is not None:
            raise DamagedError(path)


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state; only tensors and plain values are accepted.

    Raises:
        DataError: It is damaged.
    """

    def unusable(why: str) -> DataError:
        return DataError(
            f"{path} is damaged and cannot be resumed ({why.removeprefix(f'{path} ')}); delete it to train this member from its start"
        )

    with reading(path, raised=unusable):
        return torch.load(
            path, map_location="cpu", weights_only=True, mmap=True
        )  # shared by the processes of a machine


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to, put in place of `path` when that went well.

    Raises:
        DataError: The disk is full.
    """
    try:
        with replacing(path) as temporary:
            yield temporary
    except (OSError, RuntimeError, SafetensorError) as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or _free(path.parent) < _FULL_BELOW
        if not full:
            raise
        raise DataError(
            f"the disk of {path.parent} is full: {path.name} was not written and the last good checkpoint is kept; "
            "free space and run the same command again"
        ) from error


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free
