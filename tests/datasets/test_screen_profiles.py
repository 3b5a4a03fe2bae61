from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError
from hooke.core.how import QUIET
from hooke.datasets import screen_profiles
from hooke.datasets.screen_profiles import Config, Dataset
from hooke.images.features import feature_names, store_features
from hooke.images.store import ImageStore

SMALL = {
    "size": 32,
    "modules": 1,
    "genes_per_module": 2,
    "lone_genes": 1,
    "guides": 1,
    "experiments": 2,
    "controls": 2,
    "sites": 2,
}


def test_a_profile_is_the_mean_of_the_features_of_its_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(**SMALL)
    store = Dataset(config).prepare(tmp_path, QUIET)
    assert len(store) == 2 * (3 + 2)
    assert store.simulated
    [folder] = tmp_path.glob("screen-*")
    images = ImageStore.open(folder)
    assert store.features == feature_names(images.channels)
    values, _ = store_features(images, workers=0, show_progress=False)
    well = store.metadata.row(3, named=True)
    fields = [
        row for row, field in enumerate(images.metadata.iter_rows(named=True))
        if (field["plate"], field["well"]) == (well["plate"], well["well"])
    ]  # fmt: skip
    assert len(fields) == 2
    np.testing.assert_allclose(store.values(np.array([3]))[0], values[fields].mean(axis=0), rtol=1e-5, atol=1e-6)
    assert [label.name for label in store.labels] == ["gene"]
    assert store.labels[0].classes == 3
    assert np.isnan(store.targets[store.control, 0]).all()
    monkeypatch.setattr(screen_profiles, "_measured", lambda *_: pytest.fail("it was measured twice"))
    assert Dataset(config).prepare(tmp_path, QUIET).content_hash == store.content_hash


def test_targets(tmp_path: Path) -> None:
    store = Dataset(Config(**SMALL, target="perturbation_type")).prepare(tmp_path, QUIET)  # type: ignore[arg-type]
    assert store.labels[0].names == ("gene", "none")
    with pytest.raises(UnknownNameError, match="metadata column"):
        Dataset(Config(**SMALL, target="module")).prepare(tmp_path, QUIET)  # type: ignore[arg-type]
