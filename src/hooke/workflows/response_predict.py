"""`hooke response predict`: changes or profiles of perturbations that were not measured, each with the model that made it and its reason.

Every row that is asked for has a row of output, in order: with a prediction, or with why there is none. A row that the model knows nothing of
has the mean response and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.cells.annotated import write_h5ad
from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import Perturbation, parse_each
from hooke.cells.profiles import SUFFIXES, Profiles
from hooke.core.checked import read_arrays
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.reading import check_table, reading
from hooke.core.runs import RunFolder
from hooke.core.writable import check_output
from hooke.estimators.responses import texts_of
from hooke.workflows.response_fit import CONTEXT, NEW, PAIRS, loaded_models

CHANGES, PROFILES = "changes", "profiles"
MEASURED = "measured"
_TABLES = (".csv", ".tsv", ".txt", ".parquet")


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
    folder = RunFolder.open(Path(run))
    facts = read_arrays(folder.path("screen.npz"))
    genes, contexts = texts_of(facts["genes"]), texts_of(facts["contexts"])
    texts, wheres = _asked(asked, contexts, context)
    read, reasons = parse_each(texts)
    problems = [
        reasons.get(text) or _problem(read[text], where, contexts) for text, where in zip(texts, wheres, strict=True)
    ]
    good = np.array([row for row, problem in enumerate(problems) if not problem], np.int64)
    choices = {each["kind"]: each["model"] for each in folder.read_json("choices.json")["choices"]}
    kinds = np.array([""] * len(texts), object)
    seen, measured = set(texts_of(facts["seen"])), set(texts_of(facts["measured"]))
    elsewhere = {text.split("\t")[0] for text in seen}
    for row in good:
        kinds[row] = kind_of(read[texts[row]], wheres[row], seen, elsewhere, measured)
    values = np.full((len(texts), len(genes)), np.nan)
    models, fallbacks = [""] * len(texts), [""] * len(texts)
    fitted = loaded_models(folder, folder.read_json("choices.json")["choices"])
    for kind in sorted({*kinds[good]}):
        rows = good[kinds[good] == kind]
        answered = kind if kind in choices else NEW if NEW in choices else next(iter(choices))
        instead = (
            "" if kind in (answered, MEASURED) else f"{kind}: no choice could be made, the model for {answered} answers"
        )
        name = choices[answered]
        found = fitted[name].predict(Conditions.of((read[texts[row]] for row in rows), (wheres[row] for row in rows)))
        values[rows] = found.values
        for row, reason in zip(rows, found.fallbacks, strict=True):
            models[row], fallbacks[row] = name, reason or instead
    clipped = np.zeros(len(texts), np.int64)
    if space == PROFILES:
        place = {name: number for number, name in enumerate(contexts)}
        values[good] += facts["controls"][[place[wheres[row]] for row in good]]
        if texts_of(facts["scale"]) != ["z-score"]:
            clipped = (values < 0).sum(axis=1)
            values = np.where(values < 0, 0.0, values)
    metadata = pl.DataFrame({
        "perturbation": texts, "context": wheres, "model": models, "kind": kinds.tolist(), "fallback": fallbacks, "reason": problems,
        "clipped": clipped, "space": [space] * len(texts),
    })  # fmt: skip
    widths = dict(zip(texts_of(facts["half_width_kinds"]), facts["half_widths"], strict=True))
    profiles = Profiles(values, metadata, tuple(genes))
    if output is not None:
        _write(profiles, widths, Path(output))
    return PredictedResponses(profiles, widths, None if output is None else Path(output))


def _asked(
    asked: Path | str | Sequence[str], contexts: Sequence[str], context: str | None
) -> tuple[list[str], list[str]]:
    """Texts and contexts, row by row."""
    if context is not None and context not in contexts:
        raise UnknownNameError("context", context, contexts)
    everywhere = contexts if context is None else [context]
    if not isinstance(asked, Path | str):
        pairs = [(text, where) for text in asked for where in everywhere]
        return [text for text, _ in pairs], [where for _, where in pairs]
    path = Path(asked)
    if path.suffix.lower() not in _TABLES:
        raise UsageError(f"{path.name}: perturbations are read from {', '.join(_TABLES)}")
    with reading(path, "a table"):
        check_table(path)
        if path.suffix.lower() == ".parquet":
            table = pl.read_parquet(path)
        else:
            table = pl.read_csv(path, separator="\t" if path.suffix.lower() == ".tsv" else ",", infer_schema=False)
    if "perturbation" not in table.columns:
        raise DataError(f"{path} has no column perturbation; there are: {', '.join(table.columns[:8])}")
    texts = table["perturbation"].cast(pl.String).fill_null("").to_list()
    if not texts:
        raise DataError(f"{path} asks for nothing")
    if "context" not in table.columns:
        pairs = [(text, where) for text in texts for where in everywhere]
        return [text for text, _ in pairs], [where for _, where in pairs]
    return texts, [
        where or (everywhere[0] if len(everywhere) == 1 else "")
        for where in table["context"].cast(pl.String).fill_null("").to_list()
    ]


def _problem(perturbation: Perturbation, context: str, contexts: Sequence[str]) -> str:
    if perturbation.is_control:
        return "a control: there is nothing to predict"
    if not context:
        return "no context is stated"
    return "" if context in contexts else f"the run has no context {context}"


def kind_of(perturbation: Perturbation, context: str, seen: set[str], elsewhere: set[str], measured: set[str]) -> str:
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
