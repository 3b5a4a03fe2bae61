from __future__ import annotations

import pytest

from hooke.modalities.molecules.samples import ENCODINGS, SMILES, batch_of
from hooke.molecules.batch import MoleculeBatch


@pytest.fixture(scope="session")
def batch() -> MoleculeBatch:
    return batch_of(SMILES, encodings=ENCODINGS)


@pytest.fixture(scope="session")
def no_bonds() -> MoleculeBatch:
    return batch_of(["C", "[Na+].[Cl-]"], encodings=ENCODINGS)
