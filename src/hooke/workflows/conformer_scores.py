"""Conformers scored against references: coverage, average minimum RMSD, validity and strain, beside baselines of equally many conformers.

Two pairings stand side by side. Strict: a sample counts for the molecule that it was made for, if the isomeric SMILES perceived from its
geometry is that of the references; of the first N samples of a molecule, those of another isomer count as misses of precision. Flexible, as in
the papers: molecules are paired without stereo, and of K references the first 2 K samples are taken.

Baselines, made from the references' SMILES: ETKDG, ETKDG + MMFF94, and ETKDG of ten times as many, of which k-means on aligned heavy atoms
chooses (the baseline of arXiv:2302.07061).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, rdBase

from hooke.atoms.conformers.clustering import clustered
from hooke.atoms.conformers.force_field import minimise
from hooke.atoms.conformers.rdkit_conformers import distances, positions_of, with_positions
from hooke.atoms.conformers.validity import Checks
from hooke.atoms.engines import UnlabelledError, engine_of
from hooke.atoms.etkdg import EmbeddedMolecule, NoGeometryError
from hooke.core.errors import UsageError
from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.core.units import factor
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.conformers import THRESHOLDS, EnsembleScores, EnsembleSummary, ensemble_scores, summarise
from hooke.workflows._conformer_records import Record, ensemble, read_conformers, record_of

SAMPLES = "samples"
BASELINES = ("etkdg", "etkdg + mmff", "etkdg x 10, clustered")
POOL = 10  # times as many, of which clustering chooses
HEADLINE = 0.75  # Å


@dataclass(frozen=True)
class MoleculeResult:
    """One molecule by one source of conformers.

    Attributes:
        smiles: Isomer of the references.
        references, samples: How many; samples of another isomer among them are `wrong_isomer`.
        strict, flexible: Scores by the two pairings.
        flexible_samples: Samples that the flexible pairing had.
        valid: Share of samples that pass every check of geometry; NaN without samples.
        strain: Mean over samples of the GFN2 energy above the lowest of the references, kcal/mol; NaN where not asked or unknown.
        problem: Why there are no samples; "" where there are.
    """

    smiles: str
    references: int
    samples: int
    wrong_isomer: int
    strict: EnsembleScores
    flexible: EnsembleScores
    flexible_samples: int
    valid: float
    strain: float
    problem: str = ""


@dataclass(frozen=True)
class SystemScores:
    """One source of conformers over all molecules.

    Attributes:
        name: "samples", or a baseline.
        strict, flexible: Summaries over molecules.
        stereo, valid: Mean share of samples of the right isomer, and of those that pass the checks of geometry.
        strain: Mean GFN2 strain, kcal/mol; None where not asked.
        samples: Samples in all.
        short: Molecules with fewer than 2 K samples of K references.
        molecules: Result of each molecule.
    """

    name: str
    strict: EnsembleSummary
    flexible: EnsembleSummary
    stereo: Interval
    valid: Interval
    strain: Interval | None
    samples: int
    short: int
    molecules: tuple[MoleculeResult, ...]


@dataclass(frozen=True)
class ScoreReport:
    """Scores of a file of conformers.

    Attributes:
        systems: The samples first, then the baselines.
        molecules: Isomers of the references.
        references, samples: Records that were read.
        unmatched: Samples that belong to no reference.
        left_out: Why records of either file were left out → how many.
        reference_valid: Mean share of references that pass the checks of geometry.
        differences: Baseline → AMR-R and AMR-P of the samples minus the baseline's, on the same molecules.
    """

    systems: tuple[SystemScores, ...]
    molecules: int
    references: int
    samples: int
    unmatched: int
    left_out: Mapping[str, int]
    reference_valid: float
    differences: Mapping[str, Mapping[str, Interval]]

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows for people."""
        place = THRESHOLDS.index(HEADLINE)
        header = [
            "source",
            "pairing",
            f"COV-R {HEADLINE}",
            "AMR-R",
            "median",
            f"COV-P {HEADLINE}",
            "AMR-P",
            "right isomer",
            "valid",
        ]
        strain = any(system.strain is not None for system in self.systems)
        rows = []
        for system in self.systems:
            for name, summary in (("strict", system.strict), ("flexible", system.flexible)):
                shown = [
                    summary.coverage_recall[place], summary.recall, None, summary.coverage_precision[place], summary.precision, system.stereo,
                    system.valid,
                ]  # fmt: skip
                texts = [f"{summary.medians['recall']:.3f}" if each is None else _shown(each) for each in shown]
                rows.append([system.name, name, *texts, *([_shown(system.strain)] if strain and system.strain else [])])
        return [*header, *(["strain kcal/mol"] if strain else [])], rows

    def summary(self) -> list[str]:
        """What is said beside the table."""
        mine = self.systems[0]
        lines = [
            f"{self.molecules:,} molecules, {self.references:,} references ({self.reference_valid:.1%} valid), {self.samples:,} samples, "
            f"{self.unmatched:,} of no reference",
            *(f"  left out: {count:,} × {why}" for why, count in self.left_out.items()),
        ]
        if mine.strict.without:
            lines.append(f"  {mine.strict.without:,} molecules have no sample: coverage 0, left out of AMR")
        if mine.short:
            lines.append(f"  {mine.short:,} molecules have fewer than 2 K samples for the flexible pairing")
        for name, both in self.differences.items():
            texts = [f"{which} {_shown(value)}" for which, value in both.items()]
            lines.append(f"samples minus {name}: {', '.join(texts)} Å")
        return lines


def _shown(value: Interval) -> str:
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def score_files(
    samples: Path,
    reference: Path,
    *,
    number: int | None = None,
    baselines: bool = True,
    strain: bool = False,
    seed: int = 0,
    workers: int | None = None,
    show_progress: bool = True,
) -> ScoreReport:
    """Score a file of conformers against one of references.

    Args:
        samples: SD file, or Parquet of `conformers generate`.
        reference: The same kinds.
        number: N, samples of a molecule that are looked at, the first of the file; None takes all.
        baselines: Whether they are made and scored too.
        strain: Whether GFN2 energies are computed; references and samples need all their hydrogens.
        seed: Of baselines and intervals.
        workers: Processes; None takes all cores.
        show_progress: Show molecules, rate and time left.

    Raises:
        UsageError: A suffix of no such file, or GFN2 is not installed.
        DataError: A file cannot be read, holds no conformers, or no sample belongs to a reference.
    """
    if number is not None and number < 1:
        raise UsageError(f"the number of samples is 1 or more, got {number}")
    if strain:
        engine_of("gfn2")
    known, left_out = read_conformers(reference)
    given, also = read_conformers(samples)
    by_isomer: dict[str, list[Record]] = defaultdict(list)
    for record in known:
        by_isomer[record.isomer].append(record)
    asked, unmatched = assigned(given, by_isomer)
    by_constitution: dict[str, list[Record]] = defaultdict(list)
    for record in given:
        by_constitution[record.constitution].append(record)
    jobs = [
        Job(isomer, tuple(found), tuple(asked[isomer][:number]), tuple(by_constitution[found[0].constitution]))
        for isomer, found in by_isomer.items()
    ]
    work = partial(_scored, baselines=baselines, strain=strain, seed=seed)
    results: list[list[MoleculeResult]] = []
    with progress(len(jobs), f"scoring {samples.name}", "molecules", show=show_progress) as bar:
        for result in ordered_map(work, jobs, workers=workers if len(jobs) > 1 else 0):
            results.append(result)
            bar.advance(1)
    names = (SAMPLES, *BASELINES) if baselines else (SAMPLES,)
    systems = tuple(_system(name, [each[place] for each in results], seed, strain) for place, name in enumerate(names))
    valid = [each for job in jobs for each in _valid(list(job.references)).tolist()]
    differences = {
        system.name: {
            which: _difference(systems[0].molecules, system.molecules, name, seed)
            for which, name in (("AMR-R", "recall"), ("AMR-P", "precision"))
        }
        for system in systems[1:]
    }
    return ScoreReport(
        systems, len(jobs), len(known), len(given), unmatched, dict(left_out + also), float(np.mean(valid)), differences
    )


def assigned(
    samples: Sequence[Record], references: Mapping[str, Sequence[Record]]
) -> tuple[dict[str, list[Record]], int]:
    """Samples by the molecule that they were made for, and how many belong to none.

    That is the isomer that the file states, the one that the geometry has, or the only one of the references with the constitution.
    """
    isomers: dict[str, list[str]] = defaultdict(list)
    for isomer, records in references.items():
        isomers[records[0].constitution].append(isomer)
    found: dict[str, list[Record]] = {isomer: [] for isomer in references}
    unmatched = 0
    for record in samples:
        same = isomers.get(record.constitution, [])
        meant = next(
            (each for each in (record.stated, record.isomer) if each in found), same[0] if len(same) == 1 else None
        )
        if meant is None:
            unmatched += 1
        else:
            found[meant].append(record)
    return found, unmatched


@dataclass(frozen=True)
class Job:
    """A molecule to score: its references, its samples, and all samples of its constitution."""

    isomer: str
    references: tuple[Record, ...]
    samples: tuple[Record, ...]
    flexible: tuple[Record, ...]


def _scored(job: Job, *, baselines: bool, strain: bool, seed: int) -> list[MoleculeResult]:
    """In a worker: the samples, then the baselines."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    references = list(job.references)
    with threadpool_limits(1):
        lowest = min(_energies(references), default=np.nan) if strain else np.nan
        results = [
            _result(
                job.isomer,
                references,
                list(job.samples),
                list(job.flexible),
                lowest,
                "" if job.samples else "no samples",
            )
        ]
        if not baselines:
            return results
        count = max(1, len(job.samples))
        try:
            molecule = EmbeddedMolecule.of(Chem.MolFromSmiles(job.isomer), several=True)
        except NoGeometryError as error:
            return results + [_result(job.isomer, references, [], [], lowest, str(error)) for _ in BASELINES]
        for positions in _baselines(molecule, count, seed):
            made = [record_of(with_positions(molecule.molecule, each[None]), molecule.smiles) for each in positions]
            records = [each for each in made if isinstance(each, Record)]
            problem = "" if records else "no conformer could be embedded"
            results.append(_result(job.isomer, references, records, records, lowest, problem))
    return results


def _baselines(molecule: EmbeddedMolecule, count: int, seed: int) -> list[np.ndarray]:
    """Positions of `BASELINES`, at most `count` of each."""
    pool = molecule.conformers(POOL * count, seed)
    embedded = pool[:count]  # the same as embedding so many alone
    relaxed = minimise(molecule.molecule, embedded) if len(embedded) else None
    return [
        embedded,
        embedded if relaxed is None else relaxed.positions,
        pool[clustered(molecule.molecule, pool, count, seed)],
    ]


def _result(
    isomer: str, references: list[Record], samples: list[Record], flexible: list[Record], lowest: float, problem: str
) -> MoleculeResult:
    right = [each for each in samples if each.isomer == isomer]
    all_samples = flexible[: 2 * len(references)]
    valid = _valid(samples)
    known = ensemble(references)
    energies = _energies(samples) - lowest if np.isfinite(lowest) else np.array([np.nan])
    return MoleculeResult(
        isomer, len(references), len(samples), len(samples) - len(right),
        ensemble_scores(_distances(known, right), missing=len(samples) - len(right)), ensemble_scores(_distances(known, all_samples)),
        len(all_samples), float(valid.mean()) if len(valid) else np.nan,
        float(np.nanmean(energies)) if np.isfinite(energies).any() else np.nan, problem,
    )  # fmt: skip


def _distances(references: Chem.Mol, samples: list[Record]) -> np.ndarray:
    if not samples:
        return np.zeros((references.GetNumConformers(), 0))
    return distances(references, ensemble(samples))


def _valid(records: list[Record]) -> np.ndarray:
    """(n,) whether each passes the checks of geometry."""
    if not records:
        return np.zeros(0, bool)
    molecule = ensemble(records)
    with rdBase.BlockLogs():
        return Checks(molecule).of(positions_of(molecule)).valid


def _energies(records: list[Record]) -> np.ndarray:
    """(n,) GFN2 energies in kcal/mol; NaN where there is none."""
    engine = engine_of("gfn2")
    engine.load()
    found = []
    for record in records:
        molecule = record.molecule
        numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()], np.uint8)
        complete = sum(atom.GetNumImplicitHs() + atom.GetNumExplicitHs() for atom in molecule.GetAtoms()) == 0
        unpaired = sum(atom.GetNumRadicalElectrons() for atom in molecule.GetAtoms())
        try:
            if not complete:
                raise UnlabelledError("hydrogens are missing")
            done = engine.compute(
                numbers, molecule.GetConformer().GetPositions(), Chem.GetFormalCharge(molecule), unpaired + 1
            )
            found.append(done.energy * factor("eV", "kcal/mol"))
        except UnlabelledError:
            found.append(np.nan)
    return np.array(found)


def _system(name: str, results: list[MoleculeResult], seed: int, strain: bool) -> SystemScores:
    def mean(values: Sequence[float]) -> Interval:
        known = np.array([value for value in values if np.isfinite(value)])
        if not len(known):
            return Interval(np.nan, np.nan, np.nan)
        return paired_difference(known, generator=np.random.default_rng(seed))

    return SystemScores(
        name, summarise([each.strict for each in results], seed=seed), summarise([each.flexible for each in results], seed=seed),
        mean([1 - each.wrong_isomer / each.samples for each in results if each.samples]), mean([each.valid for each in results]),
        mean([each.strain for each in results]) if strain else None, sum(each.samples for each in results),
        sum(each.flexible_samples < 2 * each.references for each in results), tuple(results),
    )  # fmt: skip


def _difference(mine: Sequence[MoleculeResult], others: Sequence[MoleculeResult], name: str, seed: int) -> Interval:
    differences = np.array(
        [getattr(a.strict, name) - getattr(b.strict, name) for a, b in zip(mine, others, strict=True)], np.float64
    )
    differences = differences[~np.isnan(differences)]
    if not len(differences):
        return Interval(np.nan, np.nan, np.nan)
    return paired_difference(differences, generator=np.random.default_rng(seed))
