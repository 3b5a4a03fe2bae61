"""Spin multiplicities of the ground states of neutral atoms.

Source: NIST Atomic Spectra Database, ground levels (physics.nist.gov/asd): the multiplicities of their terms, hydrogen to radon.
"""

from __future__ import annotations

from hooke.atoms.elements import SYMBOLS
from hooke.core.errors import UsageError

_P_BLOCK = "234321"
_MULTIPLICITIES = (
    "21"  # H He
    f"21{_P_BLOCK}"  # Li Be, B to Ne
    f"21{_P_BLOCK}"  # Na Mg, Al to Ar
    f"212347654321{_P_BLOCK}"  # K Ca, Sc to Zn, Ga to Kr
    f"212367654121{_P_BLOCK}"  # Rb Sr, Y to Cd, In to Xe
    f"21214567896543212345654321{_P_BLOCK}"  # Cs Ba, La to Lu, Hf to Hg, Tl to Rn
)


def multiplicity_of(number: int) -> int:
    """The multiplicity of a neutral atom's ground state.

    Args:
        number: Atomic number.

    Raises:
        UsageError: It is not listed.
    """
    if not 1 <= number <= len(_MULTIPLICITIES):
        raise UsageError(
            f"the ground states of {SYMBOLS[1]} to {SYMBOLS[len(_MULTIPLICITIES)]} are known here, not that of {SYMBOLS[number]}"
        )
    return int(_MULTIPLICITIES[number - 1])
