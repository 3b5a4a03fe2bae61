"""The input of every image encoder: each channel of each image with mean 0 and variance 1 by itself.

    x̂ = (x - mean x) / √(var x + ε)

so an embedding does not change when a channel's brightness and contrast do. ε is (0.8 grey levels)² for integer pixels, which
for 8 bits is the usual 1e-5 on the scale 0 ... 1, and (1e-4 mean |x|)² for floating-point ones; a constant channel becomes 0.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

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
    floating = pixels.is_floating_point()
    values = pixels.to(dtype)
    variance, mean = torch.var_mean(values, (2, 3), correction=0, keepdim=True)
    if floating:
        size = values.abs().mean((2, 3), keepdim=True)
        epsilon = (RELATIVE_EPSILON * size).square() + torch.finfo(dtype).tiny
    else:
        epsilon = values.new_tensor(INTEGER_EPSILON)
    return (values - mean) * (variance + epsilon).rsqrt()
