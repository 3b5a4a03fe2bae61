"""The inputs of MiniMol's published checkpoint: SMILES to codes, atom features and encodings, as its original code makes them.

Atoms are renumbered by their canonical rank, because the encodings below depend on the order. All values are rounded to float16, as the
checkpoint saw them in training; without the rounding embeddings move by up to 1.4e-3.

- `minimol_atoms` (85): degree - 2, charge, radicals, aromatic, in ring; then one-hot element (43 and other), group (1 ... 18, none, other),
  period (1 ... 7, other) and total valence (0 ... 6, other).
- `minimol_eigenvalues`, `minimol_eigenvectors` (8 each): of L = D - A of each connected component, with the trivial pair, in ascending
  order; 0 where a component has fewer than 8 atoms. Every atom repeats the eigenvalues of its component.
- `minimol_walk` (16): probability to be back after 1 ... 16 steps; ones for a molecule of one atom.

Source: graphium 2.4.7 and minimol 1.3.5, with the facts that their outputs show (Kläser et al. 2024, arXiv 2404.14986). The sign of an
eigenvector, and the basis of a repeated eigenvalue, are what LAPACK returns: embeddings of such molecules differ between libraries by up
to 0.14 (cosine similarity above 0.999). Differs from the original: a string that is no molecule is refused alone, not with its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.linalg
from rdkit import Chem

from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.featurise import featurise
from hooke.molecules.parse import ParseError, parse, silence_rdkit
from hooke.molecules.prepare import PreparedMolecules
from hooke.molecules.vocabulary import GROUP_OF_ELEMENT, PERIOD_OF_ELEMENT

ATOMS, EIGENVALUES, EIGENVECTORS, WALK = (
    "minimol_atoms", "minimol_eigenvalues", "minimol_eigenvectors", "minimol_walk",
)  # fmt: skip
PAIRS, STEPS = 8, 16
_ELEMENTS = (
    "C", "N", "O", "S", "F", "Si", "P", "Cl", "Br", "Mg", "Na", "Ca", "Fe", "As", "Al", "I", "B", "V", "K",
    "Tl", "Yb", "Sb", "Sn", "Ag", "Pd", "Co", "Se", "Ti", "Zn", "H", "Li", "Ge", "Cu", "Au", "Ni", "Cd", "In", "Mn", "Zr", "Cr", "Pt",
    "Hg", "Pb",
)  # fmt: skip
_ELEMENT_PLACE = {symbol: place for place, symbol in enumerate(_ELEMENTS)}
_GROUPS, _PERIODS, _VALENCES = 20, 8, 8
_NO_GROUP = 19  # the f-block but for lanthanum and actinium, in the table of graphium
_UNGROUPED = ("Lu", "Lr")  # elements with a group in our table and none there
WIDTH = 5 + len(_ELEMENTS) + 1 + _GROUPS + _PERIODS + _VALENCES
_SMALLEST_NORM = 1e-4


def prepare_minimol(smiles: Sequence[str]) -> PreparedMolecules:
    """The strings that parse as arrays with MiniMol's inputs, and why the others do not."""
    silence_rdkit()
    molecules, kept, reasons = [], [], {}
    for position, text in enumerate(smiles):
        try:
            molecules.append(in_canonical_order(parse(text)))
            kept.append(position)
        except ParseError as error:
            reasons[position] = str(error)
    return PreparedMolecules(minimol_arrays(molecules), [], np.array(kept, dtype=np.int64), reasons)


def in_canonical_order(molecule: Chem.Mol) -> Chem.Mol:
    """The same molecule with its atoms numbered by canonical rank, without hydrogens that can be implicit."""
    order = np.argsort(list(Chem.CanonicalRankAtoms(molecule)), kind="stable")
    return Chem.RemoveHs(Chem.RenumberAtoms(molecule, order.tolist()))


def minimol_arrays(molecules: Sequence[Chem.Mol]) -> MoleculeArrays:
    """Codes of atoms and bonds, with the atom features and encodings as float16 columns of the atoms."""
    columns: dict[str, list[np.ndarray]] = {ATOMS: [], EIGENVALUES: [], EIGENVECTORS: [], WALK: []}
    widths = {ATOMS: WIDTH, EIGENVALUES: PAIRS, EIGENVECTORS: PAIRS, WALK: STEPS}
    for molecule in molecules:
        adjacency = Chem.GetAdjacencyMatrix(molecule).astype(np.float64)
        values, vectors = component_spectra(adjacency)
        columns[ATOMS].append(atom_features(molecule))
        columns[EIGENVALUES].append(values)
        columns[EIGENVECTORS].append(vectors)
        columns[WALK].append(return_probabilities(adjacency))
    joined = {
        name: np.concatenate(parts).astype(np.float16) if parts else np.zeros((0, widths[name]), np.float16)
        for name, parts in columns.items()
    }
    return replace(featurise(molecules, features=1), atom_encodings=joined)


def atom_features(molecule: Chem.Mol) -> np.ndarray:
    """(atoms, 85) features of the atoms."""
    return np.array([_atom(atom) for atom in molecule.GetAtoms()]).reshape(-1, WIDTH)


def _atom(atom: Chem.Atom) -> np.ndarray:
    numbers = [
        atom.GetTotalDegree() - 2, atom.GetFormalCharge(), atom.GetNumRadicalElectrons(), atom.GetIsAromatic(), atom.IsInRing()
    ]  # fmt: skip
    element = atom.GetAtomicNum() or 118  # the original reads the last row of its table for a dummy atom
    group = _NO_GROUP if atom.GetSymbol() in _UNGROUPED else GROUP_OF_ELEMENT[element] or _NO_GROUP
    return np.concatenate(
        [
            numbers,
            _one_hot(_ELEMENT_PLACE.get(atom.GetSymbol(), len(_ELEMENTS)), len(_ELEMENTS) + 1),
            _one_hot(group - 1, _GROUPS),
            _one_hot(PERIOD_OF_ELEMENT[element] - 1, _PERIODS),
            _one_hot(min(atom.GetTotalValence(), _VALENCES - 1), _VALENCES),
        ]
    )


def _one_hot(place: int, width: int) -> np.ndarray:
    row = np.zeros(width)
    row[place] = 1
    return row


def component_spectra(adjacency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest 8 eigenpairs of L = D - A, component by component.

    Args:
        adjacency: (n, n) float64.

    Returns:
        values, vectors: (n, 8) each; eigenvectors have unit length.
    """
    values, vectors = np.zeros((len(adjacency), PAIRS)), np.zeros((len(adjacency), PAIRS))
    for atoms in _components(adjacency):
        part = adjacency[np.ix_(atoms, atoms)]
        eigenvalues, eigenvectors = scipy.linalg.eig(np.diag(part.sum(axis=1)) - part)
        lowest = np.argsort(eigenvalues)[:PAIRS]
        chosen = eigenvectors[:, lowest]
        norm = np.maximum(np.sqrt((chosen**2).sum(axis=0, keepdims=True)), _SMALLEST_NORM)
        values[atoms, : len(lowest)] = eigenvalues[lowest].real
        vectors[atoms, : len(lowest)] = (chosen / norm).real
    return values, vectors


def _components(adjacency: np.ndarray) -> list[list[int]]:
    """The atoms of each connected component, in the order in which a Python set of them is iterated, as in the original."""
    found: list[list[int]] = []
    seen: set[int] = set()
    for start in range(len(adjacency)):
        if start in seen:
            continue
        component, frontier = {start}, [start]
        while frontier:
            following = []
            for atom in frontier:
                for neighbour in np.flatnonzero(adjacency[atom]).tolist():
                    if neighbour not in component:
                        component.add(neighbour)
                        following.append(neighbour)
            frontier = following
        seen |= component
        found.append(list(component))
    return found


def return_probabilities(adjacency: np.ndarray) -> np.ndarray:
    """(n, 16) diagonals of the powers of D^-1 A, in float32."""
    if len(adjacency) == 1:
        return np.ones((1, STEPS))
    degree = adjacency.sum(axis=1, keepdims=True)
    step = np.divide(adjacency, degree, out=np.zeros_like(adjacency), where=degree > 0).astype(np.float32)
    power, diagonals = np.eye(len(step), dtype=np.float32), []
    for _ in range(STEPS):
        power = power @ step
        diagonals.append(np.diag(power))
    return np.stack(diagonals, axis=1)
