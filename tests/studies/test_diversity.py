"""Molecules against conformations: test frames shared by all points, paired differences, resume, and refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from hooke.atoms.facts import Facts
from hooke.atoms.formats import format_of
from hooke.atoms.frames import FrameCollector
from hooke.atoms.keys import Keys
from hooke.atoms.twins import morse
from hooke.core.errors import UsageError
from hooke.modalities.atoms.frame_errors import FORCE_ERROR
from hooke.studies import diversity
from hooke.studies.diversity import (
    FAR,
    KINDS,
    DiversityResult,
    DiversityStudy,
    DiversityTrial,
    far_rows,
    far_store,
    run_diversity,
)
from hooke.studies.diversity import test_rows as shared_rows
from hooke.suites import DiversitySuite
from hooke.train.fit import prepare, split_of

SMILES = (
    "C", "O", "N", "CO", "CC", "CN", "C=O", "C#N", "NO", "OO", "NN", "C=C", "C#C", "CCO", "CCC", "COC", "CC=O", "CC#N", "C1CC1", "C1CO1",
    "CCCO", "C1CCC1", "CNC", "N=C",
)  # fmt: skip
SUITE = DiversitySuite("small_study", "A small study", "diversity_potential", ((8, 1), (4, 2)), 4, (1, 2))


def frames_file(folder: Path, width: float = 0.06) -> Path:
    """24 small molecules, ten displaced frames each, with Morse energies and forces, as extended XYZ."""
    collector, generator = FrameCollector("made", 1, 1), np.random.default_rng(0)
    for smiles in SMILES:
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
        rdDistGeom.EmbedMolecule(molecule, randomSeed=7)
        numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
        positions = np.asarray(molecule.GetConformer().GetPositions())
        moved = positions + width * generator.normal(size=(10, *positions.shape))
        energies, forces = zip(*(morse(frame) for frame in moved), strict=True)
        collector.add(
            numbers,
            moved,
            np.array(energies)[:, None] - 10.0 * numbers.sum(),
            np.array(forces)[..., None],
            name=smiles,
            smiles=smiles,
        )
    frames, _ = collector.take()
    assert frames is not None
    path = folder / "made.extxyz"
    facts = Facts("eV", "angstrom", "eV/angstrom", "force", "total", ("gfn2",), ("gfn2",))
    format_of(path).write(path, frames, Keys(("energy",), ("forces",), name="name", smiles="smiles"), facts)
    return path


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> DiversityStudy:
    folder = tmp_path_factory.mktemp("diversity")
    stated = (
        "energy_unit=eV",
        "force_unit=eV/angstrom",
        "derivative=force",
        "energy_kind=total",
        "methods=gfn2",
        "force_methods=gfn2",
    )
    overrides = (
        f"data.path={frames_file(folder)}", *(f"data.{each}" for each in stated), "model.preset=tiny", "atoms.e0=none", "train.max_steps=6",
        "data.split.fractions=[0.7, 0.0, 0.3]",
    )  # fmt: skip
    (folder / "far").mkdir()
    return DiversityStudy(SUITE, overrides, 2, folder / "runs", frames_file(folder / "far", 0.2))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path_factory.getbasetemp() / "diversity-cache"))


def test_points_of_a_seed_are_nested_and_share_their_test_frames(study: DiversityStudy) -> None:
    store = prepare(study.at((8, 1), 0), show_progress=False)
    rows = shared_rows(study, store, 0)
    molecule, trained = store.molecule(), {}
    for point in SUITE.points:
        split = split_of(store, study.at(point, 0))
        assert len(split.train) == point[0] * point[1]
        assert np.unique(molecule[split.train], return_counts=True)[1].tolist() == [point[1]] * point[0]
        assert not set(rows["seen"]) & set(split.train)
        for kind in KINDS[1:]:
            assert not set(molecule[rows[kind]]) & set(molecule[split.train])
        assert set(molecule[rows["seen"]]) <= set(molecule[split.train])
        trained[point] = set(split.train.tolist())
    assert trained[4, 1] < trained[4, 2]
    assert trained[4, 1] < trained[8, 1]
    test = split_of(store, study.at((8, 1), 0)).test
    used = np.unique(np.concatenate([rows[kind] for kind in (*KINDS, "left out")]))
    other_pool = test[~np.isin(test, used)]  # of molecules that some points were trained on and others were not
    assert set(molecule[other_pool]) <= set(molecule[split_of(store, study.at((0, 0), 0)).train])
    sizes = store.store.axis_counts("atom")
    assert sizes[rows["larger"]].min(initial=99) > sizes[rows["unseen"]].max(initial=0)


def test_a_study_goes_on_and_says_what_it_found(study: DiversityStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, calls = diversity.tried, []

    def stopping(*args: object) -> DiversityTrial:
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(args[2:4])
        return usual(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(diversity, "tried", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_diversity(study, show_progress=False)
    before = study.trials()
    assert len(before) == 3
    monkeypatch.setattr(diversity, "tried", usual)
    trials = run_diversity(study, show_progress=False)
    assert trials[:3] == before
    assert {(trial.point, trial.seed) for trial in trials} == {
        (point, seed) for point in SUITE.points for seed in (0, 1)
    }
    result = DiversityResult(study, tuple(trials))
    assert result.seeds == [0, 1]
    found = result.to_json()
    assert study.kinds == (*KINDS, FAR)
    assert len(found["differences"]) == 2 * 2 * len(study.kinds)
    expected = np.mean([np.mean([*result.errors((8, 1), FORCE_ERROR, "seen")[seed].values()]) for seed in (0, 1)])
    assert result.mean((8, 1), FORCE_ERROR, "seen").value == pytest.approx(expected)
    heads, rows = result.table()
    assert len(rows) == 2 + 2 + 2
    assert heads[-len(study.kinds) :] == [*study.kinds]
    far = far_store(study, show_progress=False)
    known = far_rows(far, study.elements(prepare(study.at((8, 1), 0), show_progress=False), 0))
    names = set(far.molecules["name"].gather(np.unique(far.molecule(known))).to_list())
    assert set(result.errors((8, 1), FORCE_ERROR, FAR)[0]) == names  # every molecule of known elements, and no other
    assert len(far_rows(far, [1])) == 0
    near = result.mean((8, 1), FORCE_ERROR, "seen").value
    assert result.mean((8, 1), FORCE_ERROR, FAR).value > near  # frames three times as far from rest have larger forces
    assert replace(study, far=None).file != study.file


def test_what_does_not_fit_is_refused(study: DiversityStudy) -> None:
    many = replace(study, suite=replace(SUITE, budget=((400, 1), (4, 2))))
    with pytest.raises(UsageError, match="the points need 400 and 2"):
        run_diversity(many, show_progress=False)
    other = replace(study, overrides=(*study.overrides, "data.split.kind=random"))
    with pytest.raises(UsageError, match=r"data.split.kind=conformation"):
        other.at((1, 1), 0)
