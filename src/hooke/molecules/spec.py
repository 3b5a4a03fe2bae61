"""`MoleculeSpec`: what a network must know of the molecules that it was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hooke.core.label import Label
from hooke.core.options import plain
from hooke.core.recipe_files import build
from hooke.core.types import LabelStatistics
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import KEEP_ALL, StandardiseConfig

if TYPE_CHECKING:
    from hooke.molecules.prepare import PreparedMolecules
    from hooke.molecules.store import MoleculeStore

LEVELS = ("graph", "node", "edge", "pair")


@dataclass(frozen=True)
class MoleculeSpec:
    """Labels, encodings and how a string becomes a molecule.

    Attributes:
        labels: All labels; those of one level in the order of the target columns.
        encodings: That the batches carry and the encoder reads.
        standardise: What is done to a molecule first.
        statistics: Level → statistics of its labels over the training rows; empty when the network is going to be loaded from weights,
            which hold them.
    """

    labels: tuple[Label, ...] = ()
    encodings: EncodingConfig = EncodingConfig()
    standardise: StandardiseConfig = KEEP_ALL
    statistics: Mapping[str, LabelStatistics] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for label in self.labels:
            if label.level not in LEVELS:
                raise ValueError(f"label {label.name!r}: level must be one of {LEVELS}, got {label.level!r}")

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `from_json` gives the spec back."""
        return {
            "labels": [label.to_json() for label in self.labels],
            "encodings": plain(self.encodings),
            "standardise": plain(self.standardise),
            "statistics": {
                level: {name: np.asarray(values).tolist() for name, values in found._asdict().items()}
                for level, found in self.statistics.items()
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MoleculeSpec:
        """Back from `to_json`.

        Raises:
            UsageError: Options that this Hooke does not know.
        """
        return cls(
            tuple(Label.from_json(entry) for entry in value["labels"]),
            build(EncodingConfig, value["encodings"], "encodings"),
            build(StandardiseConfig, value["standardise"], "standardise"),
            {
                level: LabelStatistics(**{name: np.array(values) for name, values in found.items()})
                for level, found in value["statistics"].items()
            },
        )

    def prepare(self, smiles: Sequence[str]) -> PreparedMolecules:
        """Parse, standardise, featurise and encode."""
        from hooke.molecules.prepare import prepare

        return prepare(smiles, self.standardise, self.encodings, canonical=False)

    def fits(self, store: MoleculeStore) -> bool:
        """Whether the store's arrays are already what `prepare` would make."""
        return store.encodings == self.encodings and store.metadata.get("standardise") == vars(self.standardise)
