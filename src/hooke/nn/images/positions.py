"""Fixed two-dimensional sine-cosine positions of image patches.

    p(h, w) = [sin(h ω), cos(h ω), sin(w ω), cos(w ω)],  ω_i = 10000^(-i / (D / 4)),  i = 0 ... D / 4 - 1

Source: He et al. 2022 (arXiv 2111.06377), in the order of rows before columns. Learned tokens get no position.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from hooke.core.errors import UsageError

TEMPERATURE = 10_000.0


@lru_cache(maxsize=32)
def _table(height: int, width: int, columns: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    quarter = columns // 4
    rates = TEMPERATURE ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    rows = torch.arange(height, dtype=torch.float64)[:, None] * rates
    across = torch.arange(width, dtype=torch.float64)[:, None] * rates
    down = torch.cat([rows.sin(), rows.cos()], dim=1)[:, None].expand(height, width, -1)
    right = torch.cat([across.sin(), across.cos()], dim=1)[None].expand(height, width, -1)
    return torch.cat([down, right], dim=2).flatten(0, 1).to(device, dtype)


def sine_positions(
    grid: tuple[int, int], columns: int, *, device: torch.device, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "patches columns"]:
    """The positions of a grid of patches, row by row.

    Args:
        grid: Patches down and across.
        columns: Width D of the tokens, a multiple of 4.
        device: Where to put them.
        dtype: Their type.

    Raises:
        UsageError: D is not a multiple of 4.
    """
    if columns % 4:
        raise UsageError(f"sine-cosine positions need a width that is a multiple of 4, got {columns}")
    with torch.inference_mode(mode=False), torch.no_grad():
        return _table(*grid, columns, torch.device(device), dtype)
