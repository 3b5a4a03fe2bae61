"""The compiled first step of featurising: decodes RDKit's binary molecule format straight into codes (extra "fast", numba).

`Mol.ToBinary` costs about a sixth of parsing the SMILES, and one pass over its bytes replaces some ten calls into RDKit
for each atom. Only the header, atom and bond records are read; ring membership is found here (a bond lies in a ring if
and only if it is no bridge).

Layout, binary version 16 of RDKit (Code/GraphMol/MolPickler.cpp), atom numbers in one byte up to 255 atoms, else four:

- int32 magic, version tag, major, minor, patch, atoms, bonds; one byte of flags; the tag "atoms"
- an atom: element, flags, int32 mask, then the fields of the mask: charge, chiral tag, hybridization (absent: sp3),
  explicit hydrogens, explicit valence, implicit hydrogens, radicals (one byte each), isotope (int32); then by flags a tagged
  map number (one byte, or 255 and an int32) and a tagged dummy label (int32 length and text)
- the tag "bonds"; a bond: both atoms, flags, then by flags order, direction, stereo with a counted list of atoms
- the tag of the rings

A molecule with anything else (queries, residues, multi-centre bonds, orders outside the vocabulary), a tag out of place or a
record that runs past its end is never guessed at: it is featurised by the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from rdkit import Chem

from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.featurise import Perceived, marked, perceive_reference
from hooke.molecules.vocabulary import BOND_COLUMNS, atom_vocabularies

MAGIC, MAJOR = 0xDEADBEEF, 16
_HEADER = 30  # bytes before the first atom record
_PADDING = bytes(64)  # more than one record of a misread molecule can reach past the end
_TAG_ATOMS, _TAG_BONDS, _TAG_MAP_NUMBER, _TAG_DUMMY_LABEL = 1, 11, 24, 44
_TAG_RINGS, _TAG_SYMMETRIC_RINGS = 20, 66
_UNKNOWN = -1  # instead of a position: this record is not known here


def perceive_compiled(molecules: Sequence[Chem.Mol]) -> Perceived:
    """Codes and marks of many molecules, equal to `featurise.perceive_reference`.

    Raises:
        ValueError: The installed RDKit writes another version of its binary format.
    """
    binaries = [molecule.ToBinary(0) for molecule in molecules]
    starts = np.zeros(len(binaries) + 1, np.int64)
    np.cumsum([len(binary) for binary in binaries], out=starts[1:])
    data = np.frombuffer(b"".join([*binaries, _PADDING]), dtype=np.uint8)
    if len(binaries):
        magic, _, major = np.frombuffer(binaries[0][:12], dtype="<u4")
        if magic != MAGIC or major != MAJOR:
            raise ValueError(f"RDKit binary format {major}, known here: {MAJOR}")
    atom_offsets, bond_offsets = count_items(data, starts)
    atoms, bonds = int(atom_offsets[-1]), int(bond_offsets[-1])
    atom_codes, bond_codes = (
        np.zeros((atoms, len(atom_vocabularies(1))), np.uint8),
        np.zeros((bonds, len(BOND_COLUMNS)), np.uint8),
    )
    bond_atoms = np.zeros((bonds, 2), np.uint16)
    isotopes, stereo, chosen = np.zeros(atoms, np.uint16), np.zeros(bonds, np.uint8), np.full((bonds, 2), -1, np.int32)
    known = decode(
        data, starts, atom_offsets, bond_offsets, atom_codes, isotopes, bond_atoms, bond_codes, stereo, chosen
    )
    for row in np.flatnonzero(~known):
        single = perceive_reference([molecules[int(row)]])
        stretch = slice(atom_offsets[row], atom_offsets[row + 1])
        atom_codes[stretch], isotopes[stretch] = single.arrays.atom_codes, single.marks.isotopes
        stretch = slice(bond_offsets[row], bond_offsets[row + 1])
        bond_atoms[stretch], bond_codes[stretch] = single.arrays.bond_atoms, single.arrays.bond_codes
        stereo[stretch], chosen[stretch] = single.marks.bond_stereo, single.marks.bond_atoms
    arrays = MoleculeArrays(atom_offsets, bond_offsets, atom_codes, bond_atoms, bond_codes)
    return marked(molecules, arrays, isotopes, stereo, chosen)


@numba.njit(cache=True)
def _int32(data, at):  # type: ignore[no-untyped-def]
    low = np.int64(data[at]) | np.int64(data[at + 1]) << 8
    return low | np.int64(data[at + 2]) << 16 | np.int64(data[at + 3]) << 24


@numba.njit(cache=True)
def count_items(data, starts):  # type: ignore[no-untyped-def]
    """(N + 1,) offsets of atoms and of bonds, read from the headers."""
    count = len(starts) - 1
    atoms = np.zeros(count + 1, np.int64)
    bonds = np.zeros(count + 1, np.int64)
    for row in range(count):
        atoms[row + 1] = atoms[row] + _int32(data, starts[row] + 20)
        bonds[row + 1] = bonds[row] + _int32(data, starts[row] + 24)
    return atoms, bonds


@numba.njit(cache=True)
def _charge_code(charge):  # type: ignore[no-untyped-def]
    """0, -1, 1, -2, 2, ... -> 0, 1, 2, 3, 4 ..., beyond four charges 9."""
    if charge == 0:
        return 0
    if charge > 4 or charge < -4:
        return 9
    return 2 * charge if charge > 0 else -2 * charge - 1


@numba.njit(cache=True)
def _order_code(order):  # type: ignore[no-untyped-def]
    """RDKit's bond type number to the code of vocabulary "order"; 6 for those outside it."""
    if 1 <= order <= 3:
        return order - 1
    if order == 12:
        return 3
    if order == 17:
        return 4
    if order == 21:
        return 5
    return 6


@numba.njit(cache=True)
def _read_atom(data, at, codes, isotope):  # type: ignore[no-untyped-def]
    """Fill one atom's codes but for ring membership, and its isotope; returns the position after the record, or _UNKNOWN."""
    flags, mask = data[at + 1], _int32(data, at + 2)
    if flags & 0x92 or mask >= 512 or mask & 1:  # a query, a residue, or a bit that has no meaning yet
        return _UNKNOWN
    codes[0] = data[at] if data[at] <= 118 else 119
    codes[6] = 1 if flags & 0x40 else 0
    codes[4] = 4  # sp3 unless a byte follows
    at += 6
    if mask & 2:
        charge = np.int64(data[at])
        codes[1] = _charge_code(charge - 256 if charge > 127 else charge)
        at += 1
    if mask & 4:
        codes[5] = min(data[at], 3)
        at += 1
    if mask & 8:
        codes[4] = min(data[at], 9)
        at += 1
    hydrogens = np.int64(0)
    if mask & 16:
        hydrogens += data[at]
        at += 1
    if mask & 32:
        at += 1
    if mask & 64:
        hydrogens += data[at]
        at += 1
    codes[2] = min(hydrogens, 9)
    if mask & 128:
        codes[3] = min(data[at], 5)
        at += 1
    if mask & 256:
        isotope[0] = _int32(data, at)
        at += 4
    if flags & 0x08:
        if data[at] != _TAG_MAP_NUMBER:
            return _UNKNOWN
        at += 6 if data[at + 1] == 255 else 2
    if flags & 0x04:
        length = _int32(data, at + 1)
        if data[at] != _TAG_DUMMY_LABEL or length >= 1 << 16:
            return _UNKNOWN
        at += 5 + length
    return at


@numba.njit(cache=True)
def _read_bond(data, at, width, ends, codes, stereo, chosen):  # type: ignore[no-untyped-def]
    """Fill one bond's ends, codes but for ring membership, and mark; returns the position after the record, or _UNKNOWN."""
    if width == 1:
        ends[0], ends[1] = data[at], data[at + 1]
    else:
        ends[0], ends[1] = _int32(data, at), _int32(data, at + 4)
    at += 2 * width
    flags = data[at]
    at += 1
    if flags & 0x91:  # a query, the ends of a multi-centre bond, or a bit that has no meaning yet
        return _UNKNOWN
    if flags & 0x08:
        codes[0] = _order_code(data[at])
        if codes[0] == 6:  # whether it closes rings is RDKit's business
            return _UNKNOWN
        at += 1
    if flags & 0x04:
        at += 1
    if flags & 0x02:
        codes[1], stereo[0] = min(data[at], 6), data[at]
        count = np.int64(data[at + 1])
        at += 2
        if count == 2:
            chosen[0] = data[at] if width == 1 else _int32(data, at)
            chosen[1] = data[at + 1] if width == 1 else _int32(data, at + 4)
        at += count * width
    codes[2] = 1 if flags & 0x20 else 0
    return at


@numba.njit(cache=True)
def _read_molecule(data, at, end, atoms, isotopes, ends, bonds, stereo, chosen):  # type: ignore[no-untyped-def]
    """Fill one molecule's codes but for rings, and its marks; returns False where its records are not known here."""
    if data[at - 1] != _TAG_ATOMS:
        return False
    for atom in range(len(atoms)):
        at = _read_atom(data, at, atoms[atom], isotopes[atom : atom + 1])
        if at < 0 or at >= end:
            return False
    if data[at] != _TAG_BONDS:
        return False
    at += 1
    width = 4 if len(atoms) > 255 else 1
    for bond in range(len(bonds)):
        at = _read_bond(data, at, width, ends[bond], bonds[bond], stereo[bond : bond + 1], chosen[bond])
        if at < 0 or at >= end or ends[bond, 0] >= len(atoms) or ends[bond, 1] >= len(atoms):
            return False
    return data[at] == _TAG_SYMMETRIC_RINGS or data[at] == _TAG_RINGS


@numba.njit(cache=True)
def decode(data, starts, atom_offsets, bond_offsets, atom_codes, isotopes, bond_atoms, bond_codes, stereo, chosen):  # type: ignore[no-untyped-def]
    """Fill the code arrays in place; returns (N,) bool, False where a record is not known here."""
    known = np.zeros(len(starts) - 1, np.bool_)
    for row in range(len(known)):
        first, last = atom_offsets[row], atom_offsets[row + 1]
        atoms, start, stop = atom_codes[first:last], bond_offsets[row], bond_offsets[row + 1]
        ends, bonds = bond_atoms[start:stop], bond_codes[start:stop]
        known[row] = _read_molecule(
            data, starts[row] + _HEADER, starts[row + 1], atoms, isotopes[first:last], ends, bonds, stereo[start:stop], chosen[start:stop]
        )  # fmt: skip
        if not known[row]:
            continue
        for bond in range(len(ends)):
            for side in range(2):
                if atoms[ends[bond, 1 - side], 0] == 1:  # a hydrogen that is a node
                    codes = atoms[ends[bond, side]]
                    codes[2] = min(codes[2] + 1, 9)
        mark_rings(atoms[:, 7], ends, bonds, len(atoms))
    return known


@numba.njit(cache=True)
def mark_rings(atom_in_ring, ends, codes, atoms):  # type: ignore[no-untyped-def]
    """Set column 3 of the bond codes and the atoms' flags: in a ring if no bridge (Tarjan 1974, iterative).

    Dative and zero-order bonds do not close rings, as in RDKit.
    """
    bonds = len(ends)
    pointer = np.zeros(atoms + 1, np.int64)
    for bond in range(bonds):
        if codes[bond, 0] < 4:
            pointer[ends[bond, 0] + 1] += 1
            pointer[ends[bond, 1] + 1] += 1
    for atom in range(atoms):
        pointer[atom + 1] += pointer[atom]
    cursor = pointer[:-1].copy()
    neighbour = np.zeros(max(1, pointer[-1]), np.int64)
    through = np.zeros(max(1, pointer[-1]), np.int64)
    for bond in range(bonds):
        if codes[bond, 0] < 4:
            a, b = np.int64(ends[bond, 0]), np.int64(ends[bond, 1])
            neighbour[cursor[a]], through[cursor[a]] = b, bond
            neighbour[cursor[b]], through[cursor[b]] = a, bond
            cursor[a] += 1
            cursor[b] += 1
    order = np.zeros(atoms, np.int64)  # visit time, 0 = not yet
    low = np.zeros(atoms, np.int64)
    entered = np.full(atoms, -1, np.int64)  # the bond by which an atom was reached
    cursor = pointer[:-1].copy()
    stack = np.zeros(atoms + 1, np.int64)
    time = 0
    for root in range(atoms):
        if order[root]:
            continue
        depth = 0
        stack[0] = root
        time += 1
        order[root] = low[root] = time
        while depth >= 0:
            atom = stack[depth]
            if cursor[atom] < pointer[atom + 1]:
                other, bond = neighbour[cursor[atom]], through[cursor[atom]]
                cursor[atom] += 1
                if bond == entered[atom]:
                    continue
                if order[other]:
                    low[atom] = min(low[atom], order[other])
                    codes[bond, 3] = 1  # a back edge always closes a ring
                else:
                    time += 1
                    order[other] = low[other] = time
                    entered[other] = bond
                    depth += 1
                    stack[depth] = other
            else:
                depth -= 1
                if depth >= 0:
                    parent = stack[depth]
                    low[parent] = min(low[parent], low[atom])
                    codes[entered[atom], 3] = 1 if low[atom] <= order[parent] else 0
    for bond in range(bonds):
        if codes[bond, 3]:
            atom_in_ring[ends[bond, 0]] = 1
            atom_in_ring[ends[bond, 1]] = 1
