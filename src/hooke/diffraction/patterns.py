"""Photon counts of many frames, of which most pixels of most frames have none: compressed rows, and the files that they come in.

Formats by ending: `.emc` (Dragonfly's binary, three types), `.h5` and `.hdf5` (Dragonfly's layout, variable-length rows), `.cxi` (dense,
entry_1/data_1/data), `.npy` (dense), and a folder without an ending: Hooke's store, memory-mapped when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UsageError

EMPTY = "no photon"
MASKED = "no photon outside the mask"
DENSE_BLOCK = 1 << 22  # numbers of dense frames in memory at a time
LARGEST_COUNT = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Patterns:
    """Frames of counts.

    Attributes:
        starts: (frames + 1,) int64: frame d owns the entries starts[d]:starts[d + 1].
        pixels: (entries,) int32, ascending within a frame.
        counts: (entries,) int32, above 0.
        number_of_pixels: Of each frame.
        shape: Rows and columns of a frame; () where it is not known.
        reasons: Frame → why it tells nothing; such frames keep their place.
    """

    starts: np.ndarray
    pixels: np.ndarray
    counts: np.ndarray
    number_of_pixels: int
    shape: tuple[int, ...] = ()
    reasons: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def photons(self) -> np.ndarray:
        """(frames,) int64."""
        sums = np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)])
        return sums[self.starts[1:]] - sums[self.starts[:-1]]

    def dense(self, first: int = 0, last: int | None = None, dtype: Any = np.int32) -> np.ndarray:
        """(frames, pixels) counts of the frames first:last."""
        last = len(self) if last is None else min(last, len(self))
        rows = np.zeros((max(0, last - first), self.number_of_pixels), dtype)
        own = slice(self.starts[first], self.starts[last])
        owner = np.repeat(np.arange(len(rows)), np.diff(self.starts[first : last + 1]))
        rows[owner, self.pixels[own]] = self.counts[own]
        return rows

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """First frame and (frames, pixels) int32 counts, a bounded number at a time."""
        size = max(1, DENSE_BLOCK // self.number_of_pixels)
        for first in range(0, len(self), size):
            yield first, self.dense(first, first + size)

    def marked(self, ignored: np.ndarray) -> Patterns:
        """The same frames without the counts of ignored pixels; frames that have none left are marked.

        Args:
            ignored: (pixels,) bool.

        Raises:
            DataError: It is of another number of pixels.
        """
        if len(ignored) != self.number_of_pixels:
            raise DataError(f"the frames have {self.number_of_pixels} pixels, the detector {len(ignored)}")
        kept = ~ignored[self.pixels]
        before = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])
        starts = before[self.starts]
        had = np.diff(self.starts) > 0
        lost = np.flatnonzero((np.diff(starts) == 0) & had)
        return Patterns(
            starts, self.pixels[kept], self.counts[kept], self.number_of_pixels, self.shape,
            {**self.reasons, **{int(frame): MASKED for frame in lost}},
        )  # fmt: skip

    def chosen(self, frames: np.ndarray) -> Patterns:
        """Some frames, in the order given; reasons go with them."""
        lengths = np.diff(self.starts)[frames]
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        entries = np.repeat(self.starts[frames] - starts[:-1], lengths) + np.arange(starts[-1])
        reasons = {place: self.reasons[int(each)] for place, each in enumerate(frames) if int(each) in self.reasons}
        return Patterns(starts, self.pixels[entries], self.counts[entries], self.number_of_pixels, self.shape, reasons)

    def usable(self) -> np.ndarray:
        """(frames,) bool: those without a reason."""
        kept = np.ones(len(self), bool)
        kept[list(self.reasons)] = False
        return kept

    def same(self, other: Patterns) -> bool:
        """Whether all frames are equal."""
        return self.number_of_pixels == other.number_of_pixels and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("starts", "pixels", "counts")
        )


def patterns_of(
    starts: np.ndarray, pixels: np.ndarray, counts: np.ndarray, number_of_pixels: int, where: Path | str, shape: tuple[int, ...] = ()
) -> Patterns:  # fmt: skip
    """Checked frames, sorted within each frame; empty ones are marked.

    Args:
        starts, pixels, counts, number_of_pixels, shape: See `Patterns`.
        where: The file, for the message.

    Raises:
        DataError: A pixel that does not exist or comes twice, or a count that is none; the message names the frame.
    """
    starts, pixels, counts = starts.astype(np.int64), np.asarray(pixels), np.asarray(counts)

    def frame(entry: Any) -> int:
        return int(np.searchsorted(starts, entry, side="right")) - 1

    outside = np.flatnonzero((pixels < 0) | (pixels >= number_of_pixels))
    if len(outside):
        raise DataError(
            f"{where}: frame {frame(outside[0])} has a photon in pixel {pixels[outside[0]]} of {number_of_pixels}"
        )
    odd = np.flatnonzero((counts < 1) | (counts > LARGEST_COUNT))
    if len(odd):
        raise DataError(
            f"{where}: frame {frame(odd[0])}, pixel {pixels[odd[0]]} has the count {counts[odd[0]]}; counts are 1 to {LARGEST_COUNT:,}"
        )
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    keys = owner * np.int64(number_of_pixels) + pixels
    if len(keys) and (np.diff(keys) <= 0).any():
        order = np.argsort(keys, kind="stable")
        keys, pixels, counts = keys[order], pixels[order], counts[order]
        twice = np.flatnonzero(np.diff(keys) == 0)
        if len(twice):
            raise DataError(f"{where}: frame {owner[order][twice[0]]} has pixel {pixels[twice[0]]} twice")
    reasons = {int(each): EMPTY for each in np.flatnonzero(np.diff(starts) == 0)}
    return Patterns(starts, pixels.astype(np.int32), counts.astype(np.int32), number_of_pixels, tuple(shape), reasons)


def patterns_from_dense(blocks: Iterable[np.ndarray], where: Path | str, shape: tuple[int, ...] = ()) -> Patterns:
    """Frames from blocks of (frames, pixels) counts, whole numbers of whatever type.

    Raises:
        DataError: A count is negative, fractional or not finite; the message names frame and pixel. Or there is no frame.
    """
    lengths, pixels, counts, first, number = [], [], [], 0, 0
    for block in blocks:
        block = np.asarray(block)
        refuse_counts(block, where, first)
        rows, columns = np.nonzero(block)
        lengths.append(np.bincount(rows, minlength=len(block)))
        pixels.append(columns)
        counts.append(block[rows, columns])
        first, number = first + len(block), block.shape[1]
    if not first or not number:
        raise DataError(f"{where} holds no frame")
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    return patterns_of(starts, np.concatenate(pixels), np.concatenate(counts), number, where, shape)


def refuse_counts(block: np.ndarray, where: Path | str, first: int = 0) -> None:
    """Refuse (frames, pixels) numbers that are no counts of photons.

    Args:
        block: The numbers.
        where: For the message.
        first: The number of the first frame.

    Raises:
        DataError: One is negative, fractional, not finite or too large; the message names frame and pixel.
    """
    if block.dtype.kind not in "iufb":
        raise DataError(f"{where} holds no numbers, but {block.dtype}")
    if block.dtype.kind == "f":
        odd = ~np.isfinite(block) | (block < 0) | (block > LARGEST_COUNT)
        odd |= ~odd & (block != np.rint(np.where(odd, 0, block)))
    else:
        odd = (block < 0) | (block > LARGEST_COUNT) if block.dtype.kind != "b" else np.zeros(block.shape, bool)
    if odd.any():
        frame, pixel = (int(each) for each in np.argwhere(odd)[0])
        remedy = (
            "; numbers in detector units become photons with dark, gain and bad pixels first"
            if block.dtype.kind == "f"
            else ""
        )
        raise DataError(
            f"{where}: frame {first + frame}, pixel {pixel} is {block[frame, pixel]:g}, no count of photons{remedy}"
        )


def photons(
    values: np.ndarray, *, gain: float, dark: np.ndarray | float = 0.0, bad: np.ndarray | None = None, threshold: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Photon counts from detector units: (value − dark) / gain, rounded, below the threshold 0.

    Args:
        values: (frames, ...) detector units.
        gain: Detector units of one photon.
        dark: Of each pixel, or of all: what it reads without light.
        bad: Pixels that are not to be used; those that are not finite in any frame, and dark pixels that are not finite, join them.
        threshold: Photons from which a pixel counts as one, 0.5 to 1.

    Returns:
        (frames, ...) int32 counts, 0 where a pixel is bad; (...) bool: the bad pixels.

    Raises:
        UsageError: An option is none, or of another shape than the frames.
    """
    if not (np.isfinite(gain) and gain > 0):
        raise UsageError(f"the gain is above 0 detector units a photon, got {gain:g}")
    if not 0.5 <= threshold <= 1:
        raise UsageError(f"the threshold is between 0.5 and 1 photon, got {threshold:g}")
    for name, array in (("dark", np.asarray(dark)), ("bad", np.asarray(False if bad is None else bad))):
        if array.ndim and array.shape != values.shape[1:]:
            raise UsageError(f"{name} has the shape {array.shape}, a frame {values.shape[1:]}")
    lost = ~np.isfinite(values).all(axis=0) | ~np.isfinite(np.asarray(dark))
    if bad is not None:
        lost = lost | np.asarray(bad, bool)
    with np.errstate(invalid="ignore"):
        scaled = np.where(lost, 0.0, (values - np.where(np.isfinite(dark), dark, 0.0)) / gain)
    counts = np.where(scaled < threshold, 0, np.maximum(1, np.rint(scaled)))
    return np.minimum(counts, LARGEST_COUNT).astype(np.int32), lost


def read_patterns(path: Path | str) -> Patterns:
    """Frames of a file; its ending names the format.

    Raises:
        UsageError: The ending is none that is known, or h5py is missing.
        DataError: The file is damaged, or holds numbers that are no counts; the message names file and place.
    """
    from hooke.diffraction import pattern_files

    return pattern_files.read(Path(path))


def write_patterns(path: Path | str, patterns: Patterns, *, kind: str = "sparse") -> None:
    """Write frames; the ending names the format. After a crash the file is the old one or the whole new one.

    Args:
        path: Where.
        patterns: What.
        kind: Of `.emc`: "sparse", "dense" (int32) or "double" (float64).

    Raises:
        UsageError: The ending or the kind is none that is known, or h5py is missing.
    """
    from hooke.diffraction import pattern_files

    pattern_files.write(Path(path), patterns, kind)
