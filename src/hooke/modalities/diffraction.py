"""Diffraction: snapshots of single particles; data alone. No network is trained on them: orientations and densities are computed.

A store is one of frames (`diffraction.patterns`), as `hooke diffraction convert frames.h5 -o FOLDER` writes it; rows are patterns.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hooke.diffraction.detector import Detector
from hooke.diffraction.pattern_files import PatternStore
from hooke.diffraction.patterns import Patterns, read_patterns
from hooke.diffraction.simulate import simulate_patterns
from hooke.diffraction.structure import Structure
from hooke.modalities import Description, Modality, Sample
from hooke.report.schema import DataSummary


class Diffraction(Modality):
    """Patterns of single particles."""

    name = "diffraction"
    items = "patterns"
    levels = ("pattern",)
    instead = "hooke diffraction reconstruct"

    def open(self, folder: Path) -> Patterns:
        """A store of frames.

        Raises:
            DataError: It is none.
        """
        PatternStore.open(folder)
        return read_patterns(folder)

    def describe(self, store: Patterns) -> Description:
        """Frames, pixels and photons; frames without a photon keep their place."""
        photons = store.photons
        fields = {
            "patterns": len(store), "pixels": store.number_of_pixels, "photons a pattern": round(float(photons.mean()), 1),
            "patterns with photons": int((photons > 0).sum()),
        }  # fmt: skip
        blank = int((photons == 0).sum())
        left = f"{blank:,} patterns hold no photon" if blank else ""
        return Description(
            fields, left, DataSummary("patterns", "Patterns", rows_read=len(store), rows_kept=len(store))
        )

    def sample(self, seed: int = 0) -> Sample:
        """Four frames of a few atoms; batches are frames."""
        rng = np.random.default_rng(seed)
        atoms = Structure(rng.normal(0, 8, (20, 3)), np.array(["C"] * 20), np.ones(20), np.zeros(20))
        patterns, _ = simulate_patterns(atoms, Detector.square(11, diameter=40, beam_stop=1.5), 4, 30, seed=seed)
        return Sample(None, 4, lambda places, _: patterns.chosen(np.asarray(places, int)))


MODALITY = Diffraction()
