"""`hooke benchmark potentials`: networks and baselines on frames, over sets and seeds, by part of each set; resumable, one page.

Errors are mean absolute ones of energies an atom and of force components. Baselines know nothing of positions, or nothing of the data:

    mean            the mean energy an atom of the training frames, and no forces
    elements        energies of elements fitted to the training frames (least squares), and no forces
    gfn2            GFN2 energies less energies of elements fitted to the training frames' differences, and GFN2 forces

Each system on a set and seed is one line of a JSON-lines file. Intervals are t intervals over seeds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.atoms.store import FrameStore
from hooke.core.errors import HookeError, UnknownNameError, UsageError
from hooke.core.files import append_lines, latest_entries
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text
from hooke.core.label import Label
from hooke.core.progress import progress
from hooke.core.recipe import Recipe, load_recipe
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.splits import evenly_spaced
from hooke.inference.loaded import LoadedRun
from hooke.modalities import trainable
from hooke.modalities.atoms.frame_errors import ENERGY_ERROR, FORCE_ERROR, frame_errors
from hooke.modalities.atoms.learning import in_electronvolts
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.provenance import to_toml
from hooke.report.schema import Report, Reproduce, Summary, Text
from hooke.suites import PotentialSuite
from hooke.train.fit import fit, prepare, split_of

BASELINES = ("mean", "elements", "gfn2")
UNITS = {ENERGY_ERROR: "meV an atom", FORCE_ERROR: "meV/Å"}
_GFN2_FRAMES = 200  # of each part at most, for the baseline that computes


@dataclass(frozen=True)
class LeaderboardRow:
    """One system on one set with one seed.

    Attributes:
        dataset, system, seed: What was measured.
        errors: Part of the set → measure → mean error, in eV an atom and eV/Å; None where nothing is known.
        seconds: Of training.
        parameters: Of one network; 0 of baselines without.
        reason: Of a failure.
    """

    dataset: str
    system: str
    seed: int
    errors: dict[str, dict[str, float | None]]
    seconds: float = 0.0
    parameters: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Leaderboard:
    """A suite with what it is run with.

    Attributes:
        suite: Sets and networks.
        overrides: Changes of its recipe.
        systems: Networks and baselines, all by default.
        sets: Some of the suite's, all by default.
        seeds: Of each system.
        runs: Folder of run folders, scores and page.
    """

    suite: PotentialSuite
    overrides: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    seeds: int = 3
    runs: Path = Path("runs")

    def recipe(self, dataset: str, system: str, seed: int) -> Recipe:
        """How a network is trained on a set; that of the first network for baselines."""
        part = self.suite.parts[self.suite.sets.index(dataset)]
        model = system if system in self.suite.models else self.suite.models[0]
        changes = (
            f"data.name={dataset}",
            f"data.split.column={part}",
            f"data.split.seed={seed}",
            f"model.name={model}",
        )
        found = load_recipe(self.suite.recipe, [*changes, *self.overrides])
        return replace(found, name=f"{self.suite.name}_{dataset}_{system}", seed=seed)

    @property
    def chosen(self) -> tuple[list[str], list[str]]:
        """Sets and systems.

        Raises:
            UnknownNameError: One that the suite does not have.
        """
        every = (*self.suite.models, *BASELINES)
        for what, names, known in (("set", self.sets, self.suite.sets), ("system", self.systems, every)):
            for name in names:
                if name not in known:
                    raise UnknownNameError(f"{what} of {self.suite.name}", name, known)
        return [*(self.sets or self.suite.sets)], [*(self.systems or every)]

    @property
    def file(self) -> Path:
        """Where scores are kept: the same for the same recipe, whatever sets, systems and seeds."""
        plain = load_recipe(self.suite.recipe, self.overrides).to_json()
        return Path(self.runs) / f"{self.suite.name}-{content_hash(plain)[:8]}.jsonl"

    def wanted(self) -> Iterator[tuple[str, str, int]]:
        """Set, system and seed of every row; baselines do not depend on seeds but through the split."""
        sets, systems = self.chosen
        for seed in range(self.seeds):
            for dataset in sets:
                for system in systems:
                    yield dataset, system, seed

    def rows(self) -> list[LeaderboardRow]:
        """What has been measured of what is asked for; of two rows of one key the later."""
        found = latest_entries(self.file, ("dataset", "system", "seed"))
        return [LeaderboardRow(**found[key]) for key in self.wanted() if key in found]


def run_leaderboard(board: Leaderboard, *, show_progress: bool = True) -> list[LeaderboardRow]:
    """Measure what is missing; a failure is recorded, tried again by the next call, and does not end the suite.

    Raises:
        UnknownNameError: A set or system that the suite does not have.
        KeyboardInterrupt: The same command goes on from there.
    """
    done = {(row.dataset, row.system, row.seed) for row in board.rows() if not row.reason}
    missing = [key for key in board.wanted() if key not in done]
    board.file.parent.mkdir(parents=True, exist_ok=True)
    with progress(len(missing), board.suite.name, "systems", show=show_progress) as bar:
        for key in missing:
            append_lines(board.file, [json_text(asdict(measured(board, *key)))])
            bar.advance(1)
    return board.rows()


def measured(board: Leaderboard, dataset: str, system: str, seed: int) -> LeaderboardRow:
    """Train or fit one system and measure it on the other parts of the set."""
    recipe = board.recipe(dataset, system, seed)
    try:
        store = prepare(recipe, show_progress=False)
        if system in BASELINES:
            return _baseline(recipe, store, dataset, system, seed)
        run = fit(recipe, runs=Path(board.runs) / board.suite.name, store=store, reuse=True, show_progress=False)
    except UsageError:
        raise
    except HookeError as error:
        return LeaderboardRow(dataset, system, seed, {}, reason=str(error))
    rows = split_of(store, recipe).test
    errors = frame_errors(LoadedRun.open(run.folder), trainable("atoms", "benchmark"), store, rows)
    return LeaderboardRow(
        dataset, system, seed, _by_part(errors), float(run.info["seconds"]), int(run.info["parameters"])
    )


def _by_part(errors: pl.DataFrame) -> dict[str, dict[str, float | None]]:
    means = errors.group_by("part", maintain_order=True).agg(pl.col(*UNITS).mean())
    return {str(part): {ENERGY_ERROR: energy, FORCE_ERROR: force} for part, energy, force in means.iter_rows()}


def _baseline(recipe: Recipe, store: FrameStore, dataset: str, system: str, seed: int) -> LeaderboardRow:
    started = time.monotonic()
    split, frames_in = split_of(store, recipe), in_electronvolts(store)
    rows = split.test if system != "gfn2" else _some(store, split.test)
    train, test = (
        frames_in.gather(split.train if system != "gfn2" else _some(store, split.train)),
        frames_in.gather(rows),
    )
    elements = np.union1d(train.numbers, test.numbers)
    compositions = [frames.composition(elements) for frames in (train, test)]
    if system == "mean":
        compositions = [counts.sum(axis=1, keepdims=True) for counts in compositions]
    known, forces = np.zeros(len(train)), np.zeros_like(test.forces[..., 0]) if test.forces.shape[2] else None
    guess = np.zeros(len(test))
    if system == "gfn2":
        (known, _), (guess, forces) = _by_gfn2(train), _by_gfn2(test)
    left = train.energies[:, 0] - known
    there = np.isfinite(left)
    fitted, *_ = np.linalg.lstsq(compositions[0][there].astype(float), left[there], rcond=1e-8)
    off = np.abs(guess + compositions[1] @ fitted - test.energies[:, 0]) / test.counts
    pull = np.full(len(test), np.nan)
    if forces is not None:
        missing = np.abs(forces - test.forces[..., 0]).mean(axis=1)
        pull = np.add.reduceat(missing, test.offsets[:-1]) / test.counts
    parts = np.array(store.subsets, object)[store.subset(rows)]
    errors = pl.DataFrame({"part": parts.tolist(), ENERGY_ERROR: off, FORCE_ERROR: pull})
    return LeaderboardRow(
        dataset,
        system,
        seed,
        _by_part(errors.with_columns(pl.col(*UNITS).fill_nan(None))),
        time.monotonic() - started,
        0,
    )


def _some(store: FrameStore, rows: np.ndarray) -> np.ndarray:
    """Evenly spaced rows of each part."""
    parts = store.subset(rows)
    kept = [rows[parts == part] for part in np.unique(parts)]
    return np.concatenate([some[evenly_spaced(len(some), _GFN2_FRAMES)] for some in kept])


def _by_gfn2(frames: Any) -> tuple[np.ndarray, np.ndarray]:
    """(F,) eV and (A, 3) eV/Å; NaN where the calculation did not converge."""
    from hooke.atoms.engines import UnlabelledError, engine_of

    engine = engine_of("gfn2")
    engine.load()
    energies, forces = np.full(len(frames), np.nan), np.full((len(frames.numbers), 3), np.nan)
    for frame, (first, stop) in enumerate(zip(frames.offsets[:-1], frames.offsets[1:], strict=True)):
        try:
            found = engine.compute(
                frames.numbers[first:stop],
                frames.positions[first:stop],
                int(frames.charge[frame]),
                int(frames.multiplicity[frame] or 1),
            )
        except UnlabelledError:
            continue
        energies[frame], forces[first:stop] = found.energy, found.forces
    return energies, forces


@dataclass(frozen=True)
class LeaderboardResult:
    """What a leaderboard holds."""

    board: Leaderboard
    rows: tuple[LeaderboardRow, ...]

    @property
    def finished(self) -> list[LeaderboardRow]:
        """Rows that did not fail."""
        return [row for row in self.rows if not row.reason]

    @property
    def systems(self) -> list[str]:
        """In the order of the suite."""
        return list(dict.fromkeys(row.system for row in self.finished))

    def cells(self) -> list[tuple[str, str]]:
        """(set, part) that were tested."""
        return list(dict.fromkeys((row.dataset, part) for row in self.finished for part in row.errors))

    def mean(self, dataset: str, part: str, measure: str, system: str) -> Interval | None:
        """Over seeds, in thousandths of the unit; None where nothing is known."""
        values = [
            row.errors[part][measure] for row in self.finished if (row.dataset, row.system) == (dataset, system) and part in row.errors
        ]  # fmt: skip
        known = np.array([value for value in values if value is not None])
        return paired_difference(1000 * known, generator=np.random.default_rng(0)) if len(known) else None

    def costs(self) -> list[tuple[str, str, float, int]]:
        """Set, system, mean seconds of training, parameters."""
        found = []
        for dataset, system in dict.fromkeys((row.dataset, row.system) for row in self.finished):
            rows = [row for row in self.finished if (row.dataset, row.system) == (dataset, system)]
            found.append((dataset, system, float(np.mean([row.seconds for row in rows])), rows[0].parameters))
        return found

    def to_json(self) -> dict[str, Any]:
        """Rows as plain values."""
        return {"suite": self.board.suite.name, "rows": [asdict(row) for row in self.rows]}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Mean errors: energies in meV an atom / forces in meV/Å."""
        rows = []
        for dataset, part in self.cells():
            pairs = []
            for system in self.systems:
                found = [self.mean(dataset, part, measure, system) for measure in UNITS]
                pairs.append(" / ".join("-" if one is None else f"{one.value:.3g}" for one in found))
            rows.append([dataset, part, *pairs])
        return ["set", "part", *self.systems], rows


def write_leaderboard(result: LeaderboardResult, *, command: str = "") -> Path:
    """`FILE.report.json` and `FILE.html` beside the scores; returns the page."""
    board, tables = result.board, []
    for measure, unit in UNITS.items():
        cells = [
            cell for cell in result.cells() if any(result.mean(*cell, measure, system) for system in result.systems)
        ]
        labels = [Label(f"{dataset}, {part}", unit=unit) for dataset, part in cells]
        scores = {system: [result.mean(*cell, measure, system) for cell in cells] for system in result.systems}
        if labels:
            title = "Energies" if measure == ENERGY_ERROR else "Forces"
            tables.append(
                build.result_table(
                    f"{title}, mean absolute error", labels, "mae", scores, higher_is_better=False, split="another part of each set",
                    baselines=[name for name in BASELINES if name in scores], intervals="95 % t interval over seeds",
                )
            )  # fmt: skip
    caveats = [
        f"{dataset}, {system}: {parameters:,} parameters, {seconds:.0f} s of training"
        for dataset, system, seconds, parameters in result.costs()
        if parameters
    ]
    caveats += [
        f"{row.dataset}, {row.system}, seed {row.seed} failed: {row.reason}" for row in result.rows if row.reason
    ]
    report = Report(
        title=board.suite.title,
        subtitle=f"suite {board.suite.name}, {board.seeds} seeds",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=_summary(result, tuple(caveats)),
        results=tuple(tables),
        items="frames",
        reproduce=Reproduce(
            commands=(Text("Command", command),) if command else (),
            recipes=(Text("Recipe", to_toml(load_recipe(board.suite.recipe, board.overrides).to_json())),),
        ),
    )
    source = report.write(board.file.with_suffix(".report.json"))
    return write_report(source, board.file.with_suffix(".html"))


def _summary(result: LeaderboardResult, caveats: Sequence[str]) -> Summary:
    wins: dict[str, int] = dict.fromkeys(result.systems, 0)
    cells = [
        cell for cell in result.cells() if any(result.mean(*cell, FORCE_ERROR, system) for system in result.systems)
    ]
    for cell in cells:
        found = {system: result.mean(*cell, FORCE_ERROR, system) for system in result.systems}
        known = {system: one.value for system, one in found.items() if one is not None}
        wins[min(known, key=lambda system: known[system])] += 1
    text = "Nothing was measured yet."
    if cells:
        best = max(wins, key=lambda system: wins[system])
        text = f"{best} has the smallest force error on {wins[best]} of {len(cells)} parts that were not trained on."
    numbers = tuple(
        KeyNumber(f"{count} of {len(cells)}", f"smallest force errors of {system}")
        for system, count in wins.items()
        if count
    )
    return Summary(text, "none", numbers[:6], tuple(caveats))
