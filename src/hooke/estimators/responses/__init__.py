"""Models of responses in closed form: perturbations and contexts to changes of many read-outs; saved as plain arrays; the name is the file.

A file has `Config` (frozen dataclass) and `ResponseModel(config, knowledge)`, a subclass of the base here. Estimators of `hooke.estimators`
see a row of features an item; these see what was done, and what is known of it beforehand: a graph, embeddings, kernels.
Where a model knows nothing of a perturbation it predicts the mean of the training responses and says why, row by row.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse

from hooke.cells.conditions import Conditions
from hooke.cells.graph import Graph
from hooke.cells.perturbations import Perturbation
from hooke.core import registry
from hooke.core.errors import DataError, UsageError
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text

Arrays = dict[str, np.ndarray]
INNER_FOLDS = 5
PLUS = "+"  # between a model in closed form and the network that is its residual


@dataclass(frozen=True)
class Named:
    """Rows of numbers by name.

    Attributes:
        names: Unique.
        values: (names, d) float64: an embedding, or (names, names) a positive semi-definite kernel.
    """

    names: tuple[str, ...]
    values: np.ndarray

    def __post_init__(self) -> None:
        if len(self.names) != len(self.values) or len({*self.names}) != len(self.names):
            raise DataError(f"{len(self.names)} names, not all different, of {len(self.values)} rows of numbers")
        if not np.isfinite(self.values).all():
            raise DataError("embeddings and kernels must be finite numbers")

    def places(self, names: Sequence[str]) -> np.ndarray:
        """(names,) int64 rows; -1 where there is none."""
        place = {name: row for row, name in enumerate(self.names)}
        return np.array([place.get(name, -1) for name in names], np.int64)


@dataclass(frozen=True)
class Knowledge:
    """What is known before the screen; nothing of it may be made from responses that are predicted.

    Attributes:
        graph: Of the genes that are, or will be, perturbed (`Graph.over`).
        embedding: Of genes or compounds.
        kernel: Of genes or compounds.
        context_kernel: Of contexts.
        structures: Compound → SMILES, which networks read.
    """

    graph: Graph | None = None
    embedding: Named | None = None
    kernel: Named | None = None
    context_kernel: Named | None = None
    structures: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Of all of it: a fitted model is only used with what it was fitted with."""
        graph = self.graph and [
            content_hash(self.graph.genes), *(_bytes(part) for part in (self.graph.first, self.graph.second, self.graph.weights))
        ]  # fmt: skip
        tables = [
            each and [each.names, _bytes(each.values)] for each in (self.embedding, self.kernel, self.context_kernel)
        ]
        return content_hash([graph, tables, *([sorted(self.structures.items())] if self.structures else [])])


@dataclass(frozen=True)
class Predicted:
    """Predictions of conditions.

    Attributes:
        values: (n, g) float64 changes.
        fallbacks: (n,) why a row is the mean of the training responses; "" where it is not.
    """

    values: np.ndarray
    fallbacks: tuple[str, ...]


class ResponseModel(ABC):
    """Predicts the response (a change against control) of conditions.

    Args:
        config: The file's own options.
        knowledge: What is known beforehand.

    Attributes:
        modality: The kind of data.
        baseline: Whether it is one of the simple ones that every model is compared with.
        uses: Which of `Knowledge` it needs: any one of them is enough.
        may_use: What else it reads where it is there.
        mean: (g,) of the training responses, weighted by the counts of cells; NaN where nothing was measured.

    Raises:
        UsageError: What it uses is not there.
    """

    modality: ClassVar[str] = "cells"
    baseline: ClassVar[bool] = True
    uses: ClassVar[tuple[str, ...]] = ()
    may_use: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: Any, knowledge: Knowledge = Knowledge()) -> None:
        self.config, self.knowledge = config, knowledge
        self.mean = np.zeros(0)
        self.learnt: Arrays = {}
        if self.uses and all(getattr(knowledge, name) is None for name in self.uses):
            raise UsageError(f"{type(self).__module__.rpartition('.')[2]} needs a {' or '.join(self.uses)}")

    @abstractmethod
    def _fit(self, conditions: Conditions, responses: np.ndarray, seed: int) -> Arrays:
        """Learn; returns all that `_predict` needs beside the mean, as plain arrays."""

    @abstractmethod
    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        """(n, g) predictions, and why a row cannot be predicted ("" where it can)."""

    def fit(self, conditions: Conditions, responses: np.ndarray, *, seed: int = 0) -> None:
        """Learn.

        Args:
            conditions: (n,) without controls.
            responses: (n, g) changes against the control of the same context; NaN = not measured.
            seed: Of inner folds.

        Raises:
            DataError: Shapes differ, nothing is measured, a number is infinite, or a condition is a control.
        """
        responses = np.asarray(responses, np.float64)
        if responses.ndim != 2 or len(responses) != len(conditions) or not responses.size:
            raise DataError(f"responses of shape {responses.shape} for {len(conditions)} conditions")
        if np.isinf(responses).any():
            raise DataError("responses must not be infinite")
        if any(each.is_control for each in conditions.perturbations):
            raise DataError("controls are no perturbations: responses are changes against them")
        if np.isnan(responses).all():
            raise DataError("no response is measured")
        self.mean = weighted_mean(responses, conditions.counts)
        self.learnt = self._fit(conditions, responses, seed)

    def predict(self, conditions: Conditions) -> Predicted:
        """Predict; rows depend on no other row."""
        values, reasons = self._predict(conditions)
        lost = np.array([bool(reason) for reason in reasons], bool)
        return Predicted(np.where(lost[:, None], self.mean, values), tuple(reasons))

    def parts(self, conditions: Conditions) -> tuple[list[tuple[str, ...]], np.ndarray] | None:
        """What each training perturbation adds to the prediction of one condition, exactly; None of models that have no such sum.

        Args:
            conditions: One.

        Returns:
            Training perturbations, and (t, g): their sum and the prediction differ by what no perturbation is said to have added (the mean).
        """
        return None

    def arrays(self) -> Arrays:
        """All that was learnt, as plain arrays."""
        about = text_array([self.knowledge.hash if self.uses or self.may_use else ""])
        return {
            name: np.ascontiguousarray(array)
            for name, array in {**self.learnt, "mean": self.mean, "about": about}.items()
        }

    @classmethod
    def from_arrays(cls, config: Any, knowledge: Knowledge, arrays: Mapping[str, np.ndarray]) -> Self:
        """Back from `arrays`.

        Raises:
            DataError: They are of a model that was fitted with other knowledge.
        """
        new = cls(config, knowledge)
        rest = dict(arrays)
        if "mean" not in rest or "about" not in rest:
            raise DataError("these arrays are not those of a model of responses")
        new.mean = rest.pop("mean")
        if texts_of(rest.pop("about")) != [knowledge.hash if cls.uses or cls.may_use else ""]:
            raise DataError("this model was fitted with another graph, embedding or kernel")
        new.learnt = rest
        return new

    def _means(self, count: int) -> np.ndarray:
        return np.tile(self.mean, (count, 1))


def response_model(
    name: str, options: Mapping[str, Any] | None = None, knowledge: Knowledge = Knowledge()
) -> ResponseModel:
    """An unfitted model by its registered name.

    Raises:
        UnknownNameError: No such model.
        UsageError: An option that it does not have, or what it uses is not there.
    """
    module = registry.module("response_models", name)
    try:
        config = module.Config(**(options or {}))
    except TypeError as error:
        raise UsageError(f"{name}: {error}") from error
    return module.ResponseModel(config, knowledge)


def is_baseline(name: str) -> bool:
    """Whether a name is that of one of the simple models; networks and their residuals are none."""
    known = name in registry.names("response_models")
    return known and bool(registry.module("response_models", name).ResponseModel.baseline)


def weighted_mean(responses: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(g,) mean over rows, weighted by counts; NaN where nothing is measured."""
    measured = ~np.isnan(responses)
    weight = counts @ measured
    return np.divide(
        counts @ np.where(measured, responses, 0.0), weight, out=np.full(len(weight), np.nan), where=weight > 0
    )


def by_group(keys: Sequence[Any], conditions: Conditions, responses: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """The different keys, sorted, and the (keys, g) mean response of each, weighted by counts."""
    names = sorted({*keys})
    place = {name: row for row, name in enumerate(names)}
    group = np.array([place[key] for key in keys], np.int64)
    measured = ~np.isnan(responses)
    members = scipy.sparse.csr_array(
        (np.ones(len(group)), (group, np.arange(len(group)))), shape=(len(names), len(group))
    )
    total = members @ (np.where(measured, responses, 0.0) * conditions.counts[:, None])
    weight = members @ (measured * conditions.counts[:, None])
    return names, np.divide(total, weight, out=np.full_like(total, np.nan), where=weight > 0)


def by_perturbation(conditions: Conditions, responses: np.ndarray) -> tuple[Conditions, np.ndarray]:
    """Every perturbation once, sorted, with its mean response over contexts, weighted by counts."""
    names, means = by_group(conditions.perturbations, conditions, responses)
    counts = dict.fromkeys(names, 0.0)
    for each, count in zip(conditions.perturbations, conditions.counts.tolist(), strict=True):
        counts[each] += count
    return Conditions.of(names, counts=[counts[name] for name in names]), means


def filled(responses: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """(n, g) differences from the mean, 0 where nothing is measured."""
    return np.nan_to_num(responses - mean, nan=0.0)


def inner_folds(count: int, seed: int, folds: int = INNER_FOLDS) -> list[np.ndarray]:
    """Rows of each fold: a random permutation cut into nearly equal parts, none empty."""
    order = np.random.default_rng(seed).permutation(count)
    return [part for part in np.array_split(order, min(folds, count)) if len(part)]


def text_array(texts: Sequence[str]) -> np.ndarray:
    """Texts as an array of bytes."""
    return np.frombuffer(json_text(list(texts), compact=True).encode(), np.uint8)


def texts_of(array: np.ndarray) -> list[str]:
    """Back from `text_array`."""
    return [str(text) for text in json.loads(array.tobytes())]


def perturbation_array(perturbations: Sequence[Perturbation]) -> np.ndarray:
    """Sets of genes, or compounds, as an array of bytes; dose and time are not kept."""
    return text_array(["\t".join(parts) for parts in Conditions.of(perturbations).parts])


def sets_of(array: np.ndarray) -> list[tuple[str, ...]]:
    """Back from `perturbation_array`: what each is made of."""
    return [tuple(text.split("\t")) for text in texts_of(array)]


def _bytes(array: np.ndarray) -> str:
    from hashlib import sha256

    return sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def looked_up(model: ResponseModel, key: str, names: Sequence[str], reason: str) -> tuple[np.ndarray, list[str]]:
    """Rows of `model.learnt["means"]` by the names in `model.learnt[key]`; the mean and a reason where a name is not among them."""
    place = {name: row for row, name in enumerate(texts_of(model.learnt[key]))}
    rows = np.array([place.get(name, -1) for name in names], np.int64)
    means = np.vstack([model.learnt["means"], model.mean])
    return means[rows], ["" if row >= 0 else f"{name}: {reason}" for name, row in zip(names, rows, strict=True)]


def singles(conditions: Conditions, responses: np.ndarray) -> Arrays:
    """Mean responses of single perturbations, by context ("in") and over contexts ("over"), with their names."""
    alone = np.flatnonzero([len(parts) == 1 for parts in conditions.parts])
    some = conditions.take(alone)
    inside, means_inside = by_group(
        [f"{context}\n{parts[0]}" for context, parts in zip(some.contexts, some.parts, strict=True)],
        some,
        responses[alone],
    )
    over, means_over = by_group([parts[0] for parts in some.parts], some, responses[alone])
    return {
        "in": text_array(inside), "in_means": means_inside.reshape(-1, responses.shape[1]),
        "over": text_array(over), "over_means": means_over.reshape(-1, responses.shape[1]),
    }  # fmt: skip


def sum_of_singles(learnt: Mapping[str, np.ndarray], conditions: Conditions) -> tuple[np.ndarray, list[str]]:
    """(n, g) sums of single responses, and which of them were not measured."""
    inside = {name: row for row, name in enumerate(texts_of(learnt["in"]))}
    over = {name: row for row, name in enumerate(texts_of(learnt["over"]))}
    total = np.zeros((len(conditions), learnt["over_means"].shape[1]))
    reasons = []
    for row, (context, parts) in enumerate(zip(conditions.contexts, conditions.parts, strict=True)):
        absent = [name for name in parts if name not in over]
        for name in parts if not absent else ():
            place = inside.get(f"{context}\n{name}")
            mean = learnt["over_means"][over[name]]
            own = mean if place is None else learnt["in_means"][place]
            total[row] += np.where(np.isnan(own), mean, own)
        reasons.append(f"{' and '.join(absent)} alone not measured" if absent else "")
    return total, reasons


def quadratics(sums: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """(3, g) a, b, c of a + b s + c s^2 by least squares, each read-out by itself; of what is measured."""
    found = np.zeros((3, sums.shape[1]))
    for column in range(sums.shape[1]):
        kept = ~(np.isnan(sums[:, column]) | np.isnan(responses[:, column]))
        s = sums[kept, column]
        if len(s):
            found[:, column] = np.linalg.lstsq(
                np.stack([np.ones_like(s), s, s * s], axis=1), responses[kept, column], rcond=None
            )[0]
    return found


def quadratic(coefficients: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """(n, g) a + b s + c s^2."""
    a, b, c = coefficients
    return a + b * sums + c * sums * sums
