from __future__ import annotations

import json

import numpy as np
import pytest

from hooke.atoms.composition import CompositionFit
from hooke.atoms.frames import Frames
from hooke.atoms.isolated_atoms import IsolatedAtom, ReferenceEnergies
from hooke.atoms.twins import ATOM_ENERGIES, isolated_frames
from hooke.core.errors import DataError, UsageError
from hooke.core.json_text import json_text
from hooke.core.units import factor

METHOD = "pbe/def2-svp"


@pytest.fixture
def table() -> ReferenceEnergies:
    return ReferenceEnergies.of_frames(isolated_frames([METHOD]), [METHOD], "eV", "set")


def test_frames_of_one_atom_are_a_table(table: ReferenceEnergies, frames: Frames) -> None:
    assert {atom.element: atom.energy for atom in table.atoms} == ATOM_ENERGIES
    assert {(atom.charge, atom.multiplicity, atom.source) for atom in table.atoms} == {(0, 0, "file")}
    assert not ReferenceEnergies.of_frames(frames, ["a", "b"], "eV", "set")  # molecules are passed over


def test_sums_over_atoms(table: ReferenceEnergies, frames: Frames) -> None:
    sums = table.sums(frames, METHOD, "set")
    for frame in range(len(frames)):
        atoms = frames.numbers[frames.offsets[frame] : frames.offsets[frame + 1]]
        assert sums[frame] == pytest.approx(sum(ATOM_ENERGIES[int(number)] for number in atoms), rel=1e-14)
    hartree = table.converted("hartree").sums(frames, METHOD, "set")
    np.testing.assert_allclose(hartree * factor("hartree", "eV"), sums, rtol=1e-14)


def test_what_is_missing_is_an_error_with_the_ways_out(table: ReferenceEnergies, frames: Frames) -> None:
    for method, atoms in (("gfn2", table.atoms), (METHOD, table.atoms[:2])):
        known = ReferenceEnergies(atoms, "eV", "set")
        with pytest.raises(UsageError, match=r"no energy of an isolated .*isolated_atoms=FILE.*regression.*e0=none"):
            known.sums(frames, method, "set")


def test_a_file_s_own_atoms_hold_for_its_frames_alone(table: ReferenceEnergies, frames: Frames) -> None:
    with pytest.raises(UsageError, match="hold for its own frames alone: energies of other"):
        table.sums(frames, METHOD, "other")
    free = ReferenceEnergies(table.atoms, "eV")
    assert np.isfinite(free.sums(frames, METHOD, "other")).all()


def test_contradictions_and_doubts() -> None:
    atom = IsolatedAtom(6, 0, 1, METHOD, -1025.0, "file")
    with pytest.raises(DataError, match="two energies of an isolated C"):
        ReferenceEnergies((atom, IsolatedAtom(6, 0, 1, METHOD, -1027.0, "file")), "eV")
    both = ReferenceEnergies(
        (atom, IsolatedAtom(6, 0, 3, METHOD, -1027.0, "file"), IsolatedAtom(6, 1, 2, METHOD, -1016.0, "file")), "eV"
    )
    with pytest.raises(UsageError, match=r"multiplicity 1 from file, multiplicity 3 from file; keep one"):
        both.energy(6, METHOD)


def test_there_and_back(table: ReferenceEnergies) -> None:
    fit = CompositionFit(np.array([1, 6]), np.array([-13.6, -1029.0]), np.array([0.1, 0.2]), 1.0, 50)
    for each in (table, ReferenceEnergies.of_fit(fit, METHOD, "eV", "set")):
        back = ReferenceEnergies.from_json(json.loads(json_text(each.to_json())))
        assert json_text(back.to_json()) == json_text(each.to_json())
        assert back.energy(6, METHOD) == each.energy(6, METHOD)
    assert ReferenceEnergies.of_fit(fit, METHOD, "eV", "set").atoms[1].error == 0.2
