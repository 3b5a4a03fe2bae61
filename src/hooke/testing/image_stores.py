"""What every image data set's store must hold: sound tiles, complete metadata, readable as a batch, honest about simulation."""

from __future__ import annotations

import numpy as np

from hooke.core.store import check_store
from hooke.images.batch import image_batch
from hooke.images.reading.metadata import STANDARD
from hooke.images.store import ImageStore
from hooke.testing.contract import require


def check_image_store(store: ImageStore) -> None:
    """Check the store of an image data set's twin.

    Raises:
        ContractError: The first promise that is broken.
    """
    require(isinstance(store, ImageStore), "the twin is no ImageStore")
    require(len(store) >= 8, f"the twin has only {len(store)} fields")
    problems = check_store(store.folder)
    require(not problems, f"the twin's store is damaged: {problems}")
    require(store.simulated, "the twin does not say that it is simulated")
    require(len(store.channels) >= 1 and all(store.channels), "the channels of the twin have no names")
    table = store.metadata
    missing = [name for name in STANDARD if name not in table.columns]
    require(not missing, f"the twin's metadata lack {', '.join(missing)}")
    for name in ("plate", "well", "site", "row", "column", "batch", "perturbation", "control"):
        require(table[name].null_count() == 0, f"the twin has fields without {name}")
    place = table.select("experiment", "plate", "well", "site")
    require(bool(place.is_unique().all()), "two fields of the twin have the same place")
    require(len(store.batches) >= 2, "the twin has a single batch")
    require(bool(store.control.any()), "the twin has no negative controls")
    for batch in range(len(store.batches)):
        require(bool(store.control[store.batch_index == batch].any()), "a batch of the twin has no negative control")
    codes, names = store.classes("perturbation")
    require(len(names) >= 3, f"the twin has only {len(names)} perturbations")
    _check_pixels(store, codes)


def _check_pixels(store: ImageStore, codes: np.ndarray) -> None:
    rows = np.unique(np.linspace(0, len(store) - 1, 8).astype(np.int64))
    pixels = store.read(rows)
    require(pixels.dtype == store.dtype, f"pixels are {pixels.dtype}, the store says {store.dtype}")
    require(bool((pixels.min(axis=(2, 3)) < pixels.max(axis=(2, 3))).all()), "a plane of the twin is blank")
    reordered = store.read(rows, store.channels[::-1])
    require(bool((reordered == pixels[:, ::-1]).all()), "channels asked for by name come in another order")
    half = int(store.sizes[rows].min() // 2)
    corner = np.full(len(rows), half // 2)
    crops = store.read_crops(rows, corner, corner, (half, half))
    inside = slice(half // 2, half // 2 + half)
    require(bool((crops == pixels[:, :, inside, inside]).all()), "a crop differs from that part of its field")
    batch = image_batch(crops, store.channels, rows, codes[rows, None], store.batch_index[rows], store.control[rows])
    require(batch.num_items == len(rows), "the batch has another number of images")
