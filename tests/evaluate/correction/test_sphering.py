from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.evaluate.correction.sphering import HIGHEST, LOWEST, fit


def test_controls_become_round(screen: Any) -> None:
    found = fit(*screen.arguments(), epsilon=1e-9).transform(screen.values, screen.batches)
    covariance = np.cov(found[screen.controls], rowvar=False)
    assert np.allclose(covariance, np.eye(10), atol=1e-5)


def test_epsilon_is_searched_by_retrieval(screen: Any) -> None:
    fitted = fit(*screen.arguments(), perturbations=screen.labels, generator=np.random.default_rng(0), samples=6)
    assert fitted.searched.shape == (6, 2)
    assert (fitted.searched[:, 0] >= LOWEST).all()
    assert (fitted.searched[:, 0] <= HIGHEST).all()
    best = fitted.searched[fitted.searched[:, 1].argmax(), 0]
    assert float(fitted.epsilon) == best
    with pytest.raises(UsageError, match="needs epsilon"):
        fit(*screen.arguments())


def test_rank_deficient_controls(screen: Any) -> None:
    wide = np.column_stack([screen.values, screen.values])
    found = fit(wide, screen.batches, screen.controls & (np.arange(400) % 80 < 2), epsilon=0.01).transform(
        wide, screen.batches
    )
    assert np.isfinite(found).all()
