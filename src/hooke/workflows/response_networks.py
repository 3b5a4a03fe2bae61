"""Networks as models of responses: trained by a recipe on the conditions at hand, alone or as the residual of a model in closed form.

    alone       d̂ = n(p, c),                n fitted to the responses
    residual    d̂ = b(p, c) + w n(p, c),    n fitted to R = D - B, with B the predictions of b for rows that it was not fitted to

The base b is the best of several models in closed form by their mean correlation on inner folds. The weight w ∈ [0, 1] is the one of least
squares on inner folds: in each, base and network are fitted to the other folds (the residuals of these by folds of their own), so that
neither has seen what it is judged by. With w = 0 the network is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from hooke.cells.conditions import Conditions
from hooke.cells.graph import Graph
from hooke.cells.response_spec import LEVEL, ResponseSpec, without_edges
from hooke.cells.response_store import MeasuredResponses, prepared
from hooke.core import registry
from hooke.core.errors import DataError, UsageError
from hooke.core.files import remove_folder
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text
from hooke.core.recipe import Recipe, load_recipe, resolve
from hooke.core.runs import RunFolder
from hooke.estimators.responses import (
    Arrays,
    Knowledge,
    Predicted,
    ResponseModel,
    inner_folds,
    response_model,
    text_array,
    texts_of,
)
from hooke.evaluate.metrics import pearson
from hooke.inference.ensemble import Ensemble
from hooke.inference.network import build_network, build_task
from hooke.modalities import trainable
from hooke.modalities.perturbations.source import batch_of, why_unknown
from hooke.train.devices import single_device
from hooke.train.member import Member, trained

FOLDS = 3  # by which the weight of a network is chosen
_VALIDATION = 0.1  # share of the conditions by which a network chooses its best epoch
_BATCH = 256
Folds = Callable[[Conditions, int], Sequence[tuple[np.ndarray, np.ndarray]]]
_MODALITY = "perturbations"


@dataclass(frozen=True)
class Cells:
    """What of the cells the network sees.

    Attributes:
        contexts: Names.
        controls: (contexts, g) mean control profiles; None where there are changes alone.
        scale: Of the profiles.
    """

    contexts: tuple[str, ...] = ("",)
    controls: np.ndarray | None = None
    scale: str = "z-score"


def network_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of a network of responses.

    Raises:
        UsageError: It is about something else, or has no network.
    """
    recipe = load_recipe(name, overrides)
    if recipe.modality != _MODALITY or recipe.has_estimator:
        raise UsageError(f"{name} is not a recipe of a network of responses, as txpert and latent_additive are")
    return recipe


def random_folds(conditions: Conditions, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """A random permutation cut into nearly equal parts."""
    every = np.arange(len(conditions))
    return [(np.setdiff1d(every, part), part) for part in inner_folds(len(conditions), seed, FOLDS)]


class ResponseNetwork:
    """A network with the interface of `estimators.responses.ResponseModel`.

    Args:
        recipe: How it is made and trained; its data set is not read.
        knowledge: Its graph; what the base reads.
        folder: Where networks are trained; left as it was.
        bases: Registered models in closed form, the best of which it is the residual of; none for a network alone.
        cells: What of the cells it sees.
        folds: (conditions, seed) → rows to learn from and rows to judge by, of the kind of question that will be asked; random ones without.
        members: Networks whose mean is taken; 0 for as many as the recipe says.

    Attributes:
        weight: Of the network, 1 where it is alone.
        base_name: The base that was chosen; "" where it is alone.
    """

    baseline = False

    def __init__(
        self, recipe: Recipe, knowledge: Knowledge = Knowledge(), folder: Path = Path("runs"), *, bases: Sequence[str] = (),
        cells: Cells = Cells(), folds: Folds | None = None, members: int = 0,
    ) -> None:  # fmt: skip
        self.recipe, self.knowledge, self.folder, self.bases, self.cells = (
            recipe,
            knowledge,
            Path(folder),
            tuple(bases),
            cells,
        )
        self.folds, self.members = folds or random_folds, members or recipe.train.ensemble
        self.weight, self.base_name = 1.0, ""
        self.base: ResponseModel | None = None
        self.spec: ResponseSpec | None = None
        self.networks: list[torch.nn.Module] = []

    def fit(self, conditions: Conditions, responses: np.ndarray, *, seed: int = 0) -> None:
        """Learn; see `ResponseModel.fit`.

        Raises:
            DataError: Fewer conditions than a network and its validation need.
        """
        responses = np.asarray(responses, np.float64)
        if len(conditions) < 4:
            raise DataError(f"a network needs more than {len(conditions)} conditions")
        if not self.bases:
            self.spec, self.networks = self._trained(conditions, responses, self.members, seed)
            return
        self.base_name = self._best_base(conditions, responses, seed)
        self.weight = self._inner_weight(conditions, responses, seed)
        self.base = self._base(conditions, responses, seed)
        if self.weight > 0:
            residual = responses - self._held_out(conditions, responses, seed)
            self.spec, self.networks = self._trained(conditions, residual, self.members, seed)

    def predict(self, conditions: Conditions, structures: Mapping[str, str] | None = None) -> Predicted:
        """Predict; see `ResponseModel.predict`. Where the network knows nothing the base, or the mean, answers alone.

        Args:
            conditions: As there.
            structures: Compound → SMILES, of compounds that `knowledge` does not have.
        """
        structures = {**self.knowledge.structures, **(structures or {})}
        if self.base is None:
            assert self.spec is not None
            values = self._decoded(self.spec, self.networks, conditions, structures)
            return Predicted(values, tuple(self._unknown(self.spec, conditions, structures)))
        found = self.base.predict(conditions)
        if self.spec is None or not self.networks:
            return found
        known = np.array([not reason for reason in self._unknown(self.spec, conditions, structures)], bool)
        added = self.weight * self._decoded(self.spec, self.networks, conditions, structures)
        return Predicted(found.values + np.where(known[:, None], added, 0.0), found.fallbacks)

    def _best_base(self, conditions: Conditions, responses: np.ndarray, seed: int) -> str:
        """The base with the highest mean correlation on inner folds; one whose correlations are not defined comes last."""
        scores = {}
        for name in self.bases if len(self.bases) > 1 else ():
            found = pearson(self._held_out(conditions, responses, seed, name).T, responses.T)
            scores[name] = float(np.nanmean(found)) if np.isfinite(found).any() else -np.inf
        return max(scores, key=lambda name: scores[name]) if scores else self.bases[0]

    def _base(self, conditions: Conditions, responses: np.ndarray, seed: int, name: str = "") -> ResponseModel:
        model = response_model(name or self.base_name, knowledge=self.knowledge)
        model.fit(conditions, responses, seed=seed)
        return model

    def _held_out(self, conditions: Conditions, responses: np.ndarray, seed: int, name: str = "") -> np.ndarray:
        """(n, g) predictions of the base for rows of folds that it was not fitted to."""
        found = np.full(responses.shape, np.nan)
        for rest, fold in self.folds(conditions, seed):
            base = self._base(conditions.take(rest), responses[rest], seed, name)
            found[fold] = base.predict(conditions.take(fold)).values
        return found

    def _inner_weight(self, conditions: Conditions, responses: np.ndarray, seed: int) -> float:
        """The weight of least squares over inner folds, cut to [0, 1]."""
        product = square = 0.0
        for rest, fold in self.folds(conditions, seed):
            train, test = conditions.take(rest), conditions.take(fold)
            left = responses[fold] - self._base(train, responses[rest], seed).predict(test).values
            residual = responses[rest] - self._held_out(train, responses[rest], seed)
            spec, networks = self._trained(train, residual, 1, seed)
            known = np.array([not reason for reason in self._unknown(spec, test, self.knowledge.structures)], bool)
            added = np.where(known[:, None], self._decoded(spec, networks, test, self.knowledge.structures), 0.0)
            measured = ~np.isnan(left)
            product += float((left * added)[measured].sum())
            square += float(np.square(added)[measured].sum())
        return float(np.clip(product / square, 0.0, 1.0)) if square else 0.0

    def _trained(
        self, conditions: Conditions, targets: np.ndarray, members: int, seed: int
    ) -> tuple[ResponseSpec, list[torch.nn.Module]]:
        """Networks fitted to some responses, each with a tenth of the conditions to choose its epoch by."""
        recipe, modality = replace(self.recipe, seed=seed), trainable(_MODALITY, "fit")
        cells = self.cells
        measured = MeasuredResponses(
            conditions, targets, tuple(f"R{number}" for number in range(targets.shape[1])), cells.contexts, cells.controls, cells.scale,
            self.knowledge.structures,
        )  # fmt: skip
        described = [
            json_text(recipe.to_json()),
            self.knowledge.hash,
            targets,
            [each.name for each in conditions.perturbations],
            members,
        ]
        folder = self.folder / content_hash(described)[:16]
        store = prepared(folder, "responses", 0, lambda: measured)
        order = np.random.default_rng([seed, 1]).permutation(len(store))
        cut = max(1, round(_VALIDATION * len(order)))
        valid, train = np.sort(order[:cut]), np.sort(order[cut:])
        plain = recipe.with_section("perturbations", graph="")
        spec: ResponseSpec = modality.spec(store, np.arange(len(store)), plain)
        spec = replace(spec, graph=self._graph(recipe, spec))
        run = RunFolder.create(folder / "runs", "network", {"recipe": recipe.to_json()}, store.content_hash)
        networks = [
            trained(Member(run, recipe, spec, store.folder, train, valid, number, show_progress=False)) for number in range(members)
        ]  # fmt: skip
        remove_folder(folder)
        return spec, networks

    def _graph(self, recipe: Recipe, spec: ResponseSpec) -> Graph:
        reads = registry.module("models", recipe.model.name).Model.reads_graph
        known = self.knowledge.graph
        if known is None or not reads:
            genes = set(spec.graph.genes) | set(() if known is None else known.genes)
            return without_edges(sorted(genes))
        return known.over([*known.genes, *(gene for gene in spec.graph.genes if gene not in known.place)])

    @property
    def has_edges(self) -> bool:
        """Whether its prediction depends on edges of a graph."""
        return self.spec is not None and bool(self.networks) and bool(len(self.spec.graph.first))

    @property
    def ensemble(self) -> Ensemble:
        """The fitted networks.

        Raises:
            DataError: None is fitted: it is not yet, or its weight is zero.
        """
        if self.spec is None or not self.networks:
            raise DataError("no network is fitted")
        return self._ensemble(self.spec, self.networks)

    def _ensemble(self, spec: ResponseSpec, networks: Sequence[torch.nn.Module]) -> Ensemble:
        return Ensemble(networks, build_task(self.recipe.task, spec), single_device(self.recipe.train))

    @staticmethod
    def _unknown(spec: ResponseSpec, conditions: Conditions, structures: Mapping[str, str]) -> list[str]:
        """Why the network knows nothing of each condition; "" where it does."""
        smiles = _smiles(conditions, structures)
        return [why_unknown(spec, each, text) for each, text in zip(conditions.perturbations, smiles, strict=True)]

    def _decoded(
        self,
        spec: ResponseSpec,
        networks: Sequence[torch.nn.Module],
        conditions: Conditions,
        structures: Mapping[str, str],
    ) -> np.ndarray:
        """(n, g) mean over networks."""
        ensemble = self._ensemble(spec, networks)
        found = []
        for start in range(0, len(conditions), _BATCH):
            rows = np.arange(start, min(start + _BATCH, len(conditions)))
            some = conditions.take(rows)
            batch = batch_of(some, spec, rows, _smiles(some, structures))
            found.append(ensemble.predict(batch)[LEVEL].mean)
        return np.concatenate(found).astype(np.float64)

    def arrays(self) -> Arrays:
        """All that was learnt, as plain arrays."""
        facts = {
            "recipe": self.recipe.to_json(),
            "base": self.base_name,
            "spec": None if self.spec is None else self.spec.to_json(),
        }
        found = {"about": text_array([json_text(facts)]), "weight": np.array([self.weight])}
        for number, network in enumerate(self.networks):
            found |= {f"network/{number}/{name}": value.cpu().numpy() for name, value in network.state_dict().items()}
        if self.base is not None:
            found |= {f"base/{name}": value for name, value in self.base.arrays().items()}
        return found

    @classmethod
    def from_arrays(cls, knowledge: Knowledge, arrays: Mapping[str, np.ndarray]) -> Self:
        """Back from `arrays`.

        Raises:
            DataError: They are of something else, or of a base that was fitted with other knowledge.
        """
        if "about" not in arrays or "weight" not in arrays:
            raise DataError("these arrays are not those of a network of responses")
        facts: dict[str, Any] = json.loads(texts_of(arrays["about"])[0])
        new = cls(resolve(facts["recipe"]), knowledge)
        new.weight, new.base_name = float(arrays["weight"][0]), facts["base"]
        if facts["base"]:
            module = registry.module("response_models", facts["base"])
            own = {name.removeprefix("base/"): value for name, value in arrays.items() if name.startswith("base/")}
            new.base = module.ResponseModel.from_arrays(module.Config(), knowledge, own)
        if facts["spec"] is not None:
            new.spec = ResponseSpec.from_json(facts["spec"])
            numbers = sorted({int(name.split("/")[1]) for name in arrays if name.startswith("network/")})
            task = build_task(new.recipe.task, new.spec)
            for number in numbers:
                network = build_network(trainable(_MODALITY, "predict"), new.recipe.model, new.spec, task)
                start = f"network/{number}/"
                network.load_state_dict(
                    {name.removeprefix(start): torch.from_numpy(np.array(value)) for name, value in arrays.items() if name.startswith(start)}
                )  # fmt: skip
                new.networks.append(network.eval())
        return new


def _smiles(conditions: Conditions, structures: Mapping[str, str]) -> list[str]:
    """The structure of each condition's compound; "" of genes and of compounds that have none."""
    return [
        "" if each.treatment is None else structures.get(each.treatment.compound, "")
        for each in conditions.perturbations
    ]
