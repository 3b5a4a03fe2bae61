from __future__ import annotations

import numpy as np
import pytest

from hooke.evaluate.two_way import chosen_low_rank, main_effects, noise_edge, signed_low_rank, symmetric_effects


def test_main_effects_are_the_least_squares() -> None:
    generator = np.random.default_rng(0)
    table = generator.normal(size=(9, 6))
    table[generator.random(table.shape) < 0.3] = np.nan
    table[4] = np.nan
    whole = generator.normal(size=table.shape)
    (mean, second, nothing), (rows, again, _), (columns, *_) = main_effects(np.stack([table, whole, table * np.nan]))
    assert second == pytest.approx(whole.mean())
    assert np.allclose(again, whole.mean(axis=1) - whole.mean())
    assert np.isnan(nothing)
    known = ~np.isnan(table)
    i, j = np.nonzero(known)
    design = np.zeros((len(i), 15))
    design[np.arange(len(i)), i], design[np.arange(len(i)), 9 + j] = 1, 1
    best = np.linalg.lstsq(design, table[known] - table[known].mean(), rcond=None)[0]
    fitted = mean + rows[i] + columns[j]
    assert np.allclose(fitted, table[known].mean() + design @ best)
    assert rows[4] == pytest.approx(0.0, abs=1e-12)


def test_effects_of_a_symmetric_table() -> None:
    own = np.random.default_rng(1).normal(size=12)
    table = 1.5 + own[:, None] + own
    np.fill_diagonal(table, np.nan)
    table[2, 5] = table[5, 2] = np.nan
    mean, found = symmetric_effects(table)
    guess = mean + found[:, None] + found
    assert np.allclose(guess[~np.isnan(table)], table[~np.isnan(table)])


def planted(noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(60, 3))
    truth = vectors @ np.diag([1.0, -1.2, 0.8]) @ vectors.T
    table = truth + noise * (lambda error: (error + error.T) / np.sqrt(2))(generator.normal(size=(60, 60)))
    holes = np.triu(generator.random((60, 60)) < 0.25, 1)
    table[holes | holes.T] = np.nan
    np.fill_diagonal(table, np.nan)
    return table, truth


def test_gaps_of_a_low_rank_are_filled() -> None:
    table, truth = planted(0.0)
    holes = np.isnan(table) & ~np.eye(60, dtype=bool)
    found = signed_low_rank(table, 3, 0.0)
    assert (found.values > 0).any()
    assert (found.values < 0).any()
    assert np.abs(found.table - truth)[holes].mean() < 0.15 * np.abs(truth[holes]).mean()
    assert np.allclose(found.vectors.T @ found.vectors, np.eye(3), atol=1e-9)


def test_a_whole_table_of_full_rank_is_its_own() -> None:
    table = np.random.default_rng(0).normal(size=(8, 8))
    table = table + table.T
    assert np.allclose(signed_low_rank(table, 8, 0.0).table, table)


def test_options_by_left_out_entries() -> None:
    table, truth = planted(1.0)
    known = int(np.triu(~np.isnan(table), 1).sum())
    folds = np.array_split(np.random.default_rng(0).permutation(known), 5)
    found, rank, _ = chosen_low_rank(table, (1, 3, 20), (0.0, 0.3), folds)
    assert rank == 3
    holes = np.isnan(table) & ~np.eye(60, dtype=bool)
    assert np.corrcoef(found.table[holes], truth[holes])[0, 1] > 0.9
    assert noise_edge(np.where(np.isnan(table), np.nan, 0.0)) == 0.0
    assert noise_edge(planted(1.0)[0]) > 0
