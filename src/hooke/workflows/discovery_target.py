"""`hooke discover target`: which perturbations of a library would bring cells nearest to a wanted change, by a run of `hooke response fit`.

    reached = 1 - |t - d|^2 / |t|^2        alignment = <t, d> / (|t| |d|)

t is the wanted change of read-outs, d the predicted one, both over the read-outs that the target names. Nothing is reached by doing nothing (0);
above 0 a perturbation brings cells nearer. Alignment alone ignores how large a change is; its rank among those of all measured perturbations
says how special it is. A perturbation that was measured is predicted by a model that saw it, which takes noise off. A prediction that is
only the mean of the training responses is listed last, with its reason: it says nothing of that perturbation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core.checked import write_parquet
from hooke.core.csv_text import csv_text
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.files import write_durably
from hooke.core.reading import check_table, reading
from hooke.core.writable import check_output
from hooke.evaluate.multiple_testing import empirical_p
from hooke.workflows.discovery_campaign import read_genes
from hooke.workflows.response_explain import FittedRun
from hooke.workflows.response_predict import predict_responses

FEWEST = 5  # read-outs of a target


@dataclass(frozen=True)
class TargetPicks:
    """What was ranked.

    Attributes:
        picks: rank, perturbation, context, reached, alignment, p, kind, model, reason: the best first, `batch` rows.
        candidates: Perturbations that were asked for.
        left_out: Why others are not ranked → how many.
        readouts: Of the target that the run knows.
        unknown: Read-outs of the target that it does not.
        output: Where it was written.
    """

    picks: pl.DataFrame
    candidates: int
    left_out: Mapping[str, int]
    readouts: int
    unknown: tuple[str, ...]
    output: Path | None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "picks": self.picks.to_dicts(), "candidates": self.candidates, "left_out": dict(self.left_out), "readouts": self.readouts,
            "unknown": list(self.unknown), "output": None if self.output is None else str(self.output),
        }  # fmt: skip


def toward_target(
    run: Path | str, target: Path | str, library: Path | str, output: Path | str | None = None, *, batch: int = 96, context: str | None = None
) -> TargetPicks:  # fmt: skip
    """Rank a library by how much of a wanted change each perturbation is predicted to reach.

    Args:
        run: Of `hooke response fit`.
        target: Table with the columns gene (a read-out) and change, on the scale of the run's changes.
        library: Table with the column gene: genes, or sets such as A+B.
        output: .csv or .parquet; None writes none.
        batch: Picks.
        context: Of the run; needed where there are several.

    Raises:
        UsageError: An option is none, or the target names fewer than `FEWEST` read-outs of the run.
        UnknownNameError: No such context.
        DataError: The run or a table is at fault.
    """
    if batch < 1:
        raise UsageError(f"a batch holds one pick at least, not {batch}")
    if output is not None:
        check_output(output, target, library, suffixes=(".csv", ".parquet"))
    fitted = FittedRun.open(run)
    where = _context(fitted, context)
    wanted, unknown = _target(Path(target), fitted.genes)
    rows, left_out = read_genes(Path(library), scores=False)
    names = rows["gene"].to_list()
    found = predict_responses(fitted.folder.folder, names, context=where)
    metadata = found.profiles.metadata
    values = found.profiles.values.astype(np.float64)
    columns = np.array([*wanted], np.int64)
    change = np.array([*wanted.values()])
    reached, alignment = _scores(values[:, columns], change)
    own = np.array([each == where for each in fitted.conditions.contexts])
    every = _scores(fitted.changes[own][:, columns], change)[1]
    table = metadata.select("perturbation", "context", "kind", "model", "fallback", "reason").with_columns(
        pl.Series("reached", reached),
        pl.Series("alignment", alignment),
        pl.Series("p", empirical_p(alignment, every[~np.isnan(every)])),
    )
    refused = table.filter(pl.col("reason") != "")
    left_out |= dict(refused.group_by("reason", maintain_order=True).len().iter_rows())
    known = table.filter(pl.col("reason") == "").drop("reason").rename({"fallback": "reason"})
    ordered = known.with_columns((pl.col("reason") != "").alias("mean_only")).sort(
        ["mean_only", "reached"], descending=[False, True], maintain_order=True
    )
    picks = (
        ordered.drop("mean_only")
        .head(batch)
        .with_row_index("rank", offset=1)
        .select("rank", "perturbation", "context", "reached", "alignment", "p", "kind", "model", "reason")
    )
    if output is not None:
        _write(picks, Path(output))
    return TargetPicks(picks, len(names), left_out, len(wanted), unknown, None if output is None else Path(output))


def _context(fitted: FittedRun, context: str | None) -> str:
    if context is None:
        if len(fitted.contexts) > 1:
            raise UsageError(
                f"name the context in which the change is wanted (--context): {', '.join(fitted.contexts)}"
            )
        return fitted.contexts[0]
    if context not in fitted.contexts:
        raise UnknownNameError("context", context, fitted.contexts)
    return context


def _target(path: Path, genes: tuple[str, ...]) -> tuple[dict[int, float], tuple[str, ...]]:
    """Place of a read-out → wanted change, and names that are no read-out."""
    with reading(path, "a table of read-outs and wanted changes"):
        check_table(path)
        if path.suffix.lower() == ".parquet":
            table = pl.read_parquet(path)
        else:
            table = pl.read_csv(path, separator="\t" if path.suffix.lower() == ".tsv" else ",", infer_schema=False)
    if not {"gene", "change"} <= {*table.columns}:
        raise DataError(f"{path} needs the columns gene and change; it has {', '.join(table.columns[:8])}")
    table = table.select(pl.col("gene").cast(pl.String), pl.col("change").cast(pl.Float64, strict=False))
    wrong = table.filter(~pl.col("change").is_finite().fill_null(False))
    if len(wrong):
        raise DataError(f"{path}: the change of {wrong['gene'][0]} is not a number")
    if table["gene"].n_unique() != len(table):
        raise DataError(f"{path} names a read-out twice")
    place = {gene: column for column, gene in enumerate(genes)}
    wanted = {place[gene]: change for gene, change in table.iter_rows() if gene in place}
    unknown = tuple(gene for gene in table["gene"] if gene not in place)
    if len(wanted) < FEWEST:
        raise UsageError(f"{path} names {len(wanted)} read-outs of the run; a target needs {FEWEST}")
    if not any(wanted.values()):
        raise UsageError(f"{path} wants no change")
    return wanted, unknown


def _scores(values: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) shares reached, and alignments; NaN of a row that does not change."""
    reached = 1 - ((target - values) ** 2).sum(axis=1) / (target @ target)
    lengths = np.linalg.norm(values, axis=1) * np.linalg.norm(target)
    return reached, np.divide(values @ target, lengths, out=np.full(len(values), np.nan), where=lengths > 0)


def _write(picks: pl.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        write_parquet(picks, path)
    else:
        write_durably(path, csv_text(picks))
