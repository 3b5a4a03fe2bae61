from __future__ import annotations

from typing import Any

import pytest

from hooke.core.errors import UsageError
from hooke.images.simulated.config import ScreenConfig


def test_styles() -> None:
    jump, rxrx = ScreenConfig(), ScreenConfig("rxrx1", compounds=0)
    assert (len(jump.channels), jump.dtype, jump.cell_types) == (5, "uint16", ("U2OS",))
    assert (len(rxrx.channels), rxrx.dtype, len(rxrx.cell_types)) == (6, "uint8", 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "rxrx2"}, "must be one of rxrx1, jump_cp"),
        ({"size": 16}, "at least 32 pixels"),
        ({"guides": 0}, "guides must be at least 1"),
        ({"controls": -1}, "cannot be negative"),
        ({"style": "rxrx1"}, "set compounds=0"),
        ({"doses_um": ()}, "at least one dose"),
        ({"coverage": 0.0}, "coverage must lie"),
        ({"style": "rxrx1", "compounds": 0, "coverage": 0.5}, "in the style of rxrx1 it is 1"),
    ],
)
def test_impossible_screens(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ScreenConfig(**options)
