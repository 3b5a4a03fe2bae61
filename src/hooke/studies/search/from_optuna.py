"""Optuna's samplers behind the same interface (extra "search"): the results so far are told to a fresh study, which is then asked.

Its CMA-ES is not among them: it keeps its state in the trials that it made itself, and forgets it in a fresh study.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from hooke.core.errors import UsageError
from hooke.studies.search.optimisers import Optimiser, Result
from hooke.studies.search.space import Point, Space


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
