"""What of a store of frames is learnt: the spec of training rows, and batches of a bounded number of neighbours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hooke.atoms.frames import Frames
from hooke.atoms.isolated_atoms import WAYS_OUT, ReferenceEnergies
from hooke.atoms.spec import ATOM, ENERGY, FORCES, FRAME, AtomsSpec, atom_scales, label_names, reference_energies
from hooke.atoms.store import FrameStore, fitted
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.loader import BoundedLoader
from hooke.core.recipe import Recipe
from hooke.core.types import LabelStatistics
from hooke.evaluate.moments import Moments

if TYPE_CHECKING:
    from hooke.atoms.batch import AtomsBatch

_BLOCK = 4096
_EVALUATION_BATCH = 64


@dataclass(frozen=True)
class AtomsSection:
    """What of frames is learnt.

    Attributes:
        e0: What is taken off total energies: isolated atoms of the data set's own files ("isolated"), energies of elements that are fitted
            to the training rows ("regression"), or nothing ("none").
        methods: Which of the data set's methods; none takes all.
        most_pairs: Pairs of atoms that a batch may hold, as `pair_bound` counts them: batches of larger systems hold fewer of them.
    """

    e0: Literal["isolated", "regression", "none"] = "isolated"
    methods: tuple[str, ...] = ()
    most_pairs: int = 200_000

    def __post_init__(self) -> None:
        if self.most_pairs < 1:
            raise ValueError(f"most_pairs must be at least 1, got {self.most_pairs}")


def pair_bound(atoms: np.ndarray) -> np.ndarray:
    """(n,) at most how many pairs systems of so many atoms have: all, or 100 neighbours an atom, as many as matter within 6 Å."""
    return np.maximum(1, atoms * np.minimum(atoms - 1, 100) // 2)


def in_electronvolts(store: FrameStore) -> FrameStore:
    """The store in eV, Å and eV/Å."""
    return store.in_units("eV" if store.facts.methods else "", "angstrom")


def labels_of_store(store: FrameStore, section: AtomsSection) -> tuple[Label, ...]:
    """Energies and forces of the chosen methods, and all other properties.

    Raises:
        UnknownNameError: The store has no such method.
    """
    for method in section.methods:
        if method not in store.methods:
            raise UnknownNameError("method of the data", method, store.methods)
    methods = section.methods or store.methods
    pulled = [method for method in methods if method in store.facts.force_methods]
    return (
        *(
            Label(name, FRAME, unit="eV", method=method, source=store.name)
            for name, method in zip(label_names(ENERGY, methods), methods, strict=True)
        ),
        *(Label(name, FRAME, unit=unit, source=store.name) for name, unit in store.facts.properties),
        *(
            Label(name, ATOM, unit="eV/angstrom", width=3, method=method, source=store.name)
            for name, method in zip(label_names(FORCES, methods), methods, strict=True)
            if method in pulled
        ),
    )


def every(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    """All of them."""
    return labels


def spec_of(
    store: FrameStore, rows: np.ndarray, section: AtomsSection,
    learnt: Callable[[tuple[Label, ...]], tuple[Label, ...]] = every,
) -> AtomsSpec:  # fmt: skip
    """See `Trainable.spec`.

    Args:
        store, rows, section: The data, and what of them is learnt.
        learnt: Which of the labels.

    Raises:
        UsageError: The energies of isolated atoms are asked for and not known.
    """
    store = in_electronvolts(store)
    labels = learnt(labels_of_store(store, section))
    energies = [label for label in labels if label.level == FRAME]
    forces = [label for label in labels if label.level == ATOM]
    places = [store.facts.force_methods.index(label.method) for label in forces]
    frame, pulls = Moments.none(len(energies)), Moments.none(len(forces))
    values: list[np.ndarray] = []
    compositions: list[tuple[np.ndarray, np.ndarray]] = []
    charges: set[int] = set()
    for start in range(0, len(rows), _BLOCK):
        frames = store.gather(rows[start : start + _BLOCK])
        charges |= set(np.unique(frames.charge).tolist())
        values.append(_frame_targets(frames, store, labels))
        present = np.unique(frames.numbers)
        compositions.append((present, frames.composition(present)))
        frame = frame.merged(Moments.of(values[-1]))
        pulls = pulls.merged(
            Moments.of(frames.forces[..., places].reshape(3 * len(frames.numbers), len(places)).astype(np.float64))
        )
    targets, methods = np.concatenate(values), [label.method for label in energies if label.method]
    known, composition = _together(compositions)
    table, source = _isolated(store, rows, section, methods)
    e0 = reference_energies(table, methods, known, store.name) if table is not None else {}
    moments, pulled = pulls.statistics(), [label.method for label in forces]
    shift, scale = {}, {}
    for label, column in zip(energies, targets.T, strict=True):
        key, alone = label.method or label.name, e0.get(label.method)
        residual = column - composition @ np.array(alone) if alone else column
        of_forces = None
        if label.method in pulled:
            of_forces = LabelStatistics(*(each[[pulled.index(label.method)]] for each in moments))
        shift[key], scale[key] = atom_scales(residual, composition, of_forces)
    statistics = {FRAME: frame.statistics()} | (
        {ATOM: LabelStatistics(*(np.repeat(values, 3) for values in moments))} if forces else {}
    )
    return AtomsSpec(
        labels, statistics, tuple(known), tuple(sorted(charges)), store.facts.energy_kind, e0, source, shift, scale, store.name
    )  # fmt: skip


def _isolated(
    store: FrameStore, rows: np.ndarray, section: AtomsSection, methods: list[str]
) -> tuple[ReferenceEnergies | None, str]:
    if not methods or section.e0 == "none":
        return None, ""
    if section.e0 == "regression":
        fits = [fitted(store, method, rows=rows) for method in methods]
        return ReferenceEnergies(tuple(atom for fit in fits for atom in fit.atoms), "eV", store.name), "regression"
    if store.facts.energy_kind != "total":
        return None, ""
    table = store.e0
    if table is None:
        ways = WAYS_OUT.replace("isolated_atoms=", "data.isolated_atoms=").replace(
            "(regression)", "(atoms.e0=regression)"
        )
        ways = ways.replace("(e0=none)", "(atoms.e0=none)")
        raise UsageError(f"{store.name} holds total energies and no isolated atoms: {ways}")
    return table, "isolated atoms"


def _together(compositions: list[tuple[np.ndarray, np.ndarray]]) -> tuple[list[int], np.ndarray]:
    """All elements, ascending, and (F, elements) of them, from blocks of frames that each count those that they have."""
    known = np.unique(np.concatenate([present for present, _ in compositions]))
    whole = np.zeros((sum(len(counts) for _, counts in compositions), len(known)), np.int64)
    start = 0
    for present, counts in compositions:
        whole[start : start + len(counts), np.searchsorted(known, present)] = counts
        start += len(counts)
    return known.tolist(), whole


def _frame_targets(frames: Frames, store: FrameStore, labels: tuple[Label, ...]) -> np.ndarray:
    """(F, labels of frames) float64."""
    names = [name for name, _ in store.facts.properties]
    columns = [
        frames.energies[:, store.methods.index(label.method)]
        if label.method
        else frames.properties[:, names.index(label.name)]
        for label in labels
        if label.level == FRAME
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((len(frames), 0))


def frame_loader(
    store: FrameStore, rows: np.ndarray, spec: AtomsSpec, recipe: Recipe, *, part: str, seed: int | None, rank: int, world: int
) -> BoundedLoader[AtomsBatch]:  # fmt: skip
    """Batches of frames with as many pairs as the recipe allows."""
    from hooke.atoms.batch import atoms_batch, force_targets

    store = in_electronvolts(store)
    pulled = [store.facts.force_methods.index(label.method) for label in spec.forces]

    def load(chosen: np.ndarray) -> AtomsBatch:
        frames = store.gather(chosen)
        targets = {}
        if any(label.level == FRAME for label in spec.labels):
            targets[FRAME] = _frame_targets(frames, store, spec.labels)
        if pulled:
            targets[ATOM] = force_targets(frames, pulled)
        return atoms_batch(frames, chosen, targets)

    section: AtomsSection = recipe.sections["atoms"]
    size = recipe.train.batch_size if part == "train" else max(recipe.train.batch_size, _EVALUATION_BATCH)
    costs = pair_bound(store.store.axis_counts("atom", np.asarray(rows)))
    return BoundedLoader(
        load, rows, size, seed=seed if part == "train" else None, costs=costs, most=section.most_pairs, rank=rank,
        world=world,
    )  # fmt: skip
