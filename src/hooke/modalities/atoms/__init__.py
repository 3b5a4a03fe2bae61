"""Atoms in space: frames with energies and forces of quantum methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from hooke.atoms.elements import SYMBOLS
from hooke.atoms.facts import Facts
from hooke.atoms.frames import Frames
from hooke.atoms.spec import ATOM, FRAME, AtomsSpec, atom_scales
from hooke.atoms.store import REJECTED, FrameStore
from hooke.atoms.twins import made_frames
from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.core.loader import BoundedLoader
from hooke.core.recipe import Recipe
from hooke.core.types import LabelStatistics
from hooke.evaluate.moments import Moments
from hooke.evaluate.splits import Split, evenly_spaced
from hooke.modalities import Checks, Description, Readable, Sample, Symmetry, Trainable
from hooke.modalities.atoms.error_detection import error_detection
from hooke.modalities.atoms.export import XYZ, write_predictions
from hooke.modalities.atoms.frame_errors import frame_errors, part_tables, rows_by_part
from hooke.modalities.atoms.learning import AtomsSection, frame_loader, in_electronvolts, spec_of
from hooke.modalities.atoms.source import FrameOptions, FrameSource
from hooke.modalities.atoms.splits import MEANINGS, frame_split
from hooke.report import build
from hooke.report.schema import DataSummary, ResultTable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from hooke.atoms.batch import AtomsBatch

_METHOD = "other:made"
_LABELS = (
    Label("energy", FRAME, unit="eV", method=_METHOD),
    Label("dipole", FRAME, unit="debye"),
    Label("forces", ATOM, unit="eV/angstrom", width=3, method=_METHOD),
)
_DETECTED = 2_000  # test frames of the table of what foretells errors
_SHOWN = 12  # elements of a table of isolated atoms in a line


class Atoms(Trainable, Readable):
    """See `hooke.modalities`."""

    name = "atoms"
    items = "frames"
    unit = "frames"
    spec_type = AtomsSpec
    sections = {"atoms": AtomsSection}  # noqa: RUF012
    levels = (FRAME, ATOM)
    listed = (ATOM,)
    example = {  # noqa: RUF012
        "data": {"name": "acac"},
        "model": {"name": "schnet", "preset": "tiny"},
        "task": {"name": "energy_forces"},
        "train": {"batch_size": 4},
    }
    splits = dict.fromkeys(MEANINGS, frame_split)
    split_meanings = MEANINGS
    estimators = ("mean", "ridge")
    keeps_domain = True
    options = FrameOptions
    batch_size = 64
    exports = XYZ

    @property
    def base(self) -> type[nn.Module]:
        """See `Modality.base`."""
        from hooke.nn.atoms.energy_model import Potential

        return Potential

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Rotation, reflection, translation, and another order of atoms."""
        from hooke.modalities.atoms.symmetries import SYMMETRIES

        return SYMMETRIES

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
        """Frames of eight small molecules, with energies of formation, forces and a made-up property; odd ones."""
        import torch

        from hooke.atoms.batch import atoms_batch, force_targets

        facts = Facts(
            "eV", "angstrom", "eV/angstrom", "force", "formation", (_METHOD,), (_METHOD,), (("dipole", "debye"),)
        )
        usual = made_frames(facts, seed)
        frames, odd = Frames.joined([usual, odd_frames(facts)]), len(usual)
        elements = tuple(np.unique(frames.numbers).tolist())
        moments = Moments.of(np.concatenate([usual.energies, usual.properties], axis=1)).statistics()
        pulls = Moments.of(usual.forces.reshape(-1, 1)).statistics()
        shift, scale = atom_scales(usual.energies[:, 0], usual.composition(np.array(elements)), pulls)
        spec = AtomsSpec(
            _LABELS, {FRAME: moments, ATOM: LabelStatistics(*(np.repeat(values, 3) for values in pulls))}, elements, (0,), "formation",
            shift={_METHOD: shift}, scale={_METHOD: scale}, scope="sample",
        )  # fmt: skip

        def batch(places: Sequence[int], wanted: Any) -> AtomsBatch:
            rows = np.array(list(places), np.int64)
            some = frames.select(rows)
            frame = np.concatenate([some.energies, some.properties], axis=1)
            columns = [place for place, label in enumerate(_LABELS[:2]) if label in wanted.labels]
            targets = {FRAME: frame[:, columns]} if columns else {}
            if _LABELS[2] in wanted.labels:
                targets[ATOM] = force_targets(some, [0])
            return atoms_batch(some, rows, targets, torch.float64)

        return Sample(
            spec, len(usual), batch,
            {
                "one atom": [odd], "a line": [odd + 1], "a symmetric frame": [odd + 2], "fragments apart": [odd + 3],
                "together": range(odd, odd + 4),
            },
        )  # fmt: skip

    def outputs(self, model: Any, batch: AtomsBatch) -> dict[str, Tensor]:
        """See `Modality.outputs`: embeddings, outputs, and forces."""
        from hooke.nn.atoms.energy_model import derivatives

        found = derivatives(model, batch, keep_graph=True)
        return {FRAME: model.embed(batch), "output": found.energies, ATOM: found.forces.transpose(1, 2).flatten(1)}

    def checks(self) -> Checks:
        """What stores of frames hold, and what potentials promise."""
        from hooke.modalities.atoms.checks import MODEL_CHECKS

        return Checks(stores={"frames": _check_store}, models=MODEL_CHECKS)

    def check(self, recipe: Recipe) -> None:
        """See `Trainable.check`; molecules can be thinned out here."""
        super().check(replace(recipe, split=replace(recipe.split, train_groups=0, group_rows=0)))
        if recipe.train.compile:
            raise UsageError(
                "train.compile cannot be used for potentials: forces are derivatives, and compiled networks cannot be differentiated twice"
            )

    def spec(self, store: FrameStore, rows: np.ndarray, recipe: Recipe) -> AtomsSpec:
        """Labels, elements, charges, isolated atoms and scales."""
        section = recipe.sections["atoms"]
        if recipe.has_estimator:
            return spec_of(store, rows, section)
        task = registry.module("tasks", recipe.task.name).Task
        return spec_of(store, rows, section, partial(task.learnt, recipe.task.config))

    def usable(self, store: FrameStore, rows: np.ndarray, recipe: Recipe) -> np.ndarray:
        """Without frames of which neither an energy nor forces are known."""
        if not recipe.learns_labels or not store.methods or store.facts.properties:
            return rows
        return rows[~np.isnan(store.store.row_column("energies", rows)).all(axis=1)]

    def start(self, network: Any, weights: dict[str, Tensor] | None, recipe: Recipe, number: int) -> None:
        """The encoder's weights; a readout of other outputs starts anew."""
        if weights is None:
            return
        own = network.encoder.state_dict()
        fitting = {
            name: own[name] if name.startswith("readout.") and own[name].shape != value.shape else value
            for name, value in weights.items()
        }
        network.encoder.load_state_dict(fitting)

    def loader(
        self, store: FrameStore, rows: np.ndarray, spec: AtomsSpec, recipe: Recipe, *, part: str, seed: int | None = None,
        rank: int = 0, world: int = 1,
    ) -> BoundedLoader[AtomsBatch]:  # fmt: skip
        """Batches of a bounded number of pairs."""
        return frame_loader(store, rows, spec, recipe, part=part, seed=seed, rank=rank, world=world)

    def facts(self, store: FrameStore, spec: AtomsSpec, split: Split, recipe: Recipe) -> dict[str, Any]:
        """Methods, kind of energies, and what they are relative to."""
        return {
            "methods": [label.method for label in spec.energies], "energy_kind": spec.energy_kind,
            "isolated_atoms": spec.e0_source or "none", "elements": [SYMBOLS[number] for number in spec.elements],
            "charges": [*spec.charges],
        }  # fmt: skip

    def identify(self, store: FrameStore, rows: np.ndarray) -> dict[str, Any]:
        """Molecule, part of the data set and number of the frame."""
        parts = np.array(store.subsets, object)[store.subset(rows)]
        return {
            "molecule": store.molecules["name"][store.molecule(rows)].to_list(),
            "part": parts.tolist(),
            "frame": np.asarray(rows),
        }

    def split_groups(self, store: FrameStore, rows: np.ndarray) -> np.ndarray:
        """Molecules."""
        return store.molecule(rows)

    def features(self, batch: AtomsBatch) -> np.ndarray:
        """How many atoms of each element a frame has."""
        import torch

        from hooke.nn.atoms.energy_model import ELEMENTS, frame_sum

        rows = torch.nn.functional.one_hot(batch.numbers, ELEMENTS).double()
        return frame_sum(rows, batch).numpy()

    def report(self, loaded: Any, store: FrameStore) -> dict[str, Any]:
        """Errors of energies an atom and of forces on each part of the data set, and what foretells large ones."""
        path = loaded.run.path("predictions_test.parquet")
        if loaded.recipe.has_estimator or not loaded.spec.energies or not path.exists():
            return {}
        rows = pl.read_parquet(path, columns=["row"])["row"].to_numpy()
        of_parts, some = rows_by_part(store, rows), rows[evenly_spaced(len(rows), _DETECTED)]
        wanted = of_parts
        if loaded.spec.forces:
            wanted = np.concatenate([of_parts, np.setdiff1d(some, of_parts)])
        errors = frame_errors(loaded, self, store, wanted)
        tables = part_tables(loaded.recipe.model.name, errors[: len(of_parts)])
        if loaded.spec.forces:
            tables += self._detection(loaded, store, errors.filter(pl.col("row").is_in(some)).sort("row"))
        return {"results": tables}

    def _detection(self, loaded: Any, store: FrameStore, errors: pl.DataFrame) -> tuple[ResultTable, ...]:
        """What foretells large force errors of frames; nothing where none is large."""
        parts = pl.read_parquet(loaded.run.path("split.parquet"))
        training = parts.filter(pl.col("split") == "train")["row"].to_numpy()
        found = error_detection(loaded, self, store, training, errors)
        found = {name: one for name, one in found.items() if np.isfinite(one.value)}
        if not found:
            return ()
        table = build.result_table(
            "What foretells force errors above three times their median", [Label(name) for name in found], "AUROC",
            {loaded.recipe.model.name: [*found.values()]}, higher_is_better=True,
            intervals="95 %, molecules are resampled; 0.5 is chance",
        )  # fmt: skip
        return (table,)

    def source(
        self, given: Any, spec: AtomsSpec, options: FrameOptions, *, batch_size: int, workers: int = 0
    ) -> FrameSource:
        """A file, a store, or frames in memory."""
        return FrameSource(given, spec, options, batch_size)

    def export(self, predictions: Path, output: Path, source: Any, spec: AtomsSpec) -> None:
        """Extended XYZ."""
        write_predictions(predictions, output, source, spec)


def odd_frames(facts: Facts) -> Frames:
    """One atom, three in a line, a symmetric frame, and two fragments that do not notice each other."""
    from hooke.atoms.frames import FrameCollector

    collector = FrameCollector("odd", len(facts.methods), len(facts.force_methods), len(facts.properties))
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 0.63
    frames: Mapping[str, tuple[list[int], np.ndarray]] = {
        "atom": ([8], np.zeros((1, 3))),
        "line": ([8, 6, 8], np.array([[-1.16, 0, 0], [0, 0, 0], [1.16, 0, 0]])),
        "methane": ([6, 1, 1, 1, 1], np.concatenate([np.zeros((1, 3)), tetrahedron])),
        "apart": ([8, 1, 8, 1], np.array([[0, 0, 0], [0.97, 0, 0], [60, 0, 0], [60.97, 0, 0]])),
    }
    for name, (numbers, positions) in frames.items():
        atoms = len(numbers)
        collector.add(
            np.array(numbers), positions[None].astype(np.float64), np.full((1, len(facts.methods)), -1.0 * atoms),
            np.zeros((1, atoms, 3, len(facts.force_methods))), properties=np.zeros((1, len(facts.properties))), name=name,
        )  # fmt: skip
    found, _ = collector.take()
    assert found is not None
    return found


def _check_store(store: FrameStore) -> None:
    """Finite positions, atoms apart, every method computed somewhere, units that convert, and forces that are no gradients of another sign."""
    from hooke.nn.contract import require

    require(isinstance(store, FrameStore), f"the twin is {type(store).__name__}, not atoms.store.FrameStore")
    rows = np.arange(len(store))
    native, other = store.gather(rows), in_electronvolts(store).gather(rows)
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
