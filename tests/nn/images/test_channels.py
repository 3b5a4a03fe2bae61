from __future__ import annotations

import pytest
import torch

from hooke.core.errors import UnknownNameError, UsageError
from hooke.modalities.images.samples import image_batch
from hooke.nn.images.channels import in_order, positions, require_channels


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_channels_are_found_by_name(kind: str) -> None:
    batch = image_batch(kind=kind)
    assert in_order(batch, batch.channels) is batch.pixels
    found = in_order(batch, ("actin", "dna"))
    assert torch.equal(found.float(), batch.pixels.float()[:, [2, 0]])
    with pytest.raises(UsageError, match="mito is missing"):
        in_order(batch, ("dna", "mito"))


def test_positions_and_checks() -> None:
    assert positions(("c", "a"), ("a", "b", "c")) == [2, 0]
    with pytest.raises(UnknownNameError, match="Did you mean 'actin'"):
        positions(("actn",), ("dna", "actin"))
    assert require_channels(("a", "b")) == ("a", "b")
    for names in ((), ("a", "a")):
        with pytest.raises(UsageError, match="different channel names"):
            require_channels(names)
