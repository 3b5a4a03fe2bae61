"""Frames for twins of data sets: real small molecules, displaced, with energies and forces of a Morse potential between all pairs of atoms.

The energy of a method is the sum of made-up atomic energies plus the potential, both scaled a little by the method's place, so that no column
equals another. Forces are its exact negative derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from hooke.atoms.facts import Facts
from hooke.atoms.frames import NO_MONOMERS, FrameCollector, Frames
from hooke.atoms.methods import TERMS
from hooke.core.units import factor

SMILES = ("O", "C", "N", "CO", "C=O", "C#N", "CC", "NO")
FRAMES_A_MOLECULE = 3
ATOM_ENERGIES = {1: -13.6, 6: -1029.0, 7: -1485.0, 8: -2042.0}  # eV
_DEPTH, _WIDTH, _RADIUS = 0.4, 1.3, 1.4  # eV, 1/Å, Å
_APART = np.array([4.0, 0.0, 0.0])  # Å, between the monomers of a dimer
_SHARES = np.array([1.0, 0.9, -0.6, 0.3, 0.4])  # of the terms of an interaction energy: the four add up to the total


def made_frames(facts: Facts, seed: int = 0) -> Frames:
    """Frames with the columns that the facts name, in eV and Å; forces are forces.

    Dimers where the energies are of interaction, then with two monomers each.
    """
    generator = np.random.default_rng(seed)
    dimers = facts.energy_kind == "interaction"
    collector = FrameCollector("twin", len(facts.methods), len(facts.force_methods), len(facts.properties))
    for place, smiles in enumerate(SMILES):
        numbers, positions = _embedded(smiles)
        monomers = NO_MONOMERS
        if dimers:
            others, beside = _embedded(SMILES[(place + 1) % len(SMILES)])
            monomers = np.array([[0, len(numbers), 0, 0], [len(numbers), len(numbers) + len(others), 0, 0]], np.int32)
            numbers, positions = np.append(numbers, others), np.concatenate([positions, beside + _APART])
        moved = positions + 0.08 * generator.normal(size=(FRAMES_A_MOLECULE, *positions.shape))
        potential, forces = zip(*(morse(frame, monomers) for frame in moved), strict=True)
        energies = np.stack(
            [_energies(np.array(potential), numbers, facts, column) for column in range(len(facts.methods))], axis=1
        )
        scaled = [(1 + 0.01 * facts.methods.index(method)) * np.array(forces) for method in facts.force_methods]
        collector.add(
            numbers, moved, energies, np.stack(scaled, axis=-1) if scaled else None,
            properties=generator.normal(size=(FRAMES_A_MOLECULE, len(facts.properties))), monomers=monomers, name=f"twin{place}",
            smiles=_mapped(smiles),
        )  # fmt: skip
    frames, _ = collector.take()
    assert frames is not None
    return frames


def in_source_units(frames: Frames, facts: Facts) -> Frames:
    """Frames in eV and Å as a source with these facts would keep them, its sign of the derivative included."""
    scale = factor("eV/angstrom", facts.force_unit) if facts.force_unit else 1.0
    return replace(
        frames,
        positions=frames.positions * factor("angstrom", facts.length_unit),
        energies=frames.energies * (factor("eV", facts.energy_unit) if facts.energy_unit else 1.0),
        forces=frames.forces * scale * (-1 if facts.derivative == "gradient" else 1),
    )


def morse(positions: np.ndarray, monomers: np.ndarray = NO_MONOMERS) -> tuple[float, np.ndarray]:
    """Energy in eV and forces (atoms, 3) in eV/Å of all pairs, or of those between two monomers."""
    first, second = np.triu_indices(len(positions), 1)
    if len(monomers):
        crossing = (first < monomers[0, 1]) & (second >= monomers[0, 1])
        first, second = first[crossing], second[crossing]
    between = positions[second] - positions[first]
    distance = np.linalg.norm(between, axis=1)
    decay = np.exp(-_WIDTH * (distance - _RADIUS))
    slope = 2 * _DEPTH * _WIDTH * (1 - decay) * decay
    forces = np.zeros_like(positions)
    pulls = (slope / distance)[:, None] * between
    np.add.at(forces, first, pulls)
    np.add.at(forces, second, -pulls)
    return float((_DEPTH * ((1 - decay) ** 2 - 1)).sum()), forces


def _energies(potential: np.ndarray, numbers: np.ndarray, facts: Facts, column: int) -> np.ndarray:
    if facts.energy_kind == "interaction":
        term = facts.parsed[column].term
        return potential * _SHARES[TERMS.index(term)]
    scale = 1 + 0.01 * column
    atoms = sum(ATOM_ENERGIES[int(number)] for number in numbers) if facts.energy_kind == "total" else 0.0
    sign = -1 if facts.energy_kind == "atomisation" else 1
    return scale * (atoms + sign * potential)


def _embedded(smiles: str) -> tuple[np.ndarray, np.ndarray]:
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(molecule, randomSeed=7)
    numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
    return numbers, np.asarray(molecule.GetConformer().GetPositions())


def _mapped(smiles: str) -> str:
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    return Chem.MolToSmiles(molecule)


def isolated_frames(methods: Sequence[str]) -> Frames:
    """The atoms of the twin's elements alone, in eV."""
    collector = FrameCollector("twin atoms", len(methods), 0)
    for number, energy in ATOM_ENERGIES.items():
        collector.add(
            np.array([number]), np.zeros((1, 1, 3)), [[(1 + 0.01 * place) * energy for place in range(len(methods))]]
        )
    frames, _ = collector.take()
    assert frames is not None
    return frames
