from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.image_folder import Config, Dataset
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.files import write_npz
from hooke.images.simulated.screen import Screen


def test_a_folder_of_npz_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    screen = Screen(
        ScreenConfig(
            size=40,
            modules=1,
            genes_per_module=2,
            lone_genes=1,
            guides=1,
            compounds=0,
            experiments=2,
            controls=2,
            sites=1,
        )
    )
    table = write_npz(tmp_path / "files", screen)
    config = Config(path=str(tmp_path / "files" / "images"), metadata=str(table), channels=("DNA", "Mito"))
    store = Dataset(config).prepare(tmp_path / "stores", QUIET)
    assert store.channels == ("DNA", "Mito")
    assert not store.simulated
    assert np.array_equal(store.read([0])[0], screen.render(0)[[0, 4]])
    with pytest.raises(UsageError, match="path=FOLDER"):
        Dataset(Config()).prepare(tmp_path)


def test_the_twin_is_read_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    store = Dataset(Config()).twin(tmp_path)
    assert store.simulated
    assert store.description["layout"] == "npz"
    assert set(store.metadata["perturbation_type"]) == {"none", "gene", "compound"}


@pytest.mark.mirror
def test_real_nf1_fields(mirror: Path, tmp_path: Path) -> None:
    config = Config(
        path=str(mirror / "microscopy" / "cytodataframe" / "NF1_cellpainting_data_shrunken" / "Plate_2_images"),
        layout="pattern",
        pattern=r"(?P<well>[A-P]\d+)_\d+_\d_(?P<site>\d)_(?P<channel>[A-Z]+)_001\.tif",
    )
    store = Dataset(config).prepare(tmp_path, QUIET)
    assert (len(store), store.channels, store.dtype.name) == (5, ("DAPI", "GFP", "RFP"), "uint16")
    assert set(map(tuple, store.sizes.tolist())) == {(904, 1224)}
