"""Small molecules of all shapes, and batches of them, for tests of models and tasks."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources

import numpy as np
import polars as pl
import torch
from torch import Tensor

from hooke.core.label import Label
from hooke.core.types import LabelStatistics, labels_of
from hooke.modalities import Sample
from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import parse
from hooke.molecules.prepare import encoded
from hooke.molecules.spec import LEVELS, MoleculeSpec

SMILES = (
    "CCO",
    "c1ccccc1C(=O)Nc1ccc(F)cc1",
    "C",  # one atom
    "[Na+].[Cl-]",  # no bond
    "CC(=O)[O-].[NH4+]",  # disconnected
    "N[C@@H](Cc1c[nH]c2ccccc12)C(=O)O",
    "F/C=C/C#N",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "O=S(=O)(c1ccccc1)N1CCOCC1",
    "C1CC2CCC1C2",
    "[Cu+2].[O-]C(=O)c1ccccn1",
    "Brc1ccc(cc1)-c1nnc(s1)N",
)
LARGE = "C" + "C(=O)NC" * 60  # 241 atoms
ENCODINGS = EncodingConfig(laplacian=3, random_walk=4)
MISSING = 0.2  # share of targets that are not measured


def slice_of(
    smiles: Sequence[str], *, encodings: EncodingConfig = EncodingConfig(), labels: Sequence[Label] = (), seed: int = 0
) -> MoleculeSlice:
    """Molecules as rows of a store, with random targets for the labels, some of them not measured, the same for equal SMILES.

    Args:
        smiles: The molecules.
        encodings: What they carry.
        labels: Of the targets; two pairs of each molecule are labelled where there are labels of pairs.
        seed: Of the targets.
    """
    molecules = [parse(text) for text in smiles]
    arrays = encoded(molecules, encodings)
    with_pairs = any(label.level == "pair" for label in labels)
    pairs: list[np.ndarray] = [np.zeros((2, 0), np.int64)]
    targets: dict[str, list[np.ndarray]] = {label.level: [] for label in labels}
    of_level = {level: [label for label in labels if label.level == level] for level in targets}
    for row, text in enumerate(smiles):
        generator = np.random.default_rng((seed, zlib.crc32(text.encode())))
        atoms = int(arrays.atom_counts[row])
        counts = {"graph": 1, "node": atoms, "edge": int(arrays.bond_counts[row]), "pair": 2 * with_pairs}
        pairs.append(arrays.atom_offsets[row] + generator.integers(0, atoms, (2, counts["pair"])))
        for level in targets:
            targets[level].append(random_values(of_level[level], counts[level], generator))
    joined = {level: np.concatenate(targets[level]) for level in LEVELS if level in targets}
    return MoleculeSlice(arrays, joined, {}, np.concatenate(pairs, axis=1), np.arange(len(arrays)))


def batch_of(
    smiles: Sequence[str], *, encodings: EncodingConfig = EncodingConfig(), labels: Sequence[Label] = (), seed: int = 0
) -> MoleculeBatch:
    """The molecules of `slice_of` as one batch."""
    return collate(slice_of(smiles, encodings=encodings, labels=labels, seed=seed))


def with_node_inputs(batch: MoleculeBatch, widths: Mapping[str, int]) -> MoleculeBatch:
    """The batch with further node encodings of these widths, normally distributed, the same for the same row of a store."""

    def drawn(width: int) -> Tensor:
        rows = [
            np.random.default_rng((row, width)).normal(size=(atoms, width))
            for row, atoms in zip(batch.rows.tolist(), batch.node_offsets.diff().tolist(), strict=True)
        ]
        return torch.from_numpy(np.concatenate(rows)).float()

    inputs = {name: drawn(width) for name, width in widths.items()}
    return replace(batch, node_encodings={**batch.node_encodings, **inputs})


def random_values(labels: Sequence[Label], items: int, generator: np.random.Generator) -> np.ndarray:
    """(items, labels) float32 targets of labels; NaN with a probability of `MISSING`."""
    values = generator.normal(size=(items, len(labels)))
    classes = np.array([0 if label.kind == "regression" else max(label.classes, 2) for label in labels], np.int64)
    named = np.flatnonzero(classes)
    values[:, named] = generator.integers(0, classes[named], size=(items, len(named)))
    return np.where(generator.random(values.shape) < MISSING, np.nan, values).astype(np.float32)


LABELS = (
    Label("regression"),
    Label("binary", kind="binary"),
    Label("classes", kind="multiclass", classes=3),
    Label("ordered", kind="ordinal", classes=4),
    Label("second"),
    Label("charge", "node"),
    Label("bond_order", "edge"),
    Label("distance", "pair"),
)


STATISTICS = {
    level: LabelStatistics(*(np.full(len(labels_of(MoleculeSpec(LABELS), level)), value) for value in (10.0, 3.0, 2.0)))
    for level in LEVELS
}
_ALL = (*SMILES, "CC.O", LARGE)
_ODD = {
    "one atom": (2,), "no bond": (3,), "one atom, and no bond": (2, 3), "two parts": (12,),
    "one atom, and 241": (2, 13),
}  # fmt: skip


def sample(seed: int = 0) -> Sample:
    """`SMILES` with `LABELS` and `ENCODINGS`; see `hooke.modalities.Sample`."""

    def batch(places: Sequence[int], spec: MoleculeSpec) -> MoleculeBatch:
        smiles = tuple(_ALL[place] for place in places)
        molecules = _slice(smiles, spec.encodings, spec.labels, seed)
        arrays = spec.completed(molecules.arrays, smiles)
        return collate(replace(molecules, arrays=arrays, rows=np.array(places)))

    return Sample(MoleculeSpec(LABELS, STATISTICS, ENCODINGS), len(SMILES), batch, _ODD)


@cache
def _slice(smiles: tuple[str, ...], encodings: EncodingConfig, labels: tuple[Label, ...], seed: int) -> MoleculeSlice:
    return slice_of(smiles, encodings=encodings, labels=labels, seed=seed)


def drug_like(spec: MoleculeSpec, count: int = 64) -> Sample:
    """Molecules of the embedded data set, evenly spaced, with random values of the labels of a spec."""
    with resources.as_file(resources.files("hooke.datasets") / "data" / "pocketmix.parquet") as path:
        texts = pl.read_parquet(path, columns=["smiles"])["smiles"].to_list()
    chosen = texts[:: max(1, len(texts) // count)][:count]

    def batch(places: Sequence[int], spec: MoleculeSpec) -> MoleculeBatch:
        return batch_of([chosen[place] for place in places], encodings=spec.encodings.computed, labels=spec.labels)

    return Sample(spec, len(chosen), batch)
