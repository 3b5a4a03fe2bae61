"""Gaussian basis sets: STO-3G and 6-31G* of hydrogen to argon, as shells on atoms.

    s:  N_s Σ_k c_k (2 a_k / π)^(3/4) exp(-a_k r²),     p:  N_p Σ_k c_k (2 a_k / π)^(3/4) 2 √a_k x exp(-a_k r²)

N makes the contracted function's own overlap 1. s and p of a shell that share exponents ("sp") are kept as one.

Source: Hehre, Stewart and Pople 1969 (doi:10.1063/1.1672392), Hariharan and Pople 1973 (doi:10.1007/BF00533485); numbers of the Basis Set
Exchange, Pritchard et al. 2019 (doi:10.1021/acs.jcim.9b00725).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import numpy as np

from hooke.atoms.elements import SYMBOLS
from hooke.core.errors import UnknownNameError

NAMES = ("sto-3g", "6-31g(d)")


@dataclass(frozen=True)
class Shell:
    """Contracted functions of one atom that share exponents.

    Attributes:
        kind: "s", "sp" or "d".
        exponents: (primitives,) in bohr⁻².
        coefficients: Of each angular momentum in the kind (primitives,), as the basis set lists them: of normalised primitives.
    """

    kind: str
    exponents: np.ndarray
    coefficients: tuple[np.ndarray, ...]

    @cached_property
    def factors(self) -> tuple[np.ndarray, ...]:
        """What multiplies exp(-a r²), and x exp(-a r²), in normalised s and p functions."""
        a = self.exponents
        both = a[:, None] + a
        factors = []
        for power, listed in enumerate(self.coefficients):
            scale = (2 * a / np.pi) ** 0.75 * (2 * np.sqrt(a)) ** power
            own = listed * scale
            overlap = (np.pi / both) ** 1.5 * (1 / (2 * both)) ** power
            factors.append(own / np.sqrt(own @ overlap @ own))
        return tuple(factors)


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(files("hooke.atoms.quantum").joinpath("basis_sets.toml").read_text("utf-8"))


@cache
def shells_of(basis: str, number: int) -> tuple[Shell, ...]:
    """The shells of an element; none where the basis set does not have it.

    Raises:
        UnknownNameError: There is no such basis set.
    """
    if basis not in NAMES:
        raise UnknownNameError("basis set", basis, NAMES)
    rows = _tables()[basis].get(SYMBOLS[number], ())
    return tuple(Shell(kind, np.array(first), tuple(map(np.array, others))) for kind, first, *others in rows)


@dataclass(frozen=True)
class Shells:
    """The s and p shells of a molecule as arrays, padded to the longest contraction.

    Attributes:
        numbers: (atoms,) atomic numbers.
        atom: (shells,) which atom each is on.
        kind: (shells,) 0 for s, 1 for sp.
        first: (shells + 1,) its first function; functions of a shell are s, x, y, z.
        lengths: (shells,) primitives.
        exponents, s, p: (shells, longest) exponents, and what multiplies the primitives of s and of p.
    """

    numbers: np.ndarray
    atom: np.ndarray
    kind: np.ndarray
    first: np.ndarray
    lengths: np.ndarray
    exponents: np.ndarray
    s: np.ndarray
    p: np.ndarray

    @property
    def functions(self) -> int:
        """How many there are."""
        return int(self.first[-1])

    @classmethod
    def of(cls, basis: str, numbers: np.ndarray) -> Shells:
        """Of atoms in their order.

        Raises:
            UnknownNameError: There is no such basis set.
            ValueError: It does not have an element, or has d functions on it.
        """
        own = [(atom, shell) for atom, number in enumerate(numbers.tolist()) for shell in _s_and_p(basis, number)]
        longest = max(len(shell.exponents) for _, shell in own)
        exponents, s, p = (np.zeros((len(own), longest)) for _ in range(3))
        for row, (_, shell) in enumerate(own):
            count = len(shell.exponents)
            exponents[row, :count], s[row, :count] = shell.exponents, shell.factors[0]
            if shell.kind == "sp":
                p[row, :count] = shell.factors[1]
        kind = np.array([shell.kind == "sp" for _, shell in own], np.int64)
        return cls(
            np.asarray(numbers), np.array([atom for atom, _ in own]), kind, np.concatenate([[0], np.cumsum(1 + 3 * kind)]),
            np.array([len(shell.exponents) for _, shell in own]), exponents, s, p,
        )  # fmt: skip


def _s_and_p(basis: str, number: int) -> tuple[Shell, ...]:
    shells = shells_of(basis, number)
    if not shells:
        raise ValueError(f"{basis} has no functions for {SYMBOLS[number]}")
    if any(shell.kind == "d" for shell in shells):
        raise ValueError(f"{basis} has d functions on {SYMBOLS[number]}")
    return shells
