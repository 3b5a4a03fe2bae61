from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.datasets.quantum.conftest import check_values, of_mirror

from hooke.core.errors import UsageError
from hooke.datasets.quantum import ethanol


def test_the_twin_and_its_isolated_atoms(tmp_path: Path) -> None:
    store = check_values(ethanol, tmp_path)
    formed = store.energies(np.arange(24), "formation")
    assert np.abs(formed).max() < 100


@pytest.mark.mirror
def test_energies_of_formation(tmp_path: Path, mirror: Path) -> None:
    store = of_mirror(ethanol, tmp_path, parts="train")
    formed = store.energies(np.arange(len(store)), "formation")
    assert len(formed) == 1000
    assert formed.mean() == pytest.approx(-42.0814, abs=0.0001)
    assert formed.std() == pytest.approx(0.1868, abs=0.0001)
    found = store.statistics().to_json()["formation"][store.methods[0]]
    assert found["mean"] == pytest.approx(formed.mean(), rel=1e-12)
    assert found["std"] == pytest.approx(formed.std(), rel=1e-10)


@pytest.mark.mirror
def test_forming_energies_across_files_is_refused(tmp_path: Path, mirror: Path) -> None:
    """Both call their isolated atoms those of PBE; carbon alone differs by 1.6 eV."""
    from hooke.datasets.quantum import acac

    own, other = (
        of_mirror(ethanol, tmp_path, parts="test_norm_mode_874"),
        of_mirror(acac, tmp_path, parts="test_dihedral"),
    )
    assert own.e0 is not None
    assert other.e0 is not None
    with pytest.raises(UsageError, match="isolated atoms of acac hold for its own frames alone"):
        own.energies(np.arange(3), "formation", other.e0)
    assert "not ground-state atoms" in ethanol.CARD.notes
