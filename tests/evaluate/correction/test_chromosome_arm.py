from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate.correction.chromosome_arm import ArmCorrection, fit


def test_neighbours_on_the_chromosome_no_longer_look_alike(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    arms = np.concatenate([np.repeat(["1p", "1q"], 40), ["Yq"] * 3, [""] * 5])
    bias = {"1p": 3.0, "1q": -2.0, "Yq": 1.0, "": 0.0}
    values = generator.normal(size=(88, 6)) * 0.1 + np.array([bias[str(arm)] for arm in arms])[:, None]
    inactive = np.arange(88) % 2 == 0
    fitted = fit(values, arms, inactive)
    assert fitted.arms.tolist() == ["1p", "1q"]
    found = fitted.transform(values, arms)
    assert np.abs(found[:80].mean(axis=0)).max() < 0.05
    assert np.array_equal(found[80:], values[80:])
    assert np.allclose(fit(values, arms).transform(values, arms)[:40].mean(axis=0), 0)
    again = ArmCorrection.load(fitted.save(tmp_path / "arms.npz"))
    assert np.array_equal(again.transform(values, arms), found)
    with pytest.raises(DataError, match="no chromosome arm has 50 genes"):
        fit(values, arms, least=50)
    (tmp_path / "bad.npz").write_bytes(b"no")
    with pytest.raises(DataError, match="bad.npz is damaged"):
        ArmCorrection.load(tmp_path / "bad.npz")
