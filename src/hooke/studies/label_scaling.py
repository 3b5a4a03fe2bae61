"""`hooke scale qm1b_scaling`: how the error of a computed property falls with rows of own labels, and what they are worth on other labels.

Shares of the training molecules are trained on with several seeds and equal steps, and tested on the same molecules
(`studies.scaling`). Then the network of the largest share, fine-tuned, is compared with one from new weights on labels of
another method: the same rows, seed by seed. Every training is one line of a JSON-lines file; the same command goes on from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from hooke.core import registry
from hooke.core.checked import write_parquet
from hooke.core.csv_text import csv_text
from hooke.core.errors import HookeError, UsageError
from hooke.core.files import append_lines, latest_entries, write_durably
from hooke.core.how import How
from hooke.core.json_text import json_text
from hooke.core.label import Label
from hooke.core.progress import progress
from hooke.core.recipe import Recipe, load_recipe
from hooke.core.recipe_files import build
from hooke.core.runs import RunFolder
from hooke.core.units import factor
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.power_law import FEWEST_SIZES, PowerLaw, fit_power_law
from hooke.report import build as parts
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.provenance import references, to_toml
from hooke.report.schema import Outcome, Report, Reproduce, Summary, Sweep, SweptLine, Text
from hooke.studies.scaling import Factor, Grid, Study, Trial, run_study
from hooke.studies.scaling_report import formula
from hooke.suites import LabelScalingSuite
from hooke.train.fit import finetune, fit

SHARE = "data.split.train_share"
SYSTEMS = ("fine-tuned", "scratch")
_DRAW_SEED = 0


@dataclass(frozen=True)
class LabelScaling:
    """A suite with what it is run with.

    Attributes:
        suite: Sizes, molecules, methods.
        labels: Frames in the schema of QM1B.
        other: Frames of the other method in the same schema.
        overrides: Changes of the suite's recipe.
        seeds: Trainings of each size.
        runs: Folder of run folders and of the study's files.
    """

    suite: LabelScalingSuite
    labels: Path
    other: Path
    overrides: tuple[str, ...] = ()
    seeds: int = 3
    runs: Path = Path("runs")

    @property
    def study(self) -> Study:
        """The sizes as a scaling study."""
        rows = Factor("rows", {SHARE: self.suite.shares}, self.suite.shares)
        changes = (f"data.path={self.labels}", *self.overrides)
        return Study(self.suite.recipe, changes, Grid((rows,)), self.seeds, Path(self.runs))

    @property
    def file(self) -> Path:
        """Where the trainings on the other labels are kept."""
        return self.study.file.with_name(f"{self.study.file.stem}-transfer.jsonl")

    def transfer_recipe(self, system: str, seed: int) -> Recipe:
        """How a network is trained on the other labels."""
        found = load_recipe(self.suite.recipe, [f"data.path={self.other}", *self.overrides])
        return replace(found, name=f"{self.suite.name}_{system}", seed=seed)

    def transfers(self) -> list[Transfer]:
        """The trainings on the other labels so far."""
        found = latest_entries(self.file, ("system", "seed"))
        return [Transfer(**found[key]) for key in self._keys() if key in found]

    def _keys(self) -> Iterator[tuple[str, int]]:
        for seed in range(self.seeds):
            for system in SYSTEMS:
                yield system, seed


@dataclass(frozen=True)
class Transfer:
    """One training on the labels of the other method.

    Attributes:
        system: One of `SYSTEMS`.
        seed: Of weights and order.
        error: Mean absolute error on its test rows in eV.
        rows: That were trained on.
        run: The run folder.
        reason: Of a failure.
    """

    system: str
    seed: int
    error: float = math.nan
    rows: int = 0
    run: str = ""
    reason: str = ""


def run_label_scaling(scaling: LabelScaling, *, show_progress: bool = True) -> LabelScalingResult:
    """Train what is missing.

    Raises:
        UsageError: A change that the recipe refuses.
        KeyboardInterrupt: The same command goes on from there.
    """
    trials = tuple(run_study(scaling.study, show_progress=show_progress))
    largest = {trial.seed: trial for trial in trials if trial.overrides == _largest(scaling) and not trial.reason}
    done = {(each.system, each.seed) for each in scaling.transfers() if not each.reason}
    missing = [
        (system, seed) for seed in sorted(largest) for system in SYSTEMS if (system, seed) not in done
    ]  # without a network of the largest share there is nothing to fine-tune
    with progress(len(missing), "transfer", "trainings", show=show_progress) as bar:
        for system, seed in missing:
            found = _transferred(scaling, system, seed, Path(largest[seed].run))
            append_lines(scaling.file, [json_text(asdict(found))])
            bar.advance(1, error=found.error)
    return LabelScalingResult(scaling, trials, tuple(scaling.transfers()))


def _largest(scaling: LabelScaling) -> tuple[str, ...]:
    return scaling.study.grid.points()[-1]


def _transferred(scaling: LabelScaling, system: str, seed: int, start: Path) -> Transfer:
    recipe, runs = scaling.transfer_recipe(system, seed), Path(scaling.runs) / scaling.suite.name
    try:
        options: dict[str, Any] = {"runs": runs, "reuse": True, "show_progress": False}
        run = finetune(start, recipe, **options) if system == "fine-tuned" else fit(recipe, **options)
    except UsageError:
        raise
    except HookeError as error:
        return Transfer(system, seed, reason=str(error))
    return Transfer(system, seed, *_measured(run, scaling.suite.label), str(run.folder))


def _measured(run: RunFolder, label: str) -> tuple[float, int]:
    """Mean absolute error on the test rows, and training rows."""
    return float(run.scores()["test"]["frame"][label]["mae"]), int(run.info["rows"]["train"])


@dataclass(frozen=True)
class LabelScalingResult:
    """What a study found; errors are mean absolute ones of the test molecules, in eV."""

    scaling: LabelScaling
    trials: tuple[Trial, ...]
    transfers: tuple[Transfer, ...]

    @cached_property
    def curve(self) -> dict[int, dict[int, float]]:
        """Training rows → seed → error; rows of a share are the mean over its seeds."""
        found: dict[int, dict[int, float]] = {}
        for overrides in self.scaling.study.grid.points():
            measured = {
                trial.seed: _measured(RunFolder.open(Path(trial.run)), self.scaling.suite.label)
                for trial in self.trials
                if trial.overrides == overrides and not trial.reason
            }
            if measured:
                rows = round(float(np.mean([rows for _, rows in measured.values()])))
                found[rows] = {seed: error for seed, (error, _) in sorted(measured.items())}
        return found

    @cached_property
    def law(self) -> PowerLaw | None:
        """The power law of error against rows; None of fewer than five sizes."""
        if len(self.curve) < FEWEST_SIZES:
            return None
        errors = [list(seeds.values()) for seeds in self.curve.values()]
        return fit_power_law(list(self.curve), errors, floor=False, generator=np.random.default_rng(0))

    def transfer(self, system: str) -> dict[int, float]:
        """Seed → error on the other labels."""
        return {each.seed: each.error for each in self.transfers if each.system == system and not each.reason}

    @cached_property
    def gain(self) -> Interval:
        """Error of the fine-tuned network less that from scratch: mean and t interval over the seeds that both have."""
        tuned, scratch = (self.transfer(system) for system in SYSTEMS)
        both = [tuned[seed] - scratch[seed] for seed in tuned if seed in scratch]
        if not both:
            return Interval(math.nan, math.nan, math.nan)
        return paired_difference(np.array(both), generator=np.random.default_rng(0))

    @property
    def failures(self) -> list[str]:
        """Reasons of trainings that failed."""
        reasons = [*(each.reason for each in self.trials), *(each.reason for each in self.transfers)]
        return [reason for reason in reasons if reason]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        law = self.law
        return {
            "suite": self.scaling.suite.name,
            "labels": str(self.scaling.labels),
            "curve": [{"rows": rows, "errors": list(seeds.values())} for rows, seeds in self.curve.items()],
            "exponent": vars(law.exponent) if law else None,
            "misfit": law.misfit if law else None,
            "transfer": {system: list(self.transfer(system).values()) for system in SYSTEMS},
            "difference": vars(self.gain),
            "failures": self.failures,
        }

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Errors in meV by training rows, then those on the other labels."""
        heads = ["trained on", "rows", "gap error, meV", "by seed"]
        method = self.scaling.suite.method
        lines = [
            [method, f"{rows:,}", _milli(np.mean(list(seeds.values()))), ", ".join(map(_milli, seeds.values()))]
            for rows, seeds in self.curve.items()
        ]
        for system in SYSTEMS:
            found = self.transfer(system)
            if found:
                rows = next(each.rows for each in self.transfers if each.system == system and not each.reason)
                shown = [_milli(np.mean(list(found.values()))), ", ".join(map(_milli, found.values()))]
                lines.append([f"{self.scaling.suite.other[1]}, {system}", f"{rows:,}", *shown])
        return heads, lines

    def notes(self) -> list[str]:
        """What the curve and the comparison say, a line each."""
        said = []
        if self.law is not None:
            found = self.law.exponent
            falls = "falls with rows" if found.low > 0 else "is not shown to fall with rows"
            said.append(
                f"the error {falls}: exponent {found.value:.3f} [{found.low:.3f}, {found.high:.3f}], misfit {self.law.misfit:.1%}"
            )
        else:
            said.append(f"{len(self.curve)} sizes: no exponent is fitted to fewer than {FEWEST_SIZES}")
        if math.isfinite(self.gain.value):
            gain = self.gain
            range_ = f" [{_milli(gain.low)}, {_milli(gain.high)}]" if math.isfinite(gain.low) else ""
            outcome = "fine-tuning helps" if gain.high < 0 else "fine-tuning hurts" if gain.low > 0 else "not decided"
            said.append(f"fine-tuned less scratch: {_milli(gain.value)}{range_} meV: {outcome}")
        return said

    @property
    def page(self) -> Path:
        """The report."""
        return self.scaling.study.file.with_suffix(".html")

    def write_report(self, *, command: str = "") -> Path:
        """`FILE.report.json` and `FILE.html` beside the study's file; returns the page."""
        suite, study = self.scaling.suite, self.scaling.study
        systems = [system for system in SYSTEMS if self.transfer(system)]
        scores = {system: [_interval(self.transfer(system))] for system in systems}
        report = Report(
            title=suite.title,
            subtitle=f"{suite.method}, {len(self.trials) + len(self.transfers)} trainings",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            summary=self._summary(),
            sweeps=(self._panel(),),
            results=(
                parts.result_table(
                    f"Trained on {suite.other[1]}", [Label(f"gap of {suite.other[1]}", unit="eV")], "mae", scores, higher_is_better=False,
                    intervals="95 % t interval over seeds",
                ),
            ) if systems else (),
            items="frames",
            reproduce=Reproduce(
                commands=(Text("Command", command),) if command else (),
                recipes=(Text("Recipe", to_toml(study.at(()).to_json())),),
                references=references(["scaling", "qm1b"]),
            ),
        )  # fmt: skip
        source = report.write(study.file.with_suffix(".report.json"))
        return write_report(source, self.page)

    def _panel(self) -> Sweep:
        law, sizes = self.law, tuple(map(float, self.curve))
        x = np.geomspace(sizes[0], sizes[-1], 40) if sizes else np.zeros(0)
        line = SweptLine(
            self.scaling.suite.method, sizes, tuple(parts.estimate(_interval(seeds)) for seeds in self.curve.values()),
            parts.numbers(x) if law else (), parts.numbers(law.at(x)) if law else (), formula(law) if law else "",
        )  # fmt: skip
        note = f"largest distance of a point from the law: {law.misfit:.1%}" if law else "too few sizes for an exponent"
        return Sweep("Error of the gap by training rows", "rows", "mean absolute error, eV", (line,), note=note)

    def _summary(self) -> Summary:
        verdicts = self.notes()
        gain = self.gain
        outcome: Outcome = "better" if gain.high < 0 else "worse" if gain.low > 0 else "none"
        caveats = [
            "equal steps whatever is trained on, one network, molecules of one set",
            "energies on coarse grids change between conformers; gaps hardly do",
        ]
        caveats += [f"{len(self.failures)} trainings failed and are left out"] if self.failures else []
        numbers = [
            KeyNumber(f"{_milli(np.mean(list(seeds.values())))} meV", f"with {rows:,} rows", "mean over seeds")
            for rows, seeds in self.curve.items()
        ]
        text = ". ".join(each[0].upper() + each[1:] for each in verdicts) + "."
        return Summary(text, outcome, tuple(numbers[:6]), tuple(caveats))


def _interval(by_seed: dict[int, float]) -> Interval:
    return paired_difference(np.array(list(by_seed.values())), generator=np.random.default_rng(0))


def _milli(value: float | np.floating[Any]) -> str:
    return f"{1000 * float(value):.0f}"


def draw_molecules(suite: LabelScalingSuite, path: Path, *, show_progress: bool = True) -> Path:
    """A CSV of the suite's molecules, sorted by composition so that isomers go through the integrals together; kept if it is there.

    Raises:
        HookeError: The table has too few molecules of this size.
    """
    if path.exists():
        return path
    fewest, most = suite.heavy_atoms
    parsed = (Chem.MolFromSmiles(text) for text in _column(suite.molecules, "smiles", show_progress))
    fitting = (each for each in parsed if each is not None and fewest <= each.GetNumHeavyAtoms() <= most)
    kept = sorted({Chem.MolToSmiles(each) for each in fitting})
    if len(kept) < suite.count:
        raise HookeError(
            f"{suite.molecules[1]} has {len(kept):,} molecules of {fewest} to {most} heavy atoms, not {suite.count:,}"
        )
    places = np.random.default_rng(_DRAW_SEED).choice(len(kept), suite.count, replace=False)
    drawn = [(CalcMolFormula(Chem.MolFromSmiles(kept[place])), kept[place]) for place in places]
    write_durably(path, csv_text(pl.DataFrame({"smiles": [smiles for _, smiles in sorted(drawn)]})))
    return path


def other_frames(suite: LabelScalingSuite, path: Path, *, show_progress: bool = True) -> Path:
    """Geometries and gaps of the other table in the schema of QM1B; rows without a geometry are left out; kept if it is there."""
    if path.exists():
        return path
    rows: list[dict[str, Any]] = []
    to_bohr = factor("angstrom", "bohr")
    parameters: Any = Chem.SmilesParserParams()
    parameters.removeHs, parameters.allowCXSMILES = False, True
    texts, values = (_column(suite.other, name, show_progress) for name in ("smiles", suite.other_label))
    for text, gap in zip(texts, values, strict=True):
        molecule = Chem.MolFromSmiles(text, parameters)
        if molecule is None or not molecule.GetNumConformers():
            continue
        positions = molecule.GetConformer().GetPositions() * to_bohr
        numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
        smiles = Chem.MolToSmiles(Chem.RemoveHs(molecule))
        rows.append({"smile": smiles, "z": numbers, "pos": positions.ravel().tolist(), suite.label: float(gap)})
    write_parquet(pl.DataFrame(rows), path)
    return path


def _column(source: tuple[str, str], column: str, show_progress: bool) -> list[Any]:
    """A column of the raw file of a table."""
    name, table = source
    module = registry.module("datasets", name)
    [path] = module.Dataset(build(module.Config, {"table": table}, name)).files(How(show_progress=show_progress))
    return pl.read_csv(path)[column].to_list()
