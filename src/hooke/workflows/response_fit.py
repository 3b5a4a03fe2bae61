"""`hooke response fit`: models of responses compared on inner folds of one screen, the best one or a baseline chosen and fitted on all of it.

What is asked for is of three kinds, and each has a choice of its own: perturbations of which some gene is new, pairs of genes that were seen,
and perturbations in a context where they were not measured. Held-out responses have one half of the controls subtracted, training responses
the other. Networks, where they are asked for, are compared alone and as the residual of the best model in closed form. A model is chosen when it
beats the best baseline by a paired interval above zero; else the baseline is, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hooke.cells.conditions import Conditions, treatment_texts
from hooke.cells.files import file_hash
from hooke.cells.screen import Screen
from hooke.cells.statistics import Statistics, parts_of
from hooke.core import registry
from hooke.core.checked import read_arrays, write_arrays
from hooke.core.errors import DataError, UsageError
from hooke.core.hashing import content_hash
from hooke.core.options import choose
from hooke.core.progress import Progress, progress
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.estimators.responses import (
    PLUS,
    Knowledge,
    ResponseModel,
    inner_folds,
    is_baseline,
    response_model,
    text_array,
)
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.ceilings import (
    Ceiling,
    Parts,
    ceilings,
    changes_from,
    context_controls,
    control_means,
    correlation,
    piece_means,
    split,
)
from hooke.evaluate.response_splits import (
    Declared,
    ResponseSplit,
    pairs,
    refuse_leaks,
    unseen_compound,
    unseen_context,
    unseen_perturbation,
)
from hooke.workflows.response import ContextCheck, read_columns, statistics_of
from hooke.workflows.response_knowledge import (
    compound_clusters,
    read_knowledge,
    screen_knowledge,
    without_structure,
    write_knowledge,
)

if TYPE_CHECKING:
    from hooke.workflows.response_networks import ResponseNetwork

NEW, PAIRS, CONTEXT = "unseen perturbation", "pair of seen genes", "unseen context"
LEVEL = 0.9
_FEWEST = 8  # held-out conditions that a choice needs
_NAME = "response"
CHOICES = "choices.json"  # by which runs of `hooke response fit` are known
_NETWORK_FOLDS = 3  # by which the weight of a residual is chosen


@dataclass(frozen=True)
class Choice:
    """The choice for one kind of question.

    Attributes:
        kind: Of question.
        model: Chosen.
        is_baseline: Whether it is one of the simple ones.
        scores: Model → mean correlation of held-out changes, with its interval; the best first.
        baseline: The best baseline.
        difference: Best other model minus best baseline, paired over conditions.
        errors: Model → squared error of held-out changes over that of no change: a correlation does not see their size.
        conditions: Held out and evaluable.
        fallbacks: Model → held-out conditions that it gave the mean for want of knowledge.
        skipped: Model → why it could not be fitted.
        verdict: One line.
        intervals: Whether there are enough held-out conditions for conformal intervals.
    """

    kind: str
    model: str
    is_baseline: bool
    scores: Mapping[str, Interval]
    baseline: str
    difference: Interval
    conditions: int
    errors: Mapping[str, float] = field(default_factory=dict)
    fallbacks: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    verdict: str = ""
    intervals: bool = False


@dataclass(frozen=True)
class FittedScreen:
    """What `fit_responses` made.

    Attributes:
        folder: The run.
        choices: One for each kind of question that the screen can answer.
        verdicts: Context → what it can teach.
        report: The page.
        without_structure: Compounds of which no structure could be read, though others have one: models know nothing of them.
    """

    folder: Path
    choices: Sequence[Choice]
    verdicts: Mapping[str, str]
    report: Path
    without_structure: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        choices = [asdict(each) for each in self.choices]
        return {
            "run": str(self.folder),
            "choices": choices,
            "verdicts": dict(self.verdicts),
            "report": str(self.report),
            "without_structure": list(self.without_structure),
        }


@dataclass(frozen=True)
class Responses:
    """A screen as conditions with their changes.

    Attributes:
        conditions: With numbers of cells.
        parts: Of the screen.
        usable: (R,) bool: evaluable, in an evaluable context.
        ceilings: Of each context.
        clusters: Compound → what is held out with it; none of genes.
    """

    conditions: Conditions
    parts: Parts
    usable: np.ndarray
    ceilings: Sequence[Ceiling]
    clusters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, statistics: Statistics, *, with_targets: bool, seed: int) -> Responses:
        """Of the statistics of a screen; conditions without two cells or controls are not among them."""
        screen, layout = statistics.screen, statistics.layout
        parts = parts_of(statistics, with_targets=with_targets)
        found = ceilings(parts, seed=seed)
        usable = np.zeros(len(layout.groups), bool)
        for each in found:
            usable[each.rows] = each.evaluable & each.is_evaluable
        conditions = Conditions.of(
            (screen.perturbations[one] for one in layout.groups[:, 0]), (screen.contexts[one] for one in layout.groups[:, 1]),
            np.maximum(parts.counts.sum(axis=1), 1.0),
        )  # fmt: skip
        return cls(conditions, parts, usable, found)

    def changes(self, controls: np.ndarray) -> np.ndarray:
        """(R, G) mean profiles minus these (C, G) controls of their batches."""
        return changes_from(self.parts, controls)

    def splits(self, seed: int) -> dict[str, list[ResponseSplit]]:
        """Inner folds of each kind of question that the screen can answer."""
        sets, contexts = self.conditions.parts, self.conditions.contexts
        new = unseen_perturbation(sets, singles=False, seed=seed)
        if self.clusters:
            new = unseen_compound([parts[0] for parts in sets], self.clusters, seed=seed)
        found = {NEW: new, PAIRS: pairs(sets, 2, seed=seed)}
        if len(set(contexts)) > 1:
            found[CONTEXT] = [replace(each, test=each.test[self._elsewhere(each)]) for each in unseen_context(contexts)]
        kept = {}
        for kind, splits in found.items():
            usable = [each for each in splits if len(each.train) and self.usable[each.test].any()]
            if sum(int(self.usable[each.test].sum()) for each in usable) >= _FEWEST:
                kept[kind] = usable
        return kept

    def _elsewhere(self, split_: ResponseSplit) -> np.ndarray:
        known = {self.conditions.perturbations[row] for row in split_.train}
        return np.array([self.conditions.perturbations[row] in known for row in split_.test], bool)


def fit_responses(
    source: Path | str, runs: Path | str = Path("runs"), *, graph: str = "StringDB,Reactome,HuMAP", library: Sequence[str] = (),
    models: str = "all", networks: str = "", smiles: Path | str | None = None, compounds: str = "", non_commercial: bool = False,
    with_targets: bool = False, seed: int = 0, show_progress: bool = True,
    scale: str | None = None, target_sum: float | None = None, layer: str | None = None, **columns: Any,
) -> FittedScreen:  # fmt: skip
    """Compare, choose and fit models of responses on one screen.

    Args:
        source: The screen; see `check_screen`.
        runs: Folder of the run folders. The run of the same screen and options is not made twice.
        graph: Sources of known relations and own files, separated by commas; "" for none.
        library: Further genes that will be asked for: they are in the graph beside those of the screen.
        models: Names separated by commas, or all.
        networks: Recipes of networks (txpert, latent_additive, a file of one's own) separated by commas: each takes minutes. Single networks are
            compared; what is chosen is fitted with as many members as its recipe says.
        smiles: Of a screen of compounds: a table with the columns compound and smiles, also of compounds that will be asked for. Models in
            closed form read a kernel of structures, networks the structures; whole scaffolds are held out.
        compounds: Encoder of compounds in networks and its preset, any model of molecules ("gine:tiny"); "" for that of the recipe.
        non_commercial: Whether sources for non-commercial use alone may be taken.
        with_targets: Whether a perturbation's own genes count in its scores.
        seed: Seed of all random numbers.
        show_progress: Show progress.
        scale, target_sum, layer, columns: As in `check_screen`.

    Raises:
        UsageError: An option is none, or nothing can be chosen: no context is evaluable, or too few conditions are.
        DataError: The screen is at fault.
    """
    from hooke.workflows.response_page import write_page

    names = list(choose("model of responses", models, {name: name for name in registry.names("response_models")}))
    recipes = _recipes(networks, compounds)
    options = {"graph": graph, "library": sorted(library), "models": names, "with_targets": with_targets, "seed": seed}
    if recipes:
        options["networks"] = {name: recipe.to_json() for name, recipe in recipes.items()}
    if smiles is not None:
        options["smiles"] = file_hash(Path(smiles))
    statistics = statistics_of(
        source, read_columns(columns), scale=scale, target_sum=target_sum, layer=layer, seed=seed, show_progress=show_progress
    )  # fmt: skip
    responses = Responses.of(statistics, with_targets=with_targets, seed=seed)
    verdicts = {
        statistics.screen.contexts[each.context]: ContextCheck("", each, (), (), np.empty(0)).verdict
        for each in responses.ceilings
    }
    knowledge = screen_knowledge(
        responses.conditions, graph=graph, library=library, smiles=smiles, non_commercial=non_commercial, show_progress=show_progress
    )  # fmt: skip
    treated = any(each.treatment is not None for each in responses.conditions.perturbations)
    if recipes and treated and not knowledge.structures:
        raise UsageError(
            "networks know compounds by their structures: name a table with the columns compound and smiles (--smiles)"
        )
    responses = replace(responses, clusters=compound_clusters(responses.conditions, knowledge))
    splits = responses.splits(seed)
    if not splits:
        raise UsageError(
            f"nothing can be chosen on this screen, since fewer than {_FEWEST} held-out conditions are evaluable; "
            + "; ".join(f"{name}: {verdict}" for name, verdict in verdicts.items())
        )
    data = content_hash([statistics.screen.genes, statistics.counts.tolist(), _digest(statistics.sums)])
    name = f"{_NAME}-{Path(source).stem}"
    with RunFolder.starting(Path(runs), name, options, data):
        done = RunFolder.find_finished(Path(runs), name, options, data)
        if done is not None:
            return _opened(done)
        run = RunFolder.find_unfinished(Path(runs), name, options, data) or RunFolder.create(
            Path(runs), name, options, data
        )
    choices, half_widths = [], {}
    held_out: list[dict[str, np.ndarray]] = []
    compared = _Networks(recipes, run.path("networks"), statistics.screen)
    total = sum(len(each) for each in splits.values()) * (len(names) + 2 * len(recipes))
    with progress(total, "comparing models", "fits", show=show_progress) as bar:
        for kind, folds in splits.items():
            choice, widths, held = _chosen(kind, responses, folds, names, knowledge, seed, bar, compared)
            choices.append(choice)
            held_out.append(held)
            if widths is not None:
                half_widths[kind] = widths
    _save(run, statistics, responses, knowledge, choices, half_widths, seed, recipes)
    for number, held in enumerate(held_out):
        write_arrays(run.path(f"held-{number}.npz"), held)
    lost = without_structure(responses.conditions, knowledge)
    run.write_json(
        CHOICES, {"choices": [asdict(each) for each in choices], "verdicts": verdicts, "without_structure": lost}
    )
    page = write_page(run, str(Path(source).name), choices, verdicts, responses.ceilings)
    run.finish()
    return FittedScreen(run.folder, choices, verdicts, page, tuple(lost))


def _chosen(
    kind: str, responses: Responses, folds: Sequence[ResponseSplit], names: Sequence[str], knowledge: Knowledge, seed: int, bar: Progress,
    networks: _Networks,
) -> tuple[Choice, np.ndarray | None, dict[str, np.ndarray]]:  # fmt: skip
    """The choice, the conformal half-widths (G,) of the chosen model, and what it and the others said of held-out conditions."""
    parts, conditions = responses.parts, responses.conditions
    chosen = split(parts.control_counts, 2, np.random.default_rng([seed, 11]))
    seen, truth = (
        responses.changes(controls) for controls in piece_means(chosen, parts.controls, parts.control_counts)
    )
    tested = np.unique(np.concatenate([each.test for each in folds]))
    tested = tested[responses.usable[tested]]
    predicted: dict[str, np.ndarray] = {}
    fallbacks: dict[str, int] = {}
    skipped: dict[str, str] = {}
    controls = next(iter(piece_means(chosen, parts.controls, parts.control_counts)))

    def compare(name: str, make: Callable[[], ResponseModel | ResponseNetwork]) -> None:
        values, count = np.full(truth.shape, np.nan), 0
        try:
            for fold in folds:
                refuse_leaks(fold, conditions.parts, conditions.contexts, Declared())
                train = fold.train[~np.isnan(seen[fold.train]).any(axis=1)]
                model = make()
                model.fit(conditions.take(train), seen[train], seed=seed)
                asked = conditions.take(fold.test)
                found = model.predict(
                    replace(asked, counts=np.ones(len(asked)))
                )  # how many cells answered is not for the model to know
                values[fold.test] = found.values
                count += sum(map(bool, found.fallbacks))
                bar.advance(1)
        except (UsageError, DataError) as error:
            skipped[name] = str(error)
            return
        predicted[name], fallbacks[name] = values, count

    for name in names:
        compare(name, partial(response_model, name, knowledge=knowledge))
    means = {
        name: correlation(values[tested], truth[tested], parts.scored[tested]) for name, values in predicted.items()
    }
    defined = {name: float(np.nanmean(values)) for name, values in means.items() if not np.isnan(values).all()}
    for name in networks.recipes if defined else ():
        best = max(defined, key=lambda each: defined[each])
        for shown, bases in ((name, ()), (f"{best}{PLUS}{name}", (best,))):
            compare(shown, partial(networks.make, name, bases, kind, knowledge, parts, controls, members=1))
    scored = parts.scored[tested]
    each = {name: correlation(values[tested], truth[tested], scored) for name, values in predicted.items()}
    generator = np.random.default_rng([seed, 12])
    scores = {name: _interval(values, generator) for name, values in each.items() if not np.isnan(values).all()}
    order = sorted(scores, key=lambda name: -scores[name].value)
    simple = [name for name in order if is_baseline(name)]
    others = [name for name in order if name not in simple]
    if not simple:
        raise UsageError("compare with at least one baseline (global_mean): a model alone says nothing of itself")
    baseline, difference = simple[0], Interval(np.nan, np.nan, np.nan)
    best = baseline
    if others:
        paired = each[others[0]] - each[baseline]
        difference = paired_difference(paired[~np.isnan(paired)], generator=generator)
        best = others[0] if difference.low > 0 else baseline
    widths = _half_widths(predicted[best][tested], truth[tested])
    errors = {name: _relative_error(predicted[name][tested], truth[tested], scored) for name in order}
    choice = Choice(
        kind, best, best in simple, {name: scores[name] for name in order}, baseline, difference, len(tested),
        errors, fallbacks, skipped,
        _verdict(kind, best, baseline, others, scores, difference, errors[best]), widths is not None,
    )  # fmt: skip
    held = {
        "rows": tested, "predicted": predicted[best][tested].astype(np.float32), "models": text_array(order),
        "r": np.stack([each[name] for name in order]),
    }  # fmt: skip
    return choice, widths, held


def _verdict(
    kind: str, best: str, baseline: str, others: Sequence[str], scores: Mapping[str, Interval], difference: Interval, error: float
) -> str:  # fmt: skip
    by = f"r {scores[best].value:.3f} [{scores[best].low:.3f}, {scores[best].high:.3f}]"
    gain = f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"
    if not others:
        text = f"{kind}: {best} ({by}); no other model was compared"
    elif best == baseline:
        text = f"{kind}: a baseline wins: {best} ({by}); the best other model, {others[0]}, differs by {gain}"
    else:
        text = f"{kind}: {best} ({by}) beats the best baseline, {baseline}, by {gain}"
    return text if error < 1 else f"{text}; its squared error is {error:.2f} times that of no change"


def _interval(values: np.ndarray, generator: np.random.Generator) -> Interval:
    known = values[~np.isnan(values)]
    draws = known[generator.integers(0, len(known), (1000, len(known)))].mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(known.mean()), float(low), float(high))


def _relative_error(predicted: np.ndarray, truth: np.ndarray, scored: np.ndarray) -> float:
    """Squared error of all held-out changes over their squares."""
    known = scored & ~np.isnan(truth) & ~np.isnan(predicted)
    return float(((predicted - truth)[known] ** 2).sum() / (truth[known] ** 2).sum())


def _half_widths(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray | None:
    """(G,) half-widths that cover 90 % of held-out conditions, gene by gene; None of too few conditions (split conformal)."""
    errors = np.abs(predicted - truth)
    errors = np.sort(errors[~np.isnan(errors).any(axis=1)], axis=0)
    place = int(np.ceil((len(errors) + 1) * LEVEL))
    return errors[place - 1] if 0 < place <= len(errors) else None


def _save(
    run: RunFolder, statistics: Statistics, responses: Responses, knowledge: Knowledge, choices: Sequence[Choice],
    half_widths: Mapping[str, np.ndarray], seed: int, recipes: Mapping[str, Recipe],
) -> None:  # fmt: skip
    """Fit what was chosen on all conditions, and write everything that predicting needs."""
    networks = _Networks(recipes, run.path("networks"), statistics.screen)
    changes = responses.changes(control_means(responses.parts))
    known = ~np.isnan(changes).any(axis=1)
    for name in sorted({each.model for each in choices}):
        base, _, network = name.rpartition(PLUS)
        model: ResponseModel | ResponseNetwork
        if network in recipes:
            kind = next(each.kind for each in choices if each.model == name)
            controls = control_means(responses.parts)
            model = networks.make(network, (base,) if base else (), kind, knowledge, responses.parts, controls)
        else:
            model = response_model(name, knowledge=knowledge)
        model.fit(responses.conditions.take(known), changes[known], seed=seed)
        write_arrays(run.path(f"model-{name}.npz"), model.arrays())
    screen = statistics.screen
    numbers, profiles = context_controls(responses.parts, len(screen.contexts))
    there = [screen.contexts[number] for number in numbers]
    asked = zip(responses.conditions.perturbations, responses.conditions.contexts, strict=True)
    seen = [f"{one.name}\t{where}" for one, where in asked]
    write_arrays(run.path("screen.npz"), {
        "genes": text_array(screen.genes), "contexts": text_array(there), "controls": profiles,
        "seen": text_array(seen),
        "measured": text_array(responses.conditions.names), "half_width_kinds": text_array(list(half_widths)),
        "half_widths": np.stack(list(half_widths.values())) if half_widths else np.empty((0, len(screen.genes))),
        "scale": text_array([screen.scale.name]), "treatments": text_array(treatment_texts(responses.conditions)),
    })  # fmt: skip
    r_half = np.full(len(seen), np.nan)
    for each in responses.ceilings:
        r_half[each.rows] = each.r_half
    write_arrays(run.path("changes.npz"), {
        "changes": changes.astype(np.float32), "counts": responses.conditions.counts, "r_half": r_half, "evaluable": responses.usable,
    })  # fmt: skip
    write_knowledge(run, knowledge)


def _recipes(networks: str, compounds: str) -> dict[str, Recipe]:
    """The recipes of networks by name; torch is loaded where there are some."""
    names = [name.strip() for name in networks.split(",") if name.strip()]
    if not names:
        return {}
    from hooke.workflows.response_networks import network_recipe

    changed = [f"perturbations.compounds={compounds}"] if compounds else []
    return {recipe.name: recipe for recipe in (network_recipe(name, changed) for name in names)}


@dataclass(frozen=True)
class _Networks:
    """The networks that are compared.

    Attributes:
        recipes: By name.
        folder: Where they are trained.
        screen: Whose cells they see.
    """

    recipes: Mapping[str, Recipe]
    folder: Path
    screen: Screen

    def make(
        self, name: str, bases: Sequence[str], kind: str, knowledge: Knowledge, parts: Parts, controls: np.ndarray, *, members: int = 0,
    ) -> ResponseNetwork:  # fmt: skip
        """An unfitted network for one kind of question; the cells that it sees are these (C, G) controls of batches; see there for members."""
        from hooke.workflows.response_networks import Cells, ResponseNetwork

        screen, profiles = self.screen, np.zeros((len(self.screen.contexts), len(self.screen.genes)))
        cells = parts.control_counts.sum(axis=1)
        for context in range(len(profiles)):
            own = (parts.batch_context == context) & ~np.isnan(controls).any(axis=1)
            if own.any():
                profiles[context] = np.average(controls[own], axis=0, weights=cells[own])
        return ResponseNetwork(
            self.recipes[name], knowledge, self.folder, bases=bases, cells=Cells(tuple(screen.contexts), profiles, screen.scale.name),
            folds=partial(_inner, kind), members=members,
        )  # fmt: skip


def _inner(kind: str, conditions: Conditions, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds of one kind of question within the training conditions; random ones where there are none of the kind."""
    sets = conditions.parts
    if kind == NEW:
        found = unseen_perturbation(sets, singles=False, folds=_NETWORK_FOLDS, seed=seed)
    else:
        found = (
            pairs(sets, 2, folds=_NETWORK_FOLDS, seed=seed) if kind == PAIRS else unseen_context(conditions.contexts)
        )
    usable = [(each.train, each.test) for each in found if len(each.train) and len(each.test)]
    if usable:
        return usable
    every = np.arange(len(conditions))
    return [(np.setdiff1d(every, part), part) for part in inner_folds(len(conditions), seed, _NETWORK_FOLDS)]


def loaded_models(run: RunFolder, choices: Sequence[Mapping[str, Any]]) -> dict[str, ResponseModel | ResponseNetwork]:
    """The fitted models of a run by name."""
    knowledge = read_knowledge(run)
    found: dict[str, ResponseModel | ResponseNetwork] = {}
    for name in {each["model"] for each in choices}:
        arrays = read_arrays(run.path(f"model-{name}.npz"))
        if name not in registry.names("response_models"):
            from hooke.workflows.response_networks import ResponseNetwork

            found[name] = ResponseNetwork.from_arrays(knowledge, arrays)
            continue
        module = registry.module("response_models", name)
        found[name] = module.ResponseModel.from_arrays(module.Config(), knowledge, arrays)
    return found


def _opened(run: RunFolder) -> FittedScreen:
    """A finished run."""
    facts = run.read_json(CHOICES)
    choices = []
    for each in facts["choices"]:
        scores = {name: _interval_of(value) for name, value in each["scores"].items()}
        choices.append(Choice(**{**each, "scores": scores, "difference": _interval_of(each["difference"])}))
    return FittedScreen(
        run.folder, choices, facts["verdicts"], run.path("report.html"), tuple(facts.get("without_structure", ()))
    )


def _interval_of(value: Mapping[str, float | None]) -> Interval:
    return Interval(
        *(np.nan if value[name] is None else float(value[name] or 0.0) for name in ("value", "low", "high"))
    )


def _digest(array: np.ndarray) -> str:
    from hashlib import sha256

    return sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
