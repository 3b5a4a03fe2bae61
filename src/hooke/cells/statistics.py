"""Sufficient statistics of a screen in one pass over its matrix: sums, sums of squares, non-zero counts and numbers of cells.

Cells of each group are dealt at random into K parts. Sums are kept for every part, squares and non-zero counts for two halves (the first
K/2 parts, and the others). A group is a perturbation in a context, or the controls of a batch; how many cells of a perturbation came from
each batch is kept beside, so that the control of its own batches is taken away exactly:

    d(p, c, h) = S(p, c, h) / n(p, c, h) - sum over b of n(p, c, b, h) / n(p, c, h) · m(b, h')

with S sums and m the mean of the controls of batch b in parts h'. Whatever a draw of halves or quarters needs follows from these.
A killed pass goes on at the last block that was saved, with the same bits.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hooke.cells.expression import Entries, Expression, Rows
from hooke.cells.screen import CONTROL, LEFT_OUT, Scale, Screen
from hooke.core.checked import read_array, write_array
from hooke.core.errors import DataError
from hooke.core.files import exclusive, remove_folder, replacing, write_durably
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text
from hooke.core.progress import progress
from hooke.evaluate.ceilings import Parts

_BUDGET = 3 << 27  # bytes of the sums of perturbed cells, 402 MB
_CONTROL_BUDGET = 1 << 26  # of control cells, 67 MB
_CONTROL_PARTS = (64, 32, 16, 8)
_SIZES = ((32, np.float64), (16, np.float64), (8, np.float64), (8, np.float32), (4, np.float32), (2, np.float32))
_SHARE = 10  # saving takes at most a tenth of the time
_FIRST_S = 2.0  # before anything is saved
_NOT_FINITE, _ZERO = "a value is NaN or infinite", "all values are zero"
_LARGEST_LOG1P = 25.0  # exp(25) is 7e10 counts
_ARRAYS = ("sums", "squares", "nonzero", "counts", "numbers", "evidence")


@dataclass(frozen=True)
class Layout:
    """Where the statistics of each group stand.

    Attributes:
        groups: (R, 2) int: perturbation and context of each group, sorted.
        batches: (C,) int: the batch of each group of controls.
        batch_context: (C,) int: its context.
        parts: K of a perturbation.
        control_parts: Of the controls of a batch.
        fine: Whether sums of squares are kept for every part, not only for the two halves.
        dtype: Of the sums.
    """

    groups: np.ndarray
    batches: np.ndarray
    batch_context: np.ndarray
    parts: int
    control_parts: int
    fine: bool
    dtype: np.dtype

    @property
    def slots(self) -> int:
        """Number of parts of all groups: perturbations first, then controls."""
        return len(self.groups) * self.parts + len(self.batches) * self.control_parts


@dataclass(frozen=True)
class Statistics:
    """What one pass gathered.

    Attributes:
        screen: With the cells that the numbers left out.
        layout: Where things stand.
        sums: (slots, genes).
        squares: (slots, genes), or as `nonzero`.
        nonzero: (2 (R + C), genes): half 0 and 1 of each group.
        counts: (slots,) number of cells.
        numbers: (R, C, parts) number of cells of a perturbation that came from a batch.
    """

    screen: Screen
    layout: Layout
    sums: np.ndarray
    squares: np.ndarray
    nonzero: np.ndarray
    counts: np.ndarray
    numbers: np.ndarray

    @property
    def perturbed(self) -> np.ndarray:
        """(R, parts, genes) sums of perturbed cells."""
        rows = len(self.layout.groups)
        return self.sums[: rows * self.layout.parts].reshape(rows, self.layout.parts, -1)

    @property
    def controls(self) -> np.ndarray:
        """(C, control parts, genes) sums of control cells."""
        return self.sums[len(self.layout.groups) * self.layout.parts :].reshape(
            len(self.layout.batches), self.layout.control_parts, -1
        )

    @property
    def perturbed_counts(self) -> np.ndarray:
        """(R, parts) cells."""
        rows = len(self.layout.groups)
        return self.counts[: rows * self.layout.parts].reshape(rows, self.layout.parts)

    @property
    def control_counts(self) -> np.ndarray:
        """(C, control parts) cells."""
        return self.counts[len(self.layout.groups) * self.layout.parts :].reshape(
            len(self.layout.batches), self.layout.control_parts
        )


def gather(
    expression: Expression, screen: Screen, folder: Path | None = None, *, seed: int = 0, show_progress: bool = True,
    after_block: Callable[[int], None] | None = None,
) -> Statistics:  # fmt: skip
    """One pass over the matrix.

    Args:
        expression: The open file.
        screen: Of this file.
        folder: Where the state is saved, and the result; None saves nothing.
        seed: Deals cells into parts.
        show_progress: Show cells, rate and time left.
        after_block: Called with the number of blocks that are done.

    Raises:
        DataError: The numbers contradict the declared scale, or the file is damaged.
        HookeError: Another process gathers into the same folder.
    """
    layout = layout_of(screen)
    if folder is None:
        return _gathered(expression, screen, layout, None, "", seed, show_progress, after_block)
    folder = Path(folder)
    facts = expression.path.stat()
    identity = content_hash(
        [
            [
                1,
                str(expression.path.resolve()),
                facts.st_size,
                facts.st_mtime_ns,
                seed,
                screen.scale.name,
                screen.scale.target_sum,
            ],
            [
                screen.genes,
                [each.name for each in screen.perturbations],
                screen.contexts,
                screen.batches,
                _digest(screen),
            ],
        ]
    )
    with exclusive(folder, "gathers the statistics of this screen", wait=True):
        return _gathered(expression, screen, layout, folder, identity, seed, show_progress, after_block)


def layout_of(screen: Screen) -> Layout:
    """Where the statistics of a screen will stand: as many parts a perturbation as its memory allows, 32 at most."""
    used = screen.perturbation >= 0
    groups = np.unique(np.column_stack([screen.perturbation[used], screen.context[used]]), axis=0)
    controls = screen.perturbation == CONTROL
    batches, first = np.unique(screen.batch[controls], return_index=True)
    context = screen.context[controls][first]
    genes = len(screen.genes)
    parts, dtype = next(
        (size for size in _SIZES if len(groups) * size[0] * genes * np.dtype(size[1]).itemsize <= _BUDGET), _SIZES[-1]
    )
    size = len(groups) * genes * np.dtype(dtype).itemsize
    row = len(batches) * genes * np.dtype(dtype).itemsize
    control_parts = next((parts for parts in _CONTROL_PARTS if row * parts <= _CONTROL_BUDGET), _CONTROL_PARTS[-1])
    return Layout(groups, batches, context, parts, control_parts, 2 * size * parts <= _BUDGET, np.dtype(dtype))


def slots_of(screen: Screen, layout: Layout, seed: int) -> np.ndarray:
    """(cells,) int64: the slot of each cell, -1 of those left out; the cells of a group are spread evenly over its parts."""
    group = np.full(len(screen), -1, np.int64)
    perturbed = screen.perturbation >= 0
    width = len(screen.contexts)
    keys = layout.groups[:, 0].astype(np.int64) * width + layout.groups[:, 1]
    group[perturbed] = np.searchsorted(
        keys, screen.perturbation[perturbed].astype(np.int64) * width + screen.context[perturbed]
    )
    controls = screen.perturbation == CONTROL
    group[controls] = len(layout.groups) + np.searchsorted(layout.batches, screen.batch[controls])
    order = np.random.default_rng(seed).permutation(len(screen))
    order = order[np.argsort(group[order], kind="stable")]
    ordered = group[order]
    starts = np.searchsorted(ordered, np.arange(len(layout.groups) + len(layout.batches) + 1))
    rank = np.empty(len(screen), np.int64)
    rank[order] = np.arange(len(screen)) - starts[np.maximum(ordered, 0)]
    base = len(layout.groups) * layout.parts
    slots = np.where(
        controls,
        base + (group - len(layout.groups)) * layout.control_parts + rank % layout.control_parts,
        group * layout.parts + rank % layout.parts,
    )
    return np.where(screen.perturbation == LEFT_OUT, -1, slots)


def _digest(screen: Screen) -> str:
    digest = hashlib.sha256(screen.perturbation.tobytes())
    for array in (screen.context, screen.batch):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _gathered(
    expression: Expression, screen: Screen, layout: Layout, folder: Path | None, identity: str, seed: int, show: bool,
    after_block: Callable[[int], None] | None,
) -> Statistics:  # fmt: skip
    state = _State.saved(folder, identity) if folder is not None else None
    if state is None:
        state = _State.empty(screen, layout)
    spans = expression.spans()
    slots = slots_of(screen, layout, seed)
    if expression.layout == "csc" and state.done == 0:
        _judge_cells(expression, state, slots)
    for reason, cells in state.refused.items():
        slots[cells] = -1
        screen = screen.without(np.asarray(cells, np.int64), reason)
    adder = _Adder(screen, layout, state, slots, by_genes=expression.layout == "csc", columns=expression.shape[1])
    if state.done < len(spans):
        saved = time.monotonic()
        wait = _FIRST_S
        total = expression.shape[expression.layout == "csc"]
        unit = "genes" if expression.layout == "csc" else "cells"
        with progress(total, f"reading {expression.path.name}", unit, show=show) as shown:
            shown.advance(sum(len(span) for span in spans[: state.done]))
            for number, block in enumerate(expression.blocks(state.done), state.done):
                adder.add(block)
                if number == 0:
                    contradiction(screen.scale, state.evidence)
                state.done = number + 1
                shown.advance(len(block.span))
                if folder is not None and state.done < len(spans) and time.monotonic() - saved > wait:
                    started = time.monotonic()
                    state.save(folder, identity)
                    saved = time.monotonic()
                    wait = max(_SHARE * (saved - started), _FIRST_S)
                if after_block is not None:
                    after_block(state.done)
        for reason, cells in state.refused.items():
            screen = screen.without(np.asarray(cells, np.int64), reason)
        contradiction(screen.scale, state.evidence)
        if folder is not None:
            state.save(folder, identity)
    return Statistics(screen, layout, state.sums, state.squares, state.nonzero, state.counts, state.numbers)


class _State:
    """What a pass has gathered so far."""

    def __init__(self, arrays: dict[str, np.ndarray], done: int, refused: dict[str, list[int]]) -> None:
        self.sums, self.squares, self.nonzero = arrays["sums"], arrays["squares"], arrays["nonzero"]
        self.counts, self.numbers, self.evidence = arrays["counts"], arrays["numbers"], arrays["evidence"]
        self.done, self.refused = done, refused

    @classmethod
    def empty(cls, screen: Screen, layout: Layout) -> _State:
        groups, genes = len(layout.groups) + len(layout.batches), len(screen.genes)
        arrays = {
            "sums": np.zeros((layout.slots, genes), layout.dtype),
            "squares": np.zeros((layout.slots if layout.fine else 2 * groups, genes), layout.dtype),
            "nonzero": np.zeros((2 * groups, genes), np.int32),
            "counts": np.zeros(layout.slots, np.int64),
            "numbers": np.zeros((len(layout.groups), len(layout.batches), layout.parts), np.int64),
            "evidence": np.array([np.inf, -np.inf, 0.0, 0.0]),  # minimum, maximum, values that are not whole, largest sum of counts
        }  # fmt: skip
        return cls(arrays, 0, {})

    @classmethod
    def saved(cls, folder: Path, identity: str) -> _State | None:
        """The last state of the same pass, if there is one; others are removed."""
        if not folder.is_dir():
            return None
        newest = None
        for path in sorted(folder.glob("blocks-*")):
            facts: dict[str, Any] = json.loads((path / "state.json").read_text())
            if facts["identity"] == identity and (newest is None or facts["done"] > newest[1]["done"]):
                newest = path, facts
        if newest is None:
            return None
        path, facts = newest
        arrays = {name: read_array(path / f"{name}.npy") for name in _ARRAYS}
        return cls(arrays, facts["done"], {reason: list(cells) for reason, cells in facts["refused"].items()})

    def save(self, folder: Path, identity: str) -> None:
        """Write a folder of its own, then remove the older ones."""
        place = folder / f"blocks-{self.done:06d}"
        if place.exists():
            remove_folder(place)
        with replacing(place, folder=True) as temporary:
            for name in _ARRAYS:
                write_array(temporary / f"{name}.npy", getattr(self, name))
            facts = {"identity": identity, "done": self.done, "refused": self.refused}
            write_durably(temporary / "state.json", json_text(facts))
        for path in folder.glob("blocks-*"):
            if path != place and path.is_dir() and not path.name.endswith(".tmp"):
                remove_folder(path)


class _Adder:
    """Adds blocks to a state; `slots` loses the cells that are refused."""

    def __init__(
        self, screen: Screen, layout: Layout, state: _State, slots: np.ndarray, *, by_genes: bool, columns: int
    ) -> None:
        self.state, self.slots, self.by_genes, self.dtype = state, slots, by_genes, layout.dtype
        self.genes, self.scale = len(screen.genes), screen.scale
        self.gene_columns = screen.gene_columns
        self.all_genes = self.genes == columns
        self.place = np.full(columns, -1, np.int64)
        self.place[screen.gene_columns] = np.arange(self.genes)
        rows = len(layout.groups) * layout.parts
        self.rows, self.parts = rows, layout.parts
        perturbed, controls = np.arange(rows), np.arange(layout.slots - rows)
        self.halves = np.concatenate([
            2 * (perturbed // layout.parts) + (perturbed % layout.parts) // (layout.parts // 2),
            2 * len(layout.groups) + 2 * (controls // layout.control_parts) + (controls % layout.control_parts) // (layout.control_parts // 2),
        ])  # fmt: skip
        self.square_slots = np.arange(layout.slots) if layout.fine else self.halves
        batch_place = np.full(len(screen.batches), -1, np.int64)
        batch_place[layout.batches] = np.arange(len(layout.batches))
        self.batches = batch_place[screen.batch]

    def add(self, block: Entries | Rows) -> None:
        """Add one block."""
        if isinstance(block, Rows):
            self._add_rows(block)
        else:
            self._add_entries(block)

    def _add_entries(self, block: Entries) -> None:
        cells, values = block.cells, np.asarray(block.values, self.dtype)
        if not self.by_genes:
            _refuse(
                self.state,
                self.slots,
                block.span,
                np.bincount(cells - block.span.start, np.abs(values), len(block.span)),
            )
        slots = self.slots[cells]
        genes = block.genes if self.all_genes else self.place[block.genes]
        keep = (slots >= 0) & (genes >= 0)
        if not keep.all():
            slots, genes, values, cells = slots[keep], genes[keep], values[keep], cells[keep]
        self._weigh(values, min(0.0, float(values.min(initial=0))))
        if self.scale.target_sum is not None and not self.by_genes and len(values):
            totals = np.bincount(cells - block.span.start, np.expm1(values.astype(np.float64)))
            self.state.evidence[3] = max(self.state.evidence[3], totals.max())
        np.add.at(self.state.sums.reshape(-1), slots * self.genes + genes, values)
        np.add.at(self.state.squares.reshape(-1), self.square_slots[slots] * self.genes + genes, values * values)
        key = self.halves[slots] * self.genes + genes
        np.add.at(self.state.nonzero.reshape(-1), key, (values != 0).astype(np.int32))
        if not self.by_genes:
            self._count(block.span)
        elif block.span.start == 0:
            self._count(range(len(self.slots)))

    def _add_rows(self, block: Rows) -> None:
        values = np.asarray(block.values, self.dtype)
        _refuse(self.state, self.slots, block.span, np.abs(values).sum(axis=1, dtype=np.float64))
        slots = self.slots[block.span.start : block.span.stop]
        values, slots = values[slots >= 0], slots[slots >= 0]
        if not self.all_genes:
            values = values[:, self.gene_columns]
        if len(values):
            self._weigh(values, float(values.min()))
            if self.scale.target_sum is not None:
                totals = np.expm1(values.astype(np.float64)).sum(axis=1)
                self.state.evidence[3] = max(self.state.evidence[3], totals.max())
            _add_groups(self.state.sums, slots, values)
            _add_groups(self.state.squares, self.square_slots[slots], values * values)
            _add_groups(self.state.nonzero, self.halves[slots], (values != 0).astype(np.int32))
        self._count(block.span)

    def _weigh(self, values: np.ndarray, least: float) -> None:
        """Gather the evidence for or against the declared scale."""
        evidence = self.state.evidence
        if len(values):
            evidence[0] = min(evidence[0], least)
            evidence[1] = max(evidence[1], float(values.max()))
            if evidence[2] == 0 or self.scale.name == "counts":
                evidence[2] += np.count_nonzero(values != np.rint(values))

    def _count(self, span: range) -> None:
        slots = self.slots[span.start : span.stop]
        used = slots >= 0
        slots, batches = slots[used], self.batches[span.start : span.stop][used]
        self.state.counts += np.bincount(slots, minlength=len(self.state.counts))
        perturbed = slots < self.rows
        slots, batches = slots[perturbed], batches[perturbed]
        np.add.at(self.state.numbers, (slots // self.parts, batches, slots % self.parts), 1)


def _add_groups(state: np.ndarray, places: np.ndarray, values: np.ndarray) -> None:
    """state[places] += values, where places repeat."""
    order = np.argsort(places, kind="stable")
    targets, starts = np.unique(places[order], return_index=True)
    state[targets] += np.add.reduceat(values[order], starts, axis=0)


def _refuse(state: _State, slots: np.ndarray, span: range, sizes: np.ndarray) -> None:
    """Leave out cells of a span whose summed absolute values are not finite, or zero."""
    used = slots[span.start : span.stop] >= 0
    for reason, bad in ((_NOT_FINITE, ~np.isfinite(sizes)), (_ZERO, sizes == 0)):
        cells = np.flatnonzero(bad & used) + span.start
        if len(cells):
            state.refused.setdefault(reason, []).extend(cells.tolist())
            slots[cells] = -1


def _judge_cells(expression: Expression, state: _State, slots: np.ndarray) -> None:
    """Of a matrix stored by genes: a pass of its own that finds the cells to be left out."""
    sizes = np.zeros(len(slots))
    for block in expression.blocks():
        assert isinstance(block, Entries)
        sizes += np.bincount(block.cells, np.abs(block.values), len(slots))
    _refuse(state, slots, range(len(slots)), sizes)


def contradiction(scale: Scale, evidence: np.ndarray) -> None:
    """Refuse numbers that cannot be what they are declared to be.

    Args:
        scale: Declared.
        evidence: Smallest and largest value, how many are not whole, largest sum of counts in a cell.

    Raises:
        DataError: With the evidence.
    """
    least, most, broken, total = (float(value) for value in evidence)
    if not np.isfinite(least):
        return
    if scale.name == "counts" and least < 0:
        raise DataError(f"declared counts, but the smallest value is {least:.4g}")
    if scale.name == "counts" and broken:
        raise DataError(f"declared counts, but {broken:,.0f} values are not whole numbers (largest value {most:.4g})")
    if scale.name == "log1p" and least < 0:
        raise DataError(f"declared log1p, but the smallest value is {least:.4g}; z-scores are declared as z-score")
    if scale.name == "log1p" and most > _LARGEST_LOG1P:
        raise DataError(
            f"declared log1p, but the largest value is {most:.4g}, which is {np.exp(min(most, 700)):.1e} counts"
        )
    if scale.name == "log1p" and not broken and most > 1:
        raise DataError(f"declared log1p, but all values are whole numbers up to {most:.4g}: these look like counts")
    if scale.target_sum is not None and total > scale.target_sum * 1.001:
        raise DataError(f"declared a target sum of {scale.target_sum:g}, but a cell sums to {total:,.1f}")
    if scale.name == "z-score" and least >= 0:
        raise DataError(f"declared z-score, but no value is negative (smallest {least:.4g}, largest {most:.4g})")


def parts_of(statistics: Statistics, *, with_targets: bool = False) -> Parts:
    """What ceilings and metrics need.

    Args:
        statistics: Of a screen.
        with_targets: Whether a perturbation's own genes count in its scores.
    """
    layout, screen = statistics.layout, statistics.screen
    scored = np.ones((len(layout.groups), len(screen.genes)), bool)
    if not with_targets:
        targets = screen.targets()
        for row, (perturbation, _) in enumerate(layout.groups):
            scored[row, targets[perturbation]] = False
    return Parts(
        statistics.perturbed, statistics.perturbed_counts, statistics.controls, statistics.control_counts, statistics.numbers,
        *_squares(statistics), layout.groups[:, 1], layout.batch_context, scored,
    )  # fmt: skip


def _squares(statistics: Statistics) -> tuple[np.ndarray, np.ndarray]:
    """Sums of squares of perturbations and of controls, group by group."""
    layout = statistics.layout
    rows, batches, genes = len(layout.groups), len(layout.batches), statistics.squares.shape[1]
    parts, control_parts = (layout.parts, layout.control_parts) if layout.fine else (2, 2)
    perturbed, controls = np.split(statistics.squares, [rows * parts])
    return perturbed.reshape(rows, parts, genes), controls.reshape(batches, control_parts, genes)
