"""Compounds by cell lines with gaps: unseen compounds (by structure), unseen lines, and both; RMSE over all held-out cells.

Five folds of structures and five of lines; "both" holds out fold k of either and is tested where they meet. The kernel of compounds is the mean
of Tanimoto similarities of Morgan environments and of pairs of atoms, that of lines a radial function of their methylation. Baselines are
least-squares means of what was seen: of lines for an unseen compound, of compounds for an unseen line, of everything for both. r within
compounds and within lines stands beside, since r over all cells rewards the means of compounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import parse_treatment
from hooke.core import registry
from hooke.core.how import How
from hooke.estimators.responses import Knowledge, Named, response_model
from hooke.evaluate.kernels import MeanKernel
from hooke.evaluate.metrics import pearson
from hooke.evaluate.two_way import main_effects
from hooke.inference.loaded import load
from hooke.molecules.descriptors import structure_kernel
from hooke.studies.response_tasks import Measured, folds_of, gain_verdict, pooled_scores, prepared
from hooke.suites import ResponseTask

BASELINE = "means of what was seen"
SPLITS = ("unseen compound", "unseen line", "unseen compound and line")


def measure(task: ResponseTask, show_progress: bool = True) -> Iterator[Measured]:
    """The three splits."""
    profiles = prepared(task, show_progress).profiles()
    module = registry.module("datasets", task.dataset)
    methylation = module.Dataset(module.Config()).methylation(How(show_progress=show_progress))
    names, first = np.unique(profiles.column("entity").astype(str), return_index=True)
    smiles = profiles.column("smiles")[first].tolist()
    lines = methylation.column("cell_type").astype(str)
    row, column = (
        np.unique(profiles.column("entity").astype(str), return_inverse=True)[1],
        _places(profiles.column("cell_type"), lines),
    )
    values = np.full((len(names), len(lines)), np.nan)
    values[row, column] = profiles.values[:, 0]
    alike = Named(tuple(lines.tolist()), MeanKernel.of(methylation.values.astype(np.float64)).among())
    kernels = {"": structure_kernel(smiles)} | {
        f"encoder {name}": encoder_kernel(smiles, name) for name in task.options["encoders"]
    }
    known = {
        name: Knowledge(kernel=Named(tuple(names.tolist()), kernel), context_kernel=alike)
        for name, kernel in kernels.items()
    }
    yield from splits(task, names.tolist(), smiles, lines.tolist(), values, known)


def encoder_kernel(smiles: list[str], encoder: str) -> np.ndarray:
    """(n, n) radial kernel of the embeddings of a trained encoder."""
    return MeanKernel.of(load(encoder, device="cpu").embed(smiles).astype(np.float64)).among()


def splits(
    task: ResponseTask, names: list[str], smiles: list[str], lines: list[str], values: np.ndarray, kernels: Mapping[str, Knowledge],
    seed: int = 0,
) -> Iterator[Measured]:  # fmt: skip
    """As `measure`.

    Args:
        task: Its models.
        names, smiles: Of the rows.
        lines: Of the columns.
        values: (rows, columns), NaN = not measured.
        kernels: What is known of both, by the name that is added to the model ("" for none).
        seed: Of the folds.
    """
    structures = sorted({*smiles})
    of_row = np.array([structures.index(text) for text in smiles])
    row_folds = [np.flatnonzero(np.isin(of_row, fold)) for fold in folds_of(len(structures), seed)]
    column_folds = folds_of(values.shape[1], seed)
    shown = {
        (f"{model}, {name}" if name else model): (model, known)
        for model in task.models
        for name, known in kernels.items()
    }
    for split in SPLITS:
        found: dict[str, list[np.ndarray]] = {name: [] for name in (BASELINE, *shown)}
        rows_of, columns_of, lost = [], [], dict.fromkeys(shown, 0)
        for rows, columns in zip(row_folds, column_folds, strict=True):
            new_rows, new_columns = split != SPLITS[1], split != SPLITS[0]
            train_rows = np.setdiff1d(np.arange(len(names)), rows) if new_rows else np.arange(len(names))
            train_columns = np.setdiff1d(np.arange(len(lines)), columns) if new_columns else np.arange(len(lines))
            train = values[np.ix_(train_rows, train_columns)]
            test_rows, test_columns = (rows if new_rows else train_rows), (columns if new_columns else train_columns)
            [mean], [own], [others] = main_effects(train[None])
            plain = np.full((len(test_rows), len(test_columns)), mean)
            plain += 0 if new_rows else own[:, None]
            plain += 0 if new_columns else others
            measured = np.isfinite(values[np.ix_(test_rows, test_columns)])
            found[BASELINE].append(plain[measured])
            at = np.nonzero(measured)
            rows_of.append(test_rows[at[0]])
            columns_of.append(test_columns[at[1]])
            known = np.nonzero(np.isfinite(train))
            learn = _conditions(names, lines, train_rows[known[0]], train_columns[known[1]])
            asked = _conditions(names, lines, rows_of[-1], columns_of[-1])
            for name, (model, knowledge) in shown.items():
                fitted = response_model(model, knowledge=knowledge)
                fitted.fit(learn, train[known][:, None], seed=seed)
                predicted = fitted.predict(asked)
                found[name].append(predicted.values[:, 0])
                lost[name] += sum(map(bool, predicted.fallbacks))
        row, column = np.concatenate(rows_of), np.concatenate(columns_of)
        true, cells = values[row, column], {name: np.concatenate(parts) for name, parts in found.items()}
        groups = column if split == SPLITS[1] else of_row[row]
        scored = pooled_scores(cells, true, groups, "rmse", BASELINE, lost)
        references = {}
        for name, guess in cells.items():
            references[f"r of {name}"] = float(pearson(guess[:, None], true[:, None])[0])
            references[f"r within compounds of {name}"] = _within(guess, true, row)
            references[f"r within lines of {name}"] = _within(guess, true, column)
        over = "lines" if split == SPLITS[1] else "structures"
        yield Measured(
            task.name, split, "rmse", over, len(true), BASELINE, scored, gain_verdict(scored, BASELINE, "rmse"),
            {name: value for name, value in references.items() if np.isfinite(value)},
        )  # fmt: skip


def _places(names: np.ndarray, of: np.ndarray) -> np.ndarray:
    place = {name: number for number, name in enumerate(of.tolist())}
    return np.array([place[str(name)] for name in names], np.int64)


def _conditions(names: list[str], lines: list[str], rows: np.ndarray, columns: np.ndarray) -> Conditions:
    treated = {row: parse_treatment(names[row]) for row in np.unique(rows).tolist()}
    return Conditions.of((treated[row] for row in rows.tolist()), (lines[column] for column in columns))


def _within(guess: np.ndarray, true: np.ndarray, groups: np.ndarray) -> float:
    """Mean over groups of r, of those with at least ten cells."""
    found = []
    for group in np.unique(groups):
        rows = groups == group
        if rows.sum() >= 10:
            found.append(float(pearson(guess[rows, None], true[rows, None])[0]))
    known = [value for value in found if np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan
