"""Gaussian processes against scikit-learn, direct solution and rows left out one by one."""

from __future__ import annotations

from types import SimpleNamespace

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


def similarity(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """T pair by pair."""
    return np.array([[x @ y / (x @ x + y @ y - x @ y) for y in right] for x in left])


def test_posterior_of_scikit_learn(rows, fitted) -> None:
    estimator = fitted(gaussian_process)
    found, std = estimator.predict(rows.new)
    noise, length, amplitude = estimator.learnt[0]["kernel"]
    kernel = ConstantKernel(amplitude) * RBF(length) + WhiteKernel(noise)
    peer = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None, normalize_y=True)
    peer.fit(scaled(rows, rows.train)[rows.seen], rows.targets[rows.seen, 0])
    expected, spread = peer.predict(scaled(rows, rows.new), return_std=True)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(std[:, 0], spread, rtol=1e-9)
    assert np.corrcoef(found[:, 0], rows.new @ [1.0, -2, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, -1])[0, 1] > 0.97


def test_marginal_likelihood_of_scikit_learn(rows, fitted) -> None:
    estimator = fitted(gaussian_process)
    kernel = estimator.learnt[0]["kernel"]
    x, y = scaled(rows, rows.train)[rows.seen], rows.targets[rows.seen, 0]
    limits = (1e-6, 1e6)
    peer = GaussianProcessRegressor(
        ConstantKernel(1.0, limits) * RBF(3.0, limits) + WhiteKernel(0.1, limits),
        alpha=0.0, normalize_y=True, n_restarts_optimizer=2, random_state=0,
    ).fit(x, y)  # fmt: skip
    pairs = estimator._pairs(*[estimator.shared["profiles"][rows.seen]] * 2)
    targets = ((y - y.mean()) / y.std())[:, None]
    value = gaussian_process._evidence(pairs, targets, kernel)[0]
    at = np.log([kernel[2], kernel[1], kernel[0]])
    assert value == pytest.approx(peer.log_marginal_likelihood(at), rel=1e-10)
    assert value >= peer.log_marginal_likelihood_value_ - 1e-4
    np.testing.assert_allclose(at, peer.kernel_.theta, atol=0.02)


@pytest.mark.parametrize("counts", [0, 6, 12])
def test_derivatives_of_the_marginal_likelihood(rows, counts: int) -> None:
    estimator = gaussian_process.Estimator(
        gaussian_process.Config(counts=counts), SimpleNamespace(labels=(Label("y"),)), "graph"
    )
    estimator.inputs = 12
    features = np.hstack([rows.train[:40, 6:], rows.train[:40, :6]])
    if counts == 12:
        features = np.abs(features)
    pairs, targets = estimator._pairs(features, features), rows.targets[:40, 1:]
    kernel = np.array([0.3, 2.0 if counts < 12 else 0.0, 0.7, 1.3][: 4 if counts == 6 else 3])
    value, slopes = gaussian_process._evidence(pairs, targets, kernel)
    for number in np.flatnonzero(kernel):
        step = np.where(np.arange(len(kernel)) == number, 1e-5, 0.0)
        up, down = (gaussian_process._evidence(pairs, targets, kernel * np.exp(sign * step))[0] for sign in (1, -1))
        assert slopes[number] == pytest.approx((up - down) / 2e-5, rel=1e-6)
    assert np.isfinite(value)


def test_kernel_of_fingerprints_and_descriptors(rows) -> None:
    """The posterior by direct solution, with T computed pair by pair."""
    train, new = (np.hstack([part[:, 6:], part[:, :6]]) for part in (rows.train, rows.new))
    train[0, :6] = new[0, :6] = 0.0
    y = rows.targets[:, 0]
    estimator = gaussian_process.Estimator(
        gaussian_process.Config(counts=6), SimpleNamespace(labels=(Label("y"),)), "graph"
    )
    estimator.fit(train, y[:, None])
    noise, length, radial, tanimoto = estimator.learnt[0]["kernel"]
    scale = train[:, 6:].std(0)

    def covariance(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        difference = ((left[:, None, 6:] - right[None, :, 6:]) / scale) ** 2
        with np.errstate(invalid="ignore"):
            shared = np.nan_to_num(similarity(left[:, :6], right[:, :6]), nan=1.0)
        return radial * np.exp(-difference.sum(-1) / (2 * length**2)) + tanimoto * shared

    x, values = train[rows.seen], y[rows.seen]
    whole = covariance(x, x) + noise * np.eye(len(x))
    across = covariance(new, x)
    mean = across @ np.linalg.solve(whole, values - values.mean()) + values.mean()
    variance = radial + tanimoto + noise - np.sum(across.T * np.linalg.solve(whole, across.T), axis=0)
    found, std = estimator.predict(new)
    np.testing.assert_allclose(found[:, 0], mean, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(std[:, 0], np.sqrt(variance) * values.std(), rtol=1e-8)


def test_tanimoto_of_rdkit() -> None:
    generator = AllChem.GetMorganGenerator(radius=2, fpSize=256)
    molecules = [MolFromSmiles(text) for text in ("CCO", "CCCO", "c1ccccc1O", "CC(=O)Nc1ccccc1", "C")]
    prints = [generator.GetFingerprint(molecule) for molecule in molecules]
    bits = np.array([list(each) for each in prints], np.float64)
    expected = [[TanimotoSimilarity(left, right) for left in prints] for right in prints]
    np.testing.assert_allclose(gaussian_process._tanimoto(bits, bits), expected, rtol=1e-15)
    assert (gaussian_process._tanimoto(np.zeros((1, 256)), bits) == 0).all()


def test_classes_by_leaving_one_out(rows, fitted) -> None:
    estimator = fitted(gaussian_process)
    noise, length, amplitude = estimator.learnt[1]["kernel"]
    x, new, sign = scaled(rows, rows.train), scaled(rows, rows.new), 2 * rows.targets[:, 1] - 1
    y = (sign - sign.mean()) / sign.std()

    def predicted(kept: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kernel = ConstantKernel(amplitude) * RBF(length) + WhiteKernel(noise)
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
    noise, length, amplitude = learnt["kernel"]
    scores = []
    for number, value in enumerate((0, 1, 3)):
        sign = np.where(rows.targets[:, 2] == value, 1.0, -1.0)
        kernel = ConstantKernel(amplitude) * RBF(length) + WhiteKernel(noise)
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
    estimator = gaussian_process.Estimator(
        gaussian_process.Config(tuning_rows=150), SimpleNamespace(labels=(Label("y"),)), "graph"
    )
    estimator.fit(x[:200], y[:200], seed=1)
    mean, std = estimator.predict(x[200:])
    assert np.sqrt(np.mean((mean - np.sin(2 * x[200:])) ** 2)) < 0.12
    assert np.mean(np.abs(mean - y[200:]) < 1.645 * std) == pytest.approx(0.9, abs=0.05)
    kernel = estimator.learnt[0]["kernel"].copy()
    estimator.fit(x[:200], y[:200], seed=2)  # other rows are drawn to tune it
    assert not np.array_equal(estimator.learnt[0]["kernel"], kernel)
    np.testing.assert_allclose(estimator.predict(x[200:])[0], mean, atol=0.1)


def test_order_of_the_training_rows(rows, fitted) -> None:
    estimator = fitted(gaussian_process)
    expected = estimator.predict(rows.new)
    order = np.random.default_rng(0).permutation(90)
    estimator.fit(rows.train[order], rows.targets[order])
    for found, before in zip(estimator.predict(rows.new), expected, strict=True):
        np.testing.assert_allclose(found, before, atol=1e-3)


def test_limits(rows, fitted) -> None:
    with pytest.raises(UsageError, match=r"at most 89 training rows \(most_rows\); there are 90"):
        fitted(gaussian_process, most_rows=89)
    with pytest.raises(UsageError, match="counts is 13, and there are 12 features"):
        fitted(gaussian_process, counts=13)
