"""What the page of a fitted screen asks: scores beside ceilings, changes, neighbours through the graph, similar responses, hit curves."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.entities import hierarchical_order
from hooke.cells.graph import Graph
from hooke.core.checked import read_arrays
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.runs import RunFolder
from hooke.estimators.responses import texts_of

MOST_IN_HEAT_MAP = 60  # perturbations
_COLUMNS = 40  # read-outs of a heat map
_POINTS = 1_500  # read-outs of one perturbation that are drawn
_LISTED = 12
_HITS = 0.05  # share of the perturbations with the largest measured changes
_STEPS = 100  # of a hit curve
_REFITTED = 2_000  # conditions up to which the chosen model is fitted again for an explanation; beyond it neighbours are averaged
_KEPT = 64  # explanations
_BLOCK = 2_048


Explain = Callable[
    [str, str, str | None], dict[str, Any]
]  # perturbation, context, model → the explanation as plain values


class Fitted(Protocol):
    """See `hooke.workflows.response_explain.FittedRun`."""

    @property
    def folder(self) -> RunFolder:
        """The run."""

    @property
    def genes(self) -> tuple[str, ...]:
        """(g,) read-outs."""

    @property
    def contexts(self) -> tuple[str, ...]:
        """Of the screen."""

    @property
    def conditions(self) -> Conditions:
        """(R,) measured."""

    @property
    def changes(self) -> np.ndarray:
        """(R, g) of them."""

    @property
    def r_half(self) -> np.ndarray:
        """(R,) correlation of disjoint halves."""

    @property
    def evaluable(self) -> np.ndarray:
        """(R,) bool."""

    @property
    def graph(self) -> Graph | None:
        """None without."""


class ResponseView:
    """A run of `hooke response fit`, ready for questions.

    Args:
        run: The run.
        explain: Explains a prediction of it.
        title: Shown on the page.
    """

    def __init__(self, run: Fitted, explain: Explain, *, title: str) -> None:
        self.run, self.title, self._ask = run, title, explain
        facts = run.folder.read_json("choices.json")
        self.choices, self.verdicts = facts["choices"], facts["verdicts"]
        self.held = [read_arrays(run.folder.path(f"held-{number}.npz")) for number in range(len(self.choices))]
        self.names = [each.name for each in run.conditions.perturbations]
        several = len(run.contexts) > 1
        self.labels = [
            f"{name} · {where}" if several else name
            for name, where in zip(self.names, run.conditions.contexts, strict=True)
        ]
        self._place = {label: row for row, label in enumerate(self.labels)}
        self._folded = [label.casefold() for label in self.labels]
        self.size = np.sqrt(np.nansum(run.changes**2, axis=1))
        self._explained = lru_cache(maxsize=_KEPT)(self._explain)

    def __len__(self) -> int:
        return len(self.labels)

    def summary(self) -> dict[str, Any]:
        """Contexts with their verdicts, and a table of models for each kind of question."""
        return {
            "title": self.title, "conditions": len(self), "genes": len(self.run.genes), "verdicts": self.verdicts,
            "evaluable": int(self.run.evaluable.sum()), "graph": repr(self.run.graph) if self.run.graph is not None else "",
            "kinds": [
                {
                    "kind": each["kind"], "verdict": each["verdict"], "chosen": each["model"], "baseline": each["baseline"],
                    "conditions": each["conditions"], "skipped": each["skipped"],
                    "models": [
                        {"name": name, **score, "error": each["errors"][name], "fallbacks": each["fallbacks"][name]}
                        for name, score in each["scores"].items()
                    ],
                } for each in self.choices
            ],
        }  # fmt: skip

    def points(self) -> dict[str, Any]:
        """Every condition: its ceiling (r of disjoint halves), size of its change, and the r of every model where it was held out, by kind."""
        kinds = []
        for each, held in zip(self.choices, self.held, strict=True):
            scores = {}
            for number, name in enumerate(texts_of(held["models"])):
                values = np.full(len(self), np.nan)
                values[held["rows"]] = held["r"][number]
                scores[name] = _rounded(values)
            kinds.append({"kind": each["kind"], "r": scores})
        return {
            "names": self.labels, "ceiling": _rounded(self.run.r_half), "size": _rounded(self.size), "evaluable": self.run.evaluable.tolist(),
            "kinds": kinds,
        }  # fmt: skip

    def search(self, text: str, limit: int = 12) -> list[str]:
        """Conditions that begin with the text, then those that contain it."""
        wanted = text.strip().casefold()
        if not wanted:
            return []
        begins = [row for row, name in enumerate(self._folded) if name.startswith(wanted)]
        inside = [row for row, name in enumerate(self._folded) if wanted in name and not name.startswith(wanted)]
        return [self.labels[row] for row in [*begins, *inside][:limit]]

    def row(self, name: str) -> int:
        """The place of a condition; a perturbation without a context means its first one.

        Raises:
            UnknownNameError: It was not measured.
        """
        if name in self._place:
            return self._place[name]
        folded = name.strip().casefold()
        for row, label in enumerate(self._folded):
            if folded in (label, self.names[row].casefold()):
                return row
        raise UnknownNameError("condition", name, self.labels)

    def condition(self, name: str) -> dict[str, Any]:
        """One condition: predicted (where it was held out) and measured changes, scores, the most similar and the most opposite responses."""
        row = self.row(name)
        measured = self.run.changes[row]
        scores, predicted, model = [], None, ""
        for each, held in zip(self.choices, self.held, strict=True):
            at = np.flatnonzero(held["rows"] == row)
            if len(at):
                scores.append({
                    "kind": each["kind"],
                    "r": dict(zip(texts_of(held["models"]), _rounded(held["r"][:, at[0]]), strict=True)),
                })  # fmt: skip
                if predicted is None:
                    predicted, model = held["predicted"][at[0]].astype(np.float64), each["model"]
        shown = np.argsort(-np.nan_to_num(np.abs(measured)), kind="stable")[:_POINTS]
        similar, opposite = self.similar(row)
        return {
            "name": self.labels[row], "place": row, "cells": float(self.run.conditions.counts[row]), "ceiling": _one(self.run.r_half[row]),
            "evaluable": bool(self.run.evaluable[row]), "scores": scores, "model": model, "genes": [self.run.genes[place] for place in shown],
            "measured": _rounded(measured[shown]), "predicted": None if predicted is None else _rounded(predicted[shown]),
            "drawn": len(shown), "of": len(measured), "similar": similar, "opposite": opposite,
        }  # fmt: skip

    def similar(self, row: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Conditions of other perturbations by the cosine of their measured changes less the mean: the nearest, and the most opposite."""
        own = self._centred(slice(row, row + 1))[0]
        cosines = np.concatenate(
            [self._centred(slice(start, start + _BLOCK)) @ own for start in range(0, len(self), _BLOCK)]
        )
        order = np.argsort(-cosines, kind="stable")
        order = order[[self.names[place] != self.names[row] for place in order]]

        def listed(places: np.ndarray) -> list[dict[str, Any]]:
            return [{"name": self.labels[place], "cosine": _one(cosines[place])} for place in places]

        return listed(order[:_LISTED]), listed(order[::-1][:_LISTED])

    def explanation(self, name: str) -> dict[str, Any]:
        """Who adds what to the prediction, through the graph, and the verdicts of the claims."""
        return self._explained(self.row(name))

    def _explain(self, row: int) -> dict[str, Any]:
        model = None if len(self) <= _REFITTED else "nearest_neighbours"
        return self._ask(self.names[row], self.run.conditions.contexts[row], model)

    def heat_map(self, names: list[str], kind: str = "measured") -> dict[str, Any]:
        """Changes of the read-outs that differ most among some conditions, both in hierarchical order; what is not there is listed.

        Args:
            names: Conditions.
            kind: "measured", or "predicted" (of those that were held out).

        Raises:
            UsageError: Fewer than two are there, or too many; or no such kind.
        """
        if kind not in ("measured", "predicted"):
            raise UsageError(f"a heat map shows measured or predicted changes, not {kind!r}")
        rows, missing = [], []
        for name in dict.fromkeys(name.strip() for name in names if name.strip()):
            try:
                rows.append(self.row(name))
            except UnknownNameError:
                missing.append(name)
        values = self._predicted() if kind == "predicted" else {row: self.run.changes[row] for row in rows}
        missing += [self.labels[row] for row in rows if row not in values]
        kept = list(dict.fromkeys(row for row in rows if row in values))
        if not 2 <= len(kept) <= MOST_IN_HEAT_MAP:
            raise UsageError(f"a heat map takes 2 to {MOST_IN_HEAT_MAP} {kind} conditions, these are {len(kept)}")
        table = np.nan_to_num(np.stack([values[row] for row in kept]))
        columns = np.argsort(-table.var(axis=0) - (table**2).mean(axis=0), kind="stable")[:_COLUMNS]
        table = table[:, columns]
        down, across = _ordered(table), _ordered(table.T)
        shown = table[np.ix_(down, across)]
        return {
            "names": [self.labels[kept[place]] for place in down], "genes": [self.run.genes[columns[place]] for place in across],
            "values": [_rounded(line) for line in shown], "limit": _one(np.quantile(np.abs(shown), 0.98)), "missing": missing, "kind": kind,
        }  # fmt: skip

    def hits(self) -> list[dict[str, Any]]:
        """For each kind: hits found when conditions are taken by the size of their predicted changes, beside the best order.

        Hits are the `_HITS` of the held-out conditions with the largest measured changes.
        """
        found = []
        for each, held in zip(self.choices, self.held, strict=True):
            rows = held["rows"]
            count = max(1, round(_HITS * len(rows)))
            hit = np.zeros(len(rows), bool)
            hit[np.argsort(-self.size[rows], kind="stable")[:count]] = True
            order = np.argsort(-np.linalg.norm(held["predicted"], axis=1), kind="stable")
            steps = np.unique(np.linspace(0, len(rows), min(_STEPS, len(rows)) + 1).astype(int))
            curve = np.concatenate([[0.0], np.cumsum(hit[order]) / count])[steps]
            found.append({
                "kind": each["kind"], "model": each["model"], "hits": count, "of": len(rows), "taken": _rounded(steps / len(rows)),
                "found": _rounded(curve), "oracle": _rounded(np.minimum(steps / count, 1.0)),
            })  # fmt: skip
        return found

    def _predicted(self) -> dict[int, np.ndarray]:
        """Row → held-out prediction of the chosen model of the first kind that held it out."""
        found: dict[int, np.ndarray] = {}
        for held in self.held:
            for row, values in zip(held["rows"].tolist(), held["predicted"], strict=True):
                found.setdefault(row, values)
        return found

    def _centred(self, part: slice) -> np.ndarray:
        """Unit changes less the mean of all conditions."""
        if not hasattr(self, "_mean"):
            self._mean = np.nan_to_num(np.nanmean(self.run.changes, axis=0))
        values = np.nan_to_num(self.run.changes[part] - self._mean)
        return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)


def _ordered(table: np.ndarray) -> np.ndarray:
    return hierarchical_order(table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12))


def _rounded(values: np.ndarray) -> list[float | None]:
    """Four digits; None where it is not known."""
    return [None if np.isnan(value) else float(f"{value:.4g}") for value in np.asarray(values, np.float64).tolist()]


def _one(value: float) -> float | None:
    return _rounded(np.array([value]))[0]
