"""Exchange and correlation of closed shells: energy density and its derivatives by density ρ and squared gradient σ = |∇ρ|².

    LDA ("svwn")   Slater exchange + correlation VWN5
    PBE            Perdew, Burke and Ernzerhof
    B3LYP          0.2 exact exchange + 0.08 Slater + 0.72 B88 + 0.81 LYP + 0.19 VWN(RPA)

VWN(RPA) in B3LYP is the part that Gaussian and PySCF (since 2.3) mean by the name.

Source: Vosko, Wilk and Nusair 1980 (doi:10.1139/p80-159), Becke 1988 (doi:10.1103/PhysRevA.38.3098), Lee, Yang and Parr 1988
(doi:10.1103/PhysRevB.37.785) in the form of Miehlich et al. 1989, Perdew and Wang 1992 (doi:10.1103/PhysRevB.45.13244), Perdew, Burke and
Ernzerhof 1996 (doi:10.1103/PhysRevLett.77.3865), Stephens et al. 1994 (doi:10.1021/j100096a001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from hooke.core.errors import UnknownNameError

SVWN, PBE, B3LYP = range(3)
_LEAST = 1e-14  # density below which there is no energy
_SLATER = 0.75 * (3 / np.pi) ** (1 / 3)
_THOMAS_FERMI = 0.3 * (3 * np.pi**2) ** (2 / 3)


@dataclass(frozen=True)
class Functional:
    """A functional by name.

    Attributes:
        code: Of `evaluate`.
        exchange: Share of exact exchange.
        gradient: Whether it depends on σ.
    """

    name: str
    code: int
    exchange: float
    gradient: bool


FUNCTIONALS = {
    each.name: each
    for each in (
        Functional("svwn", SVWN, 0.0, False),
        Functional("pbe", PBE, 0.0, True),
        Functional("b3lyp", B3LYP, 0.2, True),
    )
}


def functional_of(name: str) -> Functional:
    """The functional.

    Raises:
        UnknownNameError: It is not one of `FUNCTIONALS`.
    """
    if name not in FUNCTIONALS:
        raise UnknownNameError("functional", name, FUNCTIONALS)
    return FUNCTIONALS[name]


@numba.njit(cache=True, nogil=True)
def _vwn(rho, x0, b, c):  # type: ignore[no-untyped-def]
    """Energy and potential of unpolarised correlation, ρ ε and d(ρ ε)/dρ."""
    a = 0.0310907
    x = np.sqrt((3 / (4 * np.pi * rho)) ** (1 / 3))
    q = np.sqrt(4 * c - b * b)
    whole, at_x0 = x * x + b * x + c, x0 * x0 + b * x0 + c
    angle = np.arctan(q / (2 * x + b))
    energy = a * (
        np.log(x * x / whole)
        + 2 * b / q * angle
        - b * x0 / at_x0 * (np.log((x - x0) ** 2 / whole) + 2 * (b + 2 * x0) / q * angle)
    )
    slope, inverse = (2 * x + b) / whole, 4 / ((2 * x + b) ** 2 + q * q)
    change = a * (2 / x - slope - b * inverse - b * x0 / at_x0 * (2 / (x - x0) - slope - (b + 2 * x0) * inverse))
    return rho * energy, energy - x / 6 * change


@numba.njit(cache=True, nogil=True)
def _b88(rho, sigma):  # type: ignore[no-untyped-def]
    """The part beyond Slater's exchange: energy, derivatives by ρ and by σ."""
    beta = 0.0042
    third = np.cbrt(rho)
    power = rho * third
    x = np.cbrt(2.0) * np.sqrt(sigma) / power
    arc, root = np.log(x + np.sqrt(1 + x * x)), np.sqrt(1 + x * x)
    below = 1 + 6 * beta * x * arc
    value = x * x / below
    slope = (2 * below - 6 * beta * x * (arc + x / root)) / (below * below)  # dF/dx / x
    scale = beta / np.cbrt(2.0)
    return (
        -scale * power * value,
        -scale * 4 / 3 * third * (value - x * x * slope),
        -beta / np.cbrt(4.0) * slope / power,
    )


@numba.njit(cache=True, nogil=True)
def _lyp(rho, sigma):  # type: ignore[no-untyped-def]
    """Energy, derivatives by ρ and by σ."""
    a, b, c, d = 0.04918, 0.132, 0.2533, 0.349
    u = 1 / np.cbrt(rho)
    below = 1 / (1 + d * u)
    u_rho = -u / (3 * rho)
    decay = np.exp(-c * u) * below
    decay_rho = -decay * (c + d * below) * u_rho
    delta, delta_rho = c * u + d * u * below, (c + d * below * below) * u_rho
    q, q_rho = (3 + 7 * delta) / 72, 7 / 72 * delta_rho
    power = u**5
    inner = _THOMAS_FERMI * rho - sigma * power * q
    inner_rho = _THOMAS_FERMI + sigma * (5 / 3 * power / rho * q - power * q_rho)
    return (
        -a * rho * below - a * b * decay * inner,
        -a * below * (1 + d * u * below / 3) - a * b * (decay_rho * inner + decay * inner_rho),
        a * b * decay * power * q,
    )


@numba.njit(cache=True, nogil=True)
def _pbe(rho, sigma):  # type: ignore[no-untyped-def]
    """Exchange and correlation: energy, derivatives by ρ and by σ."""
    beta, gamma, kappa = 0.06672455060314922, (1 - np.log(2.0)) / np.pi**2, 0.804
    mu = beta * np.pi**2 / 3
    third = np.cbrt(rho)
    per_sigma = 1 / (4 * (3 * np.pi**2) ** (2 / 3) * third**8)
    s2 = sigma * per_sigma
    below = 1 + mu * s2 / kappa
    enhancement, slope = 1 + kappa - kappa / below, mu / (below * below)
    energy = -_SLATER * rho * third * enhancement
    by_rho = -_SLATER * third * 4 / 3 * (enhancement - 2 * s2 * slope)
    by_sigma = -_SLATER * rho * third * slope * per_sigma
    # correlation: uniform gas by Perdew and Wang
    a, a1 = 0.0310907, 0.21370
    r = np.cbrt(3 / (4 * np.pi * rho))
    x = np.sqrt(r)
    series = 2 * a * (7.5957 * x + 3.5876 * r + 1.6382 * r * x + 0.49294 * r * r)
    series_r = a * (7.5957 / x + 2 * 3.5876 + 3 * 1.6382 * x + 4 * 0.49294 * r)
    log = np.log1p(1 / series)
    uniform = -2 * a * (1 + a1 * r) * log
    uniform_r = -2 * a * a1 * log + 2 * a * (1 + a1 * r) * series_r / (series * (series + 1))
    uniform_rho = -r / (3 * rho) * uniform_r
    # and its gradient correction
    fermi = np.cbrt(3 * np.pi**2 * rho)
    t2_sigma = np.pi / (16 * fermi * rho * rho)
    t2 = sigma * t2_sigma
    t2_rho = -7 / 3 * t2 / rho
    growth = np.expm1(-uniform / gamma)
    big = beta / gamma / growth
    big_rho = big * (growth + 1) / growth / gamma * uniform_rho
    at = big * t2
    top, bottom = 1 + at, 1 + at + at * at
    ratio = t2 * top / bottom
    # d(ratio) by t2 at constant A, and by A at constant t2
    ratio_t2 = (1 + 2 * at) / (bottom * bottom)
    ratio_big = -t2 * t2 * at * (2 + at) / (bottom * bottom)
    inside = 1 + beta / gamma * ratio
    correction = gamma * np.log(inside)
    by_ratio = beta / inside
    energy += rho * (uniform + correction)
    by_rho += uniform + correction + rho * (uniform_rho + by_ratio * (ratio_t2 * t2_rho + ratio_big * big_rho))
    by_sigma += rho * by_ratio * ratio_t2 * t2_sigma
    return energy, by_rho, by_sigma


@numba.njit(cache=True, nogil=True)
def evaluate(code, rho, sigma):  # type: ignore[no-untyped-def]
    """Energy per volume of a closed shell, and its derivatives by ρ and by σ.

    Args:
        code: `SVWN`, `PBE` or `B3LYP`, this without its exact exchange.
        rho: Electrons per bohr³.
        sigma: |∇ρ|².
    """
    if rho < _LEAST:
        return 0.0, 0.0, 0.0
    if code == 1:
        return _pbe(rho, sigma)
    third = np.cbrt(rho)
    slater, slater_rho = -_SLATER * rho * third, -_SLATER * 4 / 3 * third
    if code == 0:
        energy, by_rho = _vwn(rho, -0.10498, 3.72744, 12.9352)
        return slater + energy, slater_rho + by_rho, 0.0
    vwn, vwn_rho = _vwn(rho, -0.409286, 13.0720, 42.7198)
    b88, b88_rho, b88_sigma = _b88(rho, sigma)
    lyp, lyp_rho, lyp_sigma = _lyp(rho, sigma)
    return (
        0.8 * slater + 0.72 * b88 + 0.81 * lyp + 0.19 * vwn,
        0.8 * slater_rho + 0.72 * b88_rho + 0.81 * lyp_rho + 0.19 * vwn_rho,
        0.72 * b88_sigma + 0.81 * lyp_sigma,
    )


@numba.njit(cache=True, nogil=True)
def evaluate_all(code, rho, sigma):  # type: ignore[no-untyped-def]
    """(3, points) `evaluate` of (points,) densities."""
    out = np.empty((3, len(rho)))
    for point in range(len(rho)):
        out[0, point], out[1, point], out[2, point] = evaluate(code, rho[point], sigma[point])
    return out
