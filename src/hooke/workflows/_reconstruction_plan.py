"""What a reconstruction costs before it is run: rotations, operations, memory, traffic, hours from stated rates."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hooke.diffraction.detector import Detector
from hooke.diffraction.engine.em import TABLES
from hooke.diffraction.rotations import rotation_count

CUDA_RATE = 10_000.0  # GFLOP/s of float32 products on one accelerator: an assumption, not a measurement
SHARE_REACHED = 0.45  # of that rate, by the products of an iteration
POINT_NS = {
    "cpu": 6.0,
    "cuda": 0.1,
}  # to expand and merge one rotated pixel; both assumptions: the CPU's near what one thread took for the pixels of 4gxy


@dataclass(frozen=True)
class Plan:
    """What a reconstruction costs.

    Attributes:
        rotations: R.
        frames, pixels, side: D, P, N.
        operations: Of an iteration, all processes: 4 D P R, or 6 where blocks of rotations are gone through twice.
        blocks: "frames" or "rotations".
        memory_gb: Of a process.
        traffic_mb: That a process gives to the others in an iteration.
        seconds: Of an iteration.
        hours: Of all starts.
        rates: What the times stand on.
    """

    rotations: int
    frames: int
    pixels: int
    side: int
    devices: int
    starts: int
    iterations: int
    operations: float
    blocks: str
    memory_gb: float
    traffic_mb: float
    seconds: float
    hours: float
    rates: str

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def plan(
    detector: Detector, frames: int, photons: float, *, n: int, in_plane: int, models: int, starts: int, iterations: int, devices: int,
    accelerator: str, table_bytes: int, rate: float | None,
) -> Plan:  # fmt: skip
    """Costs by count.

    Args:
        detector: Where frames were measured.
        frames: How many.
        photons: Mean of a frame.
        n, in_plane, models, starts, iterations, devices, accelerator: Of the run.
        table_bytes: What tables of all rotations may take.
        rate: GFLOP/s of float32 products of a device; None measures this machine's, and assumes `CUDA_RATE` for others.
    """
    pixels, rotations = int(detector.used.sum()), in_plane or rotation_count(n)
    columns = rotations * models
    whole = TABLES * pixels * columns * 4 <= table_bytes
    products = 4 if whole else 6
    operations = products * frames * pixels * columns
    cuda = accelerator == "cuda"
    reached = (rate or (CUDA_RATE if cuda else measured_rate())) * 1e9 * SHARE_REACHED
    point = POINT_NS["cuda" if cuda else "cpu"]
    seconds = operations / devices / reached + columns * pixels * point * 1e-9 * (1 if whole else 2)
    tables = TABLES * pixels * columns * 4 if whole else TABLES * pixels * 4 * max(1, (1 << 18) // pixels) * 12
    interpolation = min(1 << 30, pixels * rotations / (1 if in_plane else 12) * 128)
    own = frames / devices * (photons * 8 + 8 * 4)
    volume = models * detector.side**3 * 4
    source = "given" if rate else ("assumed, not run here" if cuda else "measured on this machine, one thread")
    return Plan(
        rotations, frames, pixels, detector.side, devices, starts, iterations, float(operations), "frames" if whole else "rotations",
        (tables + interpolation + own + 6 * volume + 4e8) / 1e9, (2 * volume + 400) / 1e6 if devices > 1 else 0.0, seconds,
        seconds * (iterations + 1) * starts / 3600,
        f"{reached / 1e9:,.0f} GFLOP/s a device ({SHARE_REACHED:.0%} of its product rate, {source}); "
        f"{point:g} ns a rotated pixel to expand and merge",
    )  # fmt: skip


def measured_rate() -> float:
    """GFLOP/s of float32 products on one thread of this machine, the best of three."""
    first, second = (np.ones((512, 1024), np.float32) for _ in range(2))
    best = 0.0
    for _ in range(3):
        started = time.process_time()
        for _ in range(4):
            first @ second.T
        best = max(best, 4 * 2 * 512 * 512 * 1024 / max(time.process_time() - started, 1e-9))
    return best / 1e9
