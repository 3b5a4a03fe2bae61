from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.atoms.conftest import FACTS, same

from hooke.atoms.composition import ELEMENTS, CompositionRegression
from hooke.atoms.facts import Facts
from hooke.atoms.frames import Frames, Rejected
from hooke.atoms.isolated_atoms import ReferenceEnergies
from hooke.atoms.store import MOLECULES, REJECTED, FrameStore, Source, fitted, prepared, write_frames
from hooke.atoms.twins import in_source_units, isolated_frames, made_frames
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.store import StoreWriter, check_store
from hooke.core.units import factor

NATIVE = replace(FACTS, energy_unit="kcal/mol", length_unit="bohr", force_unit="hartree/bohr", derivative="gradient")


def written(folder: Path, facts: Facts, *parts: Frames, **options: object) -> FrameStore:
    sources = [Source(f"part{place}", [(part, [])]) for place, part in enumerate(parts)]
    return write_frames(folder, sources, facts, "made", **options)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path, frames: Frames) -> FrameStore:
    source = in_source_units(frames, NATIVE)
    halves = [source.select(rows) for rows in np.split(np.arange(24), [10])]
    return written(tmp_path / "store", NATIVE, *halves, precision="float64")


def test_frames_come_back_in_the_units_of_the_source(store: FrameStore, frames: Frames) -> None:
    expected = in_source_units(frames, replace(NATIVE, derivative="force"))
    same(store.gather(np.arange(24)), expected)
    rows = np.array([20, 3, 3, 11])
    same(store.gather(rows), expected.select(rows))
    assert (store.energy_unit, store.length_unit, store.force_unit) == ("kcal/mol", "bohr", "hartree/bohr")
    assert store.facts.derivative == "force"
    assert store.description["read_as"] == "gradient"
    assert check_store(store.folder) == []
    assert len(FrameStore.open(store.folder)) == 24


def test_other_units_are_those_of_the_frames(store: FrameStore, frames: Frames) -> None:
    changed = store.in_units("eV", "angstrom")
    same(changed.gather(np.arange(24)), frames, rtol=1e-12)
    assert changed.force_unit == "eV/angstrom"
    only = store.in_units(energy_unit="hartree")
    assert (only.length_unit, only.force_unit) == ("bohr", "hartree/bohr")
    np.testing.assert_allclose(only.gather(np.arange(24)).positions, store.gather(np.arange(24)).positions)
    assert (changed.facts.energy_unit, changed.facts.length_unit, changed.facts.force_unit) == (
        "eV",
        "angstrom",
        "eV/angstrom",
    )
    assert store.facts.energy_unit == "kcal/mol"
    with pytest.raises(UsageError, match="measures length"):
        store.in_units("angstrom")
    with pytest.raises(UnknownNameError):
        store.in_units("eV", "parsec")


def test_single_precision_is_of_positions_and_forces_alone(tmp_path: Path, frames: Frames) -> None:
    store = written(tmp_path / "single", FACTS, frames)
    gathered = store.in_units("meV", "nm").gather(np.arange(24))
    assert (gathered.positions.dtype, gathered.forces.dtype, gathered.energies.dtype) == (
        np.float32,
        np.float32,
        np.float64,
    )
    np.testing.assert_allclose(gathered.energies, frames.energies * 1000, rtol=1e-14)
    with pytest.raises(UsageError, match="precision must be one of"):
        written(tmp_path / "half", FACTS, frames, precision="float16")


def test_molecules_parts_and_what_was_left_out(tmp_path: Path, frames: Frames) -> None:
    refused = [Rejected("a.xyz", 3, "a position is not finite")]
    store = write_frames(tmp_path / "s", [Source("a", [(frames, refused)]), Source("b", [(None, [])])], FACTS, "made")
    names = store.molecules["name"].to_list()
    assert [names[number] for number in store.molecule()] == list(frames.names)
    assert store.molecules.height == 8
    assert store.subsets == ("a", "b")
    assert store.subset().tolist() == [0] * 24
    assert pl.read_parquet(store.folder / REJECTED).to_dicts() == [
        {"file": "a.xyz", "frame": 3, "reason": "a position is not finite", "subset": 0}
    ]
    assert store.description["counts"] == {"frames": 24, "molecules": 8, "refused": 1}
    with pytest.raises(DataError, match="none of 1 frames can be used, the first because a position"):
        write_frames(tmp_path / "t", [Source("a", [(None, refused)])], FACTS, "made")


def test_cells_are_kept_where_something_repeats(tmp_path: Path, frames: Frames) -> None:
    periodic, cell = np.zeros((24, 3), bool), np.full((24, 3, 3), np.nan)
    periodic[5:8, 2], cell[5:8] = True, 10 * np.eye(3)
    store = written(tmp_path / "s", FACTS, replace(frames, periodic=periodic, cell=cell))
    gathered = store.in_units("eV", "nm").gather(np.array([7, 4, 5]))
    assert gathered.periodic.tolist() == [[False, False, True], [False] * 3, [False, False, True]]
    np.testing.assert_allclose(gathered.cell[[0, 2]], [np.eye(3)] * 2)
    assert np.isnan(gathered.cell[1]).all()


def test_monomers_are_kept(tmp_path: Path) -> None:
    facts = Facts("kcal/mol", "angstrom", energy_kind="interaction", methods=("sapt0/aug-cc-pvdz",))
    frames = made_frames(facts)
    store = written(tmp_path / "s", facts, frames)
    rows = np.array([20, 0, 9])
    gathered, expected = store.gather(rows), frames.select(rows)
    assert np.array_equal(gathered.monomers, expected.monomers)
    assert np.array_equal(gathered.monomer_offsets, [0, 2, 4, 6])
    with pytest.raises(UsageError, match="kind 'interaction'; isolated atoms belong to total ones"):
        store.energies(rows, "formation")


def test_energies_of_formation(tmp_path: Path, frames: Frames) -> None:
    table = ReferenceEnergies.of_frames(isolated_frames(FACTS.methods), FACTS.methods, "eV", "made")
    store, bare = written(tmp_path / "a", FACTS, frames, e0=table), written(tmp_path / "b", FACTS, frames)
    rows = np.array([3, 17])
    formed = store.energies(rows, "formation")
    assert np.abs(formed).max() < 100  # without thousands of eV of the atoms
    np.testing.assert_allclose(
        formed, frames.energies[rows] - np.stack([table.sums(frames.select(rows), m, "made") for m in FACTS.methods], 1)
    )
    np.testing.assert_allclose(store.energies(rows, "formation per atom"), formed / frames.counts[rows, None])
    np.testing.assert_allclose(
        store.in_units("hartree").energies(rows, "formation"), formed * factor("eV", "hartree"), rtol=1e-9
    )
    np.testing.assert_allclose(bare.energies(rows, "formation", table), formed)
    with pytest.raises(UsageError, match="no energy of an isolated"):
        bare.energies(rows, "formation")
    with pytest.raises(UsageError, match="hold for its own frames alone"):
        store.energies(rows, "formation", replace(table, scope="another"))
    with pytest.raises(UsageError, match="not 'free'"):
        store.energies(rows, "free")
    assert {*store.statistics().to_json()} >= {"total", "formation", "formation_per_atom", "force_norm"}
    assert "formation" not in bare.statistics().to_json()


def test_frames_of_one_atom_are_the_set_s_own_isolated_atoms(tmp_path: Path, frames: Frames) -> None:
    atoms = replace(
        isolated_frames(FACTS.methods), forces=np.full((4, 3, 1), np.nan), properties=np.full((4, 1), np.nan)
    )
    store = written(tmp_path / "s", FACTS, frames, atoms)
    assert len(store) == 28  # they stay frames
    assert np.isfinite(store.energies(np.arange(24), "formation")).all()


def test_energies_of_elements_by_regression(tmp_path: Path, frames: Frames) -> None:
    store = written(tmp_path / "s", FACTS, frames)
    table = fitted(store, "gfn2")
    regression = CompositionRegression()
    regression.update(frames.composition(ELEMENTS), frames.energies[:, 1])
    np.testing.assert_allclose([atom.energy for atom in table.atoms], regression.fit().energies, rtol=1e-9)
    residual = frames.energies[:, 1] - table.sums(frames, "gfn2", "made")
    assert abs(residual.mean()) < 1
    some = fitted(store.in_units("meV"), "gfn2", ridge=1e-3, rows=np.arange(12))
    assert some.unit == "meV"
    assert {atom.source for atom in some.atoms} == {"regression"}
    formation = replace(FACTS, energy_kind="formation")
    with pytest.raises(UsageError, match="belong to total ones"):
        fitted(written(tmp_path / "f", formation, frames), "gfn2")


def test_a_store_is_found_again_and_nothing_else_is_one(tmp_path: Path, frames: Frames) -> None:
    def sources() -> list[Source]:
        return [Source("a", [(frames, [])])]

    first = prepared(tmp_path, "made", ["content"], sources, FACTS)
    assert prepared(tmp_path, "made", ["content"], lambda: pytest.fail("written twice"), FACTS).folder == first.folder
    assert prepared(tmp_path, "made", ["content"], sources, replace(FACTS, energy_unit="meV")).folder != first.folder
    assert prepared(tmp_path / "again", "made", ["content"], sources, FACTS).content_hash == first.content_hash
    writer = StoreWriter(tmp_path / "other", first.store.schema)
    writer.close()
    with pytest.raises(DataError, match="not of frames"):
        FrameStore.open(tmp_path / "other")
    assert (first.folder / MOLECULES).exists()


def test_opening_in_other_units_reads_nothing(tmp_path: Path, frames: Frames) -> None:
    """Arrays of the store are mapped, not copied, whatever the unit."""
    store = written(tmp_path / "s", FACTS, *[frames] * 200)
    tracemalloc.start()
    changed = FrameStore.open(store.folder, "kcal/mol", "bohr")
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 400_000 < store.store.axis_counts("atom").sum() * 12 * 2  # positions and forces alone
    assert len(changed.gather(np.arange(0, 4800, 480))) == 10
