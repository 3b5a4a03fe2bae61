"""Stereo descriptors that are functions of the molecule: whatever the order of its atoms and bonds, they say the same.

RDKit marks a centre clockwise or anticlockwise with respect to the order of its bonds, and a double bond cis or trans with respect to two
chosen neighbours. Here neighbours are ordered by what they are instead:

    h⁰_v = (element, isotope, charge, hydrogens, radicals, aromatic, in ring),   hᵏ⁺¹_v = mix(hᵏ_v + Σ_u mix(hᵏ_u, bond_uv))

Of two neighbours that one is higher which has the larger h at the first k at which they differ, so that near atoms decide before far ones
and heavy ones before light ones, as in the rules of Cahn, Ingold and Prelog; a hydrogen that is no atom, and a lone pair, are lowest. From
that order follow

- the handedness of a centre, the parity of its neighbours in ascending order (R or S for most centres, but not all);
- Z or E of a double bond, by the higher neighbour at each end, and likewise the sense of a hindered single bond (atropisomers).

Descriptors enter h in their turn, which tells mirror-image neighbours apart (pseudo-asymmetric centres), until nothing changes.

What is left are centres with equal neighbours, which only together are stereo centres, such as those of 1,4-dimethylcyclohexane. Seen from
one of them, its neighbours are numbered so that it is right-handed itself, and elsewhere the neighbour nearer to the higher number is
higher; the handedness of the others is then their relation to it (cis or trans), whichever way the numbers went. `relation` holds what
holds for the nearest of them and for the rest:

    0: no others, 1 + 4 (nearest - 1) + rest:   nearest 1 all like, 2 all unlike, 3 both;   rest 0 none, else as nearest

A centre with equal neighbours and no others has no descriptor. The atoms at the ends of a double or hindered bond have its sense as their
relation, 13 to 16, for networks that do not read bonds. In groups of enhanced stereo ("and", "or") handedness has no meaning but
between members: they have a relation to the members of their group, and no handedness.

Sums of 64-bit integers have one result in any order. Source of h: Morgan 1965 (doi 10.1021/c160017a018), of the mixing: SplitMix64.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hooke.core.hashing import mixed
from hooke.core.store.reader import ragged_index
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.blocks import ends
from hooke.molecules.vocabulary import ATOM_COLUMNS

GROUP_KINDS = ("STEREO_ABSOLUTE", "STEREO_AND", "STEREO_OR")
ATROPISOMER = 6  # first of RDKit's two numbers for hindered single bonds
_FIRST, _SECOND = np.triu_indices(4, 1)  # the pairs of a centre's neighbours
_LARGE = 256  # atoms from which a molecule is worked on alone: it takes more rounds than others
_MOST_ATOMS = 1 << 17  # of the copies that are worked on together: bounds the memory
_SETTLING = 3  # rounds before which no molecule is asked whether it still changes
_ACROSS = 13  # relation of the ends of a Z double bond, whose code is 2
_HANDED, _SENSE, _ROOT, _PLACE, _RELATED = (np.uint64(number * 0x9E3779B97F4A7C15 % 2**64) for number in range(1, 6))
_COLUMN = {name: place for place, name in enumerate(ATOM_COLUMNS)}


@dataclass(frozen=True)
class Marks:
    """What RDKit says of `A` atoms and `M` bonds beyond the codes of version 1.

    Attributes:
        isotopes: (A,) uint16 mass numbers, 0 where none is stated.
        bond_stereo: (M,) uint8 numbers of RDKit's `BondStereo`.
        bond_atoms: (M, 2) int32 the neighbours of both ends that the mark is about, counted from the molecule's first atom; -1: none.
        groups: (A, 2) uint16 place in `GROUP_KINDS` and number of the stereo group in its molecule, from 1.
        bond_grouped: (M,) bool, hindered bonds in an "and" or "or" group.
    """

    isotopes: np.ndarray
    bond_stereo: np.ndarray
    bond_atoms: np.ndarray
    groups: np.ndarray
    bond_grouped: np.ndarray


@dataclass(frozen=True)
class Descriptors:
    """Codes of version 2: see `vocabulary`.

    Attributes:
        chirality, relation: (A,) uint8.
        bonds: (M,) uint8.
    """

    chirality: np.ndarray
    relation: np.ndarray
    bonds: np.ndarray


def descriptors(arrays: MoleculeArrays, marks: Marks) -> Descriptors:
    """Descriptors of all molecules.

    Args:
        arrays: Codes of version 1.
        marks: Of the same atoms and bonds.
    """
    tags = arrays.atom_codes[:, _COLUMN["chirality"]]
    chirality, relation = np.where(tags > 2, tags, 0).astype(np.uint8), np.zeros(len(tags), np.uint8)
    bonds = np.zeros(len(arrays.bond_codes), np.uint8)
    atom_molecule = np.repeat(np.arange(len(arrays)), arrays.atom_counts)
    bond_molecule = np.repeat(np.arange(len(arrays)), arrays.bond_counts)
    marked = np.zeros(len(arrays), bool)
    marked[atom_molecule[(tags == 1) | (tags == 2)]] = True
    marked[bond_molecule[marks.bond_stereo > 1]] = True
    small = arrays.atom_counts < _LARGE
    for rows in (np.flatnonzero(marked & small), *np.flatnonzero(marked & ~small)[:, None]):
        if len(rows):
            graphs = _Graphs.of(arrays, marks, rows)
            related = graphs.solve()
            atoms = ragged_index(arrays.atom_offsets[rows], arrays.atom_counts[rows])
            chirality[atoms[graphs.centres]] = np.array([0, 1, 2])[graphs.handed]
            relation[atoms[graphs.centres]] = related
            own = ragged_index(arrays.bond_offsets[rows], arrays.bond_counts[rows])[graphs.marked]
            bonds[own] = np.where(marks.bond_stereo[own] < ATROPISOMER, 2, 4) + (graphs.settled < 0)
            bonds[own[graphs.settled == 0]] = 0
            known = graphs.settled != 0
            pairs = arrays.bond_atoms[own[known]] + arrays.atom_offsets[bond_molecule[own[known]], None]
            relation[pairs] = bonds[own[known], None] + (_ACROSS - 2)
    return Descriptors(chirality, relation, bonds)


@dataclass
class _Graphs:
    """`N` molecules that are worked on together, each axis with (N + 1,) offsets: A atoms, E directed edges, M bonds, C centres, B marked bonds.

    Attributes:
        offsets: Axis -> offsets.
        h: (A,) uint64.
        sources, bonds: (E,) atom and bond of each edge, sorted by destination, then by bond.
        counts: (A,) edges of each atom.
        kinds: (M,) uint64.
        centres, turns: (C,) atoms with a mark, and ±1: which mark.
        groups: (C,) number of the "and" or "or" group, 0: none.
        neighbours, signs: (C, 4) atoms, -1: none, and (C, 6) ±1: which of two neighbours is higher, 0: equal so far.
        handed: (C,) ±1, 0: not known.
        marked, senses: (B,) bonds with a mark, and ±1: which.
        ends, end_signs: (B, 4) marked and other neighbour of one end, then of the other, and (B, 2) ±1 or 0 as `signs`.
        settled: (B,) ±1, 0: not known.
    """

    offsets: dict[str, np.ndarray]
    h: np.ndarray
    sources: np.ndarray
    bonds: np.ndarray
    counts: np.ndarray
    kinds: np.ndarray
    centres: np.ndarray
    turns: np.ndarray
    groups: np.ndarray
    neighbours: np.ndarray
    signs: np.ndarray
    handed: np.ndarray
    marked: np.ndarray
    senses: np.ndarray
    ends: np.ndarray
    end_signs: np.ndarray
    settled: np.ndarray

    @classmethod
    def of(cls, arrays: MoleculeArrays, marks: Marks, rows: np.ndarray) -> _Graphs:
        """Some molecules before anything is known."""
        atom_counts, bond_counts = arrays.atom_counts[rows], arrays.bond_counts[rows]
        atoms = ragged_index(arrays.atom_offsets[rows], atom_counts)
        bonds = ragged_index(arrays.bond_offsets[rows], bond_counts)
        atom_offsets, bond_offsets = ends(atom_counts), ends(bond_counts)
        first = np.repeat(atom_offsets[:-1], bond_counts)
        pairs = arrays.bond_atoms[bonds].astype(np.int64) + first[:, None]
        destination = pairs.ravel()
        order = np.argsort(destination, kind="stable")
        counts = np.bincount(destination, minlength=len(atoms))
        sources, edge_bonds = pairs[:, ::-1].ravel()[order], (np.arange(2 * len(bonds)) // 2)[order]
        starts = ends(counts)
        codes, groups = arrays.atom_codes[atoms].astype(np.uint64), marks.groups[atoms]
        tags = codes[:, _COLUMN["chirality"]]
        h = codes[:, _COLUMN["element"]] << np.uint64(16) | marks.isotopes[atoms].astype(np.uint64)
        for name in ("charge", "hydrogens", "radicals", "aromatic", "in_ring"):
            h = h << np.uint64(4) | codes[:, _COLUMN[name]]
        h = h << np.uint64(4) | groups[:, 0].astype(np.uint64)
        centres = np.flatnonzero(((tags == 1) | (tags == 2)) & ((counts == 3) | (counts == 4)))
        turns = np.where(tags[centres] == 1, 1, -1)
        lone = (counts[centres] == 3) & (codes[centres, _COLUMN["hydrogens"]] == 0)
        turns[lone] *= -1  # RDKit counts a lone pair first, a hydrogen last
        neighbours = np.full((len(centres), 4), -1)
        for place in range(4):
            there = place < counts[centres]
            neighbours[there, place] = sources[starts[centres[there]] + place]
        signs = np.where(neighbours[:, _SECOND] < 0, 1, 0).astype(np.int8)
        stereo, chosen = marks.bond_stereo[bonds], marks.bond_atoms[bonds].astype(np.int64)
        usable = (stereo > 1) & (chosen >= 0).all(axis=1) & (counts[pairs] <= 3).all(axis=1)
        marked = np.flatnonzero(usable & ~marks.bond_grouped[bonds])
        around = np.full((len(marked), 4), -1)
        around[:, ::2] = chosen[marked] + first[marked, None]
        for side in range(2):
            here, there = pairs[marked, side], pairs[marked, 1 - side]
            for place in range(3):
                present = place < counts[here]
                other = np.where(present, sources[np.minimum(starts[here] + place, len(sources) - 1)], -1)
                new = present & (other != there) & (other != around[:, 2 * side])
                around[new, 2 * side + 1] = other[new]
        end_signs = np.where(around[:, 1::2] < 0, 1, 0).astype(np.int8)
        molecule, bond_molecule = (np.repeat(np.arange(len(rows)), count) for count in (atom_counts, bond_counts))
        offsets = {
            "atoms": atom_offsets, "edges": 2 * bond_offsets, "bonds": bond_offsets,
            "centres": ends(np.bincount(molecule[centres], minlength=len(rows))),
            "marked": ends(np.bincount(bond_molecule[marked], minlength=len(rows))),
        }  # fmt: skip
        return cls(
            offsets, h, sources, edge_bonds, counts, mixed(arrays.bond_codes[bonds, 0].astype(np.uint64) + np.uint64(1)),
            centres, turns, np.where(groups[centres, 0] > 0, groups[centres, 1], 0).astype(np.int64),
            neighbours, signs, np.zeros(len(centres), np.int8), marked, np.where(np.isin(stereo[marked], (2, 4, ATROPISOMER)), 1, -1),
            around, end_signs, np.zeros(len(marked), np.int8),
        )  # fmt: skip

    def take(self, rows: np.ndarray) -> _Graphs:
        """Some molecules as they stand, which may be repeated."""
        index, moved, offsets = {}, {}, {}
        for axis, old in self.offsets.items():
            counts = old[rows + 1] - old[rows]
            offsets[axis] = ends(counts)
            index[axis] = ragged_index(old[rows], counts)
            moved[axis] = (offsets[axis][:-1] - old[rows], counts)

        def shifted(values: np.ndarray, axis: str, of: str) -> np.ndarray:
            """Numbers of atoms or bonds (`of`), one or a row for each item of an axis."""
            shift = np.repeat(moved[of][0], moved[axis][1])
            values = values[index[axis]]
            return np.where(values < 0, values, values + (shift[:, None] if values.ndim == 2 else shift))

        return _Graphs(
            offsets, self.h[index["atoms"]], shifted(self.sources, "edges", "atoms"), shifted(self.bonds, "edges", "bonds"),
            self.counts[index["atoms"]], self.kinds[index["bonds"]], shifted(self.centres, "centres", "atoms"),
            self.turns[index["centres"]], self.groups[index["centres"]], shifted(self.neighbours, "centres", "atoms"),
            self.signs[index["centres"]], self.handed[index["centres"]], shifted(self.marked, "marked", "bonds"),
            self.senses[index["marked"]], shifted(self.ends, "marked", "atoms"), self.end_signs[index["marked"]],
            self.settled[index["marked"]],
        )  # fmt: skip

    def owner(self, axis: str) -> np.ndarray:
        """The molecule of each item of an axis."""
        return np.repeat(np.arange(len(self.offsets[axis]) - 1), np.diff(self.offsets[axis]))

    def solve(self) -> np.ndarray:
        """Find all descriptors; returns the (C,) relations."""
        everywhere = np.ones(len(self.offsets["atoms"]) - 1, bool)
        self._settle(everywhere)
        related = self._relations()
        if related.any():
            self.h[self.centres] = mixed(self.h[self.centres] + _RELATED * related.astype(np.uint64))
            changed = np.zeros_like(everywhere)
            changed[self.owner("centres")[related > 0]] = True
            self._settle(changed)
        return np.where(self.groups > 0, self._group_relations(), related)

    def _settle(self, active: np.ndarray) -> None:
        """Find handedness and senses in the active molecules until no more follow."""
        while active.any():
            self._refine(active)
            active = self._resolve() & self._open()

    def _open(self) -> np.ndarray:
        """(N,) bool, molecules in which neighbours are equal so far."""
        pending = np.zeros(len(self.offsets["atoms"]) - 1, bool)
        pending[self.owner("centres")[(self.signs == 0).any(axis=1)]] = True
        pending[self.owner("marked")[(self.end_signs == 0).any(axis=1)]] = True
        return pending

    def _refine(self, active: np.ndarray) -> None:
        """Renew h of the active molecules, round by round, until all neighbours differ or it tells no more atoms apart.

        How many rounds a molecule takes follows from the molecule alone.
        """
        molecule = self.owner("atoms")
        stops = np.cumsum(self.counts)
        classes = np.zeros(len(active), np.int64)
        for number in itertools.count():
            self._compare(self.h)
            active = active & self._open()
            if not active.any():
                return
            if number >= _SETTLING:
                before, classes = classes, self._classes(molecule)
                active = active & (classes != before)
            sums = np.concatenate(
                [np.zeros(1, np.uint64), np.cumsum(mixed(self.h[self.sources] ^ self.kinds[self.bonds]))]
            )
            following = mixed(mixed(self.h) + sums[stops] - sums[stops - self.counts])
            self.h = np.where(active[molecule], following, self.h)

    def _classes(self, molecule: np.ndarray) -> np.ndarray:
        """(N,) how many different h each molecule has."""
        _, first = np.unique(mixed(self.h + mixed(molecule.astype(np.uint64))), return_index=True)
        return np.bincount(molecule[first], minlength=len(self.offsets["atoms"]) - 1)

    def _compare(self, key: np.ndarray) -> None:
        """Order those neighbours that differ in the (A,) key and did not before."""
        for signs, atoms, first, second in (
            (self.signs, self.neighbours, _FIRST, _SECOND),
            (self.end_signs, self.ends, np.array([0, 2]), np.array([1, 3])),
        ):
            a, b = key[atoms[:, first]], key[atoms[:, second]]
            np.copyto(signs, (a > b).astype(np.int8) - (a < b), where=signs == 0)

    def _resolve(self) -> np.ndarray:
        """Handedness and senses that follow now, into h; returns (N,) bool, the molecules with any."""
        changed = np.zeros(len(self.offsets["atoms"]) - 1, bool)
        new = np.flatnonzero((self.signs != 0).all(axis=1) & (self.handed == 0) & (self.groups == 0))
        self.handed[new] = self.turns[new] * self.signs[new].prod(axis=1)
        atoms = self.centres[new]
        self.h[atoms] = mixed(self.h[atoms] + _HANDED * (self.handed[new] + 2).astype(np.uint64))
        changed[self.owner("centres")[new]] = True
        new = np.flatnonzero((self.end_signs != 0).all(axis=1) & (self.settled == 0))
        self.settled[new] = self.senses[new] * self.end_signs[new].prod(axis=1)
        bonds = self.marked[new]
        self.kinds[bonds] = mixed(self.kinds[bonds] + _SENSE * (self.settled[new] + 2).astype(np.uint64))
        changed[self.owner("marked")[new]] = True
        return changed

    def _relations(self) -> np.ndarray:
        """(C,) relations of the centres with equal neighbours to the others of their molecule."""
        related = np.zeros(len(self.centres), np.uint8)
        molecule = self.owner("centres")
        dependent = (self.handed == 0) & (self.groups == 0)
        dependent &= np.bincount(molecule[dependent], minlength=len(self.offsets["atoms"]) - 1)[molecule] > 1
        views = [(root, order) for root in np.flatnonzero(dependent).tolist() for order in self._right_handed(root)]
        seen: dict[int, list[np.ndarray]] = {}
        sizes = np.diff(self.offsets["atoms"])
        group = np.cumsum([sizes[molecule[root]] for root, _ in views]) // _MOST_ATOMS
        for _, some in itertools.groupby(zip(group, views, strict=True), key=lambda entry: entry[0]):
            chosen = [view for _, view in some]
            for (root, _), handed in zip(chosen, self._seen_from(chosen, molecule), strict=True):
                seen.setdefault(root, []).append(handed)
        for root, views_of in seen.items():
            others = np.flatnonzero(dependent & (molecule == molecule[root]))
            start = self.offsets["centres"][molecule[root]]
            distances = self._distances(self.centres[root])[
                self.centres[others] - self.offsets["atoms"][molecule[root]]
            ]
            related[root] = _relation(
                np.tile(distances, len(views_of)), np.concatenate([values[others - start] for values in views_of])
            )
        return related

    def _right_handed(self, centre: int) -> list[tuple[int, ...]]:
        """Orders of a centre's neighbours, lowest first, that keep what is known of them and make it right-handed."""
        count = int((self.neighbours[centre] >= 0).sum())
        chosen = []
        for order in itertools.permutations(range(count)):
            places = np.full(4, -1)
            places[list(order)] = range(count)
            signs = np.sign(places[_FIRST] - places[_SECOND])
            known = self.signs[centre]
            if ((known == 0) | (known == signs)).all() and self.turns[centre] * signs.prod() == 1:
                chosen.append(order)
        return chosen

    def _seen_from(self, views: Sequence[tuple[int, tuple[int, ...]]], molecule: np.ndarray) -> list[np.ndarray]:
        """For each root and order of its neighbours the handedness of all centres of its molecule, that of the root left out."""
        roots = np.array([root for root, _ in views])
        rows = molecule[roots]
        copies = self.take(rows)
        shift = copies.offsets["atoms"][:-1] - self.offsets["atoms"][rows]
        own = copies.offsets["centres"][:-1] + roots - self.offsets["centres"][rows]
        atoms = self.centres[roots] + shift
        copies.h[atoms] = mixed(copies.h[atoms] + _ROOT)
        nearness = np.zeros((len(_FIRST), len(copies.h)))
        for view, (root, order) in enumerate(views):
            neighbours = self.neighbours[root, list(order)]
            distances = [self._distances(neighbour) for neighbour in neighbours]
            stretch = slice(*copies.offsets["atoms"][view : view + 2])
            tied = {
                pair for pair, sign in zip(zip(_FIRST, _SECOND, strict=True), self.signs[root], strict=True) if not sign
            }
            for key, (low, high) in zip(nearness, itertools.combinations(range(len(order)), 2), strict=False):
                if tuple(sorted((order[low], order[high]))) in tied:
                    key[stretch] = distances[low] - distances[high]
            neighbours = neighbours + shift[view]
            copies.h[neighbours] = mixed(copies.h[neighbours] + _PLACE * np.arange(1, len(order) + 1).astype(np.uint64))
        for key in nearness[::-1]:
            copies._compare(key)
        copies.handed[own] = 1
        copies._settle(np.ones(len(rows), bool))
        copies.handed[own] = 0
        return np.split(copies.handed, copies.offsets["centres"][1:-1])

    def _group_relations(self) -> np.ndarray:
        """(C,) relations of grouped centres to the others of their group."""
        related = np.zeros(len(self.centres), np.uint8)
        molecule = self.owner("centres")
        handed = self.turns * self.signs.prod(axis=1)
        for root in np.flatnonzero((self.groups > 0) & (handed != 0)):
            same = (molecule == molecule[root]) & (self.groups == self.groups[root])
            same[root] = False
            distances = self._distances(self.centres[root])[self.centres[same] - self.offsets["atoms"][molecule[root]]]
            related[root] = _relation(distances, handed[same] * handed[root])
        return related

    def _distances(self, atom: int) -> np.ndarray:
        """(atoms of its molecule,) bonds from an atom, as many as there are atoms where there is no path."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import shortest_path

        row = int(np.searchsorted(self.offsets["atoms"], atom, side="right")) - 1
        atoms, edges = self.offsets["atoms"][row : row + 2], slice(*self.offsets["edges"][row : row + 2])
        counts = self.counts[atoms[0] : atoms[1]]
        size = len(counts)
        graph = csr_array((np.ones(counts.sum()), self.sources[edges] - atoms[0], ends(counts)), (size, size))
        distances = shortest_path(graph, method="D", unweighted=True, indices=atom - atoms[0])
        return np.minimum(distances, size)


def _relation(distances: np.ndarray, like: np.ndarray) -> int:
    """The code of a relation to others: their distances, and 1 like, -1 unlike, 0 not related."""
    distances, like = distances[like != 0], like[like != 0]
    if not len(like):
        return 0
    nearest = distances == distances.min()

    def kind(values: np.ndarray) -> int:
        return 0 if not len(values) else 1 if (values > 0).all() else 2 if (values < 0).all() else 3

    return 1 + 4 * (kind(like[nearest]) - 1) + kind(like[~nearest])
