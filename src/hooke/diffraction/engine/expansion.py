"""Volumes read at the rotated points of a detector, and the exact adjoint.

    (expand W)_tr = Σ_v a_v(R_r q_t) W_v,    (merge Y)_v = Σ_tr a_v(R_r q_t) Y_tr

a_v are the eight weights of trilinear interpolation. Rotations come in orbits of G signed permutations of axes
(`diffraction.rotations`): W(R_g R_k q) = (W∘R_g)(R_k q), so that positions and weights are computed for one rotation of each orbit
and every one of the eight terms reads or adds G neighbouring numbers. Both directions are the same weighted sum of rows.

Source: Loh & Elser, Phys. Rev. E 80, 026705 (2009), eqs. 3-6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.diffraction.rotations import Rotations, rotation_matrices

_CORNERS = np.array([[c >> 2 & 1, c >> 1 & 1, c & 1] for c in range(8)])
_CHUNK_POINTS = 1 << 18  # points of one rotation of each orbit that are interpolated at a time
_BYTES_A_POINT = 128  # of indices and weights, both directions, 32 bit


@dataclass(frozen=True)
class _Rows:
    """A sparse matrix with rows as bags of columns."""

    columns: Tensor
    starts: Tensor
    values: Tensor

    def times(self, dense: Tensor) -> Tensor:
        """(rows, width): the matrix times (columns, width)."""
        return weighted_rows(dense, self.columns, self.starts, self.values)


def weighted_rows(dense: Tensor, columns: Tensor, starts: Tensor, values: Tensor) -> Tensor:
    """(rows, width) Σ_k value_k dense[column_k] over the entries k of each row of a sparse matrix (CSR) that stands before (columns, width)."""
    return functional.embedding_bag(
        columns, dense, starts, mode="sum", per_sample_weights=values, include_last_offset=True
    )


@dataclass(frozen=True)
class _Chunk:
    read: _Rows
    add: _Rows


class Expansion:
    """Expansion and merging for one detector and one set of rotations.

    Tables of points by rotations hold the rotations of a chunk (`columns`) one orbit after the other; with several models, the
    rotations of an orbit stand once for each model: column = (orbit * models + model) * G + member.

    Args:
        points: (T, 3) float64 places of pixels in voxels from the centre, laboratory frame.
        rotations: Which.
        side: Voxels along each axis of a volume, odd.
        models: Volumes that are read together.
        device, dtype: Of tables and volumes.
        keep: Bytes that positions and weights may take between calls; beyond them they are computed anew each time.

    Raises:
        UsageError: A rotated point can lie outside of the volume.
    """

    def __init__(
        self, points: np.ndarray, rotations: Rotations, side: int, *, models: int = 1, device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32, keep: int = 1 << 30,
    ) -> None:  # fmt: skip
        reach = float(np.linalg.norm(points, axis=1).max()) if len(points) else 0.0
        if side % 2 == 0 or reach > side // 2 - 1e-6:
            least = 2 * int(np.ceil(reach + 1e-6)) + 1
            raise UsageError(
                f"a volume of side {side} does not contain points {reach:.2f} voxels from its centre: it must be odd and at least {least}"
            )
        self.points, self.rotations, self.side, self.models = points, rotations, side, models
        self.device, self.dtype = torch.device(device), dtype
        self.voxels = side**3
        self._matrices = rotation_matrices(rotations.base)
        self._orbit = len(rotations.orbit)
        self._step = max(1, _CHUNK_POINTS // max(1, len(points)))
        self._moved = torch.as_tensor(_moved_voxels(side, rotation_matrices(rotations.orbit)), device=self.device)
        kept = len(points) * len(self._matrices) * _BYTES_A_POINT <= keep
        self._kept = [self._interpolation(first) for first in self._firsts()] if kept else None

    @property
    def columns(self) -> int:
        """Columns of the table of all rotations and models."""
        return len(self.rotations) * self.models

    def log_weights(self) -> Tensor:
        """(columns,) log of the share of each column, sum of shares 1."""
        weights = torch.as_tensor(self.rotations.weights, dtype=torch.float64).reshape(-1, 1, self._orbit)
        shares = weights.expand(-1, self.models, -1).reshape(-1) / self.models
        return shares.log().to(self.device, self.dtype)

    def which(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotation and model of columns."""
        orbit, within = np.divmod(columns, self.models * self._orbit)
        model, member = np.divmod(within, self._orbit)
        return orbit * self._orbit + member, model

    def chunks(self) -> Iterator[slice]:
        """Columns that are computed together, one chunk after the other."""
        width = self.models * self._orbit
        for first in self._firsts():
            yield slice(first * width, min(first + self._step, len(self._matrices)) * width)

    def stacked(self, volumes: Tensor) -> Tensor:
        """(voxels, models * G) of (models, side, side, side): each volume as each member of an orbit sees it."""
        flat = volumes.reshape(self.models, self.voxels)
        return flat[:, self._moved].permute(1, 0, 2).reshape(self.voxels, -1).contiguous()

    def expand(self, stacked: Tensor, columns: slice) -> Tensor:
        """(T, columns of a chunk) of `stacked` volumes."""
        return self._chunk(columns).read.times(stacked).reshape(len(self.points), -1)

    def merge(self, table: Tensor, columns: slice) -> Tensor:
        """(models, voxels) of (T, columns of a chunk): the adjoint of `expand` after `stacked`."""
        width = self.models * self._orbit
        return self._unstacked(self._chunk(columns).add.times(table.reshape(-1, width)))

    def merge_two(self, first: Tensor, second: Tensor, columns: slice) -> tuple[Tensor, Tensor]:
        """`merge` of two tables at the cost of little more than one."""
        width = self.models * self._orbit
        both = torch.cat([first.reshape(-1, width), second.reshape(-1, width)], 1)
        merged = self._chunk(columns).add.times(both)
        return self._unstacked(merged[:, :width]), self._unstacked(merged[:, width:])

    def _unstacked(self, merged: Tensor) -> Tensor:
        parts = merged.reshape(self.voxels, self.models, self._orbit)
        found = parts.new_zeros(self.models, self.voxels)
        for member in range(self._orbit):
            found[:, self._moved[:, member]] += parts[:, :, member].T
        return found

    def _firsts(self) -> range:
        return range(0, len(self._matrices), self._step)

    def _chunk(self, columns: slice) -> _Chunk:
        first = columns.start // (self.models * self._orbit)
        return self._kept[first // self._step] if self._kept is not None else self._interpolation(first)

    def _interpolation(self, first: int) -> _Chunk:
        """Voxels and weights of (point, rotation of `base`), rotations running fastest."""
        matrices = self._matrices[first : first + self._step]
        places = np.einsum("rij,tj->tri", matrices, self.points).reshape(-1, 3) + self.side // 2
        low = np.clip(np.floor(places).astype(np.int64), 0, self.side - 2)
        share = places - low
        voxels = np.empty((len(places), 8), np.int32)
        weights = np.empty((len(places), 8), np.float64 if self.dtype == torch.float64 else np.float32)
        for number, corner in enumerate(_CORNERS):
            x, y, z = (low + corner).T
            voxels[:, number] = (x * self.side + y) * self.side + z
            weights[:, number] = np.prod(np.where(corner, share, 1 - share), axis=1)
        starts = np.arange(0, voxels.size + 1, 8, dtype=np.int32)
        matrix = sparse.csr_matrix((weights.ravel(), voxels.ravel(), starts), shape=(len(places), self.voxels))
        return _Chunk(self._rows(matrix), self._rows(matrix.T.tocsr()))

    def _rows(self, matrix: sparse.csr_matrix) -> _Rows:
        columns, starts, values = matrix.indices, matrix.indptr, matrix.data
        index = [torch.as_tensor(each.astype(np.int32, copy=False), device=self.device) for each in (columns, starts)]
        return _Rows(index[0], index[1], torch.as_tensor(values, dtype=self.dtype, device=self.device))


def _moved_voxels(side: int, matrices: np.ndarray) -> np.ndarray:
    """(voxels, G) int64: where each voxel lies after each signed permutation of axes."""
    axis = np.arange(side) - side // 2
    voxels = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    moved = np.einsum("gij,vj->vgi", np.rint(matrices).astype(np.int64), voxels) + side // 2
    return (moved[..., 0] * side + moved[..., 1]) * side + moved[..., 2]
