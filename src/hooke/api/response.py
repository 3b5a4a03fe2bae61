"""Responses of cells to perturbations: what a screen can teach, and how good predictions are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hooke.workflows.response import ScreenCheck
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
