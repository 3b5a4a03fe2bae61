"""Frames: stores are opened and described; networks learn them, and files of frames are predicted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hooke.atoms.facts import Facts
from hooke.atoms.isolated_atoms import ReferenceEnergies
from hooke.atoms.store import FrameStore, Source, write_frames
from hooke.atoms.twins import isolated_frames, made_frames
from hooke.core.errors import UsageError
from hooke.core.recipe import resolve
from hooke.modalities import modality, modality_of_store, readable, trainable
from hooke.modalities.atoms import MODALITY
from hooke.nn.contract import ContractError

FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "total", ("gfn2",), ("gfn2",))


def written(folder: Path, table: ReferenceEnergies | None = None) -> FrameStore:
    return write_frames(folder, [Source("a", [(made_frames(FACTS), [])])], FACTS, "made", e0=table)


def test_frames_can_be_learnt_from_and_read() -> None:
    assert modality("atoms") is MODALITY
    assert trainable("atoms", "fit") is MODALITY
    assert readable("atoms", "predict") is MODALITY


def test_compiled_training_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be differentiated twice"):
        resolve({**MODALITY.example, "name": "x", "train": {"compile": True}})


def test_a_store_is_described(tmp_path: Path) -> None:
    table = ReferenceEnergies.of_frames(isolated_frames(["gfn2"]), ["gfn2"], "eV", "made")
    fields = MODALITY.describe(written(tmp_path / "a", table)).fields
    assert (fields["frames"], fields["molecules"], fields["energy"]) == (24, 8, "total, eV")
    assert fields["isolated_atoms"] == "H, C, N, O"
    assert "eV, std" in fields["formation"]
    assert fields["statistics"]["total"]["gfn2"]["count"] == 24
    bare = MODALITY.describe(written(tmp_path / "b")).fields
    assert bare["isolated_atoms"] == "none"
    assert "formation" not in bare
    half = MODALITY.describe(written(tmp_path / "c", replace(table, atoms=table.atoms[:2]))).fields
    assert "no energy of an isolated" in half["formation"]
    found, store = modality_of_store(tmp_path / "a")
    assert (found.name, len(store)) == ("atoms", 24)
    assert len(MODALITY.open(tmp_path / "a")) == 24


def test_the_sample_is_the_same_for_the_same_seed() -> None:
    sample = MODALITY.sample()
    whole, again, other = (
        each.batch(range(each.items), each.spec) for each in (sample, MODALITY.sample(), MODALITY.sample(1))
    )
    assert torch.equal(whole.positions, again.positions)
    assert not torch.equal(whole.positions, other.positions)
    part = sample.batch([5, 2], sample.spec)
    assert part.rows.tolist() == [5, 2]
    assert {label.level for label in sample.spec.labels} == {*MODALITY.levels}


def test_stores_that_break_their_promises(tmp_path: Path) -> None:
    [check] = MODALITY.checks().stores.values()
    check(written(tmp_path / "a"))
    frames = made_frames(FACTS)
    pushed = replace(frames, forces=frames.forces + 1.0)
    silent = replace(frames, energies=np.full_like(frames.energies, np.nan))
    for name, broken, message in (("b", pushed, "do not cancel"), ("c", silent, "an energy is known by gfn2")):
        store = write_frames(tmp_path / name, [Source("a", [(broken, [])])], FACTS, "made")
        with pytest.raises(ContractError, match=message):
            check(store)
    with pytest.raises(ContractError, match="not atoms.store.FrameStore"):
        check(None)
