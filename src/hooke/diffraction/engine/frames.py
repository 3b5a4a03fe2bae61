"""Frames as the engine reads them: photons of the pixels that count, dense or sparse, a block of frames at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hooke.diffraction.engine.expansion import weighted_rows

ORIENT, MERGE_ONLY = 0, 1  # of a detector's mask
DENSE_FROM = 0.1  # photons a pixel; below, adding up the rows of hit pixels is faster than a product of matrices


class Frames:
    """Sparse frames of the pixels that are not ignored: first those that orient, then those that are merged alone.

    Attributes:
        order: (T,) pixel of the detector that each column is.
        orient: How many of them orient.
        usable: Frames that hold a photon on such a pixel; all else is by place in it.
        photons: (usable,) float64 photons on pixels that orient.
        dense: Whether blocks are products of matrices.
    """

    def __init__(
        self, starts: np.ndarray, pixels: np.ndarray, counts: np.ndarray, mask: np.ndarray, *, dense: bool | None = None,
        device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        """Choose pixels and frames.

        Args:
            starts: (frames + 1,) where each frame's photons begin.
            pixels: Of each entry.
            counts: Of each entry.
            mask: (pixels of the detector,) 0 orients and is merged, 1 is merged alone, 2 is ignored.
            dense: None chooses by photons a pixel (`DENSE_FROM`).
            device, dtype: Of blocks.
        """
        self.order = np.concatenate([np.flatnonzero(mask == ORIENT), np.flatnonzero(mask == MERGE_ONLY)])
        self.orient = int((mask == ORIENT).sum())
        column = np.full(len(mask), -1, np.int32)
        column[self.order] = np.arange(len(self.order), dtype=np.int32)
        columns, frame = column[pixels], np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        photons = np.bincount(frame, counts * ((columns >= 0) & (columns < self.orient)), minlength=len(starts) - 1)
        self.usable = np.flatnonzero(photons > 0)
        self.photons = photons[self.usable]
        place = np.full(len(starts) - 1, -1, np.int64)
        place[self.usable] = np.arange(len(self.usable))
        kept = (columns >= 0) & (place[frame] >= 0)
        self._columns, self._counts, row = columns[kept], counts[kept], place[frame[kept]]
        self._starts = np.searchsorted(row, np.arange(len(self.usable) + 1))
        share = self.photons.sum() / max(1, len(self.usable) * self.orient)
        self.dense = share >= DENSE_FROM if dense is None else dense
        self.device, self.dtype = torch.device(device), dtype

    def __len__(self) -> int:
        return len(self.usable)

    def constants(self, weights: np.ndarray) -> np.ndarray:
        """(usable,) float64 Σ_t K log ω_t − log K! over pixels that orient: what of the log-likelihood depends on no model.

        Args:
            weights: (T,) solid angle times polarisation of the columns.
        """
        from scipy.special import gammaln

        orients = self._columns < self.orient
        terms = np.where(orients, self._counts * np.log(weights[self._columns]) - gammaln(self._counts + 1.0), 0)
        return np.add.reduceat(terms, self._starts[:-1]) if len(self) else np.empty(0)

    def block(self, places: np.ndarray) -> Block:
        """Some frames.

        Args:
            places: Rising, within `usable`.
        """
        lengths = self._starts[places + 1] - self._starts[places]
        entries = np.repeat(self._starts[places] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        rows = np.repeat(np.arange(len(places), dtype=np.int32), lengths)
        return Block(
            places, len(self.order), self.orient, torch.as_tensor(rows, device=self.device),
            torch.as_tensor(self._columns[entries], device=self.device),
            torch.as_tensor(self._counts[entries], dtype=self.dtype, device=self.device), self.dense,
        )  # fmt: skip


@dataclass(frozen=True)
class Block:
    """Some frames.

    Attributes:
        places: Within the usable frames.
        pixels, orient: Columns, and how many of them orient.
        rows, columns, counts: Of the photons, frame after frame.
        dense: Whether products are taken of matrices.
    """

    places: np.ndarray
    pixels: int
    orient: int
    rows: Tensor
    columns: Tensor
    counts: Tensor
    dense: bool

    def matrix(self) -> Tensor:
        """(frames, T) photons."""
        found = self.counts.new_zeros(len(self.places), self.pixels)
        found[self.rows, self.columns] = self.counts
        return found

    def frame(self, row: int) -> tuple[Tensor, Tensor]:
        """Hit columns and photons of one frame."""
        chosen = slice(*torch.searchsorted(self.rows, torch.tensor([row, row + 1], dtype=self.rows.dtype)).tolist())
        return self.columns[chosen].long(), self.counts[chosen]

    def times(self, table: Tensor) -> Tensor:
        """(frames, columns) Σ_t K_t table_t over the pixels that orient, of (orient, columns)."""
        if self.dense:
            return self.matrix()[:, : self.orient] @ table
        orients = self.columns < self.orient
        rows, columns, counts = self.rows[orients], self.columns[orients], self.counts[orients]
        return weighted_rows(table, columns, _starts(rows, len(self.places)), counts)

    def add_to(self, table: Tensor, shares: Tensor) -> None:
        """Add Σ_d K_dt share_d to a (T, columns) table, of (frames, columns) shares."""
        if self.dense:
            table.addmm_(self.matrix().T, shares)
            return
        order = torch.argsort(self.columns, stable=True)
        starts = _starts(self.columns[order], self.pixels)
        table += weighted_rows(shares, self.rows[order], starts, self.counts[order])


def _starts(rows: Tensor, count: int) -> Tensor:
    """(count + 1,) where each row begins among rising ones."""
    return torch.searchsorted(rows, torch.arange(count + 1, dtype=rows.dtype, device=rows.device)).to(torch.int32)
