"""Whether halves of the frames tell a right point group from a wrong one: particles that are made up, with and without the symmetry.

python bench/emc_symmetry.py --true D2 C1 --groups D2 C3 --frames 150 --photons 400 --n 2

Prints a line for each particle and group that is imposed: CPU seconds, what halves say, and the correlation of log(1 + I) with the truth.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import hooke
from hooke.diffraction.point_groups import group_rotations


def write_particle(path: Path, group: str, atoms: int = 60) -> Path:
    """A PDB file of carbon atoms off the axes of a group, and their images."""
    places = np.random.default_rng(0).normal(0, 1, (atoms, 3)) * [14, 9, 6] + [10, 6, 3]
    images = np.concatenate([places @ each.T for each in group_rotations(group)])
    lines = [
        f"ATOM  {number % 99999 + 1:5d}  C   UNK A{number % 9999:4d}    " + "".join(f"{each:8.3f}" for each in place)
        + "  1.00 20.00           C" for number, place in enumerate(images)
    ]  # fmt: skip
    path.write_text("\n".join([*lines, "END", ""]))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--true", nargs="+", default=["D2", "C1"])
    parser.add_argument("--groups", nargs="+", default=["D2"])
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--photons", type=float, default=400.0)
    parser.add_argument("--n", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for true in asked.true:
            particle, frames = write_particle(Path(name) / f"{true}.pdb", true), Path(name) / f"{true}.h5"
            hooke.simulate_patterns(
                particle, frames, frames=asked.frames, photons=asked.photons, side=25, show_progress=False
            )
            for group in asked.groups:
                started = time.process_time()
                found = hooke.reconstruct(
                    frames, Path(name) / "runs", n=asked.n, starts=1, symmetry=group, show_progress=False
                )
                seconds = time.process_time() - started
                scores = hooke.evaluate_reconstruction(found.run.folder, particle)
                said = found.support
                print(
                    f"particle {true}, imposed {group}: {seconds:.1f} CPU s, halves gain {said.get('gain', np.nan):+.3f} (true symmetry "
                    f"{said.get('expected', np.nan):+.3f}), {said.get('warning') or 'supported'}; correlation {scores.correlation:.3f}",
                    flush=True,
                )  # fmt: skip


if __name__ == "__main__":
    main()
