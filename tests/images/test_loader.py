from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.images.loader import ImageLoader
from hooke.images.simulated.config import ScreenConfig
from hooke.images.simulated.screen import write_screen
from hooke.images.spec import LEVEL
from hooke.images.store import ImageStore

SMALL = ScreenConfig(
    size=64,
    modules=1,
    genes_per_module=2,
    lone_genes=1,
    inactive_genes=0,
    guides=1,
    compounds=0,
    experiments=3,
    controls=2,
    sites=2,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    return write_screen(tmp_path_factory.mktemp("loader") / "store", SMALL, tile=16, workers=0, show_progress=False)


def _loader(store: ImageStore, **changes: Any) -> ImageLoader:
    options: dict[str, Any] = {"seed": 3, "crop": 32, "batch_size": 4, **changes}
    return ImageLoader(store, options.pop("rows", np.arange(len(store))), **options)


def test_an_epoch_holds_every_field_once(store: ImageStore) -> None:
    loader = _loader(store)
    batches = list(loader.epoch(0))
    assert len(batches) == len(loader)
    assert sorted(torch.cat([batch.rows for batch in batches]).tolist()) == list(range(len(store)))
    assert batches[0].pixels.shape == (4, 5, 32, 32)
    assert batches[0].pixels.dtype == torch.uint16
    assert batches[0].batch_index is not None
    assert batches[0].batch_index.tolist() == store.batch_index[batches[0].rows].tolist()
    assert batches[0].control is not None
    assert batches[0].control.tolist() == store.control[batches[0].rows].tolist()


def test_order_and_crops_follow_from_seed_and_epoch(store: ImageStore) -> None:
    first = list(_loader(store, turn=True).epoch(1))
    again = list(_loader(store, turn=True).epoch(1, start=2))
    other = list(_loader(store, turn=True).epoch(2))
    assert all(torch.equal(a.pixels.int(), b.pixels.int()) for a, b in zip(first[2:], again, strict=True))
    assert not torch.equal(first[0].rows, other[0].rows)


def test_processes_read_the_same(store: ImageStore) -> None:
    ahead = list(_loader(store, workers=2, turn=True).epoch(0))
    for one, other in zip(ahead, _loader(store, turn=True).epoch(0), strict=True):
        assert torch.equal(one.pixels.int(), other.pixels.int())


def test_without_seed_the_order_stays_and_crops_lie_in_the_middle(store: ImageStore) -> None:
    rows = np.array([5, 2, 9])
    [batch] = _loader(store, rows=rows, seed=None, crop=20).epoch(0)
    assert batch.rows.tolist() == [5, 2, 9]
    assert np.array_equal(batch.pixels.numpy(), store.read(rows)[:, :, 22:42, 22:42])
    [whole] = _loader(store, rows=rows, seed=None, crop=None, channels=["Mito", "DNA"]).epoch(0)
    assert whole.channels == ("Mito", "DNA")
    assert np.array_equal(whole.pixels.numpy(), store.read(rows, ["Mito", "DNA"]))


def test_targets_are_taken_by_row(store: ImageStore) -> None:
    codes, _ = store.classes("perturbation")
    targets = np.stack([codes, np.where(codes % 2, codes, np.nan)], axis=1).astype(np.float32)
    [batch] = _loader(store, rows=np.array([4, 1]), seed=None, targets=targets).epoch(0)
    assert set(batch.targets) == {LEVEL}
    assert batch.targets[LEVEL].dtype == torch.float32
    np.testing.assert_array_equal(batch.targets[LEVEL].numpy(), targets[[4, 1]])
    [bare] = _loader(store, rows=np.array([4, 1]), seed=None).epoch(0)
    assert bare.targets == {}
    with pytest.raises(UsageError, match="have 3 rows"):
        _loader(store, targets=np.zeros((3, 1), np.float32))


def test_batches_of_one_experiment(store: ImageStore) -> None:
    batches = list(_loader(store, single_batch=True).epoch(0))
    assert all(len(batch.batch_index.unique()) == 1 for batch in batches if batch.batch_index is not None)
    assert sum(batch.num_items for batch in batches) == len(store)
    numbers = [int(batch.batch_index[0]) for batch in batches if batch.batch_index is not None]
    assert numbers != sorted(numbers)


def test_several_crops_of_a_field(store: ImageStore) -> None:
    batches = list(_loader(store, crops_per_field=3).epoch(0))
    rows = torch.cat([batch.rows for batch in batches])
    assert torch.bincount(rows).tolist() == [3] * len(store)


def test_processes_of_a_group_share_the_batches(store: ImageStore) -> None:
    parts = [_loader(store, rank=rank, world=2, rows=np.arange(27)) for rank in range(2)]
    assert len(parts[0]) == len(parts[1]) == 3
    rows = [torch.cat([batch.rows for batch in part.epoch(0)]).tolist() for part in parts]
    assert not set(rows[0]) & set(rows[1])


def test_grids_of_crops(store: ImageStore) -> None:
    batches = list(_loader(store, rows=np.array([3, 1]), batch_size=3).tiles())
    assert torch.cat([batch.rows for batch in batches]).tolist() == [3] * 4 + [1] * 4
    assert np.array_equal(batches[0].pixels.numpy()[1], store.read([3])[0][:, :32, 32:])
    [middle] = _loader(store, rows=np.array([3])).tiles((1, 1))
    assert middle.num_items == 1
    with pytest.raises(UsageError, match="needs a crop size"):
        next(_loader(store, crop=None).tiles())
    assert list(_loader(store, rows=np.array([], int)).tiles()) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"turn": True, "seed": None}, UsageError, "needs a seed"),
        ({"channels": ["dna"]}, UnknownNameError, "channel"),
    ],
)
def test_wrong_options(store: ImageStore, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        _loader(store, **options)


def test_crops_larger_than_fields(store: ImageStore) -> None:
    with pytest.raises(DataError, match="has no crop of 80"):
        list(_loader(store, crop=80).epoch(0))
