"""How `conformers generate` samples conformers: a method gives some for each molecule, and says what became of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hooke.atoms.etkdg import EmbeddedMolecule

ETKDG = "etkdg"
NOT_EMBEDDED = "not embedded"


@dataclass(frozen=True)
class Samples:
    """Of one molecule.

    Attributes:
        positions: (n, atoms, 3) Å.
        sources: (n,) what made each.
        lost: Why the others that were asked for are not there → how many.
    """

    positions: np.ndarray
    sources: tuple[str, ...]
    lost: Counter[str]


class Sampler(Protocol):
    """A method. It travels to worker processes."""

    @property
    def version(self) -> str:
        """What else its results depend on."""

    @property
    def on_gpu(self) -> bool:
        """Whether it computes on a GPU, in one process."""

    def __call__(self, molecules: Sequence[EmbeddedMolecule], number: int, seed: int) -> list[Samples]:
        """So many conformers of each molecule; those of a molecule depend on it and the seed alone."""


@dataclass(frozen=True)
class EtkdgSampler:
    """ETKDGv3 by RDKit."""

    version = "v3"
    on_gpu = False

    def __call__(self, molecules: Sequence[EmbeddedMolecule], number: int, seed: int) -> list[Samples]:
        """See `Sampler`."""
        return [self._sampled(molecule, number, seed) for molecule in molecules]

    def _sampled(self, molecule: EmbeddedMolecule, number: int, seed: int) -> Samples:
        positions = molecule.conformers(number, seed)
        missing = number - len(positions)
        return Samples(positions, (ETKDG,) * len(positions), Counter({NOT_EMBEDDED: missing} if missing else {}))
