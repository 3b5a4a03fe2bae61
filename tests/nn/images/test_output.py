from __future__ import annotations

import dataclasses

import pytest
import torch

from hooke.nn.images.output import ImageOutput, Reconstruction


def test_outputs_are_frozen_and_may_lack_an_image() -> None:
    output = ImageOutput(torch.zeros(2, 3), torch.zeros(2, 4, 3), (2, 2))
    assert output.class_tokens == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        output.class_tokens = 1  # type: ignore[misc]
    patches = torch.zeros(2, 4, 5)
    found = Reconstruction(patches, patches, torch.ones(2, 4, dtype=torch.bool), None, None, ("dna",))
    assert found.image is None
