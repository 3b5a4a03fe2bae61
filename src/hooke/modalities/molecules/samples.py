"""Small molecules of all shapes, and batches of them, for tests of models and tasks."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources

import numpy as np
import polars as pl

from hooke.core.label import Label
from hooke.core.types import LabelStatistics
from hooke.modalities import Sample
from hooke.molecules.arrays import MoleculeArrays, MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.encodings.config import EncodingConfig, add_encodings
from hooke.molecules.featurise import featurise
from hooke.molecules.parse import parse
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
    smiles: Sequence[str],
    *,
    encodings: EncodingConfig = EncodingConfig(),
    labels: Sequence[Label] = (),
    node_inputs: Mapping[str, int] | None = None,
    seed: int = 0,
) -> MoleculeSlice:
    """Molecules as rows of a store, with random targets for the labels, some of them not measured.

    Args:
        smiles: The molecules.
        encodings: What they carry.
        labels: Of the targets.
        node_inputs: Name -> width of further node encodings, normally distributed, the same for equal SMILES.
        seed: Of the targets.
    """
    arrays = add_encodings(featurise([parse(text) for text in smiles]), encodings)
    for name, width in (node_inputs or {}).items():
        arrays = replace(arrays, atom_encodings={**arrays.atom_encodings, name: _inputs(smiles, arrays, width)})
    generator = np.random.default_rng(seed)
    with_pairs = any(label.level == "pair" for label in labels)
    pair_index = _random_pairs(arrays.atom_offsets, generator) if with_pairs else np.zeros((2, 0), np.int64)
    items = {
        "graph": len(arrays),
        "node": len(arrays.atom_codes),
        "edge": len(arrays.bond_atoms),
        "pair": pair_index.shape[1],
    }
    targets: dict[str, np.ndarray] = {
        level: np.stack([_random_values(label, items[level], generator) for label in of_level], axis=1)
        for level in LEVELS
        if (of_level := [label for label in labels if label.level == level])
    }
    return MoleculeSlice(arrays, targets, {}, pair_index, np.arange(len(arrays)))


def batch_of(
    smiles: Sequence[str],
    *,
    encodings: EncodingConfig = EncodingConfig(),
    labels: Sequence[Label] = (),
    node_inputs: Mapping[str, int] | None = None,
    seed: int = 0,
) -> MoleculeBatch:
    """The molecules of `slice_of` as one batch."""
    return collate(slice_of(smiles, encodings=encodings, labels=labels, node_inputs=node_inputs, seed=seed))


def _inputs(smiles: Sequence[str], arrays: MoleculeArrays, width: int) -> np.ndarray:
    """(A, width) float32 from a generator of each molecule's own."""
    rows = [
        np.random.default_rng(zlib.crc32(text.encode())).normal(size=(int(atoms), width))
        for text, atoms in zip(smiles, arrays.atom_counts, strict=True)
    ]
    return np.concatenate(rows).astype(np.float32)


def _random_pairs(offsets: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(2, P) int64 two pairs of nodes of each molecule, numbered over the batch."""
    starts, counts = np.repeat(offsets[:-1], 2), np.repeat(np.diff(offsets), 2)
    return starts + (generator.random((2, len(starts))) * counts).astype(np.int64)


def _random_values(label: Label, items: int, generator: np.random.Generator) -> np.ndarray:
    if label.kind == "regression":
        values = generator.normal(size=items)
    else:
        values = generator.integers(0, max(label.classes, 2), size=items).astype(float)
    return np.where(generator.random(items) < MISSING, np.nan, values).astype(np.float32)


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


def sample(seed: int = 0) -> Sample:
    """`SMILES` with `LABELS` and `ENCODINGS`; see `hooke.modalities.Sample`."""
    statistics = {
        level: LabelStatistics(np.full(count, 10.0), np.full(count, 3.0), np.full(count, 2.0))
        for level in LEVELS
        if (count := sum(label.level == level for label in LABELS))
    }
    spec = MoleculeSpec(LABELS, encodings=ENCODINGS, statistics=statistics)

    def batch(places: Sequence[int]) -> MoleculeBatch:
        return batch_of([SMILES[place] for place in places], encodings=ENCODINGS, labels=LABELS, seed=seed)

    return Sample(spec, len(SMILES), batch)


def drug_like(spec: MoleculeSpec, count: int = 64) -> Sample:
    """Molecules of the embedded data set, evenly spaced, with random values of the labels of a spec."""
    with resources.as_file(resources.files("hooke.datasets") / "data" / "pocketmix.parquet") as path:
        texts = pl.read_parquet(path, columns=["smiles"])["smiles"].to_list()
    chosen = texts[:: max(1, len(texts) // count)][:count]

    def batch(places: Sequence[int]) -> MoleculeBatch:
        return batch_of([chosen[place] for place in places], encodings=spec.encodings.computed, labels=spec.labels)

    return Sample(spec, len(chosen), batch)
