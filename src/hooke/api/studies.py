"""Studies of many trainings, behind `hooke search` and `hooke scale`; part of the Python interface, see `hooke.api`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.core.errors import HookeError, UsageError
from hooke.core.writable import check_output, check_output_folder

if TYPE_CHECKING:
    from hooke.studies.diversity import DiversityResult
    from hooke.studies.explanation_benchmark import ExplanationResult
    from hooke.studies.label_scaling import LabelScalingResult
    from hooke.studies.potential_leaderboard import LeaderboardResult
    from hooke.studies.response_benchmark import ResponseResult
    from hooke.studies.scaling_result import ScalingResult
    from hooke.studies.search.live import Found
    from hooke.suites import DiversitySuite


def run_search(
    recipe: str | Path,
    space: Path | str,
    *,
    overrides: Sequence[str] = (),
    sampler: str = "tpe",
    trials: int = 30,
    workers: int = 1,
    prune: bool = False,
    seed: int = 0,
    runs: Path | str = "runs",
) -> Found:
    """Search options of a recipe, judged on its validation rows; see `hooke.studies.search.live`."""
    from hooke.studies.search.space import read_space

    tried = read_space(Path(space))
    check_output_folder(runs)
    from hooke.studies.search.live import Search
    from hooke.studies.search.live import run_search as run

    return run(
        Search(str(recipe), tuple(overrides), tried, sampler, trials, seed, prune, Path(runs)),
        workers=workers,
    )


def run_scaling(
    recipe: str | Path,
    grid: Path | str,
    *,
    overrides: Sequence[str] = (),
    seeds: int = 3,
    runs: Path | str = "runs",
    show_progress: bool = True,
) -> ScalingResult:
    """One factor at a time from a recipe, power laws, tables and a report; see `hooke.studies.scaling`.

    Args:
        recipe: The base point.
        grid: TOML file of the factors.
        overrides: "a.b=c" changes of the base point.
        seeds: Trainings of each point.
        runs: Folder of run folders, of the study's file, tables and report.
        show_progress: Show a progress bar.

    Raises:
        HookeError: Every training failed.
    """
    from hooke.studies.scaling import Study, read_grid, run_study

    study = Study(str(recipe), tuple(overrides), read_grid(grid), seeds, Path(runs))
    check_output_folder(runs)
    from hooke.studies.scaling_report import write_scaling_report
    from hooke.studies.scaling_result import ScalingResult

    trials = run_study(study, show_progress=show_progress)
    if all(trial.reason for trial in trials):
        raise HookeError(f"none of the {len(trials)} trainings succeeded: {trials[0].reason}")
    result = ScalingResult(study, tuple(trials))
    result.write_tables()
    command = " ".join(["hooke scale", str(recipe), str(grid), *overrides, f"--seeds {seeds}"])
    write_scaling_report(result, command=command)
    return result


def run_diversity(
    name: str = "diversity_grid",
    *,
    overrides: Sequence[str] = (),
    seeds: int = 3,
    runs: Path | str = "runs",
    show_progress: bool = True,
) -> DiversityResult:
    """Molecules against conformations at one budget of labels, tables and a report; see `hooke.studies.diversity`.

    Where the overrides name no data (`data.path`), the frames of the suite are labelled first, once.

    Args:
        name: A suite of this kind.
        overrides: "a.b=c" changes of its recipe.
        seeds: Trainings of each point.
        runs: Folder of run folders, of the study's file and report.
        show_progress: Show a progress bar.

    Raises:
        UsageError: The suite is none of diversity.
        HookeError: Some point could not be trained at all.
    """
    from hooke.studies.diversity import DiversityResult, DiversityStudy
    from hooke.studies.diversity import run_diversity as run
    from hooke.studies.diversity_report import write_diversity_report
    from hooke.suites import DiversitySuite, suite

    found = suite(name)
    if not isinstance(found, DiversitySuite):
        raise UsageError(f"{name} is a suite of tasks: `hooke benchmark {name}`")
    check_output_folder(runs)
    far = None
    if not any(change.startswith("data.path=") for change in overrides):
        labelled, far = _labelled(found, Path(runs), show_progress)
        overrides = [*overrides, *labelled]
    study = DiversityStudy(found, tuple(overrides), seeds, Path(runs), far)
    result = DiversityResult(study, tuple(run(study, show_progress=show_progress)))
    if not result.seeds:
        reasons = [trial.reason for trial in result.trials if trial.reason]
        raise HookeError(f"no seed was trained at every point: {reasons[0]}")
    write_diversity_report(result, command=" ".join(["hooke scale", name, *overrides, f"--seeds {seeds}"]))
    return result


def _labelled(found: DiversitySuite, runs: Path, show_progress: bool) -> tuple[list[str], Path | None]:
    """The frames of a suite, labelled, and isolated atoms by the same method, as changes of its recipe; and the far frames, if it has any."""
    from hooke.api.quantum import label, label_atoms

    folder = _label_folder(found.name, runs)
    frames, atoms, far = folder / "frames.parquet", folder / "atoms.extxyz", folder / "far.parquet"
    for source, output in ((found.frames, frames), (found.far, far)):
        if source:
            label(source[0], output, method=found.method, data=source[1:], show_progress=show_progress)
    if not atoms.exists():
        label_atoms(found.method, found.elements, atoms)
    return [f"data.path={frames}", f"data.isolated_atoms={atoms}"], far if found.far else None


def _label_folder(suite: str, runs: Path) -> Path:
    """Where a study keeps the labels that it makes."""
    folder = runs / f"{suite}-labels"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run_label_scaling(
    name: str = "qm1b_scaling",
    *,
    overrides: Sequence[str] = (),
    seeds: int = 3,
    runs: Path | str = "runs",
    show_progress: bool = True,
) -> LabelScalingResult:
    """Errors against rows of own labels, and what they are worth on other labels; see `hooke.studies.label_scaling`.

    Where the overrides name no data (`data.path`), the molecules of the suite are labelled first, once.

    Args:
        name: A suite of this kind.
        overrides: "a.b=c" changes of its recipe.
        seeds: Trainings of each size.
        runs: Folder of run folders, of labels, of the study's files and report.
        show_progress: Show a progress bar.

    Raises:
        UsageError: The suite is none of labels.
        HookeError: Nothing could be trained.
    """
    from hooke.studies.label_scaling import LabelScaling, draw_molecules, other_frames
    from hooke.studies.label_scaling import run_label_scaling as run
    from hooke.suites import LabelScalingSuite, suite

    found = suite(name)
    if not isinstance(found, LabelScalingSuite):
        raise UsageError(f"{name} is not a suite of labels")
    check_output_folder(runs)
    folder = _label_folder(found.name, Path(runs))
    given = [change.removeprefix("data.path=") for change in overrides if change.startswith("data.path=")]
    labels = Path(given[-1]) if given else folder / "qm1b.parquet"
    if not given:
        from hooke.api.quantum import label

        molecules = draw_molecules(found, folder / "molecules.csv", show_progress=show_progress)
        label(
            molecules, folder / "labels.parquet", method=found.method, grid=found.grid, forces=False, qm1b=labels,
            show_progress=show_progress,
        )  # fmt: skip
    other = other_frames(found, folder / f"{found.other[1]}.parquet", show_progress=show_progress)
    changes = tuple(change for change in overrides if not change.startswith("data.path="))
    result = run(LabelScaling(found, labels, other, changes, seeds, Path(runs)), show_progress=show_progress)
    if not result.curve:
        raise HookeError(f"none of the {len(result.trials)} trainings succeeded: {result.failures[0]}")
    result.write_report(command=" ".join(["hooke scale", name, *overrides, f"--seeds {seeds}"]))
    return result


def run_leaderboard(
    name: str = "potentials",
    *,
    overrides: Sequence[str] = (),
    systems: Sequence[str] = (),
    sets: Sequence[str] = (),
    seeds: int = 3,
    runs: Path | str = "runs",
    show_progress: bool = True,
) -> LeaderboardResult:
    """Networks and baselines on frames, beside each other on one page; see `hooke.studies.potential_leaderboard`.

    Args:
        name: A suite of this kind.
        overrides: "a.b=c" changes of its recipe.
        systems: Some of its networks and baselines.
        sets: Some of its data sets.
        seeds: Of each system.
        runs: Folder of run folders, scores and page.
        show_progress: Show a progress bar.

    Raises:
        UsageError: The suite is none of potentials.
        HookeError: Nothing could be measured.
    """
    from hooke.studies.potential_leaderboard import Leaderboard, LeaderboardResult, write_leaderboard
    from hooke.studies.potential_leaderboard import run_leaderboard as run
    from hooke.suites import PotentialSuite, suite

    found = suite(name)
    if not isinstance(found, PotentialSuite):
        raise UsageError(f"{name} is not a suite of potentials")
    check_output_folder(runs)
    board = Leaderboard(found, tuple(overrides), tuple(systems), tuple(sets), seeds, Path(runs))
    result = LeaderboardResult(board, tuple(run(board, show_progress=show_progress)))
    if not result.finished:
        raise HookeError(f"nothing could be measured: {result.rows[0].reason}")
    write_leaderboard(result, command=" ".join(["hooke benchmark", name, *overrides, f"--seeds {seeds}"]))
    return result


def run_responses(
    name: str = "responses", *, tasks: Sequence[str] = (), networks: Sequence[str] = (), runs: Path | str = "runs", show_progress: bool = True
) -> ResponseResult:  # fmt: skip
    """Models of responses beside baselines and changed graphs on one page; see `hooke.studies.response_benchmark`.

    Args:
        name: A suite of this kind.
        tasks: Some of its tasks.
        networks: Recipes of networks (txpert) that are measured as well, alone and as the residual of the best model in closed form.
        runs: Folder of scores and page.
        show_progress: Show a progress bar.

    Raises:
        UsageError: The suite is none of responses, or a task has no networks.
        UnknownNameError: A task that it does not have.
    """
    from hooke.studies.response_benchmark import ResponseBenchmark, ResponseResult, write_page
    from hooke.studies.response_benchmark import run_responses as run
    from hooke.suites import ResponseSuite, suite

    found = suite(name)
    if not isinstance(found, ResponseSuite):
        raise UsageError(f"{name} is not a suite of responses")
    check_output_folder(runs)
    benchmark = ResponseBenchmark(found, tuple(tasks), Path(runs), tuple(networks))
    result = ResponseResult(benchmark, tuple(run(benchmark, show_progress=show_progress)))
    asked = (("tasks", tasks), ("systems", networks))
    chosen = "".join(f" --{option} {','.join(names)}" for option, names in asked if names)
    write_page(result, command=f"hooke benchmark {name}{chosen}")
    return result


def run_explanations(
    name: str = "explanations", *, tasks: Sequence[str] = (), relations: Sequence[str] = (), own_relations: bool = False,
    runs: Path | str = "runs", show_progress: bool = True,
) -> ExplanationResult:  # fmt: skip
    """How faithful explanations of responses are, each measure beside its null; see `hooke.studies.explanation_benchmark`.

    Args:
        name: A suite of this kind.
        tasks: Some of its tasks.
        relations: Sources whose relations are recalled, instead of those of the tasks.
        own_relations: Whether these may be sources of the model's own graph.
        runs: Folder of scores and page.
        show_progress: Show a progress bar.

    Raises:
        UsageError: The suite is none of explanations, or relations of the model's own graph are asked for without `own_relations`.
        UnknownNameError: A task that it does not have.
    """
    from hooke.studies.explanation_benchmark import ExplanationBenchmark, ExplanationResult, write_page
    from hooke.studies.explanation_benchmark import run_explanations as run
    from hooke.suites import ExplanationSuite, suite

    found = suite(name)
    if not isinstance(found, ExplanationSuite):
        raise UsageError(f"{name} is not a suite of explanations")
    check_output_folder(runs)
    benchmark = ExplanationBenchmark(found, tuple(tasks), tuple(relations), own_relations, Path(runs))
    result = ExplanationResult(benchmark, tuple(run(benchmark, show_progress=show_progress)))
    chosen = f" --tasks {','.join(tasks)}" if tasks else ""
    asked = f" --relations {','.join(relations)}" if relations else ""
    write_page(result, command=f"hooke benchmark {name}{chosen}{asked}{' --own-relations' if own_relations else ''}")
    return result


def compare_optimisers(
    recipe: str | Path,
    space: Path | str,
    table: Path | str,
    *,
    overrides: Sequence[str] = (),
    optimisers: Sequence[str] = ("random", "tpe", "cma_es"),
    trials: int = 30,
    seeds: int = 1,
    repeats: int = 200,
    seed: int = 0,
    runs: Path | str = "runs",
) -> dict[str, Any]:
    """Train at every point of a space once, then replay optimisers on the table; see `hooke.studies.search.replay`."""
    import numpy as np

    from hooke.studies.search.live import Search, check_validation
    from hooke.studies.search.replay import replay, summary
    from hooke.studies.search.space import read_space
    from hooke.studies.search.tabular import tabulate, trained_scores

    check_output(table, recipe, space, suffixes=(".parquet",))
    check_output_folder(runs)
    how = Search(str(recipe), tuple(overrides), read_space(Path(space)), trials=trials, seed=seed, runs=Path(runs))
    how.check()
    check_validation(how)
    found = tabulate(how.space, trained_scores(how), Path(table), seeds=seeds)
    if not np.isfinite(found.valid).any():
        raise HookeError(f"no point of {space} could be trained; `hooke fit` with its values says why")
    return summary(found, {name: replay(found, name, trials=trials, repeats=repeats, seed=seed) for name in optimisers})
