"""`hooke response predict`: changes or profiles of perturbations that were not measured, each with the model that made it and its reason.

Every row that is asked for has a row of output, in order: with a prediction, or with why there is none. A row that the model knows nothing of
has the mean response and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from hooke.cells.annotated import write_h5ad
from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import Perturbation
from hooke.cells.profiles import SUFFIXES, Profiles
from hooke.core.checked import read_arrays
from hooke.core.errors import UnknownNameError
from hooke.core.runs import RunFolder
from hooke.core.writable import check_output
from hooke.estimators.responses import ResponseModel, texts_of
from hooke.modalities.perturbations.source import FALLBACK, AskedConditions, AskedOptions, read_asked
from hooke.workflows.response_fit import CHOICES, CONTEXT, NEW, PAIRS, loaded_models

if TYPE_CHECKING:
    from hooke.workflows.response_networks import ResponseNetwork

CHANGES, PROFILES = "changes", "profiles"
MEASURED = "measured"
_TOGETHER = 1 << 30  # conditions that are predicted at once


@dataclass(frozen=True)
class PredictedResponses:
    """What was predicted.

    Attributes:
        profiles: (rows, genes) with metadata perturbation, context, model, kind, fallback, reason, clipped.
        half_widths: Kind of question → (genes,) half-widths of 90 % intervals of the change; kinds without enough conditions are not there.
        output: Where it was written; None where it was not.
    """

    profiles: Profiles
    half_widths: Mapping[str, np.ndarray]
    output: Path | None

    def summary(self) -> dict[str, Any]:
        """Rows by kind of question, by model, fallbacks and rows without a prediction."""
        metadata = self.profiles.metadata
        return {
            "rows": len(metadata),
            "kinds": dict(Counter(metadata["kind"].to_list())),
            "models": dict(Counter(name for name in metadata["model"].to_list() if name)),
            "fallbacks": int((metadata["fallback"] != "").sum()),
            "not_predicted": dict(Counter(reason for reason in metadata["reason"].to_list() if reason)),
            "intervals": sorted(self.half_widths),
            "output": None if self.output is None else str(self.output),
        }


@dataclass(frozen=True)
class Answered:
    """Predicted changes of conditions.

    Attributes:
        values: (n, genes).
        kinds: (n,) of question.
        models: (n,) that answered.
        fallbacks: (n,) why a row is the mean response, or why another model answered than one for its kind; "" where neither is.
    """

    values: np.ndarray
    kinds: tuple[str, ...]
    models: tuple[str, ...]
    fallbacks: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """What a run of `hooke response fit` answers with: its fitted models, and which of them answers what.

    Attributes:
        folder: The run.
        genes, contexts: Of the screen.
        choices: Kind of question → model.
        models: Name → fitted model.
        seen: "perturbation, tab, context" of all that was measured.
        measured: Genes and compounds that were perturbed.
        controls: (contexts, genes) mean controls.
        scale: Of them.
        half_widths: Kind of question → (genes,) half-widths of 90 % intervals of the change.
    """

    folder: RunFolder
    genes: tuple[str, ...]
    contexts: tuple[str, ...]
    choices: Mapping[str, str]
    models: Mapping[str, ResponseModel | ResponseNetwork]
    seen: frozenset[str]
    measured: frozenset[str]
    controls: np.ndarray
    scale: str
    half_widths: Mapping[str, np.ndarray]

    @classmethod
    def open(cls, run: Path | str) -> Answers:
        """Read a run.

        Raises:
            DataError: It is no run of this kind, or damaged.
        """
        folder = RunFolder.open(Path(run))
        facts, choices = read_arrays(folder.path("screen.npz")), folder.read_json(CHOICES)["choices"]
        [scale] = texts_of(facts["scale"])
        return cls(
            folder, tuple(texts_of(facts["genes"])), tuple(texts_of(facts["contexts"])), {each["kind"]: each["model"] for each in choices},
            loaded_models(folder, choices), frozenset(texts_of(facts["seen"])), frozenset(texts_of(facts["measured"])), facts["controls"], scale,
            dict(zip(texts_of(facts["half_width_kinds"]), facts["half_widths"], strict=True)),
        )  # fmt: skip

    def predict(self, conditions: Conditions, structures: Mapping[str, str] | None = None) -> Answered:
        """Predict conditions in contexts of the run, none of them a control.

        Args:
            conditions: What is asked.
            structures: Compound → SMILES of compounds that the run does not know; networks read them.
        """
        elsewhere = {text.split("\t")[0] for text in self.seen}
        kinds = np.array(
            [
                kind_of(each, where, self.seen, elsewhere, self.measured)
                for each, where in zip(conditions.perturbations, conditions.contexts, strict=True)
            ],
            object,
        )
        values = np.full((len(conditions), len(self.genes)), np.nan)
        models, fallbacks = [""] * len(conditions), [""] * len(conditions)
        for kind in sorted({*kinds}):
            rows = np.flatnonzero(kinds == kind)
            answered = answering(kind, self.choices)
            instead = (
                ""
                if kind in (answered, MEASURED)
                else f"{kind}: no choice could be made, the model for {answered} answers"
            )
            name = self.choices[answered]
            model, some = self.models[name], conditions.take(rows)
            found = model.predict(some) if isinstance(model, ResponseModel) else model.predict(some, structures)
            values[rows] = found.values
            for row, reason in zip(rows, found.fallbacks, strict=True):
                models[row], fallbacks[row] = name, reason or instead
        return Answered(values, tuple(kinds), tuple(models), tuple(fallbacks))


def predict_responses(
    run: Path | str, asked: Path | str | Sequence[str], output: Path | str | None = None, *, space: str = CHANGES, context: str | None = None
) -> PredictedResponses:  # fmt: skip
    """Predict perturbations with a run of `hooke response fit`.

    Args:
        run: The run.
        asked: A table with a column perturbation, and context where there are several; or texts such as "A" and "A+B".
        output: .h5ad or .parquet; None writes nothing.
        space: "changes" from control, or "profiles": above the mean control of the context, never negative on scales of expression.
        context: Of rows that state none; all contexts of the run where None.

    Raises:
        UsageError: An option is none.
        DataError: The run or the table is at fault.
    """
    if space not in (CHANGES, PROFILES):
        raise UnknownNameError("space of predictions", space, (CHANGES, PROFILES))
    if output is not None:
        check_output(output, asked if isinstance(asked, Path | str) else None, suffixes=SUFFIXES)
    answers = Answers.open(run)
    genes, contexts = answers.genes, answers.contexts
    source = AskedResponses(_table(asked, contexts, context), contexts, AskedOptions(context), _TOGETHER)
    rows = source.rows
    texts, wheres = source.texts, [row.context for row in rows]
    problems = [row.reason for row in rows]
    good = np.array([place for place, row in enumerate(rows) if row.done is not None], np.int64)
    values = np.full((len(rows), len(genes)), np.nan)
    kinds, models, fallbacks = ([""] * len(rows) for _ in range(3))
    if len(good):
        asked_for = Conditions.of((row.done for row in rows if row.done is not None), (wheres[place] for place in good))
        found = answers.predict(asked_for, source.structures)
        values[good] = found.values
        for place, row in enumerate(good):
            kinds[row], models[row], fallbacks[row] = found.kinds[place], found.models[place], found.fallbacks[place]
    clipped = np.zeros(len(rows), np.int64)
    if space == PROFILES:
        number_of = {name: number for number, name in enumerate(contexts)}
        values[good] += answers.controls[[number_of[wheres[row]] for row in good]]
        if answers.scale != "z-score":
            clipped = (values < 0).sum(axis=1)
            values = np.where(values < 0, 0.0, values)
    metadata = pl.DataFrame({
        "perturbation": texts, "context": wheres, "model": models, "kind": kinds, "fallback": fallbacks, "reason": problems,
        "clipped": clipped, "space": [space] * len(rows),
    })  # fmt: skip
    profiles = Profiles(values, metadata, genes)
    if output is not None:
        _write(profiles, answers.half_widths, Path(output))
    return PredictedResponses(profiles, answers.half_widths, None if output is None else Path(output))


class AskedResponses(AskedConditions):
    """What is asked of a fitted screen; its batches are conditions, with the structures that their rows state."""

    def _batch(
        self, conditions: Conditions, rows: np.ndarray, smiles: Sequence[str]
    ) -> tuple[Conditions, dict[str, str]]:
        treated = zip(conditions.perturbations, smiles, strict=True)
        return conditions, {
            each.treatment.compound: text for each, text in treated if each.treatment is not None and text
        }

    @property
    def texts(self) -> list[str]:
        """(rows,) what was done, as it was given; of compounds by name, dose and time."""
        given = (
            self._table["perturbation"].cast(pl.String).fill_null("").to_list()
            if "perturbation" in self._table.columns
            else []
        )
        named = ["" if row.done is None else row.done.name for row in self.rows]
        compounds = (
            self._table["compound"].cast(pl.String).fill_null("").to_list() if "compound" in self._table.columns else []
        )
        return [
            (given[place] if given else "") or named[place] or (compounds[place] if compounds else "")
            for place in range(len(self.rows))
        ]

    @property
    def structures(self) -> dict[str, str]:
        """Compound → SMILES that a row states."""
        return {
            row.done.treatment.compound: row.smiles
            for row in self.rows
            if row.done and row.done.treatment and row.smiles
        }


def _table(asked: Path | str | Sequence[str], contexts: Sequence[str], context: str | None) -> pl.DataFrame:
    """What is asked, row by row; in every context where rows state none."""
    if context is not None and context not in contexts:
        raise UnknownNameError("context", context, contexts)
    if isinstance(asked, Path | str):
        table = read_asked(Path(asked))
        table = table.drop(FALLBACK, strict=False)
    else:
        table = pl.DataFrame({"perturbation": [str(text) for text in asked]}, schema={"perturbation": pl.String})
    if "context" in table.columns:
        return table
    return table.join(pl.DataFrame({"context": list(contexts) if context is None else [context]}), how="cross")


def answering(kind: str, choices: Mapping[str, str]) -> str:
    """The kind of question whose model answers one: its own, else that of what was never perturbed, else the first."""
    return next((each for each in (kind, NEW) if each in choices), next(iter(choices)))


def kind_of(perturbation: Perturbation, context: str, seen: Set[str], elsewhere: Set[str], measured: Set[str]) -> str:
    """Which question a row asks; what was measured itself is answered by the model for its kind."""
    name = perturbation.name
    if f"{name}\t{context}" in seen:
        return MEASURED
    if name in elsewhere:
        return CONTEXT
    return PAIRS if len(perturbation.genes) > 1 and perturbation.genes <= measured else NEW


def _write(profiles: Profiles, widths: Mapping[str, np.ndarray], path: Path) -> None:
    if path.suffix == ".h5ad":
        write_h5ad(
            profiles, path, unstructured={"half_width": {kind: np.asarray(values) for kind, values in widths.items()}}
        )
        return
    profiles.write(path)
    if widths:
        table = Profiles(np.stack(list(widths.values())), pl.DataFrame({"kind": list(widths)}), profiles.features)
        table.write(path.with_name(f"{path.stem}.half_widths.parquet"))
