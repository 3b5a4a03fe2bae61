from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.screen_columns import STANDARD
from hooke.core.store import check_store
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.screen import BATCHES, EFFECTS, RELATIONS, SCREEN_VERSION, STATEMENT, Screen, write_screen

SMALL = ScreenConfig(
    size=64,
    modules=2,
    genes_per_module=2,
    lone_genes=1,
    inactive_genes=1,
    compounds=2,
    experiments=2,
    controls=4,
    sites=2,
)


def test_metadata_is_complete_and_holds_no_truth() -> None:
    screen = Screen(SMALL)
    assert screen.fields.columns == list(STANDARD)
    assert len(screen) == screen.fields.height
    controls = screen.fields.filter(control="negative")
    assert len(controls) == 2 * 4 * 2
    assert controls["perturbation_type"].unique().to_list() == ["none"]
    assert screen.fields.filter(control="positive")["perturbation"].n_unique() == 4
    assert screen.fields["batch"].n_unique() == 2
    assert set(screen.fields["perturbation_type"]) == {"none", "gene", "compound"}


def test_fields_are_the_same_in_any_order() -> None:
    first, second = Screen(SMALL), Screen(SMALL)
    late = second.render(9)
    assert np.array_equal(first.render(3), second.render(3))
    assert np.array_equal(first.render(9), late)
    assert not np.array_equal(first.render(3), first.render(2))
    assert not np.array_equal(Screen(ScreenConfig(**{**vars(SMALL), "seed": 1})).render(3), first.render(3))


def test_a_stored_screen(tmp_path: Path) -> None:
    store = write_screen(tmp_path / "store", SMALL, workers=0)
    screen = Screen(SMALL)
    assert store.simulated
    assert store.description["statement"] == STATEMENT
    assert store.channels == SMALL.channels
    assert np.array_equal(store.read([5])[0], screen.render(5))
    assert store.metadata.drop("height", "width").equals(screen.fields)
    assert pl.read_csv(store.folder / RELATIONS).equals(screen.relations())
    assert pl.read_parquet(store.folder / BATCHES).equals(screen.batch_truth())
    assert pl.read_parquet(store.folder / EFFECTS)["perturbation"][0] == "EMPTY"
    assert check_store(store.folder) == []
    assert write_screen(tmp_path / "again", SMALL, workers=2).content_hash == store.content_hash


def test_rxrx1_style() -> None:
    screen = Screen(
        ScreenConfig("rxrx1", size=64, modules=2, genes_per_module=2, compounds=0, experiments=4, controls=3)
    )
    assert screen.render(0).shape == (6, 64, 64)
    assert screen.render(0).dtype == np.uint8
    assert screen.fields["plate"].unique().to_list() == ["1"]
    assert screen.fields["cell_type"].n_unique() == 4


def test_batches_differ_more_than_perturbations_and_truth_says_so() -> None:
    """What the nuisance is for: without correction the batch decides."""
    screen = Screen(ScreenConfig(**{**vars(SMALL), "compounds": 0, "sites": 1}))
    fields = screen.fields.with_row_index("place").filter(control="negative")
    means = np.array([np.log(screen.render(row).mean(axis=(1, 2))) for row in fields["place"]])
    batch = fields["batch"].to_numpy()
    groups = [means[batch == name] for name in np.unique(batch)]
    between = np.abs(groups[0].mean(axis=0) - groups[1].mean(axis=0))
    within = np.mean([group.std(axis=0) for group in groups], axis=0)
    assert np.max(between / within) > 2


@pytest.mark.mirror
def test_statistics_overlap_with_those_of_real_fields(mirror: Path) -> None:
    from hooke.images.quality import plane_quality
    from hooke.images.reading.planes import read_plane
    from hooke.images.tiles import shrink

    folder = mirror / "microscopy" / "cytodataframe" / "JUMP_plate_BR00117006" / "images" / "orig"
    screen = Screen(ScreenConfig(compounds=0))
    fields = [screen.render(row) for row in range(0, len(screen), 80)]
    for channel, number in ((0, 5), (2, 2)):
        real = shrink(read_plane(folder / f"r01c01f01p01-ch{number}sk1fk1fl1.tiff"), 3)
        crops = [real[top : top + 96, left : left + 96] for top in (0, 96, 192) for left in (0, 96, 192)]
        for name in ("contrast", "slope", "focus"):
            ours = [plane_quality(field[channel])[name] for field in fields]
            theirs = [plane_quality(crop)[name] for crop in crops]
            assert min(ours) < max(theirs)
            assert min(theirs) < max(ours)


FROZEN = {
    ScreenConfig(seed=5, size=64): [1367.22, 2539.312, 2859.985, 3194.955, 1410.168],
    ScreenConfig("rxrx1", seed=5, size=64, compounds=0): [17.996, 20.476, 35.078, 25.961, 14.577, 20.679],
}


@pytest.mark.parametrize(("config", "means"), FROZEN.items(), ids=["jump_cp", "rxrx1"])
def test_the_frozen_screen_stays_as_it_is(config: ScreenConfig, means: list[float]) -> None:
    """Encoders were tuned on it: whoever changes it raises SCREEN_VERSION and repeats the results."""
    screen = Screen(config)
    found = np.mean([screen.render(row) for row in range(0, len(screen), len(screen) // 8)], axis=(0, 2, 3))
    assert found == pytest.approx(means, rel=0.002)
    assert SCREEN_VERSION == 1
