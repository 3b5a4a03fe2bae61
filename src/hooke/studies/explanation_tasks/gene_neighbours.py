"""Explanations of the graph kernel model for genes that it did not see: contributions of their neighbours in the graph.

Five folds of genes; every gene is predicted once, by a model that saw none of its fold, and its prediction (less the mean) is the sum of
exact parts, one for each training gene (`graph_kernel_ridge.contributions`). Neighbours are training genes that share an edge with it.

    fidelity               movement without the top quarter of the neighbours over that without a random quarter
    truth agreement        Spearman of contribution and measured similarity over the neighbours (5 or more)
    accuracy by deletion   r lost without the top quarter
    confirmation           of edges, by a source that the model does not hold: AUROC of contributions, and of measured similarities
    recall retained        of relations outside the model's graph, on predicted over on measured changes about the mean, less chance

The first three hold for the model with the default graph, the others for one with the sources of the task's option `graph`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hooke.cells.annotations import known_pairs
from hooke.cells.conditions import Conditions
from hooke.cells.graph import Graph, graph_of, known_graph
from hooke.core.progress import progress
from hooke.estimators.responses import Knowledge, filled, response_model
from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.faithfulness import (
    TAIL,
    UNDEFINED,
    Faithfulness,
    agreement,
    contributions,
    deletion,
    largest,
    ranked,
    refuse_own,
    resampled_mean,
    retained,
    shared_cosines,
    strata,
    summarised,
    tail_membership,
)
from hooke.evaluate.metrics import pearson
from hooke.studies.explanation_tasks import Explained, data_set
from hooke.studies.response_tasks import folds_of
from hooke.suites import ExplanationTask

MODEL = "graph_kernel_ridge"
_FEWEST = {"agreement": 5, "deletion": 8}  # neighbours of a gene
_DRAWS = 100
_REWIRED = 20
_NOTHING = 1e-12  # below which a prediction is the mean
_LEAK = "a leak: the model was given these relations"
_NOT_EVALUABLE = "not evaluable: measured profiles do not recall these relations beyond chance"
_MATCHED = "contributions permuted among neighbours of nearly equal degree"


@dataclass(frozen=True)
class Folds:
    """Genes with responses, and which read-outs a gene may be judged by.

    Attributes:
        genes: (n,) names.
        values: (n, g) responses.
        folds: Places of the genes of each fold.
        symmetric: Whether the read-outs are the genes: those of a gene's fold are then neither read nor scored.
    """

    genes: list[str]
    values: np.ndarray
    folds: list[np.ndarray]
    symmetric: bool

    def readouts(self, fold: np.ndarray) -> np.ndarray:
        """Places of the read-outs that a model without this fold may see."""
        every = np.arange(self.values.shape[1])
        return np.setdiff1d(every, fold) if self.symmetric else every

    def training(self, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places of the training genes, and their responses."""
        train = np.setdiff1d(np.arange(len(self.genes)), fold)
        responses = self.values[np.ix_(train, self.readouts(fold))]
        if self.symmetric:
            np.fill_diagonal(responses, np.nan)
        return train, responses


@dataclass(frozen=True)
class Prediction:
    """Of one unseen gene.

    Attributes:
        gene: Its place.
        training: (t,) places of the training genes.
        parts: (t, g) that sum up to the prediction less the mean.
        mean, true: (g,) of the read-outs.
        readouts: (g,) places.
    """

    gene: int
    training: np.ndarray
    parts: np.ndarray
    mean: np.ndarray
    true: np.ndarray
    readouts: np.ndarray


def measure(
    task: ExplanationTask, relations: Sequence[str], own: bool, show_progress: bool = True
) -> Iterator[Explained]:
    """All measures of one data set; `relations` are the sources asked, by default those of the task.

    Raises:
        UsageError: A source that is asked is in the model's graph, and `own` does not say so.
    """
    asked = list(relations) or list(task.options["relations"])
    _, store = data_set(task, show_progress)
    profiles = store.profiles()
    genes = profiles.column("gene").tolist()
    data = Folds(
        genes, profiles.values.astype(np.float64), folds_of(len(genes)), tuple(f"with_{gene}" for gene in genes) == profiles.features
    )  # fmt: skip
    every = known_graph(show_progress=show_progress).over(genes)
    used = tuple(task.options["graph"])
    refuse_own({*used}, {*asked}, forced=own)
    yield from by_deletion(task.name, data, every, show_progress)
    graph = known_graph(used, show_progress=show_progress).over(genes)
    for source in asked:
        pairs = known_pairs([source], show_progress=show_progress)[source].places(genes)
        yield from by_relations(task.name, data, graph, source, pairs, own=source in used, show_progress=show_progress)


def by_deletion(
    task: str, data: Folds, graph: Graph, show_progress: bool = False, seed: int = 0
) -> Iterator[Explained]:
    """Fidelity, truth agreement and accuracy lost by deletion."""
    generator = np.random.default_rng(seed)
    degrees, adjacency = graph.degrees, graph.adjacency.toarray() > 0
    found: dict[str, list[Any]] = {
        name: [] for name in ("move", "move null", "agree", "agree null", "loss", "loss null")
    }
    for one in _predictions(data, graph, show_progress, seed):
        near = np.flatnonzero(adjacency[one.gene][one.training])
        contribution = contributions(one.parts)
        if len(near) < min(_FEWEST.values()) or np.isnan(contribution).any():
            continue
        parts, own, degree = one.parts[near], contribution[near], degrees[one.training[near]]
        similarity = _similarity(data, one, near)
        value, null = agreement(own, similarity, degree, _DRAWS, generator)
        found["agree"].append(value)
        found["agree null"].append(null)
        if len(near) < _FEWEST["deletion"]:
            continue
        whole = one.parts.sum(axis=0)
        gone, anyone, alike = deletion(parts, largest(own), degree, _DRAWS, generator)
        random = np.linalg.norm(anyone, axis=1).mean()
        found["move"].append(np.linalg.norm(gone) / random)
        found["move null"].append(np.linalg.norm(alike, axis=1) / random)
        full = _r(one, whole[None])[0]
        found["loss"].append(full - _r(one, (whole - gone)[None])[0])
        found["loss null"].append(full - _r(one, whole - alike))
    for name, shown, metric in (
        ("move", "model fidelity: movement without the top quarter over that without a random quarter", "ratio"),
        ("agree", "truth agreement: contribution against measured similarity", "spearman"),
        ("loss", "accuracy lost without the top quarter", "loss of r"),
    ):
        measured = summarised(np.array(found[name]), np.array(found[f"{name} null"]), generator)
        yield Explained.of(task, shown, metric, measured, "genes", _MATCHED)


def by_relations(
    task: str, data: Folds, graph: Graph, source: str, pairs: np.ndarray, *, own: bool = False, show_progress: bool = False, seed: int = 0
) -> Iterator[Explained]:  # fmt: skip
    """Confirmation of edges by a source, and recall of its relations on predicted and on measured profiles.

    Args:
        task: Name.
        data: The genes.
        graph: Of the model.
        source: Name of the source of the relations.
        pairs: (q, 2) its pairs, places of genes.
        own: Whether the graph holds the source; else pairs with an edge in the graph leave the queries.
        show_progress: Show folds.
        seed: Of bootstrap and nulls.
    """
    generator = np.random.default_rng(seed)
    count = len(data.genes)
    adjacency = graph.adjacency.toarray() > 0
    predicted, measured, known = (np.zeros(data.values.shape, kind) for kind in (float, float, bool))
    share = np.full((count, count), np.nan)
    for one in _predictions(data, graph, show_progress, seed):
        predicted[one.gene, one.readouts] = one.parts.sum(axis=0)
        measured[one.gene, one.readouts] = one.true - one.mean
        known[one.gene, one.readouts] = True
        share[one.gene, one.training] = contributions(one.parts)
    if data.symmetric:
        np.fill_diagonal(known, False)
    of_predicted, of_measured = (shared_cosines(values, known) for values in (predicted, measured))
    stated = np.zeros((count, count), bool)
    stated[pairs[:, 0], pairs[:, 1]] = stated[pairs[:, 1], pairs[:, 0]] = True
    if not own:
        yield from _confirmed(task, source, graph, stated, share, of_measured, generator)
    some = np.flatnonzero((np.abs(predicted) > _NOTHING).any(axis=1))
    asked = pairs if own else pairs[~adjacency[pairs[:, 0], pairs[:, 1]]]
    queries = asked[np.isin(asked, some).all(axis=1)]
    left_out = (
        f"{len(asked) - len(queries)} of {len(asked)} pairs left out: no prediction of one of their genes but the mean"
    )
    name = f"relations of {source}" + (", which the model was given" if own else " outside the graph")
    scope = np.ix_(some, some)
    upper = np.triu_indices(len(some), 1)
    changed = list(_rewired(data.genes, queries))
    recalls, nulls, intervals = {}, {}, {}
    for kind, cosines in (("predicted", of_predicted), ("measured", of_measured)):
        every = cosines[scope][upper]
        recalls[kind] = tail_membership(every, cosines[queries[:, 0], queries[:, 1]])
        nulls[kind] = np.array([tail_membership(every, cosines[ends[:, 0], ends[:, 1]]).mean() for ends in changed])
        intervals[kind] = resampled_mean(recalls[kind], queries, count, generator)
        recall = Explained.of(
            task, f"recall of {name}, {kind} profiles", "recall", _beside(intervals[kind], nulls[kind], len(queries)), "pairs",
            f"the same pairs rewired, degrees kept; chance {2 * TAIL:.2f}; {left_out}",
        )  # fmt: skip
        yield replace(recall, verdict=_LEAK) if own and kind == "predicted" else recall
    levels: tuple[float, float]
    by_degree = {kind: float(null.mean()) if len(null) else np.nan for kind, null in nulls.items()}
    for chance, levels in (
        (f"chance {2 * TAIL:.2f}", (2 * TAIL, 2 * TAIL)),
        ("chance of rewired pairs", (by_degree["predicted"], by_degree["measured"])),
    ):
        kept = retained(recalls["predicted"], recalls["measured"], queries, count, generator, chance=levels)
        found = Explained.of(
            task, f"recall of {name} retained, {chance}", "retained", Faithfulness(kept, Interval(0.0, 0.0, 0.0), kept, len(queries)), "pairs",
            "(predicted - chance) / (measured - chance); above 1 the graph makes genes alike beyond what they are",
        )  # fmt: skip
        told = intervals["measured"].low > levels[1]
        yield replace(found, verdict=_LEAK if own else found.verdict if told else _NOT_EVALUABLE)


def _confirmed(
    task: str, source: str, graph: Graph, stated: np.ndarray, share: np.ndarray, measured: np.ndarray, generator: np.random.Generator
) -> Iterator[Explained]:  # fmt: skip
    """Whether edges of the graph that matter are also stated by the source."""
    first, second = graph.first, graph.second
    degrees = graph.degrees
    sides = np.stack([share[first, second], share[second, first]])
    there = ~np.isnan(sides)
    both = np.where(there, sides, 0.0).sum(axis=0) / np.where(there.any(axis=0), there.sum(axis=0), np.nan)
    kept = ~np.isnan(both)
    stratum = strata((degrees[first] * degrees[second])[kept], size=16)
    positive = stated[first, second][kept]
    for name, scores in (
        ("predicted contribution", both[kept]),
        ("measured similarity", measured[first, second][kept]),
    ):
        found = ranked(scores, positive, stratum, generator)
        yield Explained.of(
            task, f"confirmation of edges by {source}: {name}", "auroc", found, "confirmed edges",
            "scores permuted among edges whose ends have nearly the same product of degrees",
        )  # fmt: skip


def _predictions(data: Folds, graph: Graph, show_progress: bool, seed: int) -> Iterator[Prediction]:
    conditions = Conditions.of_genes(*data.genes)
    place = {gene: row for row, gene in enumerate(data.genes)}
    with progress(len(data.folds), "explaining unseen genes", "folds", show=show_progress) as bar:
        for fold in data.folds:
            train, responses = data.training(fold)
            readouts = data.readouts(fold)
            model: Any = response_model(MODEL, knowledge=Knowledge(graph))
            model.fit(conditions.take(train), responses, seed=seed)
            training = np.array([place[name] for (name,) in model.training], np.int64)
            rows = np.argsort(train)[np.searchsorted(np.sort(train), training)]
            residuals = filled(responses, model.mean)[rows]
            for gene, weights in zip(fold, model.contributions(conditions.take(fold)), strict=True):
                true = data.values[gene, readouts]
                yield Prediction(int(gene), training, weights[:, None] * residuals, model.mean, true, readouts)
            bar.advance(1)


def _similarity(data: Folds, one: Prediction, near: np.ndarray) -> np.ndarray:
    """(neighbours,) correlation of the measured response of the gene with those of its neighbours, about the training mean."""
    others = data.values[np.ix_(one.training[near], one.readouts)] - one.mean
    if data.symmetric:  # the score of a gene with itself is not measured
        others[one.training[near][:, None] == one.readouts] = np.nan
    own = np.repeat((one.true - one.mean)[:, None], len(near), axis=1)
    return pearson(others.T, own)


def _r(one: Prediction, deviations: np.ndarray) -> np.ndarray:
    """(d,) r of predictions that deviate so from the mean."""
    return pearson((one.mean + deviations).T, np.repeat(one.true[:, None], len(deviations), axis=1))


def _rewired(genes: list[str], pairs: np.ndarray) -> Iterator[np.ndarray]:
    """Pairs with the same number of partners for every gene."""
    import polars as pl

    from hooke.cells.graph import EdgeSource

    if not len(pairs):
        return
    names = np.array(genes)
    table = pl.DataFrame({"first": names[pairs[:, 0]], "second": names[pairs[:, 1]], "weight": np.ones(len(pairs))})
    graph = graph_of({EdgeSource("relations", ""): table}).over(genes)
    for seed in range(_REWIRED):
        changed = graph.rewired(seed)
        yield np.stack([changed.first, changed.second], axis=1)


def _beside(value: Interval, null: np.ndarray, count: int) -> Faithfulness:
    """A recall beside rewired pairs: the null's mean is taken off the interval of the bootstrap over genes."""
    if not len(null):
        return replace(UNDEFINED, value=value, count=count)
    middle = float(null.mean())
    low, high = np.quantile(null, [0.025, 0.975])
    gain = Interval(value.value - middle, value.low - middle, value.high - middle)
    return Faithfulness(value, Interval(middle, float(low), float(high)), gain, count)
