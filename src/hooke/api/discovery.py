"""The next experiments of a campaign, and loops simulated on measured screens, behind `hooke discover`; see `hooke.api`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.writable import check_output, check_output_folder

if TYPE_CHECKING:
    from hooke.workflows.discovery_campaign import Round
    from hooke.workflows.discovery_simulation import Simulation
    from hooke.workflows.discovery_target import TargetPicks

PRIORS = ("none", "others", "all")


def next_experiments(
    measured: Path | str | None,
    library: Path | str,
    output: Path | str | None = None,
    *,
    batch: int = 96,
    policy: str = "auto",
    state: Path | str = "campaign",
    priors: Sequence[Path | str] = (),
    same_study: Sequence[Path | str] = (),
    exclude: Path | str | None = None,
    must: Sequence[str] = (),
    graph: Sequence[str] | str = (),
    pathways: str = "none",
    non_commercial: bool = False,
    budget: float = 0.0,
    controls: int = 0,
    replicates: int = 1,
    plate: int = 96,
    hit_threshold: float = 0.0,
    hit_share: float = 0.05,
    seed: int = 0,
    show_progress: bool = True,
) -> Round:
    """The next batch of a campaign, each pick with its reason; the same call gives the same picks.

    Args:
        measured: Table with the columns gene and score (and hit); None before the first round.
        library: Table with the column gene (and price).
        output: CSV of the picks and their wells.
        batch, policy, budget, controls, replicates, plate, hit_threshold, hit_share, seed: See `hooke.workflows.discovery_campaign.Options`.
        state: Folder of the campaign.
        priors: Tables of earlier screens, with the columns gene and score.
        same_study: Tables of earlier screens of the same study; they count more, and are labelled.
        exclude: Table of genes that are not to be picked.
        must: Genes that the batch has to hold.
        graph: Sources of relations and files of edges; the default graph without.
        pathways: "go" (biological processes), a file (.gmt) or "none": of each pick the one whose measured members are the strongest.
        non_commercial: Whether sources for non-commercial use may be taken.
        show_progress: Show downloads.

    Raises:
        UsageError: A wrong option, or a must-have that cannot be picked.
        DataError: A table or the state is not what it should be.
    """
    from hooke.workflows.discovery_campaign import Options, next_round, read_genes, write_picks
    from hooke.workflows.discovery_screens import known_or_default, read_priors

    options = Options(batch, policy, seed, hit_threshold, hit_share, budget, controls, replicates, plate)
    options.check()
    if output is not None:
        check_output(output, *(path for path in (measured, library) if path is not None), suffixes=(".csv",))
    unwanted = [] if exclude is None else read_genes(Path(exclude), scores=False)[0]["gene"].to_list()
    edges = known_or_default(graph, non_commercial, show_progress)
    found = next_round(
        None if measured is None else Path(measured), Path(library), edges, options, Path(state),
        priors=read_priors([*priors, *same_study]), same_study=[Path(path).stem for path in same_study], exclude=unwanted, must=must,
        pathways=pathways, show_progress=show_progress,
    )  # fmt: skip
    if output is not None:
        write_picks(found, Path(output), options)
    return found


def simulate_discovery(
    screen: Path | str,
    *,
    batch: int = 128,
    rounds: int = 5,
    seeds: int = 10,
    policies: Sequence[str] = (),
    priors: Sequence[Path | str] | str = "none",
    same_study: Sequence[Path | str] = (),
    agent: str = "",
    hit_share: float = 0.05,
    graph: Sequence[str] | str = (),
    non_commercial: bool = False,
    runs: Path | str = "runs",
    show_progress: bool = True,
) -> Simulation:
    """A measured screen hides its scores and reveals them to policies, batch by batch; curves, chance and oracle.

    Args:
        screen: A screen of the suite discovery, or a table with the columns gene and score.
        batch, rounds, seeds, agent, hit_share: See `hooke.workflows.discovery_simulation.Loop`.
        policies: Names; without, the four fixed ones and auto, as far as there are earlier screens.
        priors: "none"; of a screen of the suite "others" (of other studies) or "all"; or tables of earlier screens.
        same_study: Tables of earlier screens of the same study.
        graph, non_commercial: See `next_experiments`.
        runs: Folder of curves and page.
        show_progress: Show a progress bar.

    Raises:
        UnknownNameError: No such screen or policy.
        UsageError: A wrong option.
        DataError: A table is not what it should be.
    """
    from hooke.workflows.discovery_screens import known_or_default, suite_screen, table_screen, write_curves
    from hooke.workflows.discovery_simulation import AGENT, FIXED, Loop, simulate

    check_output_folder(runs)
    edges = known_or_default(graph, non_commercial, show_progress)
    if isinstance(priors, str):
        if priors not in PRIORS:
            raise UnknownNameError("choice of earlier screens", priors, PRIORS)
        chosen = suite_screen(str(screen), edges, priors, show_progress) if not Path(screen).is_file() else None
        chosen = chosen or table_screen(Path(screen), edges, [], same_study)
    else:
        chosen = table_screen(Path(screen), edges, priors, same_study)
    if not policies:
        known = (
            FIXED if chosen.library.priors else tuple(name for name in FIXED if name not in ("transfer", "combined"))
        )
        policies = (*known, "auto", *((AGENT,) if agent else ()))
    found = simulate(
        chosen, Loop(batch, rounds, seeds, hit_share, tuple(policies), agent), Path(runs), show_progress=show_progress
    )
    write_curves(found)
    return found


def run_discovery(
    name: str = "discovery",
    *,
    screens: Sequence[str] = (),
    seeds: int = 10,
    runs: Path | str = "runs",
    show_progress: bool = True,
) -> list[Simulation]:
    """Every screen of a suite, without earlier screens, with those of other studies, and with all; see `simulate_discovery`.

    Args:
        name: A suite of this kind.
        screens: Some of its screens.
        seeds: Repetitions.
        runs: Folder of curves and pages.
        show_progress: Show a progress bar.

    Raises:
        UsageError: The suite is none of discovery.
        UnknownNameError: A screen that it does not have.
    """
    from hooke.suites import DiscoverySuite, suite

    found = suite(name)
    if not isinstance(found, DiscoverySuite):
        raise UsageError(f"{name} is not a suite of discovery")
    for screen in screens:
        if screen not in found.screens:
            raise UnknownNameError(f"screen of {name}", screen, found.screens)
    loops = {
        loop.title: loop
        for screen in found.screens
        if not screens or screen in screens
        for loop in (
            simulate_discovery(screen, seeds=seeds, priors=priors, runs=runs, show_progress=show_progress)
            for priors in PRIORS
        )
    }
    return list(loops.values())


def summary_of(found: Round) -> Mapping[str, Any]:
    """What a round says of itself, as plain values."""
    return {"round": found.number, **found.summary, "left_out": dict(found.left_out)}


def toward_target(
    run: Path | str, target: Path | str, library: Path | str, output: Path | str | None = None, *, batch: int = 96, context: str | None = None
) -> TargetPicks:  # fmt: skip
    """Rank a library by how much of a wanted change each perturbation is predicted to reach, with a run of `fit_response`.

        hooke.toward_target(run.folder, "target.csv", "genes.csv", "picks.csv").picks

    Args:
        run: The run folder.
        target: Table with the columns gene (a read-out) and change.
        library: Table with the column gene: genes, or sets such as A+B.
        output: .csv or .parquet; None writes none.
        batch: Picks.
        context: Of the run; needed where there are several.

    Raises:
        UsageError: An option is none, or the target names too few read-outs of the run.
        UnknownNameError: No such context.
        DataError: The run or a table is at fault.
    """
    from hooke.workflows.discovery_target import toward_target as rank

    return rank(run, target, library, output, batch=batch, context=context)
