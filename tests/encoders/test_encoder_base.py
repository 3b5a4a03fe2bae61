"""`Encoder`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hooke.core import registry
from hooke.encoders import Encoder
from hooke.inference.loaded import LoadedRun


def test_a_run_is_an_encoder(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    run = LoadedRun.open(make_run(tmp_path), "cpu")
    found = run.embed(["CCO", "C("])
    assert found.shape == (2, run.width)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[0], run.embed(["CCO"])[0], rtol=1e-4, atol=1e-5)


def test_every_published_encoder_states_its_modality() -> None:
    stated = {name: registry.modality_of("encoders", name) for name in registry.names("encoders")}
    assert {"minimol": "molecules", "openphenom": "images"}.items() <= stated.items()
    assert set(stated.values()) <= set(registry.names("modalities"))


def test_it_is_abstract() -> None:
    with pytest.raises(TypeError):
        Encoder()  # type: ignore[abstract]
