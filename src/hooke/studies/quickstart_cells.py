"""`hooke quickstart cells`: from a simulated screen with known truth to predictions of genes that nobody perturbed, and one report of it.

Simulate cells, check what the screen can teach (one of its two contexts teaches nothing, and that must be found), compare models on inner folds
with the true graph and with a rewired copy of it, predict held-out genes, and score these against their own cells, between null and ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.cells.graph import EdgeSource, graph_of
from hooke.cells.simulated_response import STRONG, SimulatedResponse, SimulationConfig, simulate
from hooke.core.files import write_durably
from hooke.core.label import Label
from hooke.core.writable import check_output_folder
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.schema import Difference, Outcome, Report, Reproduce, Summary, Text
from hooke.report.wording import number
from hooke.workflows.response import ScreenCheck, check_screen
from hooke.workflows.response_fit import NEW, FittedScreen, fit_responses
from hooke.workflows.response_predict import predict_responses
from hooke.workflows.response_scores import ContextScores, evaluate_responses

GRAPH, REWIRED = "true graph", "rewired graph"
METRICS = ("pearson_delta", "weighted_mse", "discrimination", "de_direction")
DEFAULT = SimulationConfig()
_EVERY = 5  # each fifth gene is held out: one of every module


@dataclass(frozen=True)
class CellQuickstartResult:
    """Where everything is, and what came out.

    Attributes:
        folder: Of screen, edges, predictions and report.
        report: The page.
        run: The fitted screen.
        check: What the screen can teach.
        scores: Held-out genes in the strong context.
        truth: Model → correlation with the simulated truth, which no screen knows.
        difference: True graph minus rewired graph on held-out genes, correlation of changes.
        verdict: One line.
        seconds: Of all of it.
    """

    folder: Path
    report: Path
    run: FittedScreen
    check: ScreenCheck
    scores: ContextScores
    truth: dict[str, float]
    difference: Interval
    verdict: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "folder": str(self.folder), "report": str(self.report), "run": self.run.to_json(), "verdict": self.verdict,
            "contexts": {each.name: each.verdict for each in self.check.contexts}, "scores": self.scores.rows(), "truth": self.truth,
            "difference": [self.difference.value, self.difference.low, self.difference.high], "seconds": self.seconds,
        }  # fmt: skip

    def summary(self) -> str:
        """What was found, what to read, and the commands to type next."""
        lines = [f"{each.name}: {each.verdict}" for each in self.check.contexts]
        lines += ["", *(each.verdict for each in self.run.choices), "", f"held-out genes, {STRONG} context"]
        for metric in METRICS:
            own = {each.model: each for each in self.scores.scores if each.metric == metric}
            lines.append(
                f"  {metric:16s}"
                + "  ".join(f"{name} {number(own[name].value.value)}" for name in (GRAPH, REWIRED, "mean"))
                + f"  (null {number(own[GRAPH].null)}, ceiling {number(own[GRAPH].ceiling)})"
            )
        return "\n".join(
            [
                *lines, "", self.verdict, "", f"report  {self.report}   ({self.seconds:.0f} s in all)", f"run     {self.run.folder}",
                "", "next, with your own screen:", "  hooke response check screen.h5ad --scale log1p",
                "  hooke response fit screen.h5ad --scale log1p --library genes.txt",
                "  hooke response predict runs/response-screen genes.csv -o predicted.h5ad",
            ]
        )  # fmt: skip


def quickstart_cells(
    runs: Path = Path("runs"), *, config: SimulationConfig = DEFAULT, show_progress: bool = True
) -> CellQuickstartResult:
    """Run the whole chain; finished parts are not done again.

    Args:
        runs: Folder of the run folders; screen and report lie in runs/quickstart_cells.
        config: Of the simulation.
        show_progress: Show progress bars.
    """
    started = datetime.now(UTC)
    folder = Path(runs) / "quickstart_cells"
    check_output_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    simulated = simulate(config)
    held = sorted(simulated.genes[_EVERY - 1 :: _EVERY])
    graphs = _write(folder, simulated, set(held))
    shared: dict[str, Any] = {"scale": "log1p", "seed": config.seed, "show_progress": show_progress}
    check = check_screen(folder / "screen.h5ad", folder / "perturbations.csv", **shared)
    fitted = {
        name: fit_responses(folder / "screen.h5ad", runs, graph=str(path), library=held, **shared)
        for name, path in graphs.items()
    }
    predicted, truth = {}, {}
    for name, run in fitted.items():
        predicted[name] = folder / f"predicted-{name.replace(' ', '-')}.h5ad"
        found = predict_responses(run.folder, held, predicted[name], context=STRONG)
        truth[name] = _agreement(simulated, held, found.profiles.values)
    scored = evaluate_responses(
        predicted, folder / "held_out.h5ad", folder / "scores.csv", space="changes", **shared
    ).context(STRONG)
    difference = _difference(folder, predicted, simulated, held)
    summary = _summary(check, fitted, scored, truth, difference)
    report = _report(folder, check, fitted, scored, difference, summary, len(held))
    seconds = (datetime.now(UTC) - started).total_seconds()
    return CellQuickstartResult(
        folder, report, fitted[GRAPH], check, scored, truth, difference, summary.verdict, seconds
    )


def _write(folder: Path, simulated: SimulatedResponse, held: set[str]) -> dict[str, Path]:
    """Screen, held-out cells, and both graphs as files of edges; files that are there are those of the same simulation."""
    stamp = folder / "simulation.txt"
    identity = repr((sorted(held), simulated.profiles.values.sum(dtype=np.float64), len(simulated.edges)))
    paths = {GRAPH: folder / "edges.csv", REWIRED: folder / "rewired.csv"}
    if stamp.exists() and stamp.read_text() == identity:
        return paths
    simulated.without(held).write(folder / "screen.h5ad")
    simulated.of(held).write(folder / "held_out.h5ad")
    edges = simulated.edges.rename({"entity1": "first", "entity2": "second"}).with_columns(weight=pl.lit(1.0))
    rewired = graph_of({EdgeSource("simulated", "none needed"): edges}).over(simulated.genes).rewired(seed=0)
    ends = pl.DataFrame(
        {
            "entity1": [rewired.genes[place] for place in rewired.first],
            "entity2": [rewired.genes[place] for place in rewired.second],
        }
    )
    write_durably(paths[GRAPH], simulated.edges.write_csv())
    write_durably(paths[REWIRED], ends.write_csv())
    write_durably(stamp, identity)
    return paths


def _agreement(simulated: SimulatedResponse, held: list[str], values: np.ndarray) -> float:
    """Mean correlation of predicted changes with the simulated ones."""
    true = {each.name: change for each, change in simulated.truth.items()}
    return float(np.mean([np.corrcoef(row, true[name])[0, 1] for name, row in zip(held, values, strict=True)]))


def _difference(folder: Path, predicted: dict[str, Path], simulated: SimulatedResponse, held: list[str]) -> Interval:
    """True graph minus rewired graph: correlation with the simulated truth, paired over held-out genes."""
    from hooke.cells.profiles import Profiles

    true = {each.name: change for each, change in simulated.truth.items()}
    each = {
        name: np.array(
            [np.corrcoef(row, true[gene])[0, 1] for gene, row in zip(held, Profiles.read(path).values, strict=True)]
        )
        for name, path in predicted.items()
    }
    return paired_difference(each[GRAPH] - each[REWIRED], generator=np.random.default_rng(0))


def _summary(
    check: ScreenCheck,
    fitted: dict[str, FittedScreen],
    scored: ContextScores,
    truth: dict[str, float],
    difference: Interval,
) -> Summary:
    own = {each.model: each for each in scored.scores if each.metric == "pearson_delta"}
    chosen = {name: next(each for each in run.choices if each.kind == NEW) for name, run in fitted.items()}
    outcome: Outcome = "better" if difference.low > 0 else "worse" if difference.high < 0 else "undecided"
    teaches = ", ".join(each.name for each in check.contexts if each.ceiling.is_evaluable) or "no context"
    text = (
        f"Of two contexts {teaches} can be evaluated. With the true graph {chosen[GRAPH].model} is chosen, with a rewired one "
        f"{chosen[REWIRED].model}. On held-out genes the true graph reaches r {own[GRAPH].value.value:.2f} (null {own[GRAPH].null:.2f}, "
        f"ceiling {own[GRAPH].ceiling:.2f}), the rewired one {own[REWIRED].value.value:.2f}; against the simulated truth they differ by "
        f"{difference.value:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]."
    )
    numbers = (
        KeyNumber(number(own[GRAPH].value.value), "r on held-out genes, true graph"),
        KeyNumber(number(own[REWIRED].value.value), "r on held-out genes, rewired graph"),
        KeyNumber(number(truth[GRAPH]), "r with the simulated truth, true graph"),
    )
    caveats = (
        "The screen is simulated: it shows that the parts find what was planted, and nothing where nothing was, and says nothing about biology.",
        *(f"{each.name}: {each.verdict}" for each in check.contexts),
    )
    return Summary(text, outcome, numbers, caveats)


def _report(
    folder: Path, check: ScreenCheck, fitted: dict[str, FittedScreen], scored: ContextScores, difference: Interval, summary: Summary, held: int
) -> Path:  # fmt: skip
    own = {(each.model, each.metric): each for each in scored.scores}
    models = [GRAPH, REWIRED, "mean", "control"]
    tables = [
        build.result_table(
            f"Held-out genes, {STRONG} context", [Label(metric) for metric in METRICS], {metric: metric for metric in METRICS},
            {model: [own[model, metric].value for metric in METRICS] for model in models}
            | {"ceiling": [own[GRAPH, metric].ceiling for metric in METRICS], "null": [own[GRAPH, metric].null for metric in METRICS]},
            higher_is_better={metric: own[GRAPH, metric].higher_is_better for metric in METRICS}, counts=[held] * len(METRICS),
            baselines=["mean", "control", "null", "ceiling"], intervals="95 % bootstrap over held-out genes", split="unseen perturbation",
        ),
        *(
            build.result_table(
                f"Inner folds: {each.kind}, {name}", [Label(each.kind)], "pearson", {model: [found] for model, found in each.scores.items()},
                higher_is_better=True, counts=[each.conditions], split="inner folds", intervals="95 % bootstrap over held-out conditions",
            )
            for name, run in fitted.items() for each in run.choices
        ),
    ]  # fmt: skip
    differences: tuple[Difference, ...] = (
        build.difference(
            GRAPH,
            REWIRED,
            "simulated truth",
            "pearson",
            difference,
            higher_is_better=True,
            pairs=held,
            paired_over="genes",
        ),
    )
    report = Report(
        title="Hooke quickstart: cells",
        subtitle="from a simulated screen to genes that nobody perturbed",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=summary,
        results=tuple(tables),
        differences=differences,
        items="perturbations",
        reproduce=Reproduce(
            commands=(
                Text("All of it", "hooke quickstart cells"),
                Text("Check", "hooke response check screen.h5ad --scale log1p"),
                Text("Fit", "hooke response fit screen.h5ad --scale log1p --graph edges.csv"),
                Text("Predict", "hooke response predict runs/response-screen genes.csv -o predicted.h5ad"),
                Text(
                    "Evaluate",
                    "hooke response evaluate --predicted predicted.h5ad --measured held_out.h5ad --space changes --scale log1p",
                ),
            )
        ),
    )
    return write_report(report.write(folder / "report.json"), folder / "report.html")
