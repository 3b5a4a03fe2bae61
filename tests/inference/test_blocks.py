"""Blocks of features of molecules against the functions that compute them, and vectors of the encoder inside the package."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from hooke.inference.blocks import Blocks, Vectors, is_available
from hooke.inference.loaded import load
from hooke.modalities import trainable
from hooke.molecules.descriptors import (
    FAST_DESCRIPTORS,
    atom_pair_counts,
    baseline_features,
    morgan_counts,
    rdkit_descriptors,
)
from hooke.molecules.spec import MoleculeSpec

SMILES = ["CCO", "c1ccccc1C(=O)O", "CCN(CC)CC"]


def test_blocks_are_side_by_side() -> None:
    modality = trainable("molecules", "fit")
    blocks = Blocks(modality, ("morgan_counts", "atom_pair_counts", "descriptors", "tiny"))
    spec = pickle.loads(pickle.dumps(blocks.carried(MoleculeSpec(()))))
    source = modality.source(SMILES, spec, modality.options(), batch_size=2)
    found = [blocks(batch) for job in source.jobs() for batch in source.chunk(source.prepare(job)).batches]
    expected = np.hstack(
        [
            morgan_counts(SMILES, radius=3, bits=4096), atom_pair_counts(SMILES), rdkit_descriptors(SMILES, FAST_DESCRIPTORS),
            load("tiny").embed(SMILES),
        ]
    )  # fmt: skip
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-5, atol=1e-5)


def test_without_names_they_are_the_features_of_the_baselines() -> None:
    modality = trainable("molecules", "fit")
    blocks = Blocks(modality)
    source = modality.source(SMILES, blocks.carried(MoleculeSpec(())), modality.options(), batch_size=3)
    [batch] = [batch for job in source.jobs() for batch in source.chunk(source.prepare(job)).batches]
    np.testing.assert_allclose(blocks(batch), baseline_features(SMILES), rtol=1e-6)


def test_availability(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    from hooke.inference import blocks

    blocks._encoder.cache_clear()
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    monkeypatch.delenv("HOOKE_MIRROR", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert is_available("tiny")
    assert not is_available("minimol")
    assert Vectors("tiny")(SMILES).shape[0] == 3
