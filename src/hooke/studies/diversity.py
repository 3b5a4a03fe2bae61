"""`hooke scale diversity_grid`: a potential trained on many molecules or on many conformations of few, at equal numbers of labels and steps.

Each point (molecules, conformations of each) is trained with several seeds; a seed fixes the split, so that points of one seed share their test
frames, and smaller selections are parts of larger ones. Four kinds of test frames are told apart, and a fifth where a far data set is given:

    seen             other conformations of molecules that every point was trained on
    unseen           molecules that no point was trained on, none of them larger than the largest that were
    unseen scaffold  those of them whose scaffold no molecule of training has
    larger           molecules with more atoms than any that was trained on
    far shift        frames of another data set with the same labels, where one is given: the same for all seeds

Molecules with an element that a point has not seen are left out of the test for all points, and counted. Each training is one line of a
JSON-lines file, with the mean errors of its test molecules; the same command goes on from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.atoms.store import FrameStore
from hooke.core.errors import HookeError, UsageError
from hooke.core.files import append_lines, latest_entries
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text
from hooke.core.progress import progress
from hooke.core.recipe import Recipe, load_recipe
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.molecule_bootstrap import best_of, error_difference, mean_error
from hooke.evaluate.splits import evenly_spaced
from hooke.inference.loaded import LoadedRun
from hooke.modalities import trainable
from hooke.modalities.atoms.error_detection import error_detection
from hooke.modalities.atoms.frame_errors import ENERGY_ERROR, FORCE_ERROR, by_molecule, frame_errors
from hooke.modalities.atoms.splits import molecule_scaffolds
from hooke.suites import DiversitySuite
from hooke.train.fit import fit, prepare, split_of

KINDS = ("seen", "unseen", "unseen scaffold", "larger")
FAR = "far shift"
MEASURES = {FORCE_ERROR: "force error, eV/Å", ENERGY_ERROR: "energy error, eV an atom"}
Point = tuple[int, int]
Far = tuple[FrameStore, np.ndarray]  # frames of another data set, and the rows that are tested on
_MOST_FAR = 400  # frames


@dataclass(frozen=True)
class DiversityTrial:
    """One training.

    Attributes:
        molecules, conformations: Its point.
        seed: Of split, selection, weights and order.
        frames: That were trained on.
        errors: Measure → kind of test frames → molecule → mean error.
        detection: Signal → AUROC for force errors above three times their median on all test frames, with its interval.
        left_out: Molecules with elements that some point has not seen.
        run: The run folder.
        seconds: Of training and measuring.
        reason: Of a failure.
    """

    molecules: int
    conformations: int
    seed: int
    frames: int = 0
    errors: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    detection: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    left_out: int = 0
    run: str = ""
    seconds: float = 0.0
    reason: str = ""

    @property
    def point(self) -> Point:
        """Molecules and conformations of each."""
        return self.molecules, self.conformations


@dataclass(frozen=True)
class DiversityStudy:
    """A suite with what it is run with.

    Attributes:
        suite: The points.
        overrides: Changes of its recipe.
        seeds: Trainings of each point.
        runs: Folder of run folders and of the study's files.
        far: A file of labelled frames of quite other molecules.
    """

    suite: DiversitySuite
    overrides: tuple[str, ...] = ()
    seeds: int = 3
    runs: Path = Path("runs")
    far: Path | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of test frames."""
        return (*KINDS, FAR) if self.far is not None else KINDS

    def at(self, point: Point, seed: int) -> Recipe:
        """The recipe of one training.

        Raises:
            UsageError: The recipe is not about frames, splits them otherwise, or refuses a change.
        """
        molecules, conformations = point
        changes = (
            f"data.split.train_groups={molecules}",
            f"data.split.group_rows={conformations}",
            f"data.split.seed={seed}",
        )
        found = load_recipe(self.suite.recipe, [*self.overrides, *changes])
        if found.modality != "atoms" or found.split.kind != "conformation":
            raise UsageError(
                f"{self.suite.name} needs a recipe about frames with data.split.kind=conformation, not {found.name!r}"
            )
        return replace(found, name=self.suite.name, seed=seed)

    def elements(self, store: FrameStore, seed: int) -> list[int]:
        """Those that all points of a seed are trained on."""
        splits = [split_of(store, self.at(point, seed)) for point in self.suite.points]
        return sorted(set.intersection(*(set(store.gather(split.train).numbers.tolist()) for split in splits)))

    @property
    def file(self) -> Path:
        """Where the trainings are kept."""
        plain = {**self.at((0, 0), 0).to_json(), "seed": None}
        said = [plain, self.suite.points, *([str(self.far)] if self.far is not None else [])]
        return Path(self.runs) / f"{self.suite.name}-{content_hash(said)[:8]}.jsonl"

    def trials(self) -> list[DiversityTrial]:
        """The trainings so far, those of points and seeds that are asked for; of two of one point and seed the later."""
        found = latest_entries(self.file, ("molecules", "conformations", "seed"))
        return [DiversityTrial(**found[*point, seed]) for point, seed in self._keys() if (*point, seed) in found]

    def missing(self) -> list[tuple[Point, int]]:
        """What is still to be trained; failures are tried again."""
        done = {(trial.point, trial.seed) for trial in self.trials() if not trial.reason}
        return [key for key in self._keys() if key not in done]

    def _keys(self) -> Iterator[tuple[Point, int]]:
        for seed in range(self.seeds):  # every point once before any point twice
            for point in self.suite.points:
                yield point, seed


def run_diversity(study: DiversityStudy, *, show_progress: bool = True) -> list[DiversityTrial]:
    """Train what is missing; a failure is recorded and does not end the study.

    Raises:
        UsageError: The recipe does not fit, or the data hold too few molecules or conformations.
        KeyboardInterrupt: The same command goes on from there.
    """
    recipe = study.at(study.suite.points[0], 0)
    store = prepare(recipe, show_progress=show_progress)
    _check_sizes(study, store)
    far = None if study.far is None else far_store(study, show_progress=show_progress)
    missing = study.missing()
    study.file.parent.mkdir(parents=True, exist_ok=True)
    tests: dict[int, dict[str, np.ndarray]] = {}
    moved: dict[int, Far] = {}  # by seed, as the tests
    with progress(len(missing), study.suite.name, "trainings", show=show_progress) as bar:
        for point, seed in missing:
            if seed not in tests:
                tests[seed] = test_rows(study, store, seed)
                if far is not None:
                    moved[seed] = far, far_rows(far, study.elements(store, seed))
            trial = tried(study, store, point, seed, tests[seed], moved.get(seed))
            append_lines(study.file, [json_text(asdict(trial))])
            bar.advance(1)
    return study.trials()


def _check_sizes(study: DiversityStudy, store: FrameStore) -> None:
    split = split_of(store, study.at((0, 0), 0))
    groups, counts = np.unique(store.molecule(split.train), return_counts=True)
    most, deepest = (max(point[place] for point in study.suite.points) for place in (0, 1))
    if most > len(groups) or deepest > int(np.median(counts)):
        raise UsageError(
            f"{store.name} has {len(groups):,} molecules with {int(np.median(counts))} frames each to train on; the points need "
            f"{most:,} and {deepest}"
        )


def test_rows(study: DiversityStudy, store: FrameStore, seed: int) -> dict[str, np.ndarray]:
    """Kind of test frames → rows, the same for all points of a seed; "left out" holds those with elements that some point has not seen."""
    splits = [split_of(store, study.at(point, seed)) for point in study.suite.points]
    trained = [set(store.molecule(split.train).tolist()) for split in splits]
    common, ever = set.intersection(*trained), set.union(*trained)
    elements = study.elements(store, seed)
    rows = splits[0].test
    frames, molecule = store.gather(rows), store.molecule(rows)
    known = np.logical_and.reduceat(np.isin(frames.numbers, elements), frames.offsets[:-1])
    sizes = store.store.axis_counts("atom")
    largest = max(int(sizes[split.train].max()) for split in splits)
    fresh = known & ~np.isin(molecule, sorted(ever))
    scaffolds = molecule_scaffolds(store)
    familiar = {scaffolds[name] for name in ever}
    new = np.array([scaffolds[name] not in familiar for name in molecule.tolist()], bool)
    return {
        "seen": rows[known & np.isin(molecule, sorted(common))],
        "unseen": rows[fresh & (frames.counts <= largest)],
        "unseen scaffold": rows[fresh & (frames.counts <= largest) & new],
        "larger": rows[fresh & (frames.counts > largest)],
        "left out": rows[~known],
    }


def far_store(study: DiversityStudy, *, show_progress: bool = True) -> FrameStore:
    """The frames of the far data set, read with what the recipe states of its own."""
    recipe = load_recipe(study.suite.recipe, [*study.overrides, f"data.path={study.far}"])
    found: FrameStore = prepare(recipe, show_progress=show_progress)
    return found


def far_rows(far: FrameStore, elements: Sequence[int]) -> np.ndarray:
    """At most `_MOST_FAR` rows of neutral frames of these elements, evenly spaced."""
    frames = far.gather(np.arange(len(far)))
    known = np.logical_and.reduceat(np.isin(frames.numbers, list(elements)), frames.offsets[:-1])
    rows = np.flatnonzero(known & (frames.charge == 0))
    return rows[evenly_spaced(len(rows), _MOST_FAR)]


def tried(
    study: DiversityStudy,
    store: FrameStore,
    point: Point,
    seed: int,
    tests: Mapping[str, np.ndarray],
    far: Far | None = None,
) -> DiversityTrial:
    """Train and measure one point with one seed; a failure is recorded, not raised."""
    try:
        run = fit(
            study.at(point, seed),
            runs=Path(study.runs) / study.suite.name,
            store=store,
            reuse=True,
            show_progress=False,
        )
    except UsageError:
        raise
    except HookeError as error:
        return DiversityTrial(*point, seed, reason=str(error))
    rows = np.unique(np.concatenate([tests[kind] for kind in KINDS]))
    loaded, modality = LoadedRun.open(run.folder), trainable("atoms", "scale")
    errors = frame_errors(loaded, modality, store, rows)
    of_kinds = {
        measure: {kind: dict(by_molecule(errors.filter(pl.col("row").is_in(tests[kind])), measure)) for kind in KINDS}
        for measure in MEASURES
    }
    if far is not None:
        found = frame_errors(loaded, modality, *far)
        for measure, of_kind in of_kinds.items():
            of_kind[FAR] = dict(by_molecule(found, measure))
    training = split_of(store, study.at(point, seed)).train
    detected = error_detection(loaded, modality, store, training, errors)
    left_out = len(np.unique(store.molecule(tests["left out"])))
    return DiversityTrial(
        *point,
        seed,
        len(training),
        of_kinds,
        {name: _plain(one) for name, one in detected.items()},
        left_out,
        str(run.folder),
        float(run.info["seconds"]),
    )


@dataclass(frozen=True)
class DiversityResult:
    """What a study found."""

    study: DiversityStudy
    trials: tuple[DiversityTrial, ...]

    @property
    def finished(self) -> list[DiversityTrial]:
        """Trainings that did not fail."""
        return [trial for trial in self.trials if not trial.reason]

    def errors(self, point: Point, measure: str, kind: str) -> list[Mapping[str, float]]:
        """Of each seed that every point of the study has."""
        by_seed = {trial.seed: trial for trial in self.finished if trial.point == point}
        return [by_seed[seed].errors[measure][kind] for seed in self.seeds]

    @property
    def seeds(self) -> list[int]:
        """Those that all points were trained with."""
        seeds = [{trial.seed for trial in self.finished if trial.point == point} for point in self.study.suite.points]
        return sorted(set.intersection(*seeds))

    def mean(self, point: Point, measure: str, kind: str) -> Interval:
        """Mean error with an interval over molecules."""
        return mean_error(self.errors(point, measure, kind), generator=np.random.default_rng(0))

    def difference(self, points: Sequence[Point], measure: str, kind: str) -> Interval:
        """Error with most conformations minus that with most molecules."""
        first, last = points[-1], points[0]
        return error_difference(
            self.errors(first, measure, kind), self.errors(last, measure, kind), generator=np.random.default_rng(0)
        )

    def best(self, points: Sequence[Point], measure: str, kind: str) -> Interval:
        """Conformations of the point with the smallest error."""
        found = {float(point[1]): self.errors(point, measure, kind) for point in points}
        return best_of(found, generator=np.random.default_rng(0))

    def detected(self, point: Point, signal: str) -> Interval:
        """AUROC of a signal for large force errors: mean and t interval over seeds."""
        values = [
            trial.detection[signal]["value"] for trial in self.finished if trial.point == point and signal in trial.detection
        ]  # fmt: skip
        known = np.array([value for value in values if value is not None])
        if not len(known):
            return Interval(np.nan, np.nan, np.nan)
        found = paired_difference(known, generator=np.random.default_rng(0))
        return Interval(found.value, max(found.low, 0.0), min(found.high, 1.0))

    @property
    def sweeps(self) -> dict[str, list[Point]]:
        """Title → points, conformations rising."""
        suite = self.study.suite
        frames = suite.budget[0][0] * suite.budget[0][1]
        return {
            f"about {frames} frames": list(suite.budget),
            f"{suite.molecules} molecules": [(suite.molecules, count) for count in suite.conformations],
        }

    def to_json(self) -> dict[str, Any]:
        """Errors by point, and both comparisons, as plain values; NaN as null."""
        cells = [
            (points, {"sweep": title, "measure": measure, "test": kind})
            for title, points in self.sweeps.items()
            for measure in MEASURES
            for kind in self.study.kinds
        ]
        asked = [(points, cell, (cell["measure"], cell["test"])) for points, cell in cells]
        return {
            "suite": self.study.suite.name,
            "seeds": self.seeds,
            "points": [
                {**cell, "molecules": point[0], "conformations": point[1], **_plain(self.mean(point, *what))}
                for points, cell, what in asked
                for point in points
            ],
            "differences": [{**cell, **_plain(self.difference(points, *what))} for points, cell, what in asked],
            "best_conformations": [{**cell, **_plain(self.best(points, *what))} for points, cell, what in asked],
            "detection": [
                {
                    "molecules": trial.molecules,
                    "conformations": trial.conformations,
                    "seed": trial.seed,
                    **trial.detection,
                }
                for trial in self.finished
            ],
            "left_out": {str(trial.seed): trial.left_out for trial in self.finished},
            "failures": [trial.reason for trial in self.trials if trial.reason],
        }

    def notes(self) -> list[str]:
        """What the table shows."""
        return ["force errors in meV/Å [95 %]"]

    @property
    def page(self) -> Path:
        """The report."""
        return self.study.file.with_suffix(".html")

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Force errors by point and kind of test frames."""
        kinds = self.study.kinds
        heads = ["sweep", "molecules", "conformations", *kinds]
        rows = []
        for title, points in self.sweeps.items():
            for point in points:
                cells = [self.mean(point, FORCE_ERROR, kind) for kind in kinds]
                rows.append([title, str(point[0]), str(point[1]), *(_text(cell) for cell in cells)])
            gaps = [self.difference(points, FORCE_ERROR, kind) for kind in kinds]
            rows.append([title, "last minus first", "", *(_text(gap, plus=True) for gap in gaps)])
        return heads, rows


def _plain(found: Interval) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in vars(found).items()}


def _text(found: Interval, *, plus: bool = False) -> str:
    """meV/Å with its interval; "-" of nothing."""
    if not math.isfinite(found.value):
        return "-"
    value = f"{1000 * found.value:+.0f}" if plus else f"{1000 * found.value:.0f}"
    if not math.isfinite(found.low):
        return value
    return f"{value} [{1000 * found.low:.0f}, {1000 * found.high:.0f}]"
