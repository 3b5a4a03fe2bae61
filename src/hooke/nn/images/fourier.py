"""Losses of a reconstruction: squared error on hidden patches, and the difference of Fourier magnitudes of the whole image.

    L = (1 - α) L_MSE + α L_F
    L_MSE = mean over hidden patches of (x̂ - x)²;  L_F = mean over channels and frequencies of | |F x̂| - |F x| |

F is the two-dimensional discrete Fourier transform of the un-patched image, without a factor, as in the paper's code; with
`orthonormal` it is divided by √(H W), which makes α mean the same at all image sizes.

Source: Kraus et al. 2023 (arXiv 2309.16064), α = 0.01.
Differs from the paper's code: the transform sees the image, not the rows of its patches.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.nn.images.output import Reconstruction


def hidden_error(
    prediction: Float[Tensor, "images patches pixels"],
    target: Float[Tensor, "images patches pixels"],
    hidden: Bool[Tensor, "images patches"],
) -> Float[Tensor, ""]:
    """The mean squared error over hidden patches; 0 when none is hidden."""
    weight = hidden.to(prediction.dtype)
    error = functional.mse_loss(prediction, target, reduction="none").mean(2)
    return (error * weight).sum() / weight.sum().clamp(min=1)


def normalised_patches(patches: Float[Tensor, "images patches pixels"]) -> Float[Tensor, "images patches pixels"]:
    """Each patch with mean 0 and variance 1 by itself (`norm_pix_loss` of He et al. 2022)."""
    mean, variance = patches.mean(2, keepdim=True), patches.var(2, keepdim=True)
    return (patches - mean) / (variance + 1e-6).sqrt()


def fourier_error(prediction: Tensor, target: Tensor, *, orthonormal: bool = False) -> Float[Tensor, ""]:
    """The mean absolute difference of the Fourier magnitudes of two (B, C, H, W) images.

    Raises:
        UsageError: The images are not of four equal dimensions.
    """
    if prediction.ndim != 4 or prediction.shape != target.shape:
        raise UsageError(
            f"the Fourier loss compares (B, C, H, W) images, got {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
    norm = "ortho" if orthonormal else "backward"
    wide = torch.promote_types(prediction.dtype, torch.float32)
    found, wanted = (torch.fft.fft2(image.to(wide), norm=norm).abs() for image in (prediction, target))
    return (found - wanted).abs().mean()


def reconstruction_losses(
    found: Reconstruction, *, fourier_weight: float = 0.0, orthonormal: bool = False, normalise: bool = False
) -> dict[str, Tensor]:
    """What to differentiate ("loss") and its detached parts ("mse" and "fourier").

    Args:
        found: Prediction and target.
        fourier_weight: α.
        orthonormal: See `fourier_error`.
        normalise: Compare with patches that are normalised one by one.

    Raises:
        UsageError: A Fourier term without whole images.
    """
    wide = torch.promote_types(found.prediction.dtype, torch.float32)
    target = normalised_patches(found.target) if normalise else found.target
    error = hidden_error(found.prediction.to(wide), target.to(wide), found.hidden)
    if not fourier_weight:
        return {"loss": error, "mse": error.detach()}
    if found.image is None or found.target_image is None:
        raise UsageError("the Fourier term needs whole images; reconstruct with whole=True")
    spectrum = fourier_error(found.image, found.target_image, orthonormal=orthonormal)
    loss = (1 - fourier_weight) * error + fourier_weight * spectrum
    return {"loss": loss, "mse": error.detach(), "fourier": spectrum.detach()}
