"""`MoleculeSpec`: what a network must know of the molecules that it was made for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hooke.core.options import plain
from hooke.core.recipe_files import build
from hooke.core.types import LabelledSpec, labels_from_json, statistics_from_json
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import KEEP_ALL, StandardiseConfig

if TYPE_CHECKING:
    from hooke.molecules.arrays import MoleculeArrays
    from hooke.molecules.prepare import PreparedMolecules
    from hooke.molecules.store import MoleculeStore

LEVELS = ("graph", "node", "edge", "pair")
_BITS = 2048


@dataclass(frozen=True)
class MoleculeSpec(LabelledSpec):
    """Labels, encodings and how a string becomes a molecule.

    Attributes:
        labels, statistics: As in `LabelledSpec`; statistics are empty when the network is going to be loaded from weights, which hold them.
        encodings: That the encoder reads; the batches carry the computed ones.
        standardise: What is done to a molecule first.
        extras: Name → function of canonical SMILES that gives (N, width): what batches carry of whole molecules besides. Not part of what
            is saved.
    """

    encodings: EncodingConfig = EncodingConfig()
    standardise: StandardiseConfig = KEEP_ALL
    extras: Mapping[str, Callable[[Sequence[str]], np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for label in self.labels:
            if label.level not in LEVELS:
                raise ValueError(f"label {label.name!r}: level must be one of {LEVELS}, got {label.level!r}")

    def to_json(self) -> dict[str, Any]:
        """See `LabelledSpec.to_json`."""
        return {**super().to_json(), "encodings": plain(self.encodings), "standardise": plain(self.standardise)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Back from `to_json`.

        Raises:
            UsageError: Options that this Hooke does not know.
        """
        return cls(
            labels_from_json(value),
            statistics_from_json(value),
            EncodingConfig.from_json(value["encodings"]),
            build(StandardiseConfig, value["standardise"], "standardise"),
        )

    def prepare(self, smiles: Sequence[str]) -> PreparedMolecules:
        """Parse, standardise, featurise and encode; the extras are those of the standardised molecules."""
        from hooke.molecules.prepare import prepare

        found = prepare(smiles, self.standardise, self.encodings.computed, canonical=bool(self.extras))
        return replace(found, arrays=self.completed(found.arrays, found.canonical))

    def completed(self, arrays: MoleculeArrays, smiles: Sequence[str]) -> MoleculeArrays:
        """The arrays with the extras, computed from canonical SMILES."""
        if not self.extras:
            return arrays
        more = {name: function(smiles) for name, function in self.extras.items()}
        return replace(arrays, graph_encodings={**arrays.graph_encodings, **more})

    def fits(self, store: MoleculeStore) -> bool:
        """Whether the store's arrays are already what `prepare` would make."""
        same = store.encodings == self.encodings.computed and store.metadata.get("standardise") == vars(
            self.standardise
        )
        return same and not self.extras


def packed_bits(smiles: Sequence[str]) -> np.ndarray:
    """(N, 256) uint8 Morgan bits, radius 2, eight a byte."""
    from rdkit import DataStructs

    from hooke.molecules.descriptors import morgan_bits

    bits = np.zeros((len(smiles), _BITS), np.uint8)
    for row, found in enumerate(morgan_bits(smiles, bits=_BITS)):
        DataStructs.ConvertToNumpyArray(found, bits[row])
    return np.packbits(bits, axis=1)


def _features(smiles: Sequence[str]) -> np.ndarray:
    from hooke.molecules.descriptors import baseline_features

    return baseline_features(smiles)


def _morgan_counts(smiles: Sequence[str]) -> np.ndarray:
    from hooke.molecules.descriptors import morgan_counts

    return morgan_counts(smiles, radius=3, bits=MORGAN_COUNT_WIDTH)


def _atom_pair_counts(smiles: Sequence[str]) -> np.ndarray:
    from hooke.molecules.descriptors import atom_pair_counts

    return atom_pair_counts(smiles, bits=ATOM_PAIR_WIDTH)


def _descriptors(smiles: Sequence[str]) -> np.ndarray:
    from hooke.molecules.descriptors import FAST_DESCRIPTORS, rdkit_descriptors

    return rdkit_descriptors(smiles, FAST_DESCRIPTORS)


MORGAN, FEATURES = "morgan_bits", "baseline_features"
MORGAN_COUNTS, ATOM_PAIRS, DESCRIPTORS = "morgan_counts", "atom_pair_counts", "descriptors"
MORGAN_COUNT_WIDTH, ATOM_PAIR_WIDTH, DESCRIPTOR_WIDTH = 4096, 2048, 119
EXTRAS: Mapping[str, Callable[[Sequence[str]], np.ndarray]] = {
    MORGAN: packed_bits, FEATURES: _features, MORGAN_COUNTS: _morgan_counts, ATOM_PAIRS: _atom_pair_counts,
    DESCRIPTORS: _descriptors,
}  # fmt: skip
