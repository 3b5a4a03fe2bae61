"""Atoms in space: frames with energies and forces of quantum methods. Data alone until there are potentials to train on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hooke.atoms.batch import ATOM, FRAME, AtomsBatch, atoms_batch
from hooke.atoms.elements import SYMBOLS
from hooke.atoms.facts import Facts
from hooke.atoms.frames import Frames
from hooke.atoms.store import REJECTED, FrameStore
from hooke.atoms.twins import made_frames
from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.core.types import LabelledSpec
from hooke.modalities import Checks, Description, Modality, Sample
from hooke.nn.contract import require
from hooke.report.schema import DataSummary

_METHOD = "other:made"
_LABELS = (
    Label("energy", FRAME, unit="eV", method=_METHOD),
    Label("forces", ATOM, unit="eV/angstrom", width=3, method=_METHOD),
)
_SHOWN = 12  # elements of a table of isolated atoms in a line


class Atoms(Modality):
    """See `hooke.modalities`."""

    name = "atoms"
    items = "frames"
    levels = (FRAME, ATOM)

    def open(self, folder: Path) -> FrameStore:
        """See `Modality.open`."""
        return FrameStore.open(folder)

    def describe(self, store: FrameStore) -> Description:
        """Frames, molecules, units, methods, isolated atoms and statistics of energies and forces in the units of the source."""
        facts, counts = store.facts, dict(store.description["counts"])
        statistics, missing, table = dict(store.description["statistics"]), "", store.e0
        if table and facts.energy_kind == "total":
            try:
                statistics = store.statistics().to_json()
            except UsageError as error:
                missing = str(error)
        alone = sorted({atom.element for atom in table.atoms}) if table else []
        fields = {
            "store": store.folder, "frames": len(store), "molecules": counts["molecules"], "subsets": ", ".join(store.subsets),
            "energy": f"{facts.energy_kind}, {facts.energy_unit}" if facts.methods else "none", "lengths": facts.length_unit,
            "forces": facts.force_unit or "none", "methods": ", ".join(facts.methods) or "none",
            "isolated_atoms": ", ".join(SYMBOLS[number] for number in alone[:_SHOWN]) or "none", "hash": store.content_hash,
            "ingest": counts, "statistics": statistics,
        }  # fmt: skip
        if missing:
            fields["formation"] = missing
        for kind, methods in statistics.items():
            unit = facts.force_unit if kind.startswith("force") else facts.energy_unit
            for method, moments in methods.items():
                where = "" if len(methods) == 1 else f" {method}"
                fields[f"{kind}{where}"] = (
                    f"mean {moments['mean']:.6g} {unit}, std {moments['std']:.6g} over {moments['count']:,}"
                )
        notes = (
            f"{counts['molecules']:,} molecules; energies: {fields['energy']}; lengths: {facts.length_unit}; forces: {fields['forces']}",
            f"methods: {fields['methods']}",
        )
        section = DataSummary(
            store.folder.name, rows_read=len(store) + counts["refused"], rows_kept=len(store), rows_rejected=counts["refused"], notes=notes
        )  # fmt: skip
        left = f"{counts['refused']:,} frames left out: {store.folder / REJECTED}" if counts["refused"] else ""
        return Description(fields, left, section)

    def sample(self, seed: int = 0) -> Sample:
        """Frames of eight small molecules, with energies of formation and forces."""
        facts = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", (_METHOD,), (_METHOD,))
        frames = made_frames(facts, seed)

        def batch(places: Sequence[int], spec: Any) -> AtomsBatch:
            rows = np.array(list(places), np.int64)
            some: Frames = frames.select(rows)
            return atoms_batch(some, rows, some.energies)

        return Sample(LabelledSpec(_LABELS), len(frames), batch)

    def checks(self) -> Checks:
        """What stores of frames hold."""
        return Checks(stores={"frames": _check_store})


def _check_store(store: FrameStore) -> None:
    """Finite positions, atoms apart, every method computed somewhere, units that convert, and forces that are no gradients of another sign."""
    require(isinstance(store, FrameStore), f"the twin is {type(store).__name__}, not atoms.store.FrameStore")
    rows = np.arange(len(store))
    native, other = store.gather(rows), store.in_units("eV" if store.facts.methods else "", "angstrom").gather(rows)
    require(bool(np.isfinite(native.positions).all()), "the twin holds positions that are not finite")
    require(bool((native.counts > 0).all()), "a frame of the twin has no atoms")
    scale = np.linalg.norm(other.positions) / np.linalg.norm(native.positions)
    require(np.allclose(native.positions * scale, other.positions, rtol=1e-5), "lengths do not convert")
    silent = [name for name, column in zip(store.methods, native.energies.T, strict=True) if np.isnan(column).all()]
    require(not silent, f"of no frame of the twin an energy is known by {', '.join(silent)}")
    for place, method in enumerate(store.facts.force_methods):
        forces = other.forces[..., place]
        require(bool(np.isfinite(forces).all()), f"the twin lacks forces by {method}")
        totals = np.stack(
            [forces[first:stop].sum(axis=0) for first, stop in zip(other.offsets, other.offsets[1:], strict=False)]
        )
        require(bool(np.abs(totals).max() < 1e-3), f"the forces of the twin by {method} do not cancel")
    if store.facts.energy_kind == "interaction":
        require(
            bool((np.diff(native.monomer_offsets) >= 2).all()), "a dimer of the twin does not say what its monomers are"
        )


MODALITY = Atoms()
