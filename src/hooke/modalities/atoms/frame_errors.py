"""Errors of a potential on frames, a row a frame, and their means by part of the data set for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from hooke.atoms.spec import ATOM, FRAME
from hooke.atoms.store import FrameStore
from hooke.core.label import Label
from hooke.core.types import group_starts
from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.molecule_bootstrap import mean_error
from hooke.evaluate.splits import evenly_spaced
from hooke.modalities import Trainable
from hooke.report import build
from hooke.report.schema import ResultTable

ENERGY_ERROR, FORCE_ERROR = "energy_per_atom_mae", "force_mae"
_TITLES = {ENERGY_ERROR: ("Energy error", "meV an atom"), FORCE_ERROR: ("Force error", "meV/Å")}
_MOLECULES = 10  # from which on intervals are over molecules
_MOST_ROWS = 5_000  # of a part, for the report


def frame_errors(run: Any, modality: Trainable, store: FrameStore, rows: np.ndarray) -> pl.DataFrame:
    """Absolute errors of the first method of a run.

    Args:
        run: An `inference.loaded.LoadedRun` of energies.
        modality: Of frames.
        store: Its data, or other frames by the same method.
        rows: Of the store.

    Returns:
        `row`, `molecule` (name), `part`, `atoms`, `energy_per_atom_mae` in eV, `force_mae` in eV/Å (mean over the frame's components; null
        where no forces are known).
    """
    counts: list[np.ndarray] = []
    energy: list[np.ndarray] = []
    force: list[np.ndarray] = []
    for batch in modality.loader(store, rows, run.spec, run.recipe, part="predict").epoch(0):
        found = run.predictor.predict(batch)
        atoms = batch.offsets.diff().numpy()
        counts.append(atoms)
        energy.append(np.abs(found[FRAME].mean[:, 0] - batch.targets[FRAME][:, 0].numpy()) / atoms)
        if ATOM in found:
            off = np.abs(found[ATOM].mean[:, :3] - batch.targets[ATOM][:, :3].double().numpy()).mean(axis=1)
            force.append(np.add.reduceat(off, group_starts(batch.frame.numpy())) / atoms)
        else:
            force.append(np.full(len(atoms), np.nan))
    known = modality.identify(store, rows)
    columns = {"atoms": (counts, np.int64), ENERGY_ERROR: (energy, np.float64), FORCE_ERROR: (force, np.float64)}
    data: dict[str, Any] = {"row": rows, "molecule": known["molecule"], "part": known["part"]}
    for name, (parts, kind) in columns.items():
        data[name] = np.concatenate(parts) if parts else np.zeros(0, kind)
    return pl.DataFrame(data).with_columns(pl.col(ENERGY_ERROR, FORCE_ERROR).fill_nan(None))


def by_molecule(errors: pl.DataFrame, measure: str) -> Mapping[str, float]:
    """Molecule → mean error of its frames, of those where it is known."""
    known = errors.drop_nulls(measure).group_by("molecule", maintain_order=True).agg(pl.col(measure).mean())
    return dict(known.select("molecule", measure).iter_rows())


def rows_by_part(store: FrameStore, rows: np.ndarray) -> np.ndarray:
    """At most 5,000 rows of each part of the data set, evenly spaced, part after part."""
    parts = store.subset(rows)
    kept = [rows[parts == part] for part in np.unique(parts)]
    return np.concatenate([some[evenly_spaced(len(some), _MOST_ROWS)] for some in kept] or [rows])


def part_tables(model: str, errors: pl.DataFrame) -> tuple[ResultTable, ...]:
    """Mean errors of frames on each part of the data set.

    Args:
        model: What they are of.
        errors: See `frame_errors`.
    """
    tables = []
    for measure, (title, unit) in _TITLES.items():
        labels: list[Label] = []
        found: list[Interval] = []
        counts: list[int] = []
        for [part], some in errors.drop_nulls(measure).group_by("part", maintain_order=True):
            labels.append(Label(str(part), unit=unit))
            counts.append(len(some))
            found.append(_mean(some, measure))
        if labels:
            tables.append(
                build.result_table(
                    f"{title} by part of the data set", labels, "mae", {model: found}, higher_is_better=False, counts=counts,
                    intervals="95 %, molecules are resampled; frames where a part has fewer than ten molecules, whose frames are correlated",
                )
            )  # fmt: skip
    return tuple(tables)


def _mean(errors: pl.DataFrame, measure: str) -> Interval:
    """In thousandths of the unit."""
    means = by_molecule(errors, measure)
    if len(means) < _MOLECULES:
        means = {str(row): value for row, value in errors.select("row", measure).iter_rows()}
    found = mean_error([means], generator=np.random.default_rng(0))
    return Interval(*(1000 * value for value in (found.value, found.low, found.high)))
