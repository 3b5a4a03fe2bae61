"""Phasing and symmetry on real structures: exact intensities of 4gxy, a real two-dimensional pattern, icosahedral averaging of 1f2n,
and a density from frames of 4gxy.

HOOKE_MIRROR=... OMP_NUM_THREADS=1 python bench/diffraction_density.py phasing|pattern|symmetry|frames [--starts 10] [--frames 300] [--n 6]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl


def phasing(folder: Path, starts: int, algorithm: str) -> None:
    """64³, inner 3 voxels and corners unknown: starts that agree, FSC of their average with the truth, CPU seconds a start."""
    from hooke.diffraction.align import aligned
    from hooke.diffraction.resolution import density_shell_correlation
    from hooke.diffraction.structure import amplitudes, read_structure
    from hooke.workflows.phase import phase_volume

    structure = read_structure(folder / "structures" / "4gxy.pdb.gz")
    side, voxel = 64, 1 / (2.5 * structure.diameter)
    true = amplitudes(structure, side, voxel)
    radius = np.sqrt(sum((axis - side // 2) ** 2.0 for axis in np.ogrid[:side, :side, :side]))
    density = np.fft.ifftn(np.fft.ifftshift(np.where(radius < side // 2, true, 0))).real
    with tempfile.TemporaryDirectory() as name:
        np.save(Path(name) / "intensity.npy", np.abs(true) ** 2)
        started = time.process_time()
        found = phase_volume(
            Path(name) / "intensity.npy", name, starts=starts, centre=3, voxel=voxel, algorithm=algorithm, show_progress=False
        )  # fmt: skip
        seconds = time.process_time() - started
        curve = density_shell_correlation(density, aligned(density, found.density.astype(float)).density)
    print(f"{algorithm}: {found.verdict}; FSC of the average with the truth, mean of shells {np.nanmean(curve[1:]):.3f}, "
          f"lowest {np.nanmin(curve[1:-1]):.3f}; PRTF {np.nanmean(found.prtf):.3f}; "
          f"{seconds / starts:.2f} CPU s a start, all included")  # fmt: skip


def density_of_frames(folder: Path, starts: int, algorithm: str, frames: int, n: int) -> None:
    """Frames of 400 photons of 4gxy to a density: FSC with the true density, within the shells that frames reach."""
    import hooke
    from hooke.diffraction.align import aligned
    from hooke.diffraction.detector import read_detector
    from hooke.diffraction.orientations import agreement
    from hooke.diffraction.resolution import TRUTH, density_shell_correlation, resolved_shell
    from hooke.diffraction.rotations import rotation_matrices, sample_rotations
    from hooke.diffraction.structure import Structure, amplitudes, read_structure
    from hooke.diffraction.truth import read_truth

    path = folder / "structures" / "4gxy.pdb.gz"
    structure = read_structure(path)
    with tempfile.TemporaryDirectory() as name:
        measured = Path(name) / "f.h5"
        hooke.simulate_patterns(path, measured, frames=frames, photons=400, show_progress=False)
        run = hooke.reconstruct(measured, name, n=n, starts=1, show_progress=False)
        started = time.process_time()
        found = hooke.phase(run.run.folder, name, starts=starts, algorithm=algorithm, show_progress=False)
        seconds = time.process_time() - started
        known, detector = read_truth(measured), read_detector(measured.with_name("f.detector.h5"))
        table = pl.read_parquet(run.run.path("orientations.parquet"))
    assert known is not None
    spacing = sample_rotations(n).spacing
    common = agreement(table.select("w", "x", "y", "z").to_numpy(), known.quaternions, 2 * spacing).common
    turned = Structure(
        structure.positions @ rotation_matrices(common).T,
        structure.elements,
        structure.occupancies,
        structure.displacement,
    )
    true = amplitudes(turned, detector.side, detector.voxel)
    reach = int(np.linalg.norm(detector.q[detector.used], axis=1).max())
    radius = np.sqrt(
        sum((axis - detector.side // 2) ** 2.0 for axis in np.ogrid[tuple(slice(detector.side) for _ in range(3))])
    )
    density = np.fft.ifftn(np.fft.ifftshift(np.where(radius <= reach, true, 0))).real
    curve = density_shell_correlation(density, aligned(density, found.density.astype(float)).density)[: reach + 1]
    print(f"{algorithm}, {frames} frames, n = {n}: {found.verdict}; FSC of the density with the truth is {TRUTH} at shell "
          f"{resolved_shell(curve, TRUTH):.1f} of {reach}; {seconds / starts:.2f} CPU s a start of {detector.side}³; "
          + " ".join(f"{each:.2f}" for each in curve))  # fmt: skip


def pattern(folder: Path, starts: int, algorithm: str) -> None:
    """A real pattern of 123 x 123 pixels with a masked centre."""
    from hooke.workflows.phase import phase_volume

    values = np.fromfile(folder / "diffraction" / "pattern_123x123_f8.bin").reshape(123, 123)
    with tempfile.TemporaryDirectory() as name:
        np.save(Path(name) / "pattern.npy", values)
        np.save(Path(name) / "mask.npy", np.load(folder / "diffraction" / "pattern_mask.npy").astype(np.uint8))
        started = time.process_time()
        found = phase_volume(
            Path(name) / "pattern.npy", name, starts=starts, mask=Path(name) / "mask.npy", algorithm=algorithm, corners=True, show_progress=False
        )  # fmt: skip
        seconds = time.process_time() - started
    correlations = np.sort(found.starts["correlation"].to_numpy())
    print(f"{algorithm}: {found.verdict}; correlation of the starts with the most central one, median {np.median(correlations):.3f}, "
          f"{correlations[0]:.3f} to {correlations[-2]:.3f}; error {found.starts['error'].median():.3f}; "
          f"mean PRTF {np.nanmean(found.prtf):.3f}; {seconds / starts:.2f} CPU s a start")  # fmt: skip


def symmetry(folder: Path, frames: int) -> None:
    """1f2n with 60 matrices: frames merged at their true rotations, with and without icosahedral averaging, and with a wrong group."""
    from scipy.spatial.transform import Rotation

    from hooke.diffraction.detector import Detector
    from hooke.diffraction.point_groups import check_symmetry, find_axes, group_rotations, symmetrised
    from hooke.diffraction.resolution import half_sets, intensity_shell_correlation
    from hooke.diffraction.simulate import simulate_patterns
    from hooke.diffraction.structure import intensities, read_structure

    capsid = read_structure(folder / "structures" / "1f2n.pdb.gz", assembly="1", waters=False)
    detector = Detector.square(41, diameter=capsid.diameter)
    truth = intensities(capsid, detector.side, detector.voxel)
    patterns, known = simulate_patterns(capsid, detector, frames, 400)
    matrices = Rotation.from_quat(known.quaternions, scalar_first=True).as_matrix()
    parts = [merged(patterns, matrices, detector, rows) for rows in half_sets(frames)]
    volumes = [np.divide(above, below, out=np.zeros_like(above), where=below > 0) for above, below in parts]
    weights = tuple(np.maximum(below, 1e-6 * below.max()) for _, below in parts)
    axes, score = find_axes(truth, "I", inner=4, outer=18)
    print(
        f"{len(capsid):,} atoms, {capsid.diameter:.0f} Å, {frames} frames; icosahedral axes: correlation of log I {score:.3f}"
    )
    summed, weight = sum(part[0] for part in parts), sum(part[1] for part in parts)
    whole = np.divide(summed, weight, out=np.zeros_like(summed), where=weight > 0)
    for name in ("C1", "I", "O", "D7"):
        group = axes @ group_rotations(name) @ axes.T
        started = time.process_time()
        averaged = symmetrised(whole, group, weights=np.maximum(weight, 1e-6 * weight.max()))
        seconds = time.process_time() - started
        curve = intensity_shell_correlation(averaged, truth)
        found = check_symmetry(*volumes, group, weights=weights, inner=4)  # type: ignore[arg-type]
        print(f"{name}: correlation of I with the truth by shell, mean {np.nanmean(curve[4:21]):.3f}, shell 20 {curve[20]:.3f}; halves gain "
              f"{found.gain:+.3f} (true symmetry {found.expected:+.3f}); {seconds:.1f} CPU s; {found.warning or 'supported'}")  # fmt: skip


def merged(patterns: Any, matrices: np.ndarray, detector: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts and exposures of frames at their rotations, spread trilinearly."""
    side, used = detector.side, detector.used
    above, below = np.zeros(side**3), np.zeros(side**3)
    for row in rows:
        points = detector.q[used] @ matrices[row].T + side // 2
        low = np.floor(points).astype(int)
        counts = patterns.dense(int(row), int(row) + 1)[0, used]
        for corner in np.ndindex(2, 2, 2):
            share = np.prod(np.where(np.array(corner) == 1, points - low, 1 - points + low), axis=1)
            place = np.ravel_multi_index(tuple((low + corner).T), (side,) * 3)
            above += np.bincount(place, share * counts, side**3)
            below += np.bincount(place, share * detector.weights[used], side**3)
    for values in (above, below):
        values += values[::-1].copy()  # Friedel's law
    return above.reshape((side,) * 3), below.reshape((side,) * 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("phasing", "pattern", "symmetry", "frames"))
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--algorithm", default="raar")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--n", type=int, default=6)
    asked = parser.parse_args()
    folder = Path(os.environ["HOOKE_MIRROR"])
    if asked.what == "symmetry":
        symmetry(folder, asked.frames)
    elif asked.what == "frames":
        density_of_frames(folder, asked.starts, asked.algorithm, asked.frames, asked.n)
    elif asked.what == "phasing":
        phasing(folder, asked.starts, asked.algorithm)
    else:
        pattern(folder, asked.starts, asked.algorithm)


if __name__ == "__main__":
    main()
