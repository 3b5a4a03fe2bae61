"""What the automatic choice compares: estimators on blocks of features, and networks, fine-tuned or from scratch, behind one interface."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.files import remove_folder
from hooke.core.recipe import Named, Recipe, named_thing
from hooke.core.runs import RunFolder
from hooke.core.types import Spec, group_means
from hooke.estimators import Estimator
from hooke.inference.blend import as_logarithms, member_file
from hooke.inference.ensemble import Ensemble
from hooke.inference.shipped import run_path
from hooke.modalities import Candidate, Trainable, trainable
from hooke.train.devices import single_device
from hooke.train.gradient_free import is_kept, save_arrays
from hooke.train.member import Member, trained
from hooke.train.pretrained import adapted

_VALIDATION = 0.1  # share of the rows of a fit by which a network chooses its best epoch

Predicted = tuple[np.ndarray, np.ndarray]


class OverBudget(Exception):
    """The fits of a contender would take longer than what is left; says so."""


@dataclass(frozen=True)
class Rows:
    """The rows that contenders learn from.

    Attributes:
        rows: (n,) of the store.
        features: Name of a block → (n, width) float32; "" for the features of the baselines.
        stored: (n, labels) float64 as the store has them, NaN = not measured.
        targets: The same, logarithms where labels are learnt so.
        exact: (n, labels) bool: measured, and not a bound alone.
        fold: (n,) number of the fold.
    """

    rows: np.ndarray
    features: Mapping[str, np.ndarray]
    stored: np.ndarray
    targets: np.ndarray
    exact: np.ndarray
    fold: np.ndarray

    def of(self, blocks: Sequence[str]) -> np.ndarray:
        """(n, features) of some blocks."""
        return np.hstack([self.features[name] for name in blocks or ("",)])

    @property
    def folds(self) -> int:
        """How many."""
        return int(self.fold.max()) + 1


@dataclass(frozen=True)
class Contest:
    """What all contenders share.

    Attributes:
        run, recipe, spec, store: Of the run; the model of the recipe is automatic.
        data: The rows.
        floors: (columns,) least positive value of predictions that are given as logarithms; NaN for the others.
    """

    run: RunFolder
    recipe: Recipe
    spec: Spec
    store: Any
    data: Rows
    floors: np.ndarray

    @property
    def modality(self) -> Trainable:
        """The kind of data."""
        return trainable(self.recipe.modality, "fit")


class Contender(ABC):
    """One model.

    Attributes:
        name: Of the candidate.
        chosen: Estimator or network.
        blocks: Of features that it sees.
        members: Networks of its last fit.
    """

    name: str
    chosen: Named
    blocks: tuple[str, ...] = ()
    members: int = 1

    @abstractmethod
    def fold(self, contest: Contest, fold: int, left: float) -> Predicted:
        """Predictions of the rows of a fold after a fit to the others, and their standard deviations.

        Raises:
            OverBudget: All its fits would take longer than `left` seconds.
        """

    @abstractmethod
    def finish(self, contest: Contest) -> None:
        """Fit to all rows and save, unless that was done before a kill."""

    def tidy(self, contest: Contest) -> None:
        """Remove what the folds needed besides their predictions: networks."""
        remove_folder(contest.run.path(f"candidates/{self.name}/networks"))

    def to_json(self) -> dict[str, Any]:
        """What `inference.blend.predictor_of` needs."""
        return {"model": self.chosen.to_json(), "blocks": list(self.blocks), "members": self.members}


class OfEstimator(Contender):
    """An estimator on blocks of features."""

    def __init__(self, name: str, candidate: Candidate, blocks: Sequence[str]) -> None:
        self.name, self.blocks = name, tuple(blocks)
        self.chosen = named_thing("models", {"name": candidate.estimator, **candidate.options}, "model", "")

    def fold(self, contest: Contest, fold: int, left: float) -> Predicted:
        """See `Contender.fold`; the first fit is never refused."""
        inside = contest.data.fold == fold
        estimator = self.fitted(contest, np.flatnonzero(~inside))
        return estimator.predict(contest.data.of(self.blocks)[inside])

    def finish(self, contest: Contest) -> None:
        """See `Contender.finish`."""
        path = member_file(contest.run, self.name)
        if not is_kept(path):
            save_arrays(path, self.fitted(contest, np.arange(len(contest.data.rows))).arrays())

    def fitted(self, contest: Contest, places: np.ndarray) -> Estimator:
        """The estimator, fitted to some of the rows."""
        made, data = registry.module("estimators", self.chosen.name).Estimator, contest.data
        estimator: Estimator = made(self.chosen.config, contest.spec, contest.modality.levels[0])
        estimator.fit(data.of(self.blocks)[places], data.targets[places], seed=contest.recipe.seed * 1000)
        return estimator


class OfNetwork(Contender):
    """A network, trained by the recipe's `train` section from scratch, or from the encoder of a pretrained run.

    Args:
        name: Of the candidate.
        recipe: Whose model is automatic.
        pretrained: A run, or an encoder inside the package; None for a network from scratch.

    Raises:
        UsageError: The pretrained encoder reads something else than the store of this recipe holds.
    """

    def __init__(self, name: str, recipe: Recipe, pretrained: str | None) -> None:
        network, _, preset = recipe.model.config.network.partition(":")
        chosen = replace(recipe, model=named_thing("models", {"name": network, "preset": preset}, "model", ""))
        self.pretrained: Path | None = None
        if pretrained is not None:
            self.pretrained = run_path(pretrained)
            chosen = adapted(chosen, self.pretrained)
            if dict(chosen.sections) != dict(recipe.sections):
                raise UsageError(
                    f"{pretrained} reads other encodings, or molecules standardised otherwise, than this recipe has"
                )
        self.name, self.recipe, self.chosen = name, chosen, chosen.model
        self.members = recipe.train.ensemble

    @cached_property
    def _single(self) -> Recipe:
        """With one member: that of a fold."""
        return replace(self.recipe, train=replace(self.recipe.train, ensemble=1))

    def fold(self, contest: Contest, fold: int, left: float) -> Predicted:
        """See `Contender.fold`; judged after the first epoch."""
        inside, started, epochs = contest.data.fold == fold, time.monotonic(), 0
        fits = contest.data.folds + self.members

        def watch(fields: Mapping[str, Any]) -> None:
            nonlocal epochs
            epochs += 1
            wanted = (time.monotonic() - started) / epochs * self.recipe.train.epochs * fits
            if wanted > left:
                raise OverBudget(
                    f"{fits} trainings would take {wanted:.0f} s, and {max(left, 0):.0f} s of the budget are left"
                )

        member = self._member(
            contest, np.flatnonzero(~inside), f"candidates/{self.name}/networks/{fold}", 0, watch=watch
        )
        network = trained(member)
        predictor = Ensemble([network], member.network()[1], single_device(self.recipe.train))
        found, rows = [], contest.data.rows[inside]
        for batch in contest.modality.loader(contest.store, rows, contest.spec, self.recipe, part="predict").epoch(0):
            prediction = predictor.predict(batch)[contest.modality.levels[0]]
            owner = batch.rows.numpy()
            found.append((group_means(prediction.mean, owner), group_means(prediction.std, owner)))
        mean, std = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return as_logarithms(mean, std, contest.floors)

    def finish(self, contest: Contest) -> None:
        """See `Contender.finish`."""
        for number in range(self.members):
            trained(self._member(contest, np.arange(len(contest.data.rows)), f"members/{self.name}", number))

    def _member(self, contest: Contest, places: np.ndarray, part: str, number: int, **options: Any) -> Member:
        """One network on some of the rows, a tenth of which it is validated on."""
        order = np.random.default_rng([contest.recipe.seed, number]).permutation(places)
        cut = max(1, round(_VALIDATION * len(order)))
        valid, train = (np.sort(contest.data.rows[part]) for part in (order[:cut], order[cut:]))
        return Member(
            contest.run, self._single, contest.spec, contest.store.folder, train, valid, number, part=part, pretrained=self.pretrained,
            show_progress=False, **options,
        )  # fmt: skip
