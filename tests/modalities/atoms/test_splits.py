"""Splits keep molecules, scaffolds, sizes and parts apart; what cannot be kept apart is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hooke.atoms.facts import Facts
from hooke.atoms.store import FrameStore, Source, write_frames
from hooke.atoms.twins import made_frames
from hooke.core.errors import DataError, UnknownNameError
from hooke.core.recipe import SplitSection
from hooke.modalities.atoms.splits import KINDS, frame_split

FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "total", ("gfn2",), ("gfn2",))
SMILES = ("c1ccccc1", "Cc1ccccc1", "C1CCCCC1", "CC", "CCO", "N", "OC1CCCCC1", "c1ccncc1")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    frames = made_frames(FACTS)
    frames = replace(frames, smiles=[SMILES[place // 3] for place in range(len(frames))])
    sources = [
        Source("first", [(frames.select(np.arange(12)), [])]),
        Source("second", [(frames.select(np.arange(12, 24)), [])]),
    ]
    return write_frames(tmp_path_factory.mktemp("splits") / "store", sources, FACTS, "made")


@pytest.mark.parametrize("kind", KINDS)
def test_parts_are_disjoint_and_keep_apart_what_they_say(store: FrameStore, kind: str) -> None:
    split = frame_split(store, SplitSection(kind=kind, fractions=(0.5, 0.25, 0.25)))
    rows = np.concatenate([split.train, split.valid, split.test])
    assert len(np.unique(rows)) == len(rows) == 24 - sum(split.left_out.values())
    assert split.left_out == {} or kind == "conformation"
    molecule, sizes, part = store.molecule(), store.store.axis_counts("atom"), store.subset()
    if kind in ("molecule", "scaffold", "size"):
        assert not set(molecule[split.train]) & set(molecule[split.test])
    if kind == "scaffold":
        rings = np.array([0, 0, 1, 2, 3, 4, 1, 5])[molecule]
        assert not set(rings[split.train]) & set(rings[split.test])
    if kind == "size":
        assert sizes[split.train].max() <= sizes[split.test].min()
    if kind == "part":
        assert set(part[split.train]) == {0}
        assert set(part[split.test]) == {1}
        assert (len(split.train), len(split.valid)) == (8, 4)
    other = frame_split(store, SplitSection(kind=kind, fractions=(0.5, 0.25, 0.25), seed=1))
    assert kind == "size" or not np.array_equal(other.train, split.train)


def test_refusals_name_the_ways_out(store: FrameStore, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"part"):
        frame_split(store, SplitSection(kind="part", column="secnd"))
    with pytest.raises(UnknownNameError, match="kind of split"):
        frame_split(store, SplitSection(kind="scafold"))
    one = made_frames(FACTS).select(np.arange(3))
    single = write_frames(tmp_path / "one", [Source("only", [(replace(one, smiles=[""] * 3), [])])], FACTS, "one")
    for kind, words in (("part", "one part alone"), ("molecule", "too few"), ("scaffold", "no SMILES")):
        with pytest.raises(DataError, match=words):
            frame_split(single, SplitSection(kind=kind))
