"""Screens and earlier screens for discovery: of the suite, or tables of one's own; and the page of hit curves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from hooke.cells.graph import DEFAULT_SOURCES, Graph, known_graph
from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.how import How
from hooke.core.paths import cache_folder
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.schema import Curve, LearningCurves, Report, Summary
from hooke.workflows.discovery_campaign import read_genes
from hooke.workflows.discovery_simulation import SimulatedScreen, Simulation, screen_of

DATASET = "discovery_screens"


def known_or_default(sources: Sequence[str] | str, non_commercial: bool, show_progress: bool) -> Graph:
    """The graph of these sources, or the default one."""
    return known_graph(sources or DEFAULT_SOURCES, non_commercial=non_commercial, show_progress=show_progress)


def read_priors(paths: Sequence[Path | str]) -> dict[str, dict[str, float]]:
    """Tables of earlier screens by their file names.

    Raises:
        UsageError: Two files have one name.
        DataError: A table has no genes and scores.
    """
    found: dict[str, dict[str, float]] = {}
    for path in map(Path, paths):
        if path.stem in found:
            raise UsageError(f"two earlier screens are called {path.stem}")
        found[path.stem] = dict(read_genes(path, scores=True)[0].select("gene", "score").iter_rows())
    return found


def suite_screen(name: str, graph: Graph, priors: str, show_progress: bool = True) -> SimulatedScreen:
    """A screen of the suite discovery.

    Args:
        name: Of the screen.
        graph: Any.
        priors: "none", "others" (screens of other studies) or "all".
        show_progress: Show downloads.

    Raises:
        UnknownNameError: No such screen.
    """
    module = registry.module("datasets", DATASET)
    if name not in module.SCREENS:
        raise UnknownNameError("screen", name, module.SCREENS)
    profiles = (
        module.Dataset(module.Config()).prepare(cache_folder() / "stores", How(show_progress=show_progress)).profiles()
    )
    table = profiles.metadata.with_columns(score=profiles.values[:, 0].astype(np.float64))
    scores = {
        key[0]: dict(part.select("gene", "score").iter_rows())
        for key, part in table.group_by("screen", maintain_order=True)
    }
    study = dict(table.select("screen", "study").unique().iter_rows())
    same = [other for other in scores if other != name and study[other] == study[name]]
    others = [other for other in scores if study[other] != study[name]]
    earlier = {"none": [], "others": others, "all": [*same, *others]}[priors]
    return screen_of(name, scores[name], graph, {other: scores[other] for other in earlier}, same)


def table_screen(
    path: Path, graph: Graph, priors: Sequence[Path | str], same_study: Sequence[Path | str] = ()
) -> SimulatedScreen:
    """A table of genes and scores with earlier screens as tables.

    Raises:
        DataError: It has no genes and scores.
    """
    scores = dict(read_genes(path, scores=True)[0].select("gene", "score").iter_rows())
    return screen_of(
        path.stem, scores, graph, read_priors([*priors, *same_study]), [Path(other).stem for other in same_study]
    )


def write_curves(found: Simulation) -> Path:
    """`FILE.report.json` and `FILE.html` beside the curves; returns the page."""
    steps = tuple(float(number) for number in range(1, found.loop.rounds + 1))
    lines = {policy: found.found(policy).mean(axis=0).tolist() for policy in found.loop.policies}
    lines |= {"chance": found.chance, "oracle": found.oracle}
    curves = tuple(Curve(name, steps, (), tuple(values)) for name, values in lines.items())
    best = max(found.loop.policies, key=found.ratio)
    last = found.interval(best)
    priors = [f"{prior.name}{' (same study)' if prior.same_study else ''}" for prior in found.screen.library.priors]
    report = Report(
        title=f"Discovery loops on {found.screen.name}",
        subtitle=f"{found.loop.rounds} rounds of {found.loop.batch}, {found.loop.seeds} seeds, {len(found.screen.library):,} genes",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=Summary(
            f"{best} finds {last.value:.3f} [{last.low:.3f}, {last.high:.3f}] of the hits, {found.ratio(best):.1f} times chance.",
            "none",
            tuple(KeyNumber(f"{found.ratio(policy):.2f} x chance", policy) for policy in found.loop.policies)[:6],
            (f"Earlier screens: {', '.join(priors) or 'none'}",),
        ),
        training=(LearningCurves("Hits found", curves, "round", "share of the hits"),),
        items="genes",
    )
    return write_report(report.write(found.file.with_suffix(".report.json")), found.file.with_suffix(".html"))
