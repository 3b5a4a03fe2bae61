"""The input of every image encoder: each channel of each image with mean 0 and variance 1 by itself.

    x̂ = (x - mean x) / √(var x + ε)

so an embedding does not change when a channel's brightness and contrast do. ε is (0.8 grey levels)² for integer pixels, which
for 8 bits is the usual 1e-5 on the scale 0 ... 1, and 1e-8 of the mean of x² for floating-point ones; a constant channel becomes 0.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional

INTEGER_EPSILON = 1e-5 * 255**2
RELATIVE_EPSILON = 1e-4


def standardise(
    pixels: Shaped[Tensor, "images channels height width"], dtype: torch.dtype = torch.float32
) -> Float[Tensor, "images channels height width"]:
    """Standardised pixels.

    Args:
        pixels: Integers or floats of any scale.
        dtype: Type of the result.
    """
    rows = pixels.to(dtype).flatten(2)
    if pixels.is_floating_point():
        size = torch.linalg.vector_norm(rows, dim=2, keepdim=True) / rows.shape[2] ** 0.5
        rows, epsilon = rows / size.clamp(min=torch.finfo(dtype).tiny), RELATIVE_EPSILON**2
    else:
        epsilon = INTEGER_EPSILON
    return functional.layer_norm(rows, rows.shape[2:], eps=epsilon).view(pixels.shape)
