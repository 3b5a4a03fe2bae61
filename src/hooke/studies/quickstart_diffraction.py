"""`hooke quickstart diffraction`: from a particle that is made up to its intensity and density, and back to the truth, with one report.

Make a particle, simulate snapshots of it in random orientations, find the orientations from three random starts, compare orientations and
intensity with what the snapshots were simulated from, and phase the intensity. The report ends with the density, which one can turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.files import write_durably
from hooke.core.writable import check_output_folder
from hooke.diffraction.truth import read_truth
from hooke.workflows.diffraction_frames import simulate_frames
from hooke.workflows.phase import PhasedVolume, phase_volume
from hooke.workflows.phasing_page import add_density
from hooke.workflows.reconstruct import Reconstruction, reconstruct
from hooke.workflows.reconstruction_scores import ReconstructionScores, evaluate_reconstruction

FRAMES, PHOTONS, DIVISION, PHASINGS = 500, 500.0, 4, 6
_ATOMS_A_VOLUME = 0.05  # Å⁻³, of a protein without hydrogens
_LOBES = ((0, 0, 0, 16), (30, 0, 0, 12), (20, 28, 0, 9), (-8, -6, 30, 8))  # centre and radius, Å: no symmetry


@dataclass(frozen=True)
class DiffractionQuickstartResult:
    """Where everything is, and what came out.

    Attributes:
        folder: Of the particle and its frames.
        report: The page.
        run: The reconstruction.
        scores: Against the truth.
        density: The phased intensity.
        seconds: Of all of it.
    """

    folder: Path
    report: Path
    run: Reconstruction
    scores: ReconstructionScores
    density: PhasedVolume
    seconds: float

    @property
    def verdict(self) -> str:
        """One line."""
        against = self.scores
        return (
            f"{self.run.verdict}. Against the truth: median angle error {against.symmetric.median:.1f}°, {against.symmetric.within:.1%} "
            f"within two spacings, correlation of log(1 + I) {against.correlation:.3f}. Phasing: {self.density.verdict}"
        )

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "folder": str(self.folder), "report": str(self.report), "run": self.run.to_json(), "scores": self.scores.to_json(),
            "density": self.density.to_json(), "verdict": self.verdict, "seconds": self.seconds,
        }  # fmt: skip

    def summary(self) -> str:
        """What was found, what to read, and the commands to type next."""
        return "\n".join(
            [
                self.verdict, "", f"report  {self.report}   ({self.seconds:.0f} s in all)", f"run     {self.run.run.folder}",
                f"density {self.density.run.path('density.mrc')}", "",
                "next, with your own:", "  hooke diffraction simulate structure.pdb -o frames.h5",
                "  hooke diffraction reconstruct frames.h5", "  hooke diffraction evaluate runs/emc --truth structure.pdb",
                "  hooke diffraction phase runs/emc",
            ]
        )  # fmt: skip


def quickstart_diffraction(
    runs: Path = Path("runs"),
    *,
    frames: int = FRAMES,
    n: int = DIVISION,
    starts: int = 3,
    phasings: int = PHASINGS,
    show_progress: bool = True,
) -> DiffractionQuickstartResult:
    """Run the whole chain; finished parts are not done again.

    Args:
        runs: Folder of the run folders; particle and frames lie in runs/quickstart_diffraction.
        frames, n, starts, phasings: Size of the example.
        show_progress: Show progress bars.
    """
    started = datetime.now(UTC)
    folder = Path(runs) / "quickstart_diffraction"
    check_output_folder(folder)
    particle, measured = folder / "particle.pdb", folder / "frames.h5"
    if not particle.exists():
        write_durably(particle, made_up_particle())
    known = read_truth(measured)
    if known is None or len(known.fluences) != frames:
        simulate_frames(
            [particle], measured, frames=frames, photons=PHOTONS, fluence_spread=0.2, show_progress=show_progress
        )
    run = reconstruct(measured, runs, n=n, starts=starts, show_progress=show_progress)
    scores = evaluate_reconstruction(run.run.folder, particle)
    density = phase_volume(run.run.folder, runs, starts=phasings, show_progress=show_progress)
    add_density(run.run, density)
    seconds = (datetime.now(UTC) - started).total_seconds()
    return DiffractionQuickstartResult(folder, run.run.path("report.html"), run, scores, density, seconds)


def made_up_particle(seed: int = 0) -> str:
    """A PDB file of light atoms at the density of a protein, in four lobes of different size: no symmetry, about 70 Å long."""
    generator = np.random.default_rng(seed)
    lines: list[str] = []
    for chain, (*centre, radius) in zip("ABCD", _LOBES, strict=True):
        count = round(4 / 3 * np.pi * radius**3 * _ATOMS_A_VOLUME / 3)
        directions = generator.standard_normal((count, 3))
        away = radius * generator.uniform(size=(count, 1)) ** (1 / 3)
        places = centre + directions / np.linalg.norm(directions, axis=1, keepdims=True) * away
        elements = generator.choice(["C", "N", "O", "S"], count, p=[0.63, 0.17, 0.19, 0.01])
        for place, element in zip(places, elements, strict=True):
            number = len(lines) + 1
            where = "".join(f"{each:8.3f}" for each in place)
            lines.append(
                f"ATOM  {number:5d}  {element:<3} UNK {chain}{number:4d}    {where}{1.0:6.2f}{20.0:6.2f}          {element:>2}"
            )
    return "\n".join([*lines, "END", ""])
