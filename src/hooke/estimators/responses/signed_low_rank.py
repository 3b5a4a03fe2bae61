"""Pairs of genes as a symmetric table: a base, and a low rank with eigenvalues of either sign for the interactions that are left of it.

    D_AB = base_AB + v_A diag(e) v_B'

The base is the quadratic of the sum of both single responses where the singles of all training pairs were measured, else m + u_A + u_B by least
squares. Rank and shrinkage are those of the smallest squared error on inner folds of pairs. With a graph, genes that no training pair contains
have u and v from kernel ridge regression on the graph, whose beta and lambda are chosen on inner folds of genes.

Every read-out is a table of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.core.errors import DataError
from hooke.estimators import responses
from hooke.evaluate.kernel_ridge import chosen_ridge
from hooke.evaluate.two_way import chosen_low_rank, symmetric_effects

_NOTHING = 1e-12


@dataclass(frozen=True)
class Config:
    """Values that are tried on the inner folds."""

    ranks: tuple[int, ...] = (4, 8, 12)  # of the interactions
    shrinkages: tuple[float, ...] = (0.0, 0.25, 0.375)  # of eigenvalues, in units of the largest that noise would have
    betas: tuple[float, ...] = (1.0, 2.0, 4.0)  # of the diffusion on a graph
    ridges: tuple[float, ...] = (0.1, 0.3, 1.0)  # of the regression on a graph
    most_readouts: int = 20  # each is a table with inner folds of its own: a tenth of a second and more


class ResponseModel(responses.ResponseModel):
    """Single genes have their own response, if it was measured."""

    baseline = False
    may_use = ("graph",)
    config: Config

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        once, means = responses.by_perturbation(conditions, values)
        pairs = np.flatnonzero([len(parts) == 2 for parts in once.parts])
        if not len(pairs):
            raise DataError("signed_low_rank learns from pairs, and there is none in training")
        if values.shape[1] > self.config.most_readouts:
            most, count = self.config.most_readouts, values.shape[1]
            raise DataError(
                f"signed_low_rank learns a table for each read-out, at most {most} (most_readouts), and there are {count:,}"
            )
        learnt = responses.singles(conditions, values)
        sums, reasons = responses.sum_of_singles(learnt, once)
        quadratic = not any(reasons[row] for row in pairs)
        names = sorted({name for row in pairs for name in once.parts[row]})
        place = {name: row for row, name in enumerate(names)}
        first, second = np.array([[place[name] for name in once.parts[row]] for row in pairs]).T
        coefficients = responses.quadratics(sums[pairs], means[pairs]) if quadratic else np.zeros((3, means.shape[1]))
        folds = responses.inner_folds(len(pairs), seed)
        effects, vectors, sizes = [], [], []
        rank = min(max(self.config.ranks), len(names))
        for column in range(means.shape[1]):
            table = np.full((len(names), len(names)), np.nan)
            table[first, second] = means[pairs, column]
            if quadratic:
                table[first, second] -= responses.quadratic(coefficients, sums[pairs])[:, column]
            table = np.fmax(table, table.T)
            if np.isnan(table).all():
                effects.append(np.full(len(names) + 1, np.nan))
                vectors.append(np.zeros((len(names), rank)))
                sizes.append(np.zeros(rank))
                continue
            mean, own = (0.0, np.zeros(len(names))) if quadratic else symmetric_effects(table)
            places = _known(table, first, second, folds)
            left = table - mean - own[:, None] - own
            found, _, _ = chosen_low_rank(left, self.config.ranks, self.config.shrinkages, places)
            effects.append(np.append(own, mean))
            vectors.append(np.pad(found.vectors, ((0, 0), (0, rank - found.vectors.shape[1]))))
            sizes.append(np.pad(found.values, (0, rank - len(found.values))))
        learnt |= {
            "names": responses.text_array(names), "coefficients": coefficients, "quadratic": np.array([quadratic], np.int64),
            "effects": np.array(effects), "vectors": np.array(vectors), "sizes": np.array(sizes),
        }  # fmt: skip
        return learnt | self._on_the_graph(names, np.array(effects), np.array(vectors), np.array(sizes), seed)

    def _on_the_graph(
        self, names: list[str], effects: np.ndarray, vectors: np.ndarray, sizes: np.ndarray, seed: int
    ) -> responses.Arrays:
        """Beta and lambda by which the tables' rows are smoothest over the graph."""
        graph = self.knowledge.graph
        if graph is None:
            return {}
        members = Conditions.of_genes(*names).incidence(graph.genes)
        kernels = {beta: np.asarray(members @ (members @ graph.kernel(beta)).T) for beta in self.config.betas}
        rows = np.hstack([
            effects[column, :-1, None] + (vectors[column] * sizes[column]) @ vectors[column].T for column in range(len(effects))
        ])  # fmt: skip
        rows = np.nan_to_num(rows - rows.mean(axis=0))
        best = chosen_ridge(kernels, rows, self.config.ridges, responses.inner_folds(len(names), seed))
        return {"options": np.array([best.kernel, best.ridge], np.float64)}

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        names = responses.texts_of(self.learnt["names"])
        asked = conditions.names
        turn, reasons_of = self._turned(names, asked)
        sums, single_reasons = responses.sum_of_singles(self.learnt, conditions)
        quadratic = bool(self.learnt["quadratic"][0])
        effects, vectors, sizes = (self.learnt[name] for name in ("effects", "vectors", "sizes"))
        own, rows = effects[:, :-1] @ turn.T, np.einsum("ab,cbk->cak", turn, vectors)
        place = {name: row for row, name in enumerate(asked)}
        pairs = np.flatnonzero([len(parts) == 2 for parts in conditions.parts])
        ends = np.array([[place[name] for name in conditions.parts[row]] for row in pairs], np.int64).reshape(-1, 2)
        first, second = ends.T
        values = sums.copy()
        together = np.einsum("cpk,ck,cpk->pc", rows[:, first], sizes, rows[:, second], optimize=True)
        if quadratic:
            values[pairs] = responses.quadratic(self.learnt["coefficients"], sums[pairs]) + together
        else:
            values[pairs] = (effects[:, -1:] + own[:, first] + own[:, second]).T + together
        reasons = list(single_reasons)
        for row, parts in enumerate(conditions.parts):
            if len(parts) > 2:
                reasons[row] = f"{'+'.join(parts)} is no pair"
            elif len(parts) == 2 and not quadratic:  # a pair with one known gene has that gene's effect
                why = [reasons_of[name] for name in parts]
                reasons[row] = "; ".join(why) if all(why) else ""
        return values, reasons

    def _turned(self, names: list[str], asked: list[str]) -> tuple[np.ndarray, dict[str, str]]:
        """(asked, names) how the rows of asked genes are made of those of the training genes, and why that is not known."""
        turn = np.zeros((len(asked), len(names)))
        place = {name: row for row, name in enumerate(names)}
        new = [row for row, name in enumerate(asked) if name not in place]
        for row, name in enumerate(asked):
            if name in place:
                turn[row, place[name]] = 1.0
        reasons = dict.fromkeys(asked, "")
        graph = self.knowledge.graph
        if new and graph is not None:
            beta, ridge = self.learnt["options"]
            kernel = graph.kernel(float(beta))
            members = Conditions.of_genes(*names).incidence(graph.genes)
            strange = Conditions.of_genes(*(asked[row] for row in new)).incidence(graph.genes)
            among = np.asarray(members @ (members @ kernel).T)
            between = np.asarray(strange @ (members @ kernel).T)
            turn[new] = np.linalg.solve(among + ridge * np.eye(len(names)), between.T).T
        for row in new:
            if not (turn[row] > _NOTHING).any():
                reasons[asked[row]] = f"{asked[row]}: in no training pair, and no path in a graph to one"
        return turn, reasons


def _known(table: np.ndarray, first: np.ndarray, second: np.ndarray, folds: list[np.ndarray]) -> list[np.ndarray]:
    """The folds of pairs as places in the list of known entries above the diagonal."""
    order = np.full(table.shape, -1)
    rows, columns = np.nonzero(np.triu(~np.isnan(table), 1))
    order[rows, columns] = np.arange(len(rows))
    low, high = np.minimum(first, second), np.maximum(first, second)
    places = [order[low[fold], high[fold]] for fold in folds]
    return [some[some >= 0] for some in places]
