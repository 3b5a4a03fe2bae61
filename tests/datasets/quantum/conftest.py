"""What every quantum data set is tested with."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from tests.atoms.conftest import same

from hooke.atoms.store import FrameStore
from hooke.atoms.twins import made_frames
from hooke.core.how import QUIET
from hooke.datasets.quantum import ASKED


def check_values(module: ModuleType, folder: Path) -> FrameStore:
    """The twin, written in the units and the layout that the card states and read through them, holds the frames it was made of."""
    store = module.Dataset(module.Config()).twin(folder, seed=2)
    facts = module.CARD.facts
    facts = facts.stated(module.CARD.name, **{key: ASKED[key] for key in facts.unconfirmed})
    assert store.methods == facts.methods
    expected = made_frames(facts, 2)
    same(
        store.in_units("eV", "angstrom").gather(np.arange(24)),
        expected,
        rtol=2e-5 if module.Dataset.suffix == ".sdf" else 1e-9,
    )
    return store


def of_mirror(module: ModuleType, folder: Path, **options: Any) -> FrameStore:
    """The real files."""
    return module.Dataset(module.Config(precision="float64", **options)).prepare(folder, QUIET)
