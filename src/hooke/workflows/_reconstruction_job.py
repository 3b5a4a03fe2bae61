"""What each process of a reconstruction does: its share of the frames, iteration after iteration, with checkpoints."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from hooke.core.checked import read_arrays, write_arrays
from hooke.core.errors import DataError
from hooke.core.files import disk_full_explained, remove
from hooke.core.progress import progress
from hooke.core.reading import reading
from hooke.core.runs import RunFolder
from hooke.diffraction.detector import Detector, read_detector
from hooke.diffraction.engine.annealing import Annealing
from hooke.diffraction.engine.background import BackgroundEngine
from hooke.diffraction.engine.em import Engine, State, Step, Symmetrise, friedel
from hooke.diffraction.engine.expansion import Expansion
from hooke.diffraction.engine.frames import Frames
from hooke.diffraction.engine.local import LocalEngine
from hooke.diffraction.patterns import Patterns, read_patterns
from hooke.diffraction.point_groups import SymmetricMerge, group_rotations
from hooke.diffraction.resolution import half_sets
from hooke.diffraction.rotations import Rotations, in_plane_rotations, sample_rotations
from hooke.nn.processes import shared_step, total
from hooke.train.interruption import Interruption

FRIEDEL = "friedel"  # the symmetry of every intensity
HALVES = "halves.npz"  # of a run with a point group: what disjoint halves of the frames say without it
_ASKED = 64  # frames of all processes that β is found by
_KEEP = 1 << 30


@dataclass(frozen=True)
class Job:
    """A reconstruction that a process can be sent.

    Attributes:
        run: Its folder.
        frames, detector: Files.
        options: `workflows.reconstruct.ReconstructOptions` as plain values.
        table_bytes: What tables of all rotations may take.
        show_progress: Show starts, iterations, rate and time left.
    """

    run: Path
    frames: Path
    detector: Path
    options: dict[str, Any]
    table_bytes: int
    show_progress: bool

    @property
    def rotations(self) -> Rotations:
        """The rotations that are tried."""
        return rotations_of(self.options)

    @property
    def runs(self) -> int:
        """Starts, with a point group one more without it, by which the group is checked, and the refinement of the likeliest."""
        return int(self.options["starts"]) + (self.options["symmetry"] != FRIEDEL) + (self.options["refine"] > 0)

    def checks(self, start: int) -> bool:
        """Whether a start is the one without the point group."""
        return self.options["symmetry"] != FRIEDEL and start == self.options["starts"]

    def refines(self, start: int) -> bool:
        """Whether a start is the refinement."""
        return self.options["refine"] > 0 and start == self.runs - 1

    def iterations(self, start: int) -> int:
        """Of a start."""
        return int(self.options["refine"] if self.refines(start) else self.options["iterations"])


def rotations_of(options: dict[str, Any], finer: int = 1) -> Rotations:
    """The rotations of options of `workflows.reconstruct.ReconstructOptions`, or of as many times n."""
    count = options["in_plane"]
    return in_plane_rotations(finer * count) if count else sample_rotations(finer * options["n"])


class Checkpoints:
    """The last finished iteration of a run, written by all its processes; one that a kill cut off does not count.

    `checkpoint.json` names a start, an iteration and how many parts the frames were divided into; it is written last.
    """

    def __init__(self, run: RunFolder, rank: int, world: int) -> None:
        self._run, self._rank, self._world = run, rank, world
        self._folder = run.path("checkpoint")

    def position(self) -> tuple[int, int]:
        """Start and iterations of it that are done."""
        found = self._read()
        return found["start"], found["iteration"]

    def _read(self) -> dict[str, int]:
        path = self._run.path("checkpoint.json")
        return json.loads(path.read_text()) if path.exists() else {"start": 0, "iteration": 0, "parts": 0}

    def load(self, frames: Frames, first: int, device: torch.device, dtype: torch.dtype) -> State:
        """The state of the last finished iteration; `first` is the place of this process's first frame."""
        found = self._read()
        stem = f"{found['start']}-{found['iteration']}"
        model = read_arrays(self._folder / f"model-{stem}.npz")
        parts = [read_arrays(self._folder / f"frames-{stem}-{part}.npz") for part in range(found["parts"])]
        own = {
            name: torch.as_tensor(np.concatenate([part[name] for part in parts])[first + frames.usable], device=device)
            for name in parts[0]
        }
        models = torch.as_tensor(model["models"], dtype=dtype, device=device)
        seen = torch.as_tensor(model["seen"], device=device)
        return State(models, seen, own["fluences"], found["iteration"], own.get("levels"))

    def save(self, start: int, state: State, own: dict[str, np.ndarray], fabric: Fabric) -> None:
        """Write the state, and of this process's frames what `_of_frames` gives; all processes together."""
        stem = f"{start}-{state.iteration}"
        write_arrays(self._folder / f"frames-{stem}-{self._rank}.npz", own)
        if self._rank == 0:
            models = {"models": state.models.cpu().numpy(), "seen": state.seen.cpu().numpy()}
            write_arrays(self._folder / f"model-{stem}.npz", models)
        fabric.barrier()
        if self._rank == 0:
            self._place(start, state.iteration, stem)

    def finish(self, start: int, state: State, arrays: dict[str, np.ndarray], fabric: Fabric) -> None:
        """Write what a start ended with; all processes together."""
        folder = self._run.path(f"starts/{start}")
        write_arrays(folder / f"frames-{self._rank}.npz", arrays)
        if self._rank == 0:
            for old in folder.glob("frames-*.npz"):  # of an earlier try with more processes
                if int(old.stem.split("-")[1]) >= self._world:
                    remove(old)
            models = {"models": state.models.cpu().numpy(), "seen": state.seen.cpu().numpy()}
            write_arrays(folder / "model.npz", models)
        fabric.barrier()
        if self._rank == 0:
            self._place(start + 1, 0, "")

    def _place(self, start: int, iteration: int, stem: str) -> None:
        self._run.write_json(
            "checkpoint.json", {"start": start, "iteration": iteration, "parts": self._world if stem else 0}
        )
        for old in sorted(self._folder.glob("*.npz")):
            if not stem or f"-{stem}" not in old.name:
                remove(old)


def finals(run: RunFolder, starts: int) -> list[dict[str, Any]]:
    """What each start ended with; neither the one that checks the symmetry nor the refinement."""
    return [line for line in run.metrics() if line["final"] and line["start"] < starts]


def likeliest(run: RunFolder, starts: int) -> int:
    """The start with the highest likelihood at β = 1."""
    return int(np.argmax([line["log_likelihood"] for line in finals(run, starts)]))


def finished_start(run: RunFolder, start: int) -> dict[str, np.ndarray]:
    """What a start ended with: models, seen, and of all frames rotation (−1: unused), model, probability, likelihood, fluence."""
    folder = run.path(f"starts/{start}")
    parts = sorted(folder.glob("frames-*.npz"), key=lambda path: int(path.stem.split("-")[1]))
    arrays = [read_arrays(path) for path in parts]
    return {
        **read_arrays(folder / "model.npz"),
        **{name: np.concatenate([each[name] for each in arrays]) for name in arrays[0]},
    }


def reconstruct_share(fabric: Fabric, job: Job) -> None:
    """The job of each process."""
    run, options = RunFolder(job.run), job.options
    rank, world = fabric.global_rank, fabric.world_size
    patterns, detector = read_patterns(job.frames), read_detector(job.detector)
    count = len(patterns)
    first, last = count * rank // world, count * (rank + 1) // world
    dtype = torch.float64 if options["precision"] == "double" else torch.float32
    background = read_background(options["background"], detector.pixels)
    own = np.arange(first, last)
    with shared_step(world), Interruption() as interruption:
        profile = radial_profile(patterns, detector, background)
        annealing = Annealing(options["annealing"], options["iterations"], **options["schedule"])
        checkpoints = Checkpoints(run, rank, world)
        start, done = checkpoints.position()
        make = partial(_engine, job, patterns, detector, background=background, device=fabric.device, dtype=dtype)
        engine = make(own, group=options["symmetry"])
        if rank == 0:
            _forget_lines(run, start, done)
        fabric.barrier()
        steps = sum(job.iterations(each) + 1 for each in range(job.runs))
        with (
            disk_full_explained(run.folder, "the last finished iteration is kept"),
            progress(steps, "reconstructing", "iterations", show=job.show_progress and rank == 0) as bar,
        ):
            bar.advance(sum(job.iterations(each) + 1 for each in range(start)) + done)
            while start < job.runs:
                if job.checks(start):
                    engine = make(own, models=1)
                if job.refines(start):
                    ended = finished_start(run, likeliest(run, options["starts"]))
                    engine = make(own, group=options["symmetry"], rotations=ended["rotation"])
                if done:
                    state = checkpoints.load(engine.frames, first, fabric.device, dtype)
                elif job.refines(start):
                    fluences = ended["fluences"][own[engine.frames.usable]]
                    held = partial(torch.as_tensor, device=fabric.device)
                    state = State(held(ended["models"]), held(ended["seen"]), held(fluences))
                else:
                    models = first_models(profile, detector.side, engine.expansion.models, [options["seed"], start])
                    state = engine.start(torch.as_tensor(models, dtype=dtype, device=fabric.device))
                while done < job.iterations(start):
                    power = {} if job.refines(start) else _power(annealing, done, engine, len(job.rotations))
                    state, step = engine.step(state, **power)
                    done = state.iteration
                    if rank == 0:
                        _log(run, start, done, step)
                    checkpoints.save(start, state, _of_frames(engine, last - first, state), fabric)
                    bar.advance(1, start=start + 1, information=step.information, log_likelihood=step.log_likelihood)
                    if total(torch.tensor(float(interruption.asked), device=fabric.device)) > 0:
                        raise KeyboardInterrupt
                _, step = engine.step(replace(state, iteration=0))  # β = 1, of the last model, with its fluences
                if job.checks(start):
                    halves = _halves(make, own, len(patterns), engine, state, max(2, options["iterations"] // 2))
                    if rank == 0:
                        write_arrays(run.path(HALVES), halves)
                if rank == 0:
                    _log(run, start, done, step, final=True)
                checkpoints.finish(start, state, _outcome(engine, last - first, state, step), fabric)
                bar.advance(1)
                start, done = start + 1, 0


def _halves(
    make: Callable[..., Engine], own: np.ndarray, count: int, engine: Engine, state: State, iterations: int
) -> dict[str, np.ndarray]:
    """Intensities and exposures, (2, side, side, side), of disjoint halves of all frames.

    Each half goes on by itself from the same model, orientations being half forgotten first, so that what one half gets wrong is not what
    the other does.
    """
    models, exposures, rotations = [], [], len(engine.expansion.rotations)
    ramp = Annealing(iterations=iterations, first=0.5 * math.log(rotations))
    for half in half_sets(count):
        within = np.isin(own, half)
        part, chosen = make(own[within], models=1), within[engine.frames.usable]
        levels = None if state.levels is None else state.levels[chosen]
        now = State(state.models, torch.zeros_like(state.seen), state.fluences[chosen], levels=levels)
        for iteration in range(iterations):
            now, step = part.step(now, target=ramp.target(iteration, rotations))
        models.append(now.models[0].cpu().numpy())
        exposures.append(step.exposures[0].cpu().numpy())
    return {"models": np.stack(models), "exposures": np.stack(exposures)}


def _engine(
    job: Job, patterns: Patterns, detector: Detector, own: np.ndarray, *, background: np.ndarray | None, device: torch.device,
    dtype: torch.dtype, group: str = FRIEDEL, models: int | None = None, rotations: np.ndarray | None = None,
) -> Engine:  # fmt: skip
    """The engine of some frames; with the rotation of each of all frames, the one that refines them."""
    options, mine, tried = job.options, patterns.chosen(own), job.rotations
    frames = Frames(mine.starts, mine.pixels, mine.counts, detector.mask, device=device, dtype=dtype)
    shared: dict[str, Any] = {"background": background[frames.order]} if background is not None else {}
    make: type[Engine] = Engine if background is None else BackgroundEngine
    if rotations is not None:
        finer = rotations_of(options, 2)
        near = tried.quaternions[rotations[own[frames.usable]]]
        make, shared = LocalEngine, {"candidates": finer.neighbours(near, tried.spacing)}
        tried = finer
    expansion = Expansion(
        detector.q[frames.order], tried, detector.side, models=models or options["models"], device=device, dtype=dtype, keep=_KEEP
    )  # fmt: skip
    every = max(1, len(patterns) // _ASKED)
    return make(
        frames, detector.weights[frames.order], expansion, merge=options["merge"], scaling=options["scaling"],
        symmetrise=_symmetrise(group, detector.side), sample=np.flatnonzero(own[frames.usable] % every == 0),
        table_bytes=job.table_bytes, total=total, **shared,
    )  # fmt: skip


def _symmetrise(group: str, side: int) -> Symmetrise:
    if group == FRIEDEL:
        return friedel
    merge = SymmetricMerge(group_rotations(group), side)

    def symmetric(counts: torch.Tensor, exposures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        merged = [merge(*pair) for pair in zip(counts.cpu().numpy(), exposures.cpu().numpy(), strict=True)]
        above, below = (torch.as_tensor(np.stack(each)).to(counts) for each in zip(*merged, strict=True))
        return above, below

    return symmetric


def _power(annealing: Annealing, done: int, engine: Engine, rotations: int) -> dict[str, float | None]:
    if annealing.kind == "adaptive":
        return {"target": annealing.target(done, rotations)}
    both = total(
        torch.tensor(
            [float(engine.frames.photons.sum()), float(len(engine.frames))],
            dtype=torch.float64,
            device=engine.photons.device,
        )
    )
    return {"beta": annealing.fixed(done, float(both[0] / both[1]))}


def read_background(path: str, pixels: int) -> np.ndarray | None:
    """(pixels,) expected counts of a frame that are not the particle's; None without a file.

    Raises:
        DataError: It is no array (.npy) of so many numbers, finite and never negative.
    """
    if not path:
        return None
    with reading(path, "an array"):
        values = np.load(path, allow_pickle=False)
    if values.dtype.kind not in "iuf" or values.size != pixels:
        raise DataError(f"{path}: a background is {pixels} numbers, one a pixel, it has {values.size} ({values.dtype})")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise DataError(f"{path}: a background is finite and never negative")
    return values.ravel().astype(float)


def radial_profile(patterns: Patterns, detector: Detector, background: np.ndarray | None = None) -> np.ndarray:
    """(side,) mean photons a pixel of weight 1 of a usable frame, by whole voxels from the centre, without those of a background."""
    shells = np.rint(np.linalg.norm(detector.q, axis=1)).astype(int)
    used = detector.used
    counts = np.bincount(patterns.pixels, patterns.counts, minlength=len(used))
    frames = max(1, int((np.diff(patterns.starts) > 0).sum()))
    photons = np.bincount(shells[used], counts[used], minlength=detector.side)
    if background is not None:
        behind = np.bincount(shells[used], background[used], minlength=detector.side) * frames
        photons = np.maximum(photons - behind, 0.05 * photons)
    light = np.bincount(shells[used], detector.weights[used], minlength=detector.side) * frames
    known = np.flatnonzero(light > 0)
    return np.interp(np.arange(detector.side), known, photons[known] / light[known])


def first_models(profile: np.ndarray, side: int, models: int, seed: list[int]) -> np.ndarray:
    """(models, side, side, side) the mean intensity of each shell times a random number of each voxel, Friedel mates alike."""
    axis = np.arange(side) - side // 2
    radius = np.sqrt(sum(np.meshgrid(*[axis**2] * 3, indexing="ij")))
    even = np.interp(radius, np.arange(len(profile)), profile)
    drawn = np.random.default_rng(seed).uniform(0.5, 1.5, (models, *radius.shape))
    return np.maximum(even * (drawn + drawn[:, ::-1, ::-1, ::-1]) / 2, 1e-3 * profile.max())


def _everyone(engine: Engine, frames: int, values: np.ndarray, missing: float = np.nan) -> np.ndarray:
    """Values of the usable frames at their places among all of this process's."""
    found = np.full(frames, missing, dtype=values.dtype)
    found[engine.frames.usable] = values
    return found


def _of_frames(engine: Engine, frames: int, state: State) -> dict[str, np.ndarray]:
    """What a checkpoint holds of each frame of this process."""
    found = {"fluences": state.fluences} | ({} if state.levels is None else {"levels": state.levels})
    return {name: _everyone(engine, frames, values.cpu().numpy()) for name, values in found.items()}


def _outcome(engine: Engine, frames: int, state: State, step: Step) -> dict[str, np.ndarray]:
    rotation, model = engine.expansion.which(step.best)
    whole = {"rotation": rotation, "model": model}
    floats = {"probability": step.probability, "likelihood": step.likelihoods}
    return {
        **_of_frames(engine, frames, state),
        **{name: _everyone(engine, frames, values, -1) for name, values in whole.items()},
        **{name: _everyone(engine, frames, values) for name, values in floats.items()},
    }


def _log(run: RunFolder, start: int, iteration: int, step: Step, *, final: bool = False) -> None:
    numbers = {name: getattr(step, name) for name in ("beta", "information", "log_likelihood", "kept", "exchanged")}
    run.log_metrics(
        start=start, iteration=iteration, final=final, **numbers, **({} if final else {"change": step.change})
    )


def _forget_lines(run: RunFolder, start: int, done: int) -> None:
    """Lines after the checkpoint would come twice."""
    lines = run.metrics()
    kept = [
        line
        for line in lines
        if line["start"] < start or (line["start"] == start and line["iteration"] <= done and not line["final"])
    ]
    if kept != lines:
        run.rewrite_metrics(kept)
