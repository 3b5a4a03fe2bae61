"""Gaussian processes against scikit-learn, direct solution and rows left out one by one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rdkit.Chem import AllChem, MolFromSmiles
from rdkit.DataStructs import TanimotoSimilarity
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.estimators import gaussian_process


def scaled(rows, features: np.ndarray) -> np.ndarray:
    return (features - rows.train.mean(0)) / rows.train.std(0)


def peer_kernel(rows, learnt: dict[str, np.ndarray]) -> Any:
    """The kernel of one block of features, in the words of scikit-learn."""
    noise, stretch, amplitude = learnt["kernel"]
    x = scaled(rows, rows.train)
    median = np.median(((x[:, None] - x[None]) ** 2).sum(-1)[np.triu_indices(len(x), 1)])
    return ConstantKernel(amplitude) * RBF(np.sqrt(2 * median * stretch)) + WhiteKernel(noise * amplitude)


def test_posterior_of_scikit_learn(rows, fitted) -> None:
    estimator = fitted(gaussian_process)
    found, std = estimator.predict(rows.new)
    peer = GaussianProcessRegressor(peer_kernel(rows, estimator.learnt[0]), alpha=0.0, optimizer=None, normalize_y=True)
    peer.fit(scaled(rows, rows.train)[rows.seen], rows.targets[rows.seen, 0])
    expected, spread = peer.predict(scaled(rows, rows.new), return_std=True)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(std[:, 0], spread, rtol=1e-8)
    assert np.corrcoef(found[:, 0], rows.new @ [1.0, -2, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, -1])[0, 1] > 0.97


def test_noise_stretch_and_amplitude_by_leaving_one_out(rows, fitted) -> None:
    """Each row predicted by direct solution from all others: no λ and no stretch to choose from has a lower squared error."""
    learnt = fitted(gaussian_process).learnt[0]
    x, y = scaled(rows, rows.train), rows.targets[rows.seen, 0]
    distances = ((x[:, None] - x[None]) ** 2).sum(-1)
    median, distances = np.median(distances[np.triu_indices(90, 1)]), distances[np.ix_(rows.seen, rows.seen)]
    y = (y - y.mean()) / y.std()

    def left_out(noise: float, stretch: float) -> tuple[np.ndarray, np.ndarray]:
        kernel = np.exp(-distances / (4 * median * stretch)) + noise * np.eye(len(y))
        means, variances = [], []
        for row in range(len(y)):
            others = np.delete(np.arange(len(y)), row)
            weights = np.linalg.solve(kernel[np.ix_(others, others)], kernel[others, row])
            means.append(weights @ y[others])
            variances.append(kernel[row, row] - weights @ kernel[others, row])
        return np.square(y - means), np.array(variances)

    noises, stretches = np.logspace(-4, 1, 26), gaussian_process.Config().stretches
    errors = {(noise, stretch): left_out(noise, stretch)[0].mean() for noise in noises[::2] for stretch in stretches}
    noise, stretch, amplitude = learnt["kernel"]
    squares, variances = left_out(noise, stretch)
    assert squares.mean() <= min(errors.values()) + 1e-9
    assert amplitude == pytest.approx(np.mean(squares / variances), rel=1e-6)
    assert stretch in stretches


def test_kernel_of_fingerprints_and_descriptors() -> None:
    """The posterior by direct solution, with the similarity of counts from RDKit."""
    smiles = (
        "CCO",
        "CCCO",
        "c1ccccc1O",
        "CC(=O)Nc1ccccc1",
        "CCF",
        "CCCCCCO",
        "CCN",
        "CCCN",
        "c1ccccc1N",
        "CCC(=O)O",
        "CCCl",
        "OCCO",
    )
    generators = AllChem.GetMorganGenerator(radius=2, fpSize=128), AllChem.GetAtomPairGenerator(fpSize=64)
    molecules = [MolFromSmiles(text) for text in smiles]
    prints = [[generator.GetCountFingerprint(molecule) for molecule in molecules] for generator in generators]
    counts = [
        np.array([generator.GetCountFingerprintAsNumPy(molecule) for molecule in molecules]) for generator in generators
    ]
    other = np.random.default_rng(0).normal(size=(12, 3))
    features, y = np.hstack([*counts, other]).astype(np.float64), np.arange(9.0) ** 1.5
    spec = SimpleNamespace(labels=(Label("y"),))
    estimator = gaussian_process.Estimator(gaussian_process.Config(counts=(128, 64)), spec, "graph")
    estimator.fit(features[:9], y[:, None])
    noise, stretch, amplitude = estimator.learnt[0]["kernel"]
    z = (other - other[:9].mean(0)) / other[:9].std(0)
    distances = ((z[:, None] - z[None]) ** 2).sum(-1)
    median = np.median(distances[:9, :9][np.triu_indices(9, 1)])
    similar = [np.array([[TanimotoSimilarity(left, right) for left in block] for right in block]) for block in prints]
    kernel = (sum(similar) + np.exp(-distances / (4 * median * stretch))) / 3
    whole, across = kernel[:9, :9] + noise * np.eye(9), kernel[9:, :9]
    mean = across @ np.linalg.solve(whole, (y - y.mean()) / y.std()) * y.std() + y.mean()
    variance = amplitude * (1 + noise - np.sum(across.T * np.linalg.solve(whole, across.T), axis=0))
    found, std = estimator.predict(features[9:])
    np.testing.assert_allclose(found[:, 0], mean, rtol=1e-8)
    np.testing.assert_allclose(std[:, 0], np.sqrt(variance) * y.std(), rtol=1e-8)


def test_classes_by_leaving_one_out(rows, fitted) -> None:
    estimator = fitted(gaussian_process)
    kernel = peer_kernel(rows, estimator.learnt[1])
    x, new, sign = scaled(rows, rows.train), scaled(rows, rows.new), 2 * rows.targets[:, 1] - 1
    y = (sign - sign.mean()) / sign.std()

    def predicted(kept: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        peer = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(x[kept], y[kept])
        return peer.predict(at, return_std=True)

    left = [predicted(np.delete(np.arange(90), row), x[[row]]) for row in range(90)]
    mean, std = np.array(left)[:, :, 0].T

    def probability(parameters: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
        return norm.cdf((mean + parameters[1]) / np.hypot(parameters[0], std))

    def loss(parameters: np.ndarray) -> float:
        one = probability(parameters, mean, std)
        return -np.log(np.where(sign > 0, one, 1 - one)).sum()

    best = minimize(loss, [0.1, 0.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9}).x
    found, spread = estimator.predict(rows.new)
    np.testing.assert_allclose(found[:, 1], probability(best, *predicted(np.arange(90), new)), atol=1e-4)
    assert np.mean((found[:, 1] > 0.5) == (new @ [1.0, -2, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, -1] > 0)) > 0.8
    assert not spread[:, 1:].any()


def test_several_classes_one_against_the_others(rows, fitted) -> None:
    """Each score is that of the class alone, with a kernel shared by the three that occur."""
    estimator = fitted(gaussian_process)
    learnt, found = estimator.learnt[2], estimator.predict(rows.new)[0][:, 2:]
    assert learnt["weights"].shape == (90, 3)
    kernel = peer_kernel(rows, learnt)
    scores = []
    for number, value in enumerate((0, 1, 3)):
        sign = np.where(rows.targets[:, 2] == value, 1.0, -1.0)
        peer = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None)
        peer.fit(scaled(rows, rows.train), (sign - sign.mean()) / sign.std())
        mean, std = peer.predict(scaled(rows, rows.new), return_std=True)
        width, shift = learnt["link"][:, number]
        scores.append(norm.cdf((mean + shift) / np.hypot(width, std)))
    np.testing.assert_allclose(found[:, [0, 1, 3]], (np.array(scores) / np.sum(scores, axis=0)).T, rtol=1e-7)
    assert not found[:, 2].any()


def test_noise_is_found_and_stated() -> None:
    generator = np.random.default_rng(3)
    x = generator.uniform(-3, 3, (400, 1))
    y = np.sin(2 * x) + 0.3 * generator.normal(size=(400, 1))
    spec = SimpleNamespace(labels=(Label("y"),))
    estimator = gaussian_process.Estimator(gaussian_process.Config(), spec, "graph")
    estimator.fit(x[:200], y[:200], seed=1)
    mean, std = estimator.predict(x[200:])
    assert np.sqrt(np.mean((mean - np.sin(2 * x[200:])) ** 2)) < 0.12
    assert np.mean(np.abs(mean - y[200:]) < 1.645 * std) == pytest.approx(0.9, abs=0.05)


def test_many_rows_are_drawn_from() -> None:
    generator = np.random.default_rng(3)
    x = generator.uniform(-3, 3, (400, 1))
    y = np.sin(2 * x) + 0.3 * generator.normal(size=(400, 1))
    config = gaussian_process.Config(most_rows=150, noise_rows=80, stretch_rows=60)
    estimator = gaussian_process.Estimator(config, SimpleNamespace(labels=(Label("y"),)), "graph")
    estimator.fit(x[:200], y[:200], seed=1)
    first = estimator.learnt[0]["rows"]
    assert len(first) == len(set(first.tolist())) == 150
    assert np.sqrt(np.mean((estimator.predict(x[200:])[0] - np.sin(2 * x[200:])) ** 2)) < 0.15
    estimator.fit(x[:200], y[:200], seed=2)
    assert not np.array_equal(estimator.learnt[0]["rows"], first)


def test_order_of_the_training_rows(rows, fitted) -> None:
    estimator = fitted(gaussian_process)
    expected = estimator.predict(rows.new)
    order = np.random.default_rng(0).permutation(90)
    estimator.fit(rows.train[order], rows.targets[order])
    for found, before in zip(estimator.predict(rows.new), expected, strict=True):
        np.testing.assert_allclose(found, before, atol=1e-3)


def test_limits(rows, fitted) -> None:
    with pytest.raises(UsageError, match="kernel blocks of 13 features, and there are 12"):
        fitted(gaussian_process, counts=(13,))
