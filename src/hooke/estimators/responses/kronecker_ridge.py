"""Compounds (or genes) by contexts: main effects by kernels, and a ridge regression with the product of both kernels on what is left.

    D_ij = m + a_i + b_j + [K1_* A K2_*']_ij,      A = V1 [(V1' R V2) / (l1 l2' + lambda)] V2'

R are the residuals of m + a_i + b_j by least squares, 0 where nothing is measured; K1 = V1 diag(l1) V1' is the kernel of perturbations and K2
that of contexts (without one: contexts are not alike). a and b of what was not seen come from kernel ridge regression. All lambda are those
of the smallest squared error on inner folds of perturbations and of contexts. Sets of genes add up: K1 = Z K Z'.

Source: Kronecker ridge regression: Stock et al. 2018 (doi:10.1162/neco_a_01096), two-step and Kronecker kernel methods.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from hooke.cells.conditions import Conditions
from hooke.estimators import responses
from hooke.evaluate.kernel_ridge import ridge_of_each
from hooke.evaluate.two_way import main_effects

_NOTHING = 1e-12


@dataclass(frozen=True)
class Config:
    """Values that are tried on the inner folds, and the diffusion of a graph."""

    ridges: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0)  # lambda, of each of the three regressions
    beta: float = 2.0  # where a graph stands for a kernel of genes


class ResponseModel(responses.ResponseModel):
    """Every read-out is a table of its own; what is not in a kernel and was not seen has the mean of all."""

    baseline = False
    uses = ("kernel", "graph")
    may_use = ("context_kernel",)
    config: Config

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        sets = sorted({*conditions.parts})
        contexts = sorted({*conditions.contexts})
        keys = [(parts, context) for parts, context in zip(conditions.parts, conditions.contexts, strict=True)]
        cells, means = responses.by_group(keys, conditions, values)
        row = {parts: place for place, parts in enumerate(sets)}
        column = {context: place for place, context in enumerate(contexts)}
        rows, columns = np.array([[row[parts], column[context]] for parts, context in cells]).T
        table = np.full((values.shape[1], len(sets), len(contexts)), np.nan)
        table[:, rows, columns] = means.T
        first, second = self._first(sets, sets), self._second(contexts, contexts)
        folds = responses.inner_folds(len(sets), seed), responses.inner_folds(len(contexts), seed)
        known = ~np.isnan(table)
        means, a, b = main_effects(table)
        left = np.where(known, table - means[:, None, None] - a[:, :, None] - b[:, None], 0.0)
        return {
            "sets": responses.text_array(["\t".join(parts) for parts in sets]), "contexts": responses.text_array(contexts),
            "mean_of": means, "a": np.ascontiguousarray(a), "b": np.ascontiguousarray(b),
            "a_dual": np.ascontiguousarray(ridge_of_each(first, a.T, self.config.ridges, folds[0]).T),
            "b_dual": np.ascontiguousarray(ridge_of_each(second, b.T, self.config.ridges, folds[1]).T),
            "dual": _interactions(first, second, left, known, self.config.ridges, folds),
        }  # fmt: skip

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        sets, contexts = responses.sets_of(self.learnt["sets"]), responses.texts_of(self.learnt["contexts"])
        asked, where = sorted({*conditions.parts}), sorted({*conditions.contexts})
        first, second = self._first(asked, sets), self._second(where, contexts)
        a = _own_or_kernel(asked, sets, first, self.learnt["a"], self.learnt["a_dual"])
        b = _own_or_kernel(where, contexts, second, self.learnt["b"], self.learnt["b_dual"])
        rows = np.array([asked.index(parts) for parts in conditions.parts], np.int64)
        columns = np.array([where.index(context) for context in conditions.contexts], np.int64)
        known = {
            parts: parts in sets or bool((np.abs(row) > _NOTHING).any())
            for parts, row in zip(asked, first, strict=True)
        }
        reasons = ["" if known[parts] else f"{'+'.join(parts)}: not in the kernel" for parts in conditions.parts]
        together = np.einsum("ip,gpc,jc->gij", first, self.learnt["dual"], second, optimize=True)
        values = self.learnt["mean_of"][:, None] + a[:, rows] + b[:, columns] + together[:, rows, columns]
        return values.T, reasons

    def parts(self, conditions: Conditions) -> tuple[list[tuple[str, ...]], np.ndarray]:
        """K1_*q (a's dual coefficient of q + sum_c A_qc K2_c*): of the main effect of an unseen perturbation, and of its interaction.

        Source: representer values: Yeh et al. 2018 (arXiv:1811.09720).
        """
        sets, contexts = responses.sets_of(self.learnt["sets"]), responses.texts_of(self.learnt["contexts"])
        [asked], [where] = conditions.parts, conditions.contexts
        first, second = self._first([asked], sets)[0], self._second([where], contexts)[0]
        dual = self.learnt["dual"] @ second
        if asked in sets:
            own = np.zeros_like(dual)
            own[:, sets.index(asked)] = self.learnt["a"][:, sets.index(asked)]
            return sets, (own + first * dual).T
        return sets, (first * (self.learnt["a_dual"] + dual)).T

    def _first(self, left: list[tuple[str, ...]], right: list[tuple[str, ...]]) -> np.ndarray:
        """(left, right) kernel of sets."""
        kernel, graph = self.knowledge.kernel, self.knowledge.graph
        if kernel is not None:
            names, values = kernel.names, kernel.values
        else:
            assert graph is not None
            names, values = graph.genes, graph.kernel(self.config.beta)
        of_left, of_right = (_members(sets, names) for sets in (left, right))
        return np.asarray(of_left @ (of_right @ values).T)

    def _second(self, left: list[str], right: list[str]) -> np.ndarray:
        """(left, right) kernel of contexts; one that the kernel does not hold is like itself alone."""
        same = (
            (np.array(left, object)[:, None] == np.array(right, object))
            .astype(np.float64)
            .reshape(len(left), len(right))
        )
        kernel = self.knowledge.context_kernel
        if kernel is None:
            return same
        rows, columns = kernel.places(left), kernel.places(right)
        both = (rows[:, None] >= 0) & (columns >= 0)
        return np.where(both, kernel.values[np.ix_(rows, columns)], same)


def _members(sets: list[tuple[str, ...]], names: tuple[str, ...]) -> scipy.sparse.csr_array:
    return Conditions.of_genes(*sets).incidence(names)


def _own_or_kernel(asked: list, known: list, kernel: np.ndarray, own: np.ndarray, dual: np.ndarray) -> np.ndarray:
    """(g, asked) effects: their own where they were measured, else by the kernel."""
    place = {name: row for row, name in enumerate(known)}
    found = dual @ kernel.T
    for row, name in enumerate(asked):
        if name in place:
            found[:, row] = own[:, place[name]]
    return found


def _interactions(
    first: np.ndarray, second: np.ndarray, left: np.ndarray, known: np.ndarray, ridges: tuple[float, ...],
    folds: tuple[list[np.ndarray], list[np.ndarray]],
) -> np.ndarray:  # fmt: skip
    """(g, perturbations, contexts) A, each with the lambda of its smallest squared error on left-out perturbations and contexts."""
    whole, chosen = [_spectrum(kernel) for kernel in (first, second)], np.zeros(len(left), np.int64)
    if len(ridges) > 1:
        turned = left.swapaxes(1, 2), known.swapaxes(1, 2)
        errors = _fold_errors(first, second, whole[1], left, known, ridges, folds[0])
        errors += _fold_errors(second, first, whole[0], *turned, ridges, folds[1])
        chosen = errors.argmin(axis=0)
    found = np.empty_like(left)
    for place in np.unique(chosen):
        found[chosen == place] = _solved(whole[0], whole[1], left[chosen == place], ridges[place])
    return found


def _fold_errors(
    first: np.ndarray, second: np.ndarray, spectrum: tuple[np.ndarray, np.ndarray], left: np.ndarray, known: np.ndarray,
    ridges: tuple[float, ...], folds: list[np.ndarray],
) -> np.ndarray:  # fmt: skip
    """(lambdas, g) squared errors where folds of the rows of (g, n, m) residuals are left out; `spectrum` is that of the columns' kernel."""
    errors = np.zeros((len(ridges), len(left)))
    for fold in folds if len(folds) > 1 else ():
        rest = np.setdiff1d(np.arange(len(first)), fold)
        part, across = _spectrum(first[np.ix_(rest, rest)]), first[np.ix_(fold, rest)]
        for place, ridge in enumerate(ridges):
            guess = across @ _solved(part, spectrum, left[:, rest], ridge) @ second
            errors[place] += np.square(np.where(known[:, fold], guess - left[:, fold], 0.0)).sum(axis=(1, 2))
    return errors


def _spectrum(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, vectors = np.linalg.eigh(kernel)
    return np.maximum(values, 0.0), vectors


def _solved(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray], left: np.ndarray, ridge: float
) -> np.ndarray:
    """(g, n, m) A of (g, n, m) residuals."""
    turned = first[1].T @ left @ second[1]
    return first[1] @ (turned / (np.outer(first[0], second[0]) + ridge)) @ second[1].T
