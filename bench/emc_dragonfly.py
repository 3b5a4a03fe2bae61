"""EMC of Hooke and of Dragonfly on identical frames: CPU seconds, nearness to the truth, share of this machine's rate of products.

python bench/emc_dragonfly.py STRUCTURE --frames 2000 --photons 400 --n 4 --iterations 20 --command "emc"

Dragonfly is a peer in an environment of its own: --command is how its EMC program is started there ("conda run -n dragonfly emc"), which
gets `-c config.ini ITERATIONS`. Where it cannot be started that is said, and the rest is printed. Both run on one thread, in turns, on the
same `.emc` and detector. The share is that of 4 · frames · pixels · rotations operations an iteration, while posteriors are wide, in this
machine's own rate of float32 products.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import hooke
from hooke.diffraction.detector import read_detector
from hooke.diffraction.point_groups import symmetrised
from hooke.diffraction.resolution import intensity_shell_correlation
from hooke.diffraction.rotations import rotation_count, rotation_matrices, sample_rotations
from hooke.diffraction.structure import intensities, read_structure
from hooke.workflows._reconstruction_plan import measured_rate

CONFIG = """[parameters]
detd = {distance}
lambda = {wavelength}
detsize = {side}
pixsize = 1
stoprad = 0
polarization = x

[emc]
in_photons_file = {frames}
in_detector_file = {detector}
output_folder = {output}
log_file = {output}/EMC.log
num_div = {n}
need_scaling = 1
beta = {beta}
beta_schedule = 2.0 2
"""


def cpu_seconds(frames: Path, runs: Path, **options: Any) -> tuple[float, Any]:
    """CPU seconds of a reconstruction from one start, and what it found."""
    started = time.process_time()
    found = hooke.reconstruct(frames, runs, starts=1, show_progress=False, new=True, **options)
    return time.process_time() - started, found


def share(frames: Path, runs: Path, n: int) -> dict[str, float]:
    """CPU seconds of an iteration with wide posteriors, by the difference of two runs, and its share of the product rate."""
    wide = {"n": n, "schedule": {"first": 1.0, "last": 0.3, "ramp": 1.0}}
    cpu_seconds(frames, runs, iterations=1, **wide)  # what is computed once
    few, more = (cpu_seconds(frames, runs, iterations=count, **wide)[0] for count in (2, 8))
    detector = read_detector(frames.with_name(f"{frames.stem}.detector.h5"))
    count = len(hooke.reconstruct(frames, runs, starts=1, iterations=2, show_progress=False, **wide).run.metrics())
    assert count == 3
    from hooke.diffraction.patterns import read_patterns

    operations = 4.0 * len(read_patterns(frames)) * int(detector.used.sum()) * rotation_count(n)
    seconds, rate = (more - few) / 6, measured_rate()
    return {
        "cpu_s_an_iteration": seconds, "gflop": operations / 1e9, "product_rate": rate, "share": operations / 1e9 / seconds / rate,
    }  # fmt: skip


def dragonfly(
    command: str, folder: Path, frames: Path, n: int, iterations: int, photons: float
) -> dict[str, Any] | None:
    """Its EMC on the same frames; None where it cannot be started."""
    found = frames.with_name(f"{frames.stem}.detector.h5")
    detector, output = read_detector(found), folder / "dragonfly"
    output.mkdir()
    beta = float(np.exp(-6.5 * (photons * 1e-5) ** 0.15))
    config = folder / "config.ini"
    config.write_text(CONFIG.format(
        distance=detector.distance_pixels, wavelength=detector.wavelength, side=detector.shape[0], frames=frames, detector=found,
        output=output, n=n, beta=beta,
    ))  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        ended = subprocess.run(
            [*shlex.split(command), "-c", str(config), str(iterations)],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            cwd=folder,
        )
    except FileNotFoundError:
        return None
    if ended.returncode:
        raise SystemExit(f"{command} ended with {ended.returncode}: {ended.stderr[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    import h5py

    with h5py.File(max(output.glob("output_*.h5"))) as file:
        volume = np.asarray(file["intens"][()], float).reshape((-1, *file["intens"].shape[-3:]))[0]
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": seconds, "cpu_s_an_iteration": seconds / iterations, "volume": volume}


def nearness(volume: np.ndarray, truth: np.ndarray, inner: int, n: int = 4) -> float:
    """Mean correlation by shell with the true intensity, over the rotation that fits best: both programs choose their own axes."""
    from scipy.ndimage import map_coordinates

    half, side = truth.shape[0] // 2, truth.shape[0]
    own = volume.shape[0] // 2
    volume = symmetrised(
        volume[own - half : own + half + 1, own - half : own + half + 1, own - half : own + half + 1], np.eye(3)[None]
    )
    axis = np.arange(side) - half
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    radius = np.linalg.norm(grid, axis=1)
    some = np.random.default_rng(0).permutation(np.flatnonzero((radius > inner) & (radius < half)))[:1500]
    reference = np.log1p(truth.ravel()[some] / truth.mean())
    logs = np.log1p(np.maximum(volume, 0) / volume.mean())

    def score(matrix: np.ndarray) -> float:
        places = grid[some] @ matrix.T + half
        return float(np.corrcoef(map_coordinates(logs, places.T, order=1), reference)[0, 1])

    best = max(rotation_matrices(sample_rotations(n).quaternions), key=score)
    from scipy.spatial.transform import Rotation

    generator, width = np.random.default_rng(1), 0.3 / n
    for _ in range(6):
        near = Rotation.from_rotvec(generator.normal(size=(30, 3)) * width).as_matrix()
        best = max([best, *(best @ each for each in near)], key=score)
        width /= 2
    turned = map_coordinates(volume, (grid @ best.T + half).T, order=1).reshape(truth.shape)
    return float(np.nanmean(intensity_shell_correlation(turned, truth)[inner:half]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("structure", type=Path)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--photons", type=float, default=400.0)
    parser.add_argument("--n", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--command", default="emc")
    parser.add_argument("--share-only", action="store_true", help="Only the share of the product rate.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames = folder / "frames.emc"
        hooke.simulate_patterns(
            asked.structure, frames, frames=asked.frames, photons=asked.photons, show_progress=False
        )
        own = share(frames, folder / "runs", asked.n)
        print(json.dumps({"hooke, wide posteriors": own}), flush=True)
        if asked.share_only:
            return
        detector = read_detector(folder / "frames.detector.h5")
        truth = intensities(read_structure(asked.structure), detector.side, detector.voxel)
        seconds, found = cpu_seconds(frames, folder / "runs", n=asked.n, iterations=asked.iterations)
        volume = np.load(found.run.path("intensity.npz"))["models"][0].astype(float)
        print(json.dumps({"hooke": {"cpu_s": seconds, "correlation": nearness(volume, truth, 4)}}), flush=True)
        peer = dragonfly(asked.command, folder, frames, asked.n, asked.iterations, asked.photons)
        if peer is None:
            print(f"Dragonfly was not run: there is no {asked.command!r} here (--command names it)")
            return
        said = {"cpu_s": peer["cpu_s"], "correlation": nearness(peer["volume"], truth, 4)}
        print(json.dumps({"dragonfly": said, "times less CPU, whole run": peer["cpu_s"] / seconds}))


if __name__ == "__main__":
    main()
