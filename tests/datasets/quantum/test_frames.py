"""Files of users: what is stated, asked for and contradicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.atoms.conftest import same

from hooke.atoms.facts import Facts
from hooke.atoms.formats import hdf5, npz, xyz
from hooke.atoms.keys import Keys
from hooke.atoms.store import FrameStore
from hooke.atoms.twins import in_source_units, isolated_frames, made_frames
from hooke.core.errors import UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum.frames import Config, Dataset

FACTS = Facts("hartree", "angstrom", "hartree/angstrom", "force", "total", ("gfn2",), ("gfn2",))
STATED = {"energy_unit": "hartree", "force_unit": "hartree/angstrom", "energy_kind": "total", "methods": "gfn2"}
KEYS = Keys(("energy",), ("forces",), name="name", smiles="smiles")


def prepare(folder: Path, path: Path, **options: str) -> FrameStore:
    return Dataset(Config(str(path), precision="float64", **options)).prepare(folder / "stores", QUIET)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    xyz.write(tmp_path / "own.extxyz", in_source_units(made_frames(FACTS), FACTS), KEYS)
    return tmp_path / "own.extxyz"


def test_what_is_stated_is_what_the_numbers_are(tmp_path: Path, path: Path) -> None:
    store = prepare(tmp_path, path, **STATED)
    same(store.in_units("eV", "angstrom").gather(np.arange(24)), made_frames(FACTS), rtol=1e-10)
    assert store.name == "own"
    assert store.molecules.height == 8
    assert prepare(tmp_path, path, **STATED).folder == store.folder
    turned = prepare(tmp_path, path, **STATED, force_keys="forces", derivative="gradient")
    np.testing.assert_allclose(turned.gather(np.arange(24)).forces, -store.gather(np.arange(24)).forces)


@pytest.mark.parametrize("missing", [*STATED])
def test_each_fact_is_asked_for_by_name(tmp_path: Path, path: Path, missing: str) -> None:
    given = {key: value for key, value in STATED.items() if key != missing}
    with pytest.raises(UsageError, match=rf"own\.extxyz: unconfirmed are {missing}; state {missing}="):
        prepare(tmp_path, path, **given)


def test_one_path_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.path is missing"):
        Dataset(Config()).prepare(tmp_path, QUIET)


def test_columns_and_methods_are_of_one_number(tmp_path: Path, path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"1 columns of energies \(energy\) for 2 methods \(gfn2, gfn1\): state energy_keys"
    ):
        prepare(tmp_path, path, **{**STATED, "methods": "gfn2,gfn1"}, force_methods="gfn2")


def test_isolated_atoms_of_a_file(tmp_path: Path, path: Path) -> None:
    atoms = tmp_path / "atoms.xyz"
    alone = in_source_units(isolated_frames(["gfn2"]), Facts("hartree", "angstrom"))
    xyz.write(atoms, alone, Keys(("energy",)))
    store = prepare(tmp_path, path, **STATED, isolated_atoms=str(atoms))
    assert store.e0 is not None
    formed = store.in_units("eV").energies(np.arange(24), "formation")
    assert np.abs(formed).max() < 100
    assert len(store) == 24


def test_several_files_are_parts(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "more.extxyz"
    other.write_bytes(path.read_bytes())
    store = Dataset(Config(f"{path}, {other}", **STATED)).prepare(tmp_path, QUIET)
    assert store.subsets == ("own", "more")
    assert np.bincount(store.subset()).tolist() == [24, 24]


def test_lengths_of_arrays_are_asked_for_and_those_of_a_file_are_its_own(tmp_path: Path) -> None:
    frames = in_source_units(made_frames(FACTS), FACTS)
    npz.write(tmp_path / "a.npz", frames, Keys(("energy",), ("forces",), numbers="z", positions="R"))
    with pytest.raises(UsageError, match="unconfirmed are length_unit; state length_unit=angstrom"):
        prepare(tmp_path, tmp_path / "a.npz", **STATED)
    nano = prepare(tmp_path, tmp_path / "a.npz", **STATED, length_unit="nm")
    np.testing.assert_allclose(nano.in_units("", "angstrom").gather(np.arange(24)).positions, frames.positions * 10)
    pytest.importorskip("h5py")
    keys = Keys(("energy",), ("forces",), numbers="atomic_numbers", positions="positions")
    hdf5.write(tmp_path / "a.h5", frames, keys, FACTS)
    store = prepare(tmp_path, tmp_path / "a.h5", energy_kind="total", methods="gfn2")  # the file states its units
    assert (store.energy_unit, store.length_unit, store.force_unit) == ("hartree", "angstrom", "hartree/angstrom")
    for stated in ({"length_unit": "nm"}, {"energy_unit": "eV"}):
        with pytest.raises(UsageError, match=r"a\.h5 states .*; it cannot be"):
            prepare(tmp_path, tmp_path / "a.h5", energy_kind="total", methods="gfn2", **stated)


def test_geometries_alone(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("2\n\nH 0 0 0\nH 0 0 0.74\n" * 3)
    store = prepare(tmp_path, tmp_path / "a.xyz")
    assert (len(store), store.methods) == (3, ())
    assert store.gather(np.arange(3)).energies.shape == (3, 0)
    assert store.in_units(length_unit="nm").gather(np.array([0])).positions[1, 2] == pytest.approx(0.074)


@pytest.mark.mirror
def test_ethanol_in_two_units_cannot_be_taken_for_one(tmp_path: Path, mirror: Path) -> None:
    """Both files call their energies `energy`: one in kcal/mol, the other in eV."""
    kcal, ev = (
        mirror / "quantum/samples/metatrain_ethanol_reduced_100.xyz.gz",
        mirror / "quantum/botnet_ethanol/train.xyz.gz",
    )
    for path in (kcal, ev):
        with pytest.raises(UsageError, match="unconfirmed are energy_unit, force_unit, energy_kind, methods"):
            prepare(tmp_path, path)
    first = prepare(
        tmp_path,
        kcal,
        energy_unit="kcal/mol",
        force_unit="kcal/mol/angstrom",
        energy_kind="total",
        methods="pbe/def2-svp",
    )
    second = prepare(
        tmp_path, ev, energy_unit="eV", force_unit="eV/angstrom", energy_kind="total", methods="pbe/def2-svp"
    )
    means = [store.in_units("eV", "angstrom").energies(np.arange(100)).mean() for store in (first, second)]
    assert means[0] == pytest.approx(-97_080 * 0.0433641, abs=1)
    assert abs(means[0] - means[1]) < 5  # of one molecule, by two settings of one functional
    with pytest.raises(UsageError, match=r"state energy_keys=energy\|elec_energy_tol"):
        prepare(tmp_path, mirror / "quantum/samples/metatrain_carbon_reduced_100.xyz.gz")
    with pytest.raises(UsageError, match="state force_keys=force, with derivative=force or derivative=gradient"):
        prepare(tmp_path, mirror / "quantum/samples/metatrain_carbon_reduced_100.xyz.gz", energy_keys="energy")
