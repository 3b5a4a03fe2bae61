"""Conformers of molecules: `generate` makes them, `score` compares them with references."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.writable import check_output

if TYPE_CHECKING:
    from hooke.workflows.conformer_generation import GenerationReport
    from hooke.workflows.conformer_scores import ScoreReport

METHODS = ("etkdg", "flow", "flow_refine")
RELAXATIONS = ("none", "mmff", "gfn2")
STEPS = 50


def generate(
    source: Path | str,
    output: Path | str,
    *,
    number: int = 20,
    method: str = "etkdg",
    run: str | Path | None = None,
    steps: int | None = None,
    sampler: str | None = None,
    relax: str | Path = "mmff",
    rank: bool = False,
    prune: float = 0.0,
    any_stereo: bool = False,
    seed: int = 0,
    device: str = "auto",
    energy_method: str | None = None,
    **options: Any,
) -> GenerationReport:
    """Conformers of every molecule of a table, streamed and resumable; every row is accounted for.

        hooke.conformers.generate("drugs.csv", "conformers.sdf", number=20)

    Args:
        source: CSV, Parquet, SMILES or SD file.
        output: .sdf or .parquet; an SD file has all rows in `<output>.parquet` beside it.
        number: Conformers asked for of each molecule.
        method: "etkdg"; "flow" from the prior of a run of `flow_matching`, or "flow_refine" from embedded conformers.
        run: Of a flow.
        steps, sampler: Of a flow: 50 steps of "euler" by default; "heun", "stochastic".
        relax: "none", "mmff", "gfn2", or the folder of a run of a potential.
        rank: Order the conformers of a molecule by the energy of the relaxation, lowest first.
        prune: Leave out conformers nearer than this to one before, heavy-atom RMSD in Å; 0 keeps all.
        any_stereo: Take molecules whose stereo is undefined, too.
        seed: Seed of all random numbers.
        device: "auto", "cpu" or "cuda", of a run.
        energy_method: Of a run that has several.
        options: smiles_column, workers, resume, show_progress; see `hooke.workflows.conformer_generation.generate_file`.

    Raises:
        UsageError: An option that is none, or a program that is not installed.
        DataError: The source, the run or the disk is at fault.
    """
    from hooke.workflows import _conformer_relaxation as relaxing
    from hooke.workflows._conformer_sampling import EtkdgSampler, FlowSampler, Sampler
    from hooke.workflows.conformer_generation import SUFFIXES, Settings, generate_file, whole_file

    check_output(output, source, suffixes=SUFFIXES)
    check_output(whole_file(Path(output)), source)
    settings = Settings(number, seed, rank, prune, any_stereo)
    if method not in METHODS:
        raise UnknownNameError("method of conformers", method, METHODS)
    if method == "etkdg" and (run, steps, sampler) != (None, None, None):
        raise UsageError("a run, its steps and its sampler belong to --method flow or flow_refine")
    if method != "etkdg" and run is None:
        raise UsageError(f"--method {method} needs --run, a finished run of flow_matching")
    relaxer: relaxing.Relaxer
    stamp: dict[str, Any] = {"method": method, "relax": str(relax)}
    if energy_method is not None and str(relax) in RELAXATIONS:
        raise UsageError("a method of energies belongs to a run, not to --relax " + str(relax))
    if relax == "none":
        relaxer = relaxing.NoRelaxation()
    elif relax == "mmff":
        relaxer = relaxing.ForceField()
    elif relax == "gfn2":
        relaxer = relaxing.engine_relaxation("gfn2", relaxing.ForceField())
    else:
        relaxer, stamp["relax"] = _run(relax, device, energy_method)
    chosen: Sampler = EtkdgSampler()
    if run is not None:
        from hooke.inference.loaded import LoadedRun
        from hooke.inference.shipped import run_path

        loaded = LoadedRun.open(run_path(run), device)
        chosen = FlowSampler(loaded, refine=method == "flow_refine", steps=steps or STEPS, sampler=sampler or "euler")
        stamp = {**stamp, **loaded.stamp()}
    return generate_file(
        Path(source), Path(output), sampler=chosen, relaxer=relaxer, settings=settings, identity=stamp, **options
    )  # fmt: skip


def score(
    samples: Path | str,
    reference: Path | str,
    *,
    number: int | None = None,
    baselines: bool = True,
    strain: bool = False,
    seed: int = 0,
    workers: int | None = None,
    show_progress: bool = True,
) -> ScoreReport:
    """Coverage, average minimum RMSD and validity of conformers against references, with intervals over molecules, beside baselines.

        hooke.conformers.score("conformers.sdf", "crystal.sdf").systems[0].strict.recall

    Args:
        samples: SD file, or Parquet of `generate`.
        reference: The same kinds.
        number: Samples of a molecule that are looked at, the first of the file; None takes all.
        baselines: Whether equally many conformers by ETKDG, with MMFF94, and chosen of ten times as many, are made and scored.
        strain: Whether GFN2 energies above those of the references are computed.
        seed: Of baselines and intervals.
        workers: Processes; None takes all cores.
        show_progress: Show molecules, rate and time left.

    Raises:
        UsageError: A suffix of no such file, or GFN2 is not installed.
        DataError: A file cannot be read or holds no conformers.
    """
    from hooke.workflows.conformer_scores import score_files

    return score_files(
        Path(samples), Path(reference), number=number, baselines=baselines, strain=strain, seed=seed, workers=workers,
        show_progress=show_progress,
    )  # fmt: skip


def _run(relax: str | Path, device: str, energy_method: str | None) -> tuple[Any, Any]:
    """A run as a relaxation, and what it is known by."""
    from hooke.inference.loaded import LoadedRun
    from hooke.inference.shipped import run_path
    from hooke.workflows._conformer_relaxation import ForceField, SurfaceRelaxation
    from hooke.workflows.run_potential import RunPotential

    if not Path(relax).exists():
        raise UnknownNameError("relaxation (or folder of a run)", str(relax), RELAXATIONS)
    loaded = LoadedRun.open(run_path(relax), device)
    potential = RunPotential(loaded, energy_method)
    return SurfaceRelaxation(potential, ForceField()), {**loaded.stamp(), "method": potential.method}
