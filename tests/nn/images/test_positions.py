from __future__ import annotations

import math

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.nn.images.positions import sine_positions


def test_every_number_of_a_small_table() -> None:
    table = sine_positions((2, 3), 8, device=torch.device("cpu"), dtype=torch.float64)
    assert table.shape == (6, 8)
    for place in range(6):
        row, column = divmod(place, 3)
        expected = [
            function(at * rate) for at in (row, column) for function in (math.sin, math.cos) for rate in (1.0, 0.01)
        ]
        assert table[place].tolist() == pytest.approx(expected, abs=1e-15)


def test_no_gradient_and_no_inference_tensor() -> None:
    with torch.inference_mode():
        table = sine_positions((5, 7), 12, device=torch.device("cpu"))
    assert not table.requires_grad
    assert not table.is_inference()


def test_widths() -> None:
    with pytest.raises(UsageError, match="multiple of 4"):
        sine_positions((2, 2), 6, device=torch.device("cpu"))
