"""The spec of frames: JSON and back, what it does not know, and scales."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hooke.atoms.frames import Frames
from hooke.atoms.isolated_atoms import IsolatedAtom, ReferenceEnergies
from hooke.atoms.spec import AtomsSpec, atom_scales, label_names, reference_energies
from hooke.core.errors import DataError, UsageError
from hooke.core.types import LabelStatistics
from hooke.modalities.atoms import MODALITY


def test_json_gives_the_spec_back() -> None:
    spec = replace(
        MODALITY.sample().spec,
        e0={"other:made": (-13.5, -1027.0, -1480.0, -2040.0)},
        e0_source="isolated atoms",
        charges=(-1, 0),
    )
    again = AtomsSpec.from_json(spec.to_json())
    assert again.to_json() == spec.to_json()
    assert [label.name for label in again.energies] == ["energy"]
    assert [label.name for label in again.properties] == ["dipole"]
    assert [label.width for label in again.forces] == [3]


def test_elements_and_charges_that_were_not_trained_on_are_named(frames: Frames) -> None:
    spec = AtomsSpec(elements=(1, 6, 7), charges=(0, 1))
    unknown = spec.unknown(frames)
    expected = {
        frame
        for frame in range(len(frames))
        if 8 in frames.numbers[frames.offsets[frame] : frames.offsets[frame + 1]] or frames.charge[frame] == -1
    }
    assert set(unknown) == expected
    assert any("its element O was not trained on (known: H, C, N)" in why for why in unknown.values())
    assert any("charge -1 was not trained on (known: 0, +1)" in why for why in unknown.values())
    with pytest.raises(DataError, match="frame 1: "):
        spec.require_known(frames)


def test_scales_leave_nothing_of_a_composition() -> None:
    generator = np.random.default_rng(0)
    composition = generator.integers(1, 6, size=(40, 3))
    shift, scale = atom_scales(composition @ np.array([1.0, -2.0, 0.5]), composition, None)
    assert shift == pytest.approx((1.0, -2.0, 0.5))
    assert scale == 1.0
    moments = LabelStatistics(np.array([9.0]), np.array([0.3]), np.array([0.4]))
    assert atom_scales(np.zeros(40), composition, moments)[1] == pytest.approx(0.5)
    one = np.tile([[2, 6, 1]], (5, 1))  # of one composition: the smallest norm
    assert atom_scales(np.full(5, -82.0), one, None)[0] == pytest.approx((-4.0, -12.0, -2.0))


def test_isolated_atoms_of_another_set_are_refused() -> None:
    table = ReferenceEnergies((IsolatedAtom(1, 0, 2, "gfn2", -13.6, "file"),), "eV", "acac")
    assert reference_energies(table, ["gfn2"], [1], "acac") == {"gfn2": (-13.6,)}
    with pytest.raises(UsageError, match="hold for its own frames alone"):
        reference_energies(table, ["gfn2"], [1], "ethanol")
    with pytest.raises(UsageError, match="no energy of an isolated C"):
        reference_energies(table, ["gfn2"], [1, 6], "acac")
    assert label_names("energy", ["gfn2"]) == ["energy"]
    assert label_names("energy", ["gfn2", "gfn1"]) == ["energy gfn2", "energy gfn1"]
