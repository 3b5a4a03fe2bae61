from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.datasets.quantum.conftest import check_values, of_mirror

from hooke.datasets.quantum import spice

h5py = pytest.importorskip("h5py")


def test_the_twin_has_the_layout_and_units_of_the_card(tmp_path: Path) -> None:
    store = check_values(spice, tmp_path)
    assert store.energy_unit == "hartree"
    assert store.length_unit == "bohr"
    assert store.force_unit == "hartree/bohr"
    assert store.description["read_as"] == "gradient"


def test_nothing_has_to_be_stated() -> None:
    assert spice.CARD.facts.unconfirmed == ()
    assert spice.CARD.facts.checked() == spice.CARD.facts


@pytest.mark.mirror
def test_geometries_in_nanometres_and_map_order(tmp_path: Path, mirror: Path) -> None:
    """The release is in bohr, the repository's geometries in nanometres; both are read right, as bond lengths show."""
    store = of_mirror(spice, tmp_path, parts="ions")
    assert (len(store), store.length_unit, store.description["counts"]["molecules"]) == (1428, "bohr", 28)
    frames = store.in_units("eV", "angstrom").gather(np.arange(len(store)))
    assert np.isnan(frames.energies).all()  # never computed
    assert set(frames.charge.tolist()) == {-2, 0, 2}
    with h5py.File(mirror / "quantum/spice/ions.hdf5") as file:
        first = next(iter(file.values()))
        np.testing.assert_allclose(frames.positions[:2], 10 * first["conformations"][0], rtol=1e-6)


@pytest.mark.mirror
def test_atoms_are_those_of_the_map(tmp_path: Path, mirror: Path) -> None:
    store = of_mirror(spice, tmp_path, parts="amino-acid-ligand-test").in_units("eV", "angstrom")
    assert (len(store), store.molecules.height) == (2000, 200)
    frames = store.gather(np.arange(0, 2000, 50))
    for frame in range(len(frames)):
        atoms = slice(frames.offsets[frame], frames.offsets[frame + 1])
        distances = np.linalg.norm(frames.positions[atoms, None] - frames.positions[None, atoms], axis=-1)
        np.fill_diagonal(distances, np.inf)
        hydrogen = frames.numbers[atoms] == 1
        assert (distances[hydrogen].min(axis=1) > 0.85).all()
        assert (distances[hydrogen].min(axis=1) < 1.5).all()  # each hydrogen is bound: in another order it would not be
