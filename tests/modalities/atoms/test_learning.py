"""Specs of stores: labels, isolated atoms, scales; batches in electronvolts with a bounded number of pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hooke.atoms.facts import Facts
from hooke.atoms.isolated_atoms import ReferenceEnergies
from hooke.atoms.spec import ATOM, FRAME
from hooke.atoms.store import FrameStore, Source, write_frames
from hooke.atoms.twins import in_source_units, isolated_frames, made_frames
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import resolve
from hooke.core.units import factor
from hooke.modalities.atoms import MODALITY
from hooke.modalities.atoms.learning import AtomsSection, labels_of_store, pair_bound, spec_of

FACTS = Facts("kcal/mol", "bohr", "hartree/bohr", "force", "total", ("gfn2", "gfn1"), ("gfn1",), (("gap", "eV"),))


def written(folder: Path, *, isolated: bool = True, facts: Facts = FACTS) -> FrameStore:
    frames = in_source_units(made_frames(facts), facts)
    table = None
    if isolated:
        table = ReferenceEnergies.of_frames(isolated_frames(facts.methods), facts.methods, "eV", "made").converted(
            facts.energy_unit
        )
    return write_frames(folder, [Source("a", [(frames, [])])], facts, "made", e0=table, precision="float64")


def test_energies_less_isolated_atoms_are_what_is_left_to_learn(tmp_path: Path) -> None:
    store, rows = written(tmp_path / "s"), np.arange(24)
    spec = spec_of(store, rows, AtomsSection())
    assert [label.name for label in spec.labels] == ["energy gfn2", "energy gfn1", "gap", "forces gfn1"]
    assert spec.elements == (1, 6, 7, 8)
    assert spec.e0_source == "isolated atoms"
    made = made_frames(FACTS)
    for place, method in enumerate(FACTS.methods):
        residual = made.energies[:, place] - made.composition(np.array(spec.elements)) @ np.array(spec.e0[method])
        assert np.abs(residual).max() < 50  # the Morse potential, not thousands of eV
    per_atom = (
        made.energies[:, 0]
        - made.composition(np.array(spec.elements)) @ (np.array(spec.e0["gfn2"]) + np.array(spec.shift["gfn2"]))
    ) / made.counts
    assert spec.scale["gfn2"] == pytest.approx(float(np.sqrt(np.mean(per_atom**2))), rel=1e-6)
    assert spec.scale["gfn1"] == pytest.approx(float(np.sqrt(np.mean(made.forces[..., 0] ** 2))), rel=1e-6)
    assert spec_of(store, rows, AtomsSection(e0="none")).e0 == {}
    fitted = spec_of(store, rows, AtomsSection(e0="regression"))
    assert fitted.e0_source == "regression"
    assert np.abs(np.array(fitted.shift["gfn2"])).max() < 1e-6


def test_missing_isolated_atoms_are_an_error_with_the_ways_out(tmp_path: Path) -> None:
    store = written(tmp_path / "s", isolated=False)
    with pytest.raises(UsageError, match=r"data.isolated_atoms=FILE.*atoms.e0=regression.*atoms.e0=none"):
        spec_of(store, np.arange(24), AtomsSection())
    formed = written(tmp_path / "f", isolated=False, facts=replace(FACTS, energy_kind="formation"))
    assert spec_of(formed, np.arange(24), AtomsSection()).e0 == {}
    with pytest.raises(UnknownNameError, match="gfn3"):
        labels_of_store(store, AtomsSection(methods=("gfn3",)))
    assert [label.name for label in labels_of_store(store, AtomsSection(methods=("gfn1",)))] == [
        "energy",
        "gap",
        "forces",
    ]


def test_batches_are_in_electronvolts_and_bounded(tmp_path: Path) -> None:
    store, rows = written(tmp_path / "s"), np.arange(24)
    recipe = resolve({**MODALITY.example, "train": {"batch_size": 8}, "atoms": {"most_pairs": 40}})
    spec, made = spec_of(store, rows, AtomsSection()), made_frames(FACTS)
    for part in ("train", "predict"):
        loader = MODALITY.loader(store, rows, spec, recipe, part=part, seed=3)
        batches = list(loader.epoch(0))
        assert len(batches) == len(loader)
        assert sorted(row for batch in batches for row in batch.rows.tolist()) == rows.tolist()
        for batch in batches:
            chosen = batch.rows.numpy()
            counts = made.counts[chosen]
            assert len(chosen) == 1 or pair_bound(counts).sum() <= 40
            np.testing.assert_allclose(batch.targets[FRAME][:, :2], made.energies[chosen], rtol=1e-12)
            np.testing.assert_allclose(batch.targets[FRAME][:, 2], made.properties[chosen, 0], rtol=1e-12)
            np.testing.assert_allclose(batch.targets[ATOM], made.select(chosen).forces[..., 0], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(batch.positions, made.select(chosen).positions, rtol=1e-6)
    assert factor("bohr", "angstrom") < 1
    with pytest.raises(ValueError, match="most_pairs"):
        AtomsSection(most_pairs=0)


def test_the_task_says_what_of_the_labels_is_learnt(tmp_path: Path) -> None:
    store, rows, made = written(tmp_path / "s", isolated=False), np.arange(24), made_frames(FACTS)
    recipe = resolve({**MODALITY.example, "task": {"name": "scalar_property"}})
    spec = MODALITY.spec(store, rows, recipe)  # energies are not learnt, and their isolated atoms not asked for
    assert [label.name for label in spec.labels] == ["gap"]
    left = made.properties[:, 0] - made.composition(np.array(spec.elements)) @ np.array(spec.shift["gap"])
    assert spec.scale["gap"] == pytest.approx(float(np.sqrt(np.mean((left / made.counts) ** 2))), rel=1e-6)
    assert spec.statistics[FRAME].mean == pytest.approx([made.properties[:, 0].mean()], rel=1e-6)
    with pytest.raises(UnknownNameError, match="Did you mean 'gap'"):
        MODALITY.spec(
            store, rows, resolve({**MODALITY.example, "task": {"name": "scalar_property", "labels": ["gapp"]}})
        )
    energies = MODALITY.spec(written(tmp_path / "e"), rows, resolve(MODALITY.example))
    assert [label.name for label in energies.labels] == ["energy gfn2", "energy gfn1", "forces gfn1"]
