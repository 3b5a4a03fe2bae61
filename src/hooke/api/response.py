"""Responses of cells to perturbations: what a screen can teach, and how good predictions are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from http.server import ThreadingHTTPServer

    from hooke.workflows.response import ScreenCheck
    from hooke.workflows.response_explain import ResponseExplanation
    from hooke.workflows.response_fit import FittedScreen
    from hooke.workflows.response_predict import PredictedResponses
    from hooke.workflows.response_scores import Evaluation


def check_screen(
    source: Path | str, output: Path | str | None = None, *, scale: str | None = None, **options: Any
) -> ScreenCheck:
    """What a screen can teach: ceilings from disjoint halves, nulls, verdicts, and what each metric can tell apart.

        check = hooke.check_screen("screen.h5ad", scale="log1p")
        print(check.context("k562").verdict)

    Args:
        source: .h5ad of cells (CSR, CSC or dense, read in blocks), or a table of wells.
        output: A table of perturbations, .csv or .parquet; None writes none.
        scale: "counts", "log1p" or "z-score"; None takes what the file declares (uns/log1p).
        options: Those of `hooke.workflows.response.check_screen` (target_sum, layer, with_targets, draws, seed, show_progress) and of
            `hooke.cells.screen.Columns` (perturbation, control, context, batch, kind, dose, unit, hours, separators).

    Raises:
        UsageError: An option is none, or no scale is declared.
        DataError: The file is at fault, or its numbers contradict the scale.
    """
    from hooke.workflows.response import check_screen as check

    return check(source, output, scale=scale, **options)


def evaluate_responses(
    predicted: Mapping[str, Path | str] | Path | str, measured: Path | str, output: Path | str | None = None, *, space: str = "profiles",
    **options: Any,
) -> Evaluation:  # fmt: skip
    """Score any model's predicted responses against a measured screen, beside null, ceiling and baselines.

        found = hooke.evaluate_responses({"mine": "predicted.h5ad"}, "screen.h5ad", scale="log1p")
        print(found.context("k562").ranking("pearson_delta"))

    Args:
        predicted: Name of a model → its file; or one file. One row or more a perturbation (and context), genes as columns.
        measured: The screen with its controls; see `check_screen`.
        output: A table of scores, .csv or .parquet; None writes none.
        space: "profiles", on the scale of the screen, or "changes" from control.
        options: Those of `hooke.workflows.response_scores.evaluate_responses` (profile, scale, target_sum, layer, with_targets, draws, seed,
            show_progress) and of `hooke.cells.screen.Columns`.

    Raises:
        UsageError: An option is none.
        DataError: A file is at fault, or on another scale than the screen.
    """
    from hooke.workflows.response_scores import evaluate_responses as evaluate

    models = predicted if isinstance(predicted, Mapping) else {Path(predicted).stem: predicted}
    return evaluate(models, measured, output, space=space, **options)


def fit_response(
    source: Path | str, runs: Path | str = Path("runs"), *, scale: str | None = None, **options: Any
) -> FittedScreen:
    """Compare models of responses with baselines on inner folds of a screen, and fit the best of them, or a baseline, on all of it.

        run = hooke.fit_response("screen.h5ad", scale="log1p")
        print(run.choices[0].verdict)

    Args:
        source: The screen; see `check_screen`.
        runs: Folder of the run folders.
        scale: See `check_screen`.
        options: Those of `hooke.workflows.response_fit.fit_responses` (graph, library, models, non_commercial, with_targets, seed ...) and of
            `hooke.cells.screen.Columns`.

    Raises:
        UsageError: An option is none, or nothing can be chosen: no context is evaluable.
        DataError: The screen is at fault.
    """
    from hooke.workflows.response_fit import fit_responses

    return fit_responses(source, runs, scale=scale, **options)


def predict_response(
    run: Path | str, asked: Path | str | Sequence[str], output: Path | str | None = None, *, space: str = "changes", context: str | None = None
) -> PredictedResponses:  # fmt: skip
    """Predict responses with a run of `fit_response`; every row has a prediction, a flag, or a reason.

        hooke.predict_response(run.folder, ["KLF1", "KLF1+BAK1"], "predicted.h5ad")

    Args:
        run: The run folder.
        asked: A table with a column perturbation (and context), or texts.
        output: .h5ad or .parquet; None writes nothing.
        space: "changes" from control, or "profiles", never negative on scales of expression.
        context: Of rows that state none; all of the run where None.

    Raises:
        UsageError: An option is none.
        DataError: The run or the table is at fault.
    """
    from hooke.workflows.response_predict import predict_responses

    return predict_responses(run, asked, output, space=space, context=context)


def explain_response(
    run: Path | str, perturbation: str, output: Path | str | None = None, *, context: str | None = None, model: str | None = None,
    pathways: str = "go", verify: str = "all", non_commercial: bool = False, show_progress: bool = True,
) -> ResponseExplanation:  # fmt: skip
    """Why a run of `fit_response` predicts what it predicts: who adds what, pathways, and a chain of claims with verdicts.

        why = hooke.explain_response(run.folder, "KLF1", "why.html")
        [claim.statement for claim in why.claims if claim.verdict == "falsified"]

    Args:
        run: The run folder.
        perturbation: Genes, such as "A" or "A+B"; one that was measured is explained by a model fitted without it.
        output: A page, .html; None writes none.
        context: Of the run; one where it was measured by default.
        model: Explained instead of the chosen one.
        pathways: "go", "none" or a file (.gmt).
        verify: Known relations that verify interactions: "all" that are not in the graph, names, files, or "none".
        non_commercial: Whether sources for non-commercial use alone may be taken.
        show_progress: Show downloads.

    Raises:
        UsageError: The perturbation is a control, or the model cannot be taken apart.
        UnknownNameError: No such context or model.
        DataError: The run or a file is at fault.
    """
    from hooke.workflows.response_explain import explain_response as explain

    return explain(
        run, perturbation, output, context=context, model=model, pathways=pathways, verify=verify, non_commercial=non_commercial,
        show_progress=show_progress,
    )  # fmt: skip


def explore_response(run: Path | str, *, port: int = 8765) -> ThreadingHTTPServer:
    """A server of a fitted screen's page, for this machine alone; `serve_forever` starts it.

    Args:
        run: The run folder of `fit_response`.
        port: 0 takes a free one; `server_address[1]` tells.

    Raises:
        DataError: It is no such run.
        UsageError: The port is none or taken.
    """
    from hooke.serve.map_server import check_port
    from hooke.serve.response_server import response_server
    from hooke.serve.response_view import ResponseView
    from hooke.workflows.response_explain import FittedRun
    from hooke.workflows.response_explain import explain_response as explain

    check_port(port)
    fitted = FittedRun.open(run)

    def asked(perturbation: str, context: str, model: str | None) -> dict[str, Any]:
        return explain(
            fitted.folder.folder, perturbation, context=context, model=model, pathways="none", verify="none", fitted=fitted,
            show_progress=False,
        ).to_json()  # fmt: skip

    return response_server(ResponseView(fitted, asked, title=fitted.folder.folder.parent.name), port=port)
