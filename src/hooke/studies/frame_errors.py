"""Errors of a potential on frames: energies an atom and force components, a row a frame."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from hooke.atoms.spec import ATOM, FRAME
from hooke.atoms.store import FrameStore
from hooke.core.types import group_starts
from hooke.inference.loaded import LoadedRun
from hooke.modalities import trainable

ENERGY_ERROR, FORCE_ERROR = "energy_per_atom_mae", "force_mae"


def frame_errors(run: LoadedRun, store: FrameStore, rows: np.ndarray) -> pl.DataFrame:
    """Absolute errors of the first method of a run.

    Args:
        run: Of energies.
        store: Its data, or other frames by the same method.
        rows: Of the store.

    Returns:
        `row`, `molecule` (name), `part`, `atoms`, `energy_per_atom_mae` in eV, `force_mae` in eV/Å (mean over the frame's components; null
        where no forces are known).
    """
    modality = trainable(run.modality, "benchmark")
    counts, energy, force = [], [], []
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
    return pl.DataFrame(
        {
            "row": rows, "molecule": known["molecule"], "part": known["part"], "atoms": np.concatenate(counts) if counts else [],
            ENERGY_ERROR: np.concatenate(energy) if energy else [], FORCE_ERROR: np.concatenate(force) if force else [],
        }
    ).with_columns(pl.col(ENERGY_ERROR, FORCE_ERROR).fill_nan(None))  # fmt: skip


def by_molecule(errors: pl.DataFrame, measure: str) -> Mapping[str, float]:
    """Molecule → mean error of its frames, of those where it is known."""
    known = errors.drop_nulls(measure).group_by("molecule", maintain_order=True).agg(pl.col(measure).mean())
    return dict(known.select("molecule", measure).iter_rows())
