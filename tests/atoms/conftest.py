"""Frames for all tests of atoms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hooke.atoms.facts import Facts
from hooke.atoms.frames import Frames
from hooke.atoms.twins import made_frames
from hooke.core.errors import HookeError

FACTS = Facts(
    "eV", "angstrom", "eV/angstrom", "force", "total", ("pbe/def2-svp", "gfn2"), ("pbe/def2-svp",), (("gap", "eV"),)
)


@pytest.fixture(scope="session")
def frames() -> Frames:
    """With charges and spins, one molecule's alike."""
    made = made_frames(FACTS, seed=3)
    molecule = np.arange(len(made)) // 3
    return replace(made, charge=(molecule % 3 - 1).astype(np.int16), multiplicity=(molecule % 2 + 1).astype(np.int16))


def same(first: Frames, second: Frames, rtol: float = 1e-12) -> None:
    """Equal frames, floating-point numbers but for rounding."""
    for name in ("offsets", "numbers", "charge", "multiplicity", "periodic", "monomer_offsets", "monomers"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    for name in ("positions", "energies", "forces", "cell", "properties"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=rtol, atol=1e-9, err_msg=name)


def refusal(action: Callable[[], object]) -> str:
    """What is said where an action is refused, "" where it is not; every other error is one of the test."""
    try:
        action()
    except HookeError as error:
        return str(error)
    return ""
