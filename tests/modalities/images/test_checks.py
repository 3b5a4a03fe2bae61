from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from hooke.images.batch import ImageBatch
from hooke.modalities import modality
from hooke.modalities.images.checks import CHECKS, item_keys, pixels, reconstruction
from hooke.modalities.images.samples import image_batch
from hooke.models import mae
from hooke.nn.contract import ContractError, ModelCase

PLANES = np.random.default_rng(0).integers(0, 255, (10, 2, 8, 8)).astype(np.uint8)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("", ""),
        ("share", "patches are hidden instead of 12"),
        ("image", "another shape"),
        ("prediction", "differ in shape"),
        ("visible", "more than hidden patches"),
        ("loss", "the loss of the hidden patches alone"),
    ],
)
def test_reconstructions(fault: str, message: str) -> None:
    class Model(mae.Model):
        def reconstruct(self, batch: ImageBatch, noise: Any, ratio: float, *, whole: bool = True) -> Any:
            found = super().reconstruct(
                batch, noise, 0.5 if fault == "share" else ratio, whole=whole or fault == "visible"
            )
            if fault == "image" and whole:
                return replace(found, image=found.image[..., 1:], target_image=found.target_image[..., 1:])
            if fault == "prediction" and whole:
                return _without_a_pixel(found)
            if fault == "loss" and not whole:
                return replace(found, prediction=found.prediction + 1)
            return found

    case = ModelCase(SimpleNamespace(Model=Model, PRESETS=mae.PRESETS), modality("images"))
    if not message:
        reconstruction(case)
        return
    with pytest.raises(ContractError, match=message):
        reconstruction(case)


def _without_a_pixel(found: Any) -> Any:
    made = object.__new__(type(found))
    vars(made).update(vars(found), target=found.target[..., 1:])
    return made


class Store:
    """Ten fields of two channels; `fault` breaks one promise."""

    channels = ("a", "b")

    def __init__(self, fault: str) -> None:
        self.fault, self.sizes = fault, np.full((10, 2), 8)
        self.batch_index, self.control = np.zeros(10, np.int64), np.ones(10, bool)

    def __len__(self) -> int:
        return 10

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint16 if self.fault == "dtype" else np.uint8)

    def classes(self, name: str) -> Any:
        return np.zeros(10, np.int64), ("x",)

    def read(self, rows: np.ndarray, channels: tuple[str, ...] | None = None) -> np.ndarray:
        planes = PLANES[rows] * (self.fault != "blank")
        return planes if channels is None or self.fault == "order" else planes[:, ::-1]

    def read_crops(self, rows: np.ndarray, top: np.ndarray, left: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        first = int(top[0]) + (self.fault == "crop")
        return PLANES[rows][:, :, first : first + size[0], int(left[0]) : int(left[0]) + size[1]]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("", ""), ("dtype", "the store says uint16"), ("blank", "blank"), ("order", "in another order"),
        ("crop", "differs from that part"),
    ],
)  # fmt: skip
def test_pixels(fault: str, message: str) -> None:
    if not message:
        pixels(Store(fault))  # type: ignore[arg-type]
        return
    with pytest.raises(ContractError, match=message):
        pixels(Store(fault))  # type: ignore[arg-type]


def test_keys_of_items() -> None:
    class Placed(ImageBatch):
        def item_keys(self, axis: str) -> Any:
            return self.rows, torch.zeros_like(self.rows)

    item_keys(image_batch())
    with pytest.raises(ContractError, match="not the rows"):
        item_keys(Placed(**vars(image_batch())))


def test_what_is_checked() -> None:
    assert [*CHECKS.models, *CHECKS.tasks, *CHECKS.stores, *CHECKS.batches] == [
        "blocks", "channels", "brightness_and_contrast", "reconstruction", "embedded_blocks", "fields", "pixels", "item_keys",
    ]  # fmt: skip
