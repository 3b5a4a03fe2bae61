"""Image runs loaded from their folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.images.store import ImageStore
from hooke.inference.image_run import LoadedImageRun, run_domain
from hooke.inference.loaded import LoadedRun


def test_an_encoder_and_its_untrained_twin(image_run: Path, screen: ImageStore) -> None:
    loaded = LoadedImageRun.open(image_run, "cpu")
    assert run_domain(loaded.run) == "images"
    assert loaded.blocks == 2
    assert loaded.crop == 0
    assert loaded.channels_of(screen) == screen.channels
    random = loaded.untrained(1)
    assert random.model_hash != loaded.model_hash
    assert random.model_hash == loaded.untrained(1).model_hash
    first, second = (next(iter(one.network.parameters())) for one in (loaded, random))
    assert not (first == second).all()
    assert set(loaded.stamp()) == {"run", "model_hash", "data_hash", "versions"}


def test_encoders_of_fixed_channels_want_their_own(image_run: Path, screen: ImageStore) -> None:
    loaded = LoadedImageRun.open(image_run, "cpu")
    loaded.network.encoder.agnostic = False
    assert loaded.channels_of(screen) == loaded.spec.channels
    object.__setattr__(loaded.spec, "channels", ("DNA", "Golgi"))
    with pytest.raises(UnknownNameError, match="Golgi"):
        loaded.channels_of(screen)


def test_other_runs_are_refused(image_run: Path, run: Path, make_run: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="on molecules, not on images"):
        LoadedImageRun.open(run)
    with pytest.raises(DataError, match="run on images"):
        LoadedRun.open(image_run)
    with pytest.raises(DataError, match="not finished"):
        LoadedImageRun.open(make_run(tmp_path, finished=False))
    copy = tmp_path / "copy"
    shutil.copytree(image_run, copy)
    recipe = json.loads((copy / "recipe.json").read_text())
    recipe["model"]["widht"] = 3
    (copy / "recipe.json").write_text(json.dumps(recipe))
    with pytest.raises(DataError, match="cannot read"):
        LoadedImageRun.open(copy)
