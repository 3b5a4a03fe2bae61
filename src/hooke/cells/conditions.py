"""`Conditions`: what was done to which cells, row by row: what models of responses are fitted on and asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse

from hooke.cells.perturbations import Perturbation, Treatment, of_genes
from hooke.core.errors import DataError
from hooke.core.json_text import json_text


@dataclass(frozen=True)
class Conditions:
    """Perturbations with their contexts.

    Attributes:
        perturbations: (n,) one each.
        contexts: (n,) cell line, donor ...; "" where there is one alone.
        counts: (n,) float64 > 0 cells, or another weight of the measurement.
    """

    perturbations: tuple[Perturbation, ...]
    contexts: tuple[str, ...]
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.perturbations)

    @classmethod
    def of(
        cls, perturbations: Iterable[Perturbation], contexts: Iterable[str] | None = None, counts: Sequence[float] | np.ndarray | None = None
    ) -> Conditions:  # fmt: skip
        """Perturbations, in one context and of equal weight unless others are given.

        Raises:
            DataError: The lengths differ, or a weight is no number above zero.
        """
        done = tuple(perturbations)
        where = ("",) * len(done) if contexts is None else tuple(contexts)
        weights = np.ones(len(done)) if counts is None else np.asarray(counts, np.float64)
        if not len(done) == len(where) == len(weights):
            raise DataError(f"{len(done)} perturbations, {len(where)} contexts and {len(weights)} counts")
        if not (np.isfinite(weights) & (weights > 0)).all():
            raise DataError("counts of cells must be numbers above zero")
        return cls(done, where, weights)

    @classmethod
    def of_genes(cls, *sets: Iterable[str] | str) -> Conditions:
        """Sets of genes, or single genes, in one context."""
        return cls.of(of_genes(*((one,) if isinstance(one, str) else one)) for one in sets)

    @cached_property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """(n,) what each is made of: genes in alphabetical order, or the name of the compound; nothing of a control."""
        return tuple(
            tuple(sorted(each.genes)) if each.treatment is None else (each.treatment.compound,)
            for each in self.perturbations
        )

    @property
    def names(self) -> list[str]:
        """Everything that was perturbed, sorted."""
        return sorted({name for parts in self.parts for name in parts})

    def take(self, rows: np.ndarray) -> Conditions:
        """Some of the rows, by number or as a mask."""
        places = np.arange(len(self))[rows]
        return Conditions(
            tuple(self.perturbations[row] for row in places), tuple(self.contexts[row] for row in places), self.counts[places]
        )  # fmt: skip

    def incidence(self, names: Sequence[str]) -> scipy.sparse.csr_array:
        """(n, names) float64: 1 where a row perturbs a name; names that are not listed count nowhere."""
        place = {name: column for column, name in enumerate(names)}
        cells = [(row, place[name]) for row, parts in enumerate(self.parts) for name in parts if name in place]
        rows, columns = np.array(cells, np.int64).reshape(-1, 2).T
        return scipy.sparse.csr_array((np.ones(len(cells)), (rows, columns)), shape=(len(self), len(names)))


def treatment_texts(conditions: Conditions) -> list[str]:
    """(n,) compound, dose, unit and hours of each as JSON; "" of genes."""
    return [
        ""
        if each.treatment is None
        else json_text([each.treatment.compound, each.treatment.dose, each.treatment.unit, each.treatment.hours])
        for each in conditions.perturbations
    ]


def perturbation_of(name: str, treatment: str) -> Perturbation:
    """Back from `Perturbation.name` and `treatment_texts`."""
    return Perturbation(treatment=Treatment(*json.loads(treatment))) if treatment else of_genes(*name.split("+"))
