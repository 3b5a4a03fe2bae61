"""What energies of frames do not notice, and forces follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import ATOM
from hooke.modalities import Follow, Symmetry


def _turned(
    matrix: Callable[[np.random.Generator], np.ndarray],
) -> Callable[[AtomsBatch, np.random.Generator], tuple[AtomsBatch, Follow]]:
    def change(batch: AtomsBatch, generator: np.random.Generator) -> tuple[AtomsBatch, Follow]:
        turn = torch.from_numpy(matrix(generator)).to(batch.positions.dtype)

        def vectors(rows: Tensor) -> Tensor:
            return (rows.reshape(len(rows), -1, 3) @ turn.T.to(rows.dtype)).reshape(rows.shape)

        def follow(level: str, values: Tensor) -> Tensor:
            return vectors(values) if level == ATOM else values

        targets = {level: follow(level, values) for level, values in batch.targets.items()}
        return replace(batch, positions=batch.positions @ turn.T, cell=batch.cell @ turn.T, targets=targets), follow

    return change


def _orthogonal(sign: int) -> Callable[[np.random.Generator], np.ndarray]:
    def matrix(generator: np.random.Generator) -> np.ndarray:
        turn, triangle = np.linalg.qr(generator.normal(size=(3, 3)))
        turn = turn * np.sign(np.diag(triangle))
        return turn if np.sign(np.linalg.det(turn)) == sign else turn @ np.diag([1.0, 1.0, -1.0])

    return matrix


def _moved(batch: AtomsBatch, generator: np.random.Generator) -> tuple[AtomsBatch, Follow]:
    shift = torch.from_numpy(generator.normal(size=(batch.num_items, 3))).to(batch.positions.dtype)
    return replace(batch, positions=batch.positions + shift[batch.frame]), lambda level, values: values


def _reordered(batch: AtomsBatch, generator: np.random.Generator) -> tuple[AtomsBatch, Follow]:
    offsets = batch.offsets.tolist()
    places = [low + generator.permutation(high - low) for low, high in pairwise(offsets)]
    order = torch.from_numpy(np.concatenate(places))

    def follow(level: str, values: Tensor) -> Tensor:
        return values[order] if level == ATOM else values

    targets = {level: follow(level, values) for level, values in batch.targets.items()}
    return replace(batch, numbers=batch.numbers[order], positions=batch.positions[order], targets=targets), follow


SYMMETRIES = (
    Symmetry("rotation of frames", _turned(_orthogonal(1))),
    Symmetry("reflection of frames", _turned(_orthogonal(-1))),
    Symmetry("place of frames", _moved),
    Symmetry("order of atoms", _reordered),
)
