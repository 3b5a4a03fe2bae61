"""One molecule, one vector: whatever the writing, for every encoding, model and shipped encoder; other molecules have other vectors.

Exempt: the published features of MiniMol; random inputs (gpse) and positions in space (an option of gps_plus_plus), which are not given here;
Laplacian eigenvectors, up to sign and a rotation where eigenvalues repeat. `bench/one_vector.py` does the same on thousands of molecules.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from rdkit import Chem

import hooke
from hooke.core import registry
from hooke.inference.shipped import shipped_names
from hooke.modalities.molecules.samples import SMILES as SHAPES
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.batch import MoleculeBatch, batches
from hooke.molecules.encodings.config import EncodingConfig, add_encodings
from hooke.molecules.featurise import featurise
from hooke.molecules.parse import parse
from hooke.molecules.prepare import prepare
from hooke.molecules.spec import MoleculeSpec
from hooke.testing.writings import renumbered, writings

TOLERANCE = 1e-5
RANDOM_INPUTS = {"gpse"}  # drawn for each place of a molecule, and read instead of the codes
ISOMERS = (
    ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O", "C[C@H](N)C(=O)O |&1:1|", "C[C@H](N)C(=O)O |o1:1|"),
    ("C[C@H](O)[C@H](F)Cl", "C[C@H](O)[C@@H](F)Cl", "C[C@@H](O)[C@@H](F)Cl", "C[C@H](O)[C@H](F)Cl |&1:1,3|", "C[C@H](O)[C@@H](F)Cl |&1:1,3|"),
    ("C/C=C/C(=O)O", "C/C=C\\C(=O)O", "CC=CC(=O)O"),
    ("C[C@H]1CC[C@@H](C)CC1", "C[C@H]1CC[C@H](C)CC1", "CC1CCC(C)CC1"),
    ("O[C@H]1C[C@@H](O)C1", "O[C@H]1C[C@H](O)C1"),
    ("C[C@H](O)[C@H](O)[C@@H](C)O", "C[C@H](O)[C@@H](O)[C@@H](C)O"),
    ("Cc1cccc(I)c1-c1c(C)cccc1Br |wU:7.6|", "Cc1cccc(I)c1-c1c(C)cccc1Br |wD:7.6|", "Cc1cccc(I)c1-c1c(C)cccc1Br"),
    ("CCO", "[13CH3]CO", "[14CH3]CO", "C[13CH2]O", "[2H]OCC"),
)  # fmt: skip
ENCODINGS = EncodingConfig(
    random_walk=8, heat_kernel=4, electrostatic=True, commute=True, cycles=6, functional_groups=True
)
MODELS = [name for name in registry.names("models") if registry.modality_of("models", name) == "molecules"]
ENCODERS = [
    name for name in shipped_names() if registry.modality_of("datasets", "shelfmix") == hooke.load(name).modality
]


@cache
def molecules() -> tuple[str, ...]:
    """Drug-like molecules, all shapes, and isomers."""
    with resources.as_file(resources.files("hooke.datasets") / "data" / "pocketmix.parquet") as path:
        drugs = pl.read_parquet(path, columns=["smiles"])["smiles"].to_list()
    plain = [smiles for isomers in ISOMERS for smiles in isomers if "w" not in smiles]
    return (*drugs[::100], *SHAPES, *plain, "C[C@H](N)C(=O)[O-].[Na+].OCC", "c1ccc2c(c1)[nH]c1ccccc12")


def batch_of(arrays: MoleculeArrays) -> MoleculeBatch:
    [batch] = batches(arrays, 10_000)
    return batch


def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N,) of rows, relative to their length."""
    return np.linalg.norm(first - second, axis=1) / np.maximum(np.linalg.norm(first, axis=1), 1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_codes_and_encodings_go_with_their_atoms(seed: int) -> None:
    generator = np.random.default_rng(seed)
    own = [parse(smiles) for smiles in molecules()]
    orders = [generator.permutation(molecule.GetNumAtoms()) for molecule in own]
    other = [Chem.RenumberAtoms(molecule, order.tolist()) for molecule, order in zip(own, orders, strict=True)]
    before, after = (add_encodings(featurise(each), ENCODINGS) for each in (own, other))
    order = np.concatenate([start + order for start, order in zip(before.atom_offsets, orders, strict=False)])
    for name in before.atom_encodings:
        np.testing.assert_array_equal(before.atom_encodings[name][order], after.atom_encodings[name])
    for name in before.graph_encodings:
        np.testing.assert_array_equal(before.graph_encodings[name], after.graph_encodings[name])
    np.testing.assert_array_equal(before.atom_codes[order], after.atom_codes)


def test_spectra_are_those_of_the_molecule() -> None:
    generator = np.random.default_rng(0)
    config = EncodingConfig(laplacian=6)
    own = [parse(smiles) for smiles in molecules()]
    before, after = (
        add_encodings(featurise(each), config) for each in (own, [renumbered(one, generator) for one in own])
    )
    np.testing.assert_array_equal(
        before.graph_encodings["laplacian_eigenvalues"], after.graph_encodings["laplacian_eigenvalues"]
    )


@cache
def written() -> dict[str, MoleculeArrays]:
    """How all molecules are written → their arrays, with the encodings."""
    generator = np.random.default_rng(0)
    own = [parse(smiles) for smiles in molecules()]
    ways = [writings(smiles, generator) for smiles in molecules()]
    found = {
        "given": add_encodings(featurise(own), ENCODINGS),
        "renumbered": add_encodings(featurise([renumbered(molecule, generator) for molecule in own]), ENCODINGS),
    }
    for name in ways[0]:
        prepared = prepare([way[name] for way in ways], encodings=ENCODINGS)
        assert not prepared.reasons
        found[name] = prepared.arrays
    return found


@pytest.mark.parametrize("encodings", [EncodingConfig(), ENCODINGS], ids=["codes", "encodings"])
@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, encodings: EncodingConfig) -> None:
    module: Any = registry.module("models", name)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = module.Model(module.PRESETS["tiny"], MoleculeSpec(encodings=encodings)).eval()
        rows = {way: model.embed(batch_of(arrays)).numpy() for way, arrays in written().items()}
        told_apart = model.embed(
            batch_of(prepare([one for each in ISOMERS for one in each], encodings=encodings).arrays)
        ).numpy()
    for way, vectors in rows.items() if name not in RANDOM_INPUTS else ():
        worst = int(distance(rows["given"], vectors).argmax())
        assert distance(rows["given"], vectors)[worst] <= TOLERANCE, (way, molecules()[worst])
    if any(type(part).__name__ == "AtomEmbedding" for part in model.modules()):
        start = 0
        for isomers in ISOMERS:
            vectors = told_apart[start : start + len(isomers)]
            start += len(isomers)
            for place, smiles in enumerate(isomers):
                others = np.delete(vectors, place, axis=0)
                assert distance(others, np.broadcast_to(vectors[place], others.shape)).min() > 10 * TOLERANCE, smiles


@pytest.mark.parametrize("name", ENCODERS)
def test_shipped_encoders(name: str) -> None:
    encoder = hooke.load(name, device="cpu")
    generator = np.random.default_rng(0)
    given = encoder.embed(list(molecules()))
    ways = [writings(smiles, generator) for smiles in molecules()]
    direct = encoder.embed([renumbered(parse(smiles), generator) for smiles in molecules()])
    for vectors in (direct, *(encoder.embed([way[each] for way in ways]) for each in ways[0])):
        worst = int(distance(given, vectors).argmax())
        assert distance(given, vectors)[worst] <= TOLERANCE, molecules()[worst]
    for isomers in ISOMERS:
        vectors = encoder.embed(list(isomers))
        for place, smiles in enumerate(isomers):
            others = np.delete(vectors, place, axis=0)
            assert distance(others, np.broadcast_to(vectors[place], others.shape)).min() > 10 * TOLERANCE, smiles


def test_versions_that_are_replaced_depended_on_the_writing() -> None:
    first = replace(ENCODINGS, features=1)
    both = prepare(["N[C@@H](C)C(=O)O", "C[C@H](N)C(=O)O"], encodings=first).arrays
    assert sorted(both.atom_codes[:6, 5].tolist()) != sorted(both.atom_codes[6:, 5].tolist())
