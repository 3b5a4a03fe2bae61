from __future__ import annotations

import numpy as np

from hooke.evaluate.kernel_ridge import chosen_ridge, left_out, ridge_of_each


def problem(seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, list[np.ndarray]]:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(40, 3))
    distances = np.square(rows[:, None] - rows).sum(axis=2)
    targets = np.sin(rows[:, :1]) @ generator.normal(size=(1, 5)) + 0.3 * generator.normal(size=(40, 5))
    folds = [np.sort(part) for part in np.array_split(generator.permutation(40), 5)]
    return {"narrow": np.exp(-20 * distances), "wide": np.exp(-distances / 8)}, targets - targets.mean(axis=0), folds


def refitted(kernel: np.ndarray, targets: np.ndarray, ridge: float, folds: list[np.ndarray]) -> np.ndarray:
    out = np.empty_like(targets)
    for fold in folds:
        rest = np.setdiff1d(np.arange(len(targets)), fold)
        dual = np.linalg.solve(kernel[np.ix_(rest, rest)] + ridge * np.eye(len(rest)), targets[rest])
        out[fold] = targets[fold] - kernel[np.ix_(fold, rest)] @ dual
    return out


def test_residuals_of_left_out_folds_are_those_of_refitting() -> None:
    kernels, targets, folds = problem()
    for kernel in kernels.values():
        inverse = np.linalg.inv(kernel + 0.2 * np.eye(40))
        assert np.allclose(
            left_out(inverse, inverse @ targets, folds), refitted(kernel, targets, 0.2, folds), atol=1e-10
        )


def test_the_best_of_all_is_chosen() -> None:
    kernels, targets, folds = problem()
    ridges = (0.01, 0.3, 10.0)
    errors = {
        (name, ridge): np.mean(refitted(kernel, targets, ridge, folds) ** 2)
        for name, kernel in kernels.items() for ridge in ridges
    }  # fmt: skip
    best = min(errors, key=lambda key: errors[key])
    found = chosen_ridge(kernels, targets, ridges, folds)
    assert (found.kernel, found.ridge) == best
    assert found.kernel == "wide"
    assert np.isclose(found.error, errors[best])
    assert np.allclose(found.dual, np.linalg.solve(kernels["wide"] + found.ridge * np.eye(40), targets))
    assert chosen_ridge(kernels, targets, ridges, [np.arange(40)])[:2] == ("narrow", 0.01)


def test_each_column_has_its_own_ridge() -> None:
    kernels, targets, folds = problem()
    targets[:, 1] = np.random.default_rng(0).normal(size=len(targets))
    ridges = (0.01, 0.3, 5.0)
    alone = [chosen_ridge({0: kernels["wide"]}, targets[:, [column]], ridges, folds) for column in range(5)]
    assert len({each.ridge for each in alone}) > 1
    assert np.allclose(ridge_of_each(kernels["wide"], targets, ridges, folds), np.hstack([each.dual for each in alone]))
    single = ridge_of_each(kernels["wide"], targets, ridges, [np.arange(40)])
    assert np.allclose(single, chosen_ridge({0: kernels["wide"]}, targets, ridges, [np.arange(40)]).dual)
