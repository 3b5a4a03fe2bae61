"""`hooke response explain`: why a run predicts what it predicts for a perturbation, and what of that the measurements support.

The prediction of a model in closed form is taken apart exactly (`ResponseModel.parts`): what each training perturbation adds, its share of the
prediction, and how the graph leads there. A perturbation that was measured is explained as if it had not been: the model is fitted again without
it, so that what it predicts can be held against what was measured. A network is explained as it is fitted, by the edges of its graph
(`response_edges`), and nothing that it was trained on verifies it. Pathways of both changes are tested by rank sums; the chain of claims is in
`response_claims`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hooke.cells.annotations import SOURCES, known_pairs
from hooke.cells.conditions import Conditions, perturbation_of
from hooke.cells.gene_sets import DEFAULT, known_gene_sets, memberships
from hooke.cells.graph import NON_COMMERCIAL, Graph
from hooke.cells.perturbations import Perturbation, parse_genes, parse_treatment
from hooke.core import registry
from hooke.core.checked import read_arrays
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.runs import RunFolder
from hooke.core.writable import check_output
from hooke.estimators.responses import ResponseModel, response_model, texts_of
from hooke.evaluate.enrichment import rank_sums
from hooke.evaluate.faithfulness import contributions, deletion, largest, refuse_own
from hooke.evaluate.known_pairs import KnownPairs
from hooke.evaluate.metrics import pearson
from hooke.evaluate.multiple_testing import benjamini_hochberg
from hooke.workflows.response_claims import (
    RATE,
    Claim,
    interactions,
    pathway_changes,
    readout_changes,
    similar_responses,
)
from hooke.workflows.response_fit import CHOICES, loaded_models
from hooke.workflows.response_predict import MEASURED, answering, kind_of

if TYPE_CHECKING:
    from hooke.workflows.response_edges import EdgeAttribution
    from hooke.workflows.response_networks import ResponseNetwork

SUBSTITUTE = "graph_kernel_ridge"
_NEIGHBOURS, _READOUTS, _PATHWAYS = 12, 10, 12
_FEWEST, _DRAWS = 8, 200
_SHARE = 0.01  # of the prediction, from which a claim is made
_NOTHING = 1e-9  # a share that is none
_MOST = 1_000  # perturbations whose pairs are compared


@dataclass(frozen=True)
class Neighbour:
    """What one training perturbation adds.

    Attributes:
        perturbation: Its name.
        share: Of the prediction (less what no perturbation adds); all of them sum up to 1.
        path: Genes from the perturbation explained to this one in the graph, ends included; empty without a path of three edges at most.
        sources: Of the edge, where the path is one.
        similarity: Measured correlation of both responses about the mean of the training responses; NaN where one was not measured.
    """

    perturbation: str
    share: float
    path: tuple[str, ...]
    sources: tuple[str, ...]
    similarity: float


@dataclass(frozen=True)
class Pathway:
    """Rank sums of one set of genes: z above zero where its genes go up; q within all sets."""

    name: str
    size: int
    predicted: float
    predicted_q: float
    measured: float
    measured_q: float


@dataclass(frozen=True)
class ResponseExplanation:
    """Why a response is predicted.

    Attributes:
        perturbation, context: What was asked.
        kind: Of question; see `hooke.workflows.response_fit`.
        model: That is explained.
        notes: What must be known: another model than the chosen one, a fallback.
        genes: (g,) read-outs.
        predicted: (g,) changes.
        measured: (g,); None where it was not measured.
        r: Correlation of both over read-outs that are not perturbed; NaN without a measurement.
        ceiling: Correlation of disjoint halves of the measurement; NaN without.
        neighbours: The largest shares first.
        pathways: Those of the smallest q of either change.
        claims: The chain.
        fidelity: How far the prediction moves without the quarter of graph neighbours of the largest shares, over that without a random
            quarter; NaN where there are fewer than eight.
        output: The page; None where none was written.
        edges: What the edges of the graph add to the prediction of a network; None of models in closed form.
    """

    perturbation: str
    context: str
    kind: str
    model: str
    notes: tuple[str, ...]
    genes: tuple[str, ...]
    predicted: np.ndarray
    measured: np.ndarray | None
    r: float
    ceiling: float
    neighbours: tuple[Neighbour, ...]
    pathways: tuple[Pathway, ...]
    claims: tuple[Claim, ...]
    fidelity: float
    output: Path | None
    edges: EdgeAttribution | None = None

    def verdicts(self) -> dict[str, int]:
        """Verdict → number of claims."""
        names = ("supported", "falsified", "untestable")
        return {name: sum(each.verdict == name for each in self.claims) for name in names}

    def to_json(self) -> dict[str, Any]:
        """As plain values, NaN as null; without the changes of single read-outs."""
        return {
            "perturbation": self.perturbation, "context": self.context, "kind": self.kind, "model": self.model, "notes": list(self.notes),
            "r": self.r, "ceiling": self.ceiling, "fidelity": self.fidelity, "verdicts": self.verdicts(),
            "neighbours": [asdict(each) for each in self.neighbours], "pathways": [asdict(each) for each in self.pathways],
            "claims": [each.to_json() for each in self.claims], "output": None if self.output is None else str(self.output),
            "edges": None if self.edges is None else asdict(self.edges),
        }  # fmt: skip


@dataclass(frozen=True)
class FittedRun:
    """What a run of `hooke response fit` holds.

    Attributes:
        folder: The run.
        genes, contexts: Of the screen.
        conditions: Measured, with numbers of cells.
        changes: (R, g) of them.
        r_half: (R,) correlation of disjoint halves.
        evaluable: (R,) bool.
        choices: Kind of question → model.
        models: Name → fitted model.
    """

    folder: RunFolder
    genes: tuple[str, ...]
    contexts: tuple[str, ...]
    conditions: Conditions
    changes: np.ndarray
    r_half: np.ndarray
    evaluable: np.ndarray
    choices: Mapping[str, str]
    models: Mapping[str, ResponseModel | ResponseNetwork]

    @classmethod
    def open(cls, run: Path | str) -> FittedRun:
        """Read a run.

        Raises:
            DataError: It is no run of this kind, or one of a version that did not keep its changes.
        """
        folder = RunFolder.open(Path(run))
        if not folder.path(CHOICES).exists():
            raise DataError(f"{folder.folder} is not a run of `hooke response fit`")
        if not folder.path("changes.npz").exists():
            raise DataError(
                f"{folder.folder} was made by a version that did not keep measured changes: fit again, in another folder of runs"
            )
        facts, kept = read_arrays(folder.path("screen.npz")), read_arrays(folder.path("changes.npz"))
        names, where = zip(*(text.split("\t") for text in texts_of(facts["seen"])), strict=True)
        choices = folder.read_json(CHOICES)["choices"]
        treatments = texts_of(facts["treatments"]) if "treatments" in facts else [""] * len(names)
        return cls(
            folder, tuple(texts_of(facts["genes"])), tuple(texts_of(facts["contexts"])),
            Conditions.of(map(perturbation_of, names, treatments), where, kept["counts"]), kept["changes"].astype(np.float64), kept["r_half"],
            kept["evaluable"], {each["kind"]: each["model"] for each in choices}, loaded_models(folder, choices),
        )  # fmt: skip

    @property
    def graph(self) -> Graph | None:
        """That of the models."""
        for model in self.models.values():
            if model.knowledge.graph is not None:
                return model.knowledge.graph
        return None

    def rows(self, perturbation: str) -> np.ndarray:
        """Where a perturbation was measured, whatever the context."""
        return np.flatnonzero([each.name == perturbation for each in self.conditions.perturbations])

    def perturbation(self, text: str) -> Perturbation:
        """What a text asks for: a measured perturbation by its name, else a compound of a screen of compounds, else genes."""
        for each in self.conditions.perturbations:
            if each.name == text:
                return each
        if any(each.treatment is not None for each in self.conditions.perturbations):
            return parse_treatment(text)
        return parse_genes(text)

    def row(self, perturbation: str, context: str) -> int:
        """Where it was measured in a context; -1 where it was not."""
        for row in self.rows(perturbation):
            if self.conditions.contexts[row] == context:
                return int(row)
        return -1


def explain_response(
    run: Path | str, perturbation: str, output: Path | str | None = None, *, context: str | None = None, model: str | None = None,
    pathways: str = DEFAULT, verify: str = "all", non_commercial: bool = False, fitted: FittedRun | None = None,
    show_progress: bool = True,
) -> ResponseExplanation:  # fmt: skip
    """Explain one prediction of a run.

    Args:
        run: Of `hooke response fit`.
        perturbation: Genes, such as "A" or "A+B".
        output: A page, .html; None writes none.
        context: Of the run; by default one where it was measured and is evaluable, else where it was measured, else the first.
        model: Explained instead of the chosen one; it is fitted to the same changes.
        pathways: "go", "none" or a file (.gmt).
        verify: Known relations that verify interactions: "all" that are not in the graph, names, files, or "none".
        non_commercial: Whether sources for non-commercial use alone may be taken.
        fitted: The run, where it is open already.
        show_progress: Show downloads.

    Raises:
        UsageError: The perturbation is a control, the model cannot be taken apart, or a source that is to verify is in the graph.
        UnknownNameError: No such context or model.
        DataError: The run or a file is at fault.
    """
    from hooke.report.explanation_page import write_page

    if output is not None:
        check_output(output, suffixes=(".html",))
    fitted = fitted or FittedRun.open(run)
    outside = _outside(fitted.graph, verify, non_commercial, show_progress)
    asked = fitted.perturbation(perturbation)
    if asked.is_control:
        raise UsageError(f"{perturbation} is a control: there is nothing to explain")
    where = _context(fitted, asked.name, context)
    kind, name, explained, notes = _model(fitted, asked, where, model)
    condition = Conditions.of([asked], [where])
    predicted = explained.predict(condition)
    network = None if isinstance(explained, ResponseModel) else explained
    edges = _edges(network, condition) if network is not None and not predicted.fallbacks[0] else None
    exact = explained if isinstance(explained, ResponseModel) else explained.base
    taken = None if exact is None else exact.parts(condition)
    assert taken is not None or network is not None
    if predicted.fallbacks[0]:
        notes.append(f"the prediction is the mean of the training responses: {predicted.fallbacks[0]}")
    row = fitted.row(asked.name, where)
    measured = fitted.changes[row] if row >= 0 and network is None else None
    reason = "" if measured is not None else f"{asked.name} was not measured in {where or 'this screen'}"
    if row >= 0 and network is not None:
        reason = "the network was trained on this measurement, which cannot verify what it learnt"
    scored = np.array([gene not in asked.genes for gene in fitted.genes])
    shares, fidelity = ({}, np.nan) if taken is None else _shares(asked, taken, fitted.graph)
    mean = explained.mean if isinstance(explained, ResponseModel) else np.nanmean(fitted.changes, axis=0)
    similarity, every = (
        _similarities(fitted, asked, where, mean, scored, [*shares]) if network is None else ({}, np.empty(0))
    )
    neighbours = tuple(
        Neighbour(each, share, *_path(fitted.graph, asked.genes, members), similarity.get(each, np.nan))
        for each, (share, members) in shares.items()
    )
    values = predicted.values[0]
    found = _pathways(fitted.genes, values, measured, scored, known_gene_sets(pathways, show_progress=show_progress))
    explanation = ResponseExplanation(
        asked.name, where, kind, name, tuple(notes), fitted.genes, values, measured,
        np.nan if measured is None else float(pearson(values[scored, None], measured[scored, None])[0]),
        float(fitted.r_half[row]) if row >= 0 else np.nan, neighbours, found,
        tuple(_claims(fitted, asked, neighbours, edges, similarity, every, found, values, measured, scored, reason, outside)), fidelity,
        None if output is None else Path(output), edges,
    )  # fmt: skip
    if output is not None:
        write_page(explanation, Path(output))
    return explanation


def _context(fitted: FittedRun, perturbation: str, context: str | None) -> str:
    if context is not None:
        if context not in fitted.contexts:
            raise UnknownNameError("context", context, fitted.contexts)
        return context
    rows = sorted(fitted.rows(perturbation), key=lambda row: not fitted.evaluable[row])
    return fitted.conditions.contexts[rows[0]] if rows else fitted.contexts[0]


def _model(
    fitted: FittedRun, asked: Perturbation, where: str, wanted: str | None
) -> tuple[str, str, ResponseModel | ResponseNetwork, list[str]]:
    """Kind of question, name of the model, the model (in closed form without the perturbation), and notes."""
    seen = {
        f"{one.name}\t{context}"
        for one, context in zip(fitted.conditions.perturbations, fitted.conditions.contexts, strict=True)
    }
    alone = set(fitted.conditions.names)
    held, own = fitted.rows(asked.name), Conditions.of([asked]).parts[0]
    if len(held):  # a pair that holds the gene would give it away
        held = np.flatnonzero([{*each} >= {*own} for each in fitted.conditions.parts])
    kind = kind_of(asked, where, seen, {text.split("\t")[0] for text in seen}, alone)
    as_new = kind
    if len(held):
        alone = {
            part for row in range(len(fitted.conditions)) if row not in held for part in fitted.conditions.parts[row]
        }
        as_new = kind_of(asked, where, set(), set(), alone)
    answered = answering(as_new, fitted.choices)
    chosen = fitted.choices[answered]
    name = wanted or chosen
    stored = fitted.models.get(name)
    network = None if stored is None or isinstance(stored, ResponseModel) else stored
    notes = []
    if network is not None and network.has_edges:
        if len(held):
            notes.append("it was measured, and the network was trained on it: it is explained as it is fitted")
    elif len(held):
        notes.append(
            f"it was measured: the model is fitted without the {len(held)} conditions that hold it, and explained as if it were new"
        )
    if wanted is not None and wanted != chosen:
        notes.append(
            f"the run chose {chosen} for this question ({answered}); {wanted} is explained because it was asked for"
        )
    if network is not None and network.has_edges:
        return kind, name, network, notes
    apart = network is None and _takes_apart(name)
    if wanted is not None and not apart:
        raise UsageError(
            f"{name} is no sum of parts of training perturbations; explain {SUBSTITUTE}, nearest_neighbours or kronecker_ridge"
        )
    if not apart:
        if fitted.graph is None:
            raise UsageError(
                f"{name} is no sum of parts of training perturbations, and the run has no graph: nothing can be explained"
            )
        notes.append(
            f"the run chose {name} ({answered}), in which no single perturbation has a part; {SUBSTITUTE} is explained instead"
        )
        name, stored = SUBSTITUTE, fitted.models.get(SUBSTITUTE)
    if isinstance(stored, ResponseModel) and not len(held):
        return kind, name, stored, notes
    knowledge = next(iter(fitted.models.values())).knowledge
    rows = np.setdiff1d(np.flatnonzero(~np.isnan(fitted.changes).any(axis=1)), held)
    new = response_model(name, knowledge=knowledge)
    new.fit(fitted.conditions.take(rows), fitted.changes[rows])
    return (MEASURED if len(held) else kind), name, new, notes


def _takes_apart(name: str) -> bool:
    return registry.module("response_models", name).ResponseModel.parts is not ResponseModel.parts


def _edges(network: ResponseNetwork, condition: Conditions) -> EdgeAttribution:
    from hooke.workflows.response_edges import attribute_edges  # loads torch

    return attribute_edges(network, condition)


def _similarities(
    fitted: FittedRun, asked: Perturbation, where: str, mean: np.ndarray, scored: np.ndarray, names: Sequence[str]
) -> tuple[dict[str, float], np.ndarray]:
    """Some perturbations → correlation of their measured responses with that of the one asked, and those of all pairs (n,).

    Responses are taken about the mean, over read-outs that the one asked does not perturb; those of this context where there are several.
    Nothing, where it was not measured. Of more than `_MOST` perturbations, pairs are taken of a part.
    """
    row = fitted.row(asked.name, where)
    if row < 0:
        return {}, np.empty(0)
    rows: dict[str, int] = {}
    for place, each in enumerate(fitted.conditions.perturbations):
        if each.name != asked.name and (fitted.conditions.contexts[place] == where or each.name not in rows):
            rows[each.name] = place
    known = {name: rows[name] for name in names if name in rows}
    some = np.random.default_rng(0).permutation([row, *rows.values()])[:_MOST]
    values = (fitted.changes[[row, *known.values(), *some]] - mean)[:, scored]
    own = pearson(values[1 : 1 + len(known)].T, np.repeat(values[0][:, None], len(known), axis=1))
    others = values[1 + len(known) :]
    others = others[~np.isnan(others).any(axis=1)]
    every = np.corrcoef(others)[np.triu_indices(len(others), 1)] if len(others) > 1 else np.empty(0)
    return dict(zip(known, own.tolist(), strict=True)), every


def _shares(
    asked: Perturbation, taken: tuple[list[tuple[str, ...]], np.ndarray], graph: Graph | None
) -> tuple[dict[str, tuple[float, tuple[str, ...]]], float]:
    """Training perturbations of the largest shares → share and genes, and the fidelity."""
    sets, parts = taken
    share = contributions(parts)
    if np.isnan(share).all():
        return {}, np.nan
    order = np.argsort(-np.abs(share), kind="stable")[:_NEIGHBOURS]
    largest_shares = {
        "+".join(sets[place]): (float(share[place]), sets[place]) for place in order if abs(share[place]) > _NOTHING
    }
    fidelity = np.nan
    if graph is not None:
        near = {other for gene in asked.genes for other, _ in graph.neighbours(gene)}
        rows = np.flatnonzero([bool(near & {*members}) for members in sets])
        if len(rows) >= _FEWEST:
            degrees = graph.degrees
            most = [
                max((degrees[graph.place[gene]] for gene in sets[row] if gene in graph.place), default=0)
                for row in rows
            ]
            gone, anyone, _ = deletion(
                parts[rows], largest(share[rows]), np.array(most), _DRAWS, np.random.default_rng(0)
            )
            fidelity = float(np.linalg.norm(gone) / np.linalg.norm(anyone, axis=1).mean())
    return largest_shares, fidelity


def _path(
    graph: Graph | None, start: frozenset[str], ends: Sequence[str], most: int = 3
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The shortest path through the graph between two sets of genes, and the sources of its edge where it is one."""
    if graph is None:
        return (), ()
    goal = {*ends}
    frontier: list[tuple[str, ...]] = [(gene,) for gene in sorted(start) if gene in graph.place]
    seen = {path[0] for path in frontier}
    for path in frontier:
        if path[0] in goal:
            return path, ()
    for _ in range(most):
        following: list[tuple[str, ...]] = []
        for path in frontier:
            for other, _weight in graph.neighbours(path[-1]):
                if other in goal:
                    complete = (*path, other)
                    return complete, _sources(graph, *complete) if len(complete) == 2 else ()
                if other not in seen:
                    seen.add(other)
                    following.append((*path, other))
        frontier = following
    return (), ()


def _sources(graph: Graph, first: str, second: str) -> tuple[str, ...]:
    low, high = sorted((graph.place[first], graph.place[second]))
    [edge] = np.flatnonzero((graph.first == low) & (graph.second == high))
    return tuple(each.name for each, states in zip(graph.sources, graph.members[edge], strict=True) if states)


def _pathways(
    genes: tuple[str, ...], predicted: np.ndarray, measured: np.ndarray | None, scored: np.ndarray, sets: Mapping[str, Sequence[str]]
) -> tuple[Pathway, ...]:  # fmt: skip
    """Those of the smallest q of either change; of the genes that are not perturbed."""
    if not sets:
        return ()
    members = memberships(sets, genes)
    of_predicted = rank_sums(np.where(scored, predicted, np.nan), members)
    nothing = np.full(len(sets), np.nan)
    of_measured = (nothing, nothing) if measured is None else rank_sums(np.where(scored, measured, np.nan), members)
    q_predicted, q_measured = benjamini_hochberg(of_predicted[1]), benjamini_hochberg(of_measured[1])
    tested = np.flatnonzero(~np.isnan(of_predicted[0]))
    best = np.minimum(of_predicted[1], np.where(np.isnan(of_measured[1]), np.inf, of_measured[1]))
    sizes = np.asarray(members.sum(axis=1)).ravel()
    names = [*sets]
    return tuple(
        Pathway(
            names[row], int(sizes[row]), float(of_predicted[0][row]), float(q_predicted[row]), float(of_measured[0][row]), float(q_measured[row])
        )
        for row in tested[np.argsort(best[tested], kind="stable")[: 2 * _PATHWAYS]]
    )  # fmt: skip


def _claims(
    fitted: FittedRun, asked: Perturbation, neighbours: Sequence[Neighbour], edges: EdgeAttribution | None,
    similarity: Mapping[str, float], every: np.ndarray, pathways: Sequence[Pathway], predicted: np.ndarray, measured: np.ndarray | None,
    scored: np.ndarray, reason: str,
    outside: Mapping[str, KnownPairs],
) -> list[Claim]:  # fmt: skip
    direct = [*dict.fromkeys((each.path[0], each.path[1], each.sources) for each in neighbours if len(each.path) == 2)]
    if edges is not None:
        direct = [(each.first, each.second, each.sources) for each in edges.edges if each.contribution >= _SHARE]
    changed = [each for each in pathways if each.predicted_q < RATE][:_PATHWAYS]
    kept = np.flatnonzero(scored)
    return [
        *interactions(direct, outside),
        *similar_responses(
            asked.name, {each.perturbation: each.share for each in neighbours if each.share >= _SHARE}, similarity, every, reason
        ),
        *readout_changes(
            asked.name, [fitted.genes[place] for place in kept], predicted[kept], None if measured is None else measured[kept], _READOUTS, reason
        ),
        *pathway_changes(
            asked.name, [each.name for each in changed], np.array([each.predicted for each in changed]),
            None if measured is None else np.array([each.measured for each in changed]), reason,
        ),
    ]  # fmt: skip


def _outside(graph: Graph | None, verify: str, non_commercial: bool, show_progress: bool) -> dict[str, KnownPairs]:
    """Known relations of sources that are not in the graph."""
    used = {each.name for each in graph.sources} if graph is not None else set()
    if verify == "none":
        return {}
    if verify == "all":
        free = [name for name, source in SOURCES.items() if non_commercial or NON_COMMERCIAL not in source.licence]
        asked = [name for name in free if name not in used]
        return known_pairs(asked, show_progress=show_progress) if asked else {}
    asked = [part.strip() for part in verify.split(",")]
    refuse_own(used, {*asked})
    for name in asked:
        if name in SOURCES and NON_COMMERCIAL in SOURCES[name].licence and not non_commercial:
            raise UsageError(f"{name} is {SOURCES[name].licence}: it is used when you say so (--non-commercial)")
    return known_pairs(asked, show_progress=show_progress)
