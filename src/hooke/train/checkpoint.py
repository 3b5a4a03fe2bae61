"""Checkpoints: weights as safetensors for every reader, the whole training state for resuming. No pickle is executed."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from hooke.core.errors import DataError


def save_weights(network: nn.Module, path: Path) -> None:
    """Write the network's weights; the old file stays whole until the new one is."""
    tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in network.state_dict().items()}
    _atomically(path, lambda temporary: save_file(tensors, temporary))


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write a training state (tensors and plain values only)."""
    _atomically(path, lambda temporary: torch.save(state, temporary))


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state; only tensors and plain values are accepted."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{path} is damaged and cannot be resumed: {error}") from error


def _atomically(path: Path, write: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        write(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        if (
            getattr(error, "errno", None) == errno.ENOSPC
            or "No space left" in str(error)
            or "os error 28" in str(error)
        ):
            raise DataError(f"the disk is full: {path} was not written; the last good checkpoint is kept") from error
        raise
