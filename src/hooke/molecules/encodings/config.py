"""Positional and structural encodings of molecular graphs, computed in float64 and stored in float16.

All molecules of one size are stacked and solved together. Conventions, for every molecule alike:

- Laplacian: of the unweighted graph (a bond of any order counts 1), L = D - A ("none"), I - D^-1/2 A D^-1/2 ("symmetric")
  or I - D^-1 A ("random_walk": the eigenvalues of "symmetric", right eigenvectors); the row of an isolated atom is 0. The
  null space (one vector a connected component) is dropped; the lowest `laplacian` remaining eigenvectors, of unit length,
  follow in ascending order of eigenvalue; missing ones are 0. A single atom has zeros only. The sign of an eigenvector
  is arbitrary: it is flipped at random in training (`nn.graphs.encodings`), the eigenvalues never.
- Random walk: the probability to be back after 1 ... `random_walk` steps, diag((D^-1 A)^t). 0 for an isolated atom.
- Heat kernel, electrostatic and commute: of L = D - A, without its null space; see `molecules.encodings.kernels`.
- Cycles and functional groups: counts, one row a molecule; see `molecules.encodings.cycles` and `molecules.functional_groups`.

float16 keeps 11 bits: entries (all within [-1, 1]) are off by at most 2.5e-4, eigenvalues below 16 by at most 4e-3, anything else by
one part in 2048.

Source: Dwivedi et al. 2020 (arXiv 2003.00982), 2021 (arXiv 2110.07875). Differs from Graphium, which keeps the trivial
eigenvector and returns ones for the random walk of a single atom.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from hooke.core.options import later
from hooke.core.recipe import at_least
from hooke.core.recipe_files import build
from hooke.core.store.reader import ragged_index
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.compiled import compiled_twin
from hooke.molecules.encodings.cycles import SHORTEST_CYCLE, cycle_counts
from hooke.molecules.encodings.kernels import COMMUTE_WIDTH, ELECTROSTATIC_WIDTH, Kernels
from hooke.molecules.functional_groups import GROUP_NAMES, functional_groups
from hooke.molecules.vocabulary import (
    ATOM_COLUMNS,
    BOND_COLUMNS,
    BOND_VOCABULARIES,
    FEATURES,
    Vocabulary,
    atom_vocabularies,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

EIGENVECTORS, EIGENVALUES, RANDOM_WALK = "laplacian_eigenvectors", "laplacian_eigenvalues", "random_walk"
HEAT_KERNEL, ELECTROSTATIC, COMMUTE = "heat_kernel", "electrostatic", "commute"
CYCLES, FUNCTIONAL_GROUPS = "cycles", "functional_groups"
POSITIONS = "positions"  # coordinates in Å, (atoms, 3); not finite where a molecule has no conformer
_NULL_SPACE = 1e-8
_STACK_ENTRIES = 1 << 22  # matrix entries solved at once: bounds the memory
_LARGE = 512  # atoms from which only the wanted eigenpairs are computed, and powers of the walk are sparse

Normalisation = Literal["none", "symmetric", "random_walk"]
EigenvectorEncoder = Literal["mlp", "deepset", "transformer", "signnet"]


@dataclass(frozen=True)
class EncodingConfig:
    """Which codes and encodings a molecule carries.

    Attributes:
        features: Version of the codes of atoms and bonds: 2, or 1, which the first releases made and which depend on the order of the atoms
            in the SMILES (`molecules.vocabulary`).
        atom_features, bond_features: Columns of `molecules.vocabulary` that networks see ("element", "charge"; "order"); none stands for all.
            The others hold the code for "none of these" in every atom or bond. Group and period follow from the element, the valence from
            orders and hydrogens; degrees are part of the graph.
        explicit_hydrogens: Whether hydrogens are atoms of the graph. With labels of molecules alone.
        laplacian: Number of non-trivial Laplacian eigenvectors and eigenvalues; 0 for none.
        laplacian_normalisation: "none", "symmetric" or "random_walk".
        random_walk: Number of random-walk return probabilities; 0 for none.
        heat_kernel: Times t = 1, 2 ... of the heat kernel's diagonal; 0 for none.
        electrostatic: The seven statistics of the electrostatic potential between atoms.
        commute: Mean, spread and maximum of the resistance distances (commute times) of each atom.
        cycles: Longest cycles to count, the shortest being the bonds (length 2); 0 for none.
        functional_groups: RDKit's functional groups, 1 where a molecule has one.
        eigenvector_encoder: How networks read the Laplacian eigenvectors: "mlp", all of an atom at once; "deepset" or "transformer", each
            with its eigenvalue, which then needs no fixed number of them; "signnet", as "deepset" and the same for both signs
            (`nn.graphs.eigenvectors`).
        positions: Where the coordinates of the atoms come from, for models that read them (gps_plus_plus): "rdkit" makes a conformer of each
            molecule (ETKDG, MMFF94), and the path of an SD file takes the first record of equal structure there. Molecules without a
            conformer are read without coordinates, and are counted; "" for none.
        learned: A trained encoder whose node states are read as an encoding, with the options and weights of the run
            `train.learned_from`, which is enough to name; "gpse:small", a model and its preset, says which one is expected. It belongs
            to the network (`nn.graphs.learned_encoding`), not to the stored molecules.
    """

    features: int = FEATURES
    laplacian: int = 0
    laplacian_normalisation: Normalisation = "none"
    random_walk: int = 0
    heat_kernel: int = later(0)
    electrostatic: bool = later(default=False)
    commute: bool = later(default=False)
    cycles: int = later(0)
    functional_groups: bool = later(default=False)
    eigenvector_encoder: EigenvectorEncoder = later("mlp")
    positions: str = later("")
    learned: str = later("")
    atom_features: tuple[str, ...] = later(())
    bond_features: tuple[str, ...] = later(())
    explicit_hydrogens: bool = later(default=False)

    def __post_init__(self) -> None:
        for chosen, columns in ((self.atom_features, self._atom_columns), (self.bond_features, BOND_COLUMNS)):
            if unknown := [name for name in chosen if name not in columns]:
                raise ValueError(f"no such feature: {', '.join(unknown)}; valid: {', '.join(columns)}")
        at_least(self, laplacian=0, random_walk=0, heat_kernel=0, cycles=0)
        atom_vocabularies(self.features)
        if self.eigenvector_encoder != "mlp" and not self.laplacian:
            raise ValueError(
                f"eigenvector_encoder = {self.eigenvector_encoder} reads eigenvectors: set laplacian above 0"
            )
        if self.explicit_hydrogens and self.positions not in ("", "rdkit"):
            raise ValueError('explicit_hydrogens has coordinates of RDKit alone: set positions to "rdkit"')
        if self.cycles and self.cycles < SHORTEST_CYCLE:
            raise ValueError(f"cycles must be 0 or at least {SHORTEST_CYCLE}, got {self.cycles}")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What a store or run of any release says of itself.

        Raises:
            UsageError: Options that this Hooke does not know.
        """
        return build(cls, {"features": 1, **value}, "encodings")

    @property
    def _atom_columns(self) -> tuple[str, ...]:
        return ATOM_COLUMNS[: len(atom_vocabularies(self.features))]

    @property
    def computed(self) -> EncodingConfig:
        """What molecules carry: all but the learned encoding, and how a network reads them."""
        return replace(self, learned="", eigenvector_encoder="mlp")

    @property
    def node_widths(self) -> dict[str, int]:
        """Name -> width of the encodings of nodes."""
        widths = {
            EIGENVECTORS: self.laplacian,
            RANDOM_WALK: self.random_walk,
            HEAT_KERNEL: self.heat_kernel,
            ELECTROSTATIC: ELECTROSTATIC_WIDTH * self.electrostatic,
            COMMUTE: COMMUTE_WIDTH * self.commute,
        }
        return {name: width for name, width in widths.items() if width}

    @property
    def atom_widths(self) -> dict[str, int]:
        """Name -> width of all that molecules carry of their atoms: the encodings, and coordinates in Å."""
        return {**self.node_widths, **({POSITIONS: 3} if self.positions else {})}

    @property
    def graph_widths(self) -> dict[str, int]:
        """Name -> width of the encodings of whole graphs."""
        widths = {
            EIGENVALUES: self.laplacian,
            CYCLES: max(0, self.cycles - SHORTEST_CYCLE + 1),
            FUNCTIONAL_GROUPS: len(GROUP_NAMES) * self.functional_groups,
        }
        return {name: width for name, width in widths.items() if width}


def add_encodings(
    arrays: MoleculeArrays, config: EncodingConfig, positions: np.ndarray | None = None
) -> MoleculeArrays:
    """The same molecules with the encodings and features of `config`, float16, and their coordinates, float32.

    Args:
        arrays: The molecules.
        config: Which encodings.
        positions: (A, 3) Å, where the config names a source of them; see `molecules.positions`.
    """
    found = _without_features(_encoded(arrays, config), config)
    if not config.positions:
        return found
    if positions is None:
        raise ValueError("these molecules come without coordinates")
    return replace(found, atom_encodings={**found.atom_encodings, POSITIONS: positions.astype(np.float32)})


def _without_features(arrays: MoleculeArrays, config: EncodingConfig) -> MoleculeArrays:
    """The same molecules with the features that are not chosen unknown."""
    atoms = _only(arrays.atom_codes, config.atom_features, atom_vocabularies(config.features))
    return replace(
        arrays, atom_codes=atoms, bond_codes=_only(arrays.bond_codes, config.bond_features, BOND_VOCABULARIES)
    )


def _only(codes: np.ndarray, chosen: Sequence[str], vocabularies: Sequence[Vocabulary]) -> np.ndarray:
    """The codes, those of other columns than the chosen ones unknown; all of them where none is chosen."""
    if not chosen:
        return codes
    hidden = [place for place, vocabulary in enumerate(vocabularies) if vocabulary.name not in chosen]
    codes = codes.copy()
    codes[:, hidden] = [vocabularies[place].unknown for place in hidden]
    return codes


def _encoded(arrays: MoleculeArrays, config: EncodingConfig) -> MoleculeArrays:
    atoms = {name: np.zeros((len(arrays.atom_codes), width), np.float16) for name, width in config.node_widths.items()}
    graphs = {name: np.zeros((len(arrays), width), np.float16) for name, width in config.graph_widths.items()}
    if config.cycles:
        graphs[CYCLES][:] = cycle_counts(arrays, config.cycles)
    stored = _off_ties if config.features > 1 else np.asarray
    if config.functional_groups:
        graphs[FUNCTIONAL_GROUPS][:] = functional_groups(arrays)
    if config.random_walk and (compiled := compiled_route()) is not None:
        atoms[RANDOM_WALK][:] = stored(compiled(arrays, config.random_walk))
        config = replace(config, random_walk=0)
    if not config.node_widths:
        return replace(arrays, atom_encodings=atoms, graph_encodings=graphs)
    for rows, adjacency in adjacency_by_size(arrays):
        nodes = arrays.atom_offsets[rows][:, None] + np.arange(adjacency.shape[1])
        if config.laplacian:
            values, vectors = laplacian_spectrum(adjacency, config.laplacian, config.laplacian_normalisation)
            atoms[EIGENVECTORS][nodes] = stored(vectors)
            graphs[EIGENVALUES][rows] = stored(values)
        if config.random_walk:
            atoms[RANDOM_WALK][nodes] = stored(return_probabilities(adjacency, config.random_walk))
        if config.heat_kernel or config.electrostatic or config.commute:
            kernels = Kernels.of(adjacency)
            if config.heat_kernel:
                atoms[HEAT_KERNEL][nodes] = stored(kernels.heat_diagonal(config.heat_kernel))
            if config.electrostatic:
                atoms[ELECTROSTATIC][nodes] = stored(kernels.electrostatic())
            if config.commute:
                atoms[COMMUTE][nodes] = stored(kernels.commute())
    return replace(arrays, atom_encodings=atoms, graph_encodings=graphs)


def _off_ties(values: np.ndarray) -> np.ndarray:
    """Values a little farther from 0, so that those halfway between two of float16 are rounded the same way whatever their last bits are.

    The last bits follow from the order of the atoms, and halves, quarters and their products are frequent.
    """
    return values * (1 + 2.0**-30)


compiled_route = compiled_twin("encodings.random_walks_compiled", "return_probabilities_compiled")


def laplacian_spectrum(
    adjacency: np.ndarray, count: int, normalisation: Normalisation = "none"
) -> tuple[np.ndarray, np.ndarray]:
    """The lowest `count` non-trivial eigenpairs of stacked graphs of one size.

    Args:
        adjacency: (G, n, n) float64, symmetric, 0 or 1.
        count: Number of pairs.
        normalisation: Of the Laplacian.

    Returns:
        values: (G, count), ascending, 0 where there is none.
        vectors: (G, n, count), unit columns, 0 where there is none.
    """
    size = adjacency.shape[1]
    degree = adjacency.sum(axis=2)
    scale = _inverse_root(degree)
    if normalisation == "none":
        matrix, diagonal = -adjacency, degree
    else:
        matrix, diagonal = -_scaled(adjacency, scale), degree > 0
    matrix[:, np.arange(size), np.arange(size)] = diagonal
    eigenvalues, eigenvectors = np.linalg.eigh(matrix) if size < _LARGE else _lowest(matrix, adjacency, count)
    trivial = (eigenvalues < _NULL_SPACE).sum(axis=1)
    wanted = trivial[:, None] + np.arange(count)
    missing = wanted >= eigenvalues.shape[1]
    wanted = np.where(missing, 0, wanted)
    values = np.where(missing, 0.0, np.take_along_axis(eigenvalues, wanted, axis=1))
    vectors = np.where(missing[:, None, :], 0.0, np.take_along_axis(eigenvectors, wanted[:, None, :], axis=2))
    if normalisation == "random_walk":
        vectors = vectors * scale[:, :, None]
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return values, vectors


def return_probabilities(adjacency: np.ndarray, steps: int) -> np.ndarray:
    """diag((D^-1 A)^t) for t = 1 ... steps of stacked graphs of one size: (G, n, steps).

    With S = D^-1/2 A D^-1/2 (symmetric, same diagonals of powers), diag(S^(a + b)) = sum_j S^a_ij S^b_ij, so only half of
    the powers are formed.
    """
    walk = _scaled(adjacency, _inverse_root(adjacency.sum(axis=2)))
    if adjacency.shape[1] < _LARGE:
        return _diagonals(walk, steps)
    from scipy.sparse import csr_array

    return np.stack([_diagonals(csr_array(one), steps) for one in walk])


def _diagonals(walk: np.ndarray | csr_array, steps: int) -> np.ndarray:
    """The diagonals of the powers 1 ... steps of symmetric matrices, dense and stacked or one and sparse."""
    out = np.zeros((*walk.shape[:-1], steps))
    low = walk
    for step in range(2, steps + 1):  # the first power has a zero diagonal: no self-loops
        if step % 2 == 0:
            out[..., step - 1] = (low * low).sum(axis=-1)
        else:
            high = low @ walk
            out[..., step - 1] = (low * high).sum(axis=-1)
            low = high
    return out


def _inverse_root(degree: np.ndarray) -> np.ndarray:
    """Degree to the power -1/2; 0 for an isolated atom."""
    return np.where(degree > 0, 1 / np.sqrt(np.maximum(degree, 1)), 0.0)


def _scaled(adjacency: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """D^-1/2 A D^-1/2."""
    return adjacency * scale[:, :, None] * scale[:, None, :]


def _lowest(matrix: np.ndarray, adjacency: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The null space and `count` eigenpairs more, for graphs too large to solve in full; fewer only if there are fewer."""
    from scipy.linalg import eigh
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    graphs, size, _ = matrix.shape
    components = [connected_components(csr_array(one))[0] for one in adjacency]
    last = min(size, max(components) + count) - 1
    values, vectors = np.zeros((graphs, last + 1)), np.zeros((graphs, size, last + 1))
    for graph in range(graphs):
        values[graph], vectors[graph] = eigh(matrix[graph], subset_by_index=(0, last))
    return values, vectors


def adjacency_by_size(arrays: MoleculeArrays) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Stacks of dense adjacency matrices: (rows of the molecules, (G, n, n) float64), one or more stacks a size."""
    counts = arrays.atom_counts
    if not len(counts):
        return
    order = np.argsort(counts, kind="stable")
    sizes, starts = np.unique(counts[order], return_index=True)
    bond_molecule = np.repeat(np.arange(len(arrays)), arrays.bond_counts)
    place = np.zeros(len(arrays), np.int64)
    for size, rows in zip(sizes, np.split(order, starts[1:]), strict=True):
        stack = max(1, _STACK_ENTRIES // int(size * size))
        for begin in range(0, len(rows), stack):
            some = rows[begin : begin + stack]
            place[some] = np.arange(len(some))
            bonds = ragged_index(arrays.bond_offsets[some], arrays.bond_counts[some])
            adjacency = np.zeros((len(some), size, size))
            graph, ends = place[bond_molecule[bonds]], arrays.bond_atoms[bonds].astype(np.int64)
            adjacency[graph, ends[:, 0], ends[:, 1]] = 1
            adjacency[graph, ends[:, 1], ends[:, 0]] = 1
            yield some, adjacency
