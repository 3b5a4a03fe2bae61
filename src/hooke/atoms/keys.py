"""Under which names a file of frames keeps its numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Keys:
    """Under which names a file keeps its numbers.

    Attributes:
        energies, forces, properties: One name a method or property, in their order.
        numbers, positions: Atomic numbers (or symbols) and positions, where the format does not define them.
        charge, multiplicity, smiles, name: Of a frame; "" where the file states none.
        monomers: Two names that hold the atoms of a dimer's monomers as ranges counted from 1, then two with their charges.
        atom_order: Of a file whose atoms are given by a mapped SMILES alone: "map" (by map number) or "smiles" (as written); "" asks.
    """

    energies: tuple[str, ...] = ()
    forces: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    numbers: str = ""
    positions: str = ""
    charge: str = ""
    multiplicity: str = ""
    smiles: str = ""
    name: str = ""
    monomers: tuple[str, ...] = ()
    atom_order: str = ""
