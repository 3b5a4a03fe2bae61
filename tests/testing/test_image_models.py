"""The kit finds what it is there to find: image models that are wrong in one way each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
from torch import nn

from hooke.images.batch import ImageBatch
from hooke.images.spec import ImageSpec
from hooke.nn.images.channels import in_order
from hooke.nn.images.encoder import ImageEncoder
from hooke.nn.images.output import ImageOutput
from hooke.nn.images.standardise import standardise
from hooke.nn.transformer import check_block
from hooke.testing import check_image_model
from hooke.testing.contract import ContractError
from hooke.testing.image_models import IMAGE_MODEL_CHECKS, image_option_values


@dataclass(frozen=True)
class Config:
    width: int = 8


class Model(ImageEncoder):
    """Mean and spread of a random projection of each place; `fault` breaks one promise."""

    def __init__(self, config: Config, spec: ImageSpec, fault: str = "") -> None:
        super().__init__()
        self.fault, self.channels, self.blocks = fault, spec.channels, 1
        self.width = config.width
        self.table = nn.Parameter(torch.randn(config.width, len(spec.channels)))
        self.unused = nn.Parameter(torch.zeros(1)) if fault == "unused" else None
        self.hidden = torch.randn(config.width).double() if fault == "hidden" else 0.0
        if fault == "constant":
            self.table.data.fill_(1.0)

    def forward(self, batch: ImageBatch, *, block: int = -1) -> ImageOutput:
        if self.fault != "block":
            check_block(block, 1)
        pixels = batch.pixels if self.fault == "order" else in_order(batch, self.channels)
        images = pixels.to(self.table.dtype)
        if self.fault != "brightness":
            images = standardise(images, self.table.dtype)
        images = images if self.fault != "nan" else images / images.abs().sum()
        places = (images.flatten(2).transpose(1, 2) @ self.table.T).tanh() + self.hidden
        if self.fault == "batch":
            places = places - places.mean(0)
        if self.fault == "random":
            places = places + torch.rand(places.shape)
        if self.fault == "precision" and torch.is_autocast_enabled("cpu"):
            places = places * 2
        rows = places.square().mean(1)
        if self.fault == "shape":
            rows = rows[:, :-1]
        height, width = batch.pixels.shape[2:]
        return ImageOutput(rows, places, (int(height), int(width)))


def file(fault: str = "", **other: object) -> SimpleNamespace:
    class Faulty(Model):
        def __init__(self, config: Config, spec: ImageSpec) -> None:
            super().__init__(config, spec, fault)

    parts = {"__name__": "toy", "Config": Config, "PRESETS": {"tiny": Config()}, "Model": Faulty}
    return SimpleNamespace(**{**parts, **other})


def test_a_sound_model_passes() -> None:
    check_image_model(file())


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("shape", "interface", "shape"),
        ("block", "interface", "not refused"),
        ("order", "channel_order", "order of the channels"),
        ("brightness", "brightness_and_contrast", r"a x \+ b"),
        ("batch", "batch_of_one", "alone differs"),
        ("unused", "gradients", "unused"),
        ("hidden", "state_round_trip", "state_dict does not hold"),
        ("constant", "state_round_trip", "seed does not change"),
        ("random", "determinism", "differ"),
        ("precision", "half_precision", "bfloat16"),
    ],
)
def test_each_fault_is_found(fault: str, check: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        IMAGE_MODEL_CHECKS[check](file(fault))


def test_declarations() -> None:
    class Elsewhere(Model):
        modality = "molecules"

    class Exempt(Model):
        gradient_exempt: ClassVar[Mapping[str, str]] = {"table": "it does get one"}

    for change, check, message in (
        ({"Model": nn.Linear}, "interface", "no ImageEncoder"),
        ({"Model": Elsewhere}, "interface", "modality"),
        ({"PRESETS": {}}, "interface", "no 'tiny'"),
        ({"PRESETS": {"tiny": 3}}, "interface", "not a Config"),
        ({"Model": Exempt}, "gradients", "excuses no parameter"),
    ):
        with pytest.raises(ContractError, match=message):
            IMAGE_MODEL_CHECKS[check](file(**change))


def test_values_of_options() -> None:
    @dataclass(frozen=True)
    class Options:
        depths: tuple[int, ...] = (1, 2)
        width: int = 16
        heads: int = 4
        rate: float = 0.5

    kinds = {"depths": tuple[int, ...], "width": int, "heads": int, "rate": float}
    found = {name: image_option_values(name, Options(), hint) for name, hint in kinds.items()}
    assert found == {"depths": [(1, 3)], "width": [32], "heads": [8], "rate": [0.75]}
