"""Optimisers on grids, without state: the next point follows from the seed, the trial's number and the results so far.

So a search continues after a kill, and several workers share one, with nothing kept but the list of results. Objectives are minimised.

- random: uniform, with replacement.
- tpe: tree-structured Parzen estimator. After 10 random trials, the best 15% (at most 25) and the others each give a density per parameter,
  a mixture of a uniform prior and one kernel a trial; of 24 draws from the first, the one with the largest ratio is taken, points that were
  tried before last of all.
- cma_es: covariance matrix adaptation on places scaled to [0, 1]; weights, rates and step-size control as in the tutorial; draws are
  clipped to the box, then rounded to the grid. Parameters that are no numbers are drawn at random.

Source: Bergstra et al. 2011; Hansen 2016 (arXiv 1604.00772), figure 6. Differs from Optuna's: densities on the grid instead of the line,
no multivariate kernels; `optuna_*` names take those (extra "search").

Optuna's samplers behind the same interface (extra "search"): the results so far are told to a fresh study, which is then asked.

Its CMA-ES is not among them: it keeps its state in the trials that it made itself, and forgets it in a fresh study.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hooke.core.errors import UnknownNameError, UsageError
from hooke.studies.search.space import Point, Space

_STEP = 0.3  # first standard deviation of cma_es, of the unit box


@dataclass(frozen=True)
class Result:
    """A finished trial: its number, its point, and the value that is minimised (infinite when it failed)."""

    number: int
    point: Point
    value: float


class Optimiser(ABC):
    """Proposes points of a space."""

    def __init__(self, space: Space, seed: int) -> None:
        self.space, self.seed = space, seed
        self.sizes = np.array(space.sizes)

    @abstractmethod
    def ask(self, number: int, results: Sequence[Result]) -> Point:
        """The point of trial `number`, knowing some results of others."""

    def generator(self, number: int) -> np.random.Generator:
        """The randomness of one trial."""
        return np.random.default_rng([self.seed, number])

    def uniform(self, number: int) -> Point:
        """A uniform draw."""
        return tuple(self.generator(number).integers(0, self.sizes).tolist())


class RandomSearch(Optimiser):
    """Uniform draws."""

    def ask(self, number: int, results: Sequence[Result]) -> Point:
        """The point of a trial."""
        return self.uniform(number)


class TreeParzen(Optimiser):
    """See the module's head."""

    def ask(self, number: int, results: Sequence[Result]) -> Point:
        """The point of a trial."""
        if len(results) < _STARTUP:
            return self.uniform(number)
        generator = self.generator(number)
        ordered = sorted(results, key=lambda result: (result.value, result.number))
        good = min(_MOST_GOOD, max(1, math.ceil(_GOOD * len(ordered))))
        places = np.array([result.point for result in ordered])
        ratio = np.zeros(_DRAWS)
        drawn = np.zeros((_DRAWS, len(self.sizes)), np.int64)
        for axis, size in enumerate(self.sizes.tolist()):
            ordinal = self.space.ordered[axis]
            low, high = (_density(part, size, ordered=ordinal) for part in np.split(places[:, axis], [good]))
            drawn[:, axis] = generator.choice(size, _DRAWS, p=low)
            ratio += np.log(low[drawn[:, axis]]) - np.log(high[drawn[:, axis]])
        tried = {result.point for result in results}
        again = np.array([tuple(row) in tried for row in drawn.tolist()])
        return tuple(drawn[np.lexsort((-ratio, again))[0]].tolist())


def _density(places: np.ndarray, size: int, *, ordered: bool) -> np.ndarray:
    """(size,) mixture of the uniform distribution and a kernel at each place."""
    if ordered:
        width = max(0.5, size / (2 * (1 + len(places)) ** 0.5))
        kernels = np.exp(-0.5 * ((np.arange(size)[None, :] - places[:, None]) / width) ** 2)
    else:
        kernels = np.eye(size)[places] + 0.1
    kernels = kernels / kernels.sum(axis=1, keepdims=True)
    mixed = kernels.sum(axis=0) + 1 / size
    return mixed / mixed.sum()


@dataclass
class _Distribution:
    """What cma_es samples from: mean, step, covariance and the two paths; plus the draws of the generation."""

    mean: np.ndarray
    step: float
    covariance: np.ndarray
    step_path: np.ndarray
    path: np.ndarray
    draws: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))


class CovarianceAdaptation(Optimiser):
    """See the module's head."""

    def __init__(self, space: Space, seed: int) -> None:
        super().__init__(space, seed)
        self.axes = np.flatnonzero(np.array(space.ordered) & (self.sizes > 1))
        count = max(1, len(self.axes))
        self.population = 4 + math.floor(3 * math.log(count))
        parents = self.population // 2
        weights = math.log((self.population + 1) / 2) - np.log(np.arange(1, parents + 1))
        self.weights = weights / weights.sum()
        mass = 1 / float((self.weights**2).sum())
        self.mass = mass
        self.step_rate = (mass + 2) / (count + mass + 5)
        self.damping = 1 + 2 * max(0.0, math.sqrt((mass - 1) / (count + 1)) - 1) + self.step_rate
        self.path_rate = (4 + mass / count) / (count + 4 + 2 * mass / count)
        self.rank_one = 2 / ((count + 1.3) ** 2 + mass)
        self.rank_many = min(1 - self.rank_one, 2 * (mass - 2 + 1 / mass) / ((count + 2) ** 2 + mass))
        self.length = math.sqrt(count) * (1 - 1 / (4 * count) + 1 / (21 * count**2))
        self._known: list[_Distribution] = []

    def ask(self, number: int, results: Sequence[Result]) -> Point:
        """The point of a trial."""
        point = np.array(self.uniform(number))
        if len(self.axes):
            generation, member = divmod(number, self.population)
            values = {result.number: result.value for result in results}
            draw = self._distribution(generation, values).draws[member]
            point[self.axes] = np.rint(draw * (self.sizes[self.axes] - 1)).astype(np.int64)
        return tuple(point.tolist())

    def _distribution(self, generation: int, values: dict[int, float]) -> _Distribution:
        """That of a generation; earlier ones are kept once they are whole."""
        count = len(self.axes)
        if not self._known:
            first = _Distribution(np.full(count, 0.5), _STEP, np.eye(count), np.zeros(count), np.zeros(count))
            self._known.append(self._drawn(first, 0))
        current = self._known[min(generation, len(self._known) - 1)]
        for past in range(len(self._known) - 1, generation):
            numbers = range(past * self.population, (past + 1) * self.population)
            found = np.array([values.get(number, math.inf) for number in numbers])
            current = self._drawn(self._updated(current, found, past), past + 1)
            if all(number in values for number in numbers) and len(self._known) == past + 1:
                self._known.append(current)
        return current

    def _drawn(self, now: _Distribution, generation: int) -> _Distribution:
        eigenvalues, vectors = np.linalg.eigh(now.covariance)
        root = vectors * np.sqrt(np.maximum(eigenvalues, 1e-20))
        rows = [
            self.generator(generation * self.population + member).normal(size=len(self.axes))
            for member in range(self.population)
        ]
        now.draws = np.clip(now.mean + now.step * np.array(rows) @ root.T, 0, 1)
        return now

    def _updated(self, now: _Distribution, values: np.ndarray, generation: int) -> _Distribution:
        best = np.argsort(values, kind="stable")[: len(self.weights)]
        moves = (now.draws[best] - now.mean) / now.step
        move = self.weights @ moves
        eigenvalues, vectors = np.linalg.eigh(now.covariance)
        whitened = vectors @ ((vectors.T @ move) / np.sqrt(np.maximum(eigenvalues, 1e-20)))
        step_path = (1 - self.step_rate) * now.step_path + math.sqrt(
            self.step_rate * (2 - self.step_rate) * self.mass
        ) * whitened
        shrunk = float(np.linalg.norm(step_path)) / math.sqrt(1 - (1 - self.step_rate) ** (2 * (generation + 1)))
        moving = shrunk < (1.4 + 2 / (len(self.axes) + 1)) * self.length
        path = (1 - self.path_rate) * now.path + moving * math.sqrt(
            self.path_rate * (2 - self.path_rate) * self.mass
        ) * move
        spread = (moves * self.weights[:, None]).T @ moves
        lost = (1 - moving) * self.rank_one * self.path_rate * (2 - self.path_rate)
        covariance = (
            (1 - self.rank_one - self.rank_many + lost) * now.covariance
            + self.rank_one * np.outer(path, path)
            + self.rank_many * spread
        )
        length = float(np.linalg.norm(step_path)) / self.length
        step = now.step * math.exp(min(1.0, self.step_rate / self.damping * (length - 1)))
        finest = 0.5 / float((self.sizes[self.axes] - 1).max())  # a smaller step could never leave a grid point
        return _Distribution(now.mean + now.step * move, max(step, finest), covariance, step_path, path)


class FromOptuna(Optimiser):
    """A sampler of Optuna: "optuna_random" or "optuna_tpe". Parameters are integers: the places on the grid.

    Raises:
        UsageError: Optuna is not installed.
    """

    def __init__(self, name: str, space: Space, seed: int) -> None:
        super().__init__(space, seed)
        try:
            import optuna
        except ImportError as error:
            raise UsageError(f"{name} needs Optuna: pip install 'hooke-bio[search]'") from error
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.name = name

    def ask(self, number: int, results: Sequence[Result]) -> Point:
        """The point of a trial."""
        import optuna
        from optuna.distributions import IntDistribution

        places: dict[str, Any] = {
            parameter.key: IntDistribution(0, len(parameter.values) - 1) for parameter in self.space.parameters
        }
        study = optuna.create_study(sampler=self._sampler(number))
        for result in sorted(results, key=lambda result: result.number):
            params = dict(zip(places, result.point, strict=True))
            study.add_trial(
                optuna.trial.create_trial(params=params, distributions=places, value=min(result.value, 1e30))
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = study.ask(places)
        return tuple(int(trial.params[key]) for key in places)

    def _sampler(self, number: int) -> Any:
        import optuna

        seed = int(self.generator(number).integers(2**31))
        if self.name == "optuna_random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed)


_STARTUP, _GOOD, _MOST_GOOD, _DRAWS = 10, 0.15, 25, 24


OPTIMISERS: dict[str, type[Optimiser]] = {
    "random": RandomSearch,
    "tpe": TreeParzen,
    "cma_es": CovarianceAdaptation,
}
FROM_OPTUNA = ("optuna_random", "optuna_tpe")


def optimiser(name: str, space: Space, seed: int) -> Optimiser:
    """An optimiser by name.

    Raises:
        UnknownNameError: No such optimiser.
        UsageError: One of Optuna's, which is not installed.
    """
    if name in FROM_OPTUNA:
        return FromOptuna(name, space, seed)
    if name not in OPTIMISERS:
        raise UnknownNameError("optimiser", name, [*OPTIMISERS, *FROM_OPTUNA])
    return OPTIMISERS[name](space, seed)
