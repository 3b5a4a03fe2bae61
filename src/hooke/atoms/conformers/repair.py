"""Wrong stereo elements of a conformer turned right by moving as few atoms as can be; lengths and angles are then to be relaxed.

- All centres wrong and all double bonds right: the whole conformer is reflected.
- A wrong centre: two neighbours, with all that hangs on them and on neither of the others, change places by half a turn about their bisector;
  where rings forbid that, the smallest neighbour's part that hangs on nothing else is reflected through the plane of the other three.
- A wrong double bond: what hangs on one end makes half a turn about the bond; in rings nothing is done.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from hooke.atoms.conformers.stereo import StereoElements

_ROUNDS = 4


def repaired(positions: np.ndarray, elements: StereoElements, bonds: np.ndarray) -> np.ndarray:
    """(atoms, 3) of a conformer with what could be turned right.

    Args:
        positions: (atoms, 3) Å.
        elements: What is stated.
        bonds: (B, 2) atoms.
    """
    found = positions.copy()
    count = len(elements.centres)
    if count:
        right = elements.right(found[None])[0]
        mirrored = elements.right(found[None] * np.array([-1.0, 1.0, 1.0]))[0]
        if mirrored.sum() > right.sum():
            found = found * np.array([-1.0, 1.0, 1.0])
    neighbours = _neighbours(len(positions), bonds)
    for _ in range(_ROUNDS):
        right = elements.right(found[None])[0]
        if right.all():
            break
        for number in np.flatnonzero(~right[:count]):
            _turn_centre(found, int(elements.centres[number, 0]), neighbours)
        for number in np.flatnonzero(~right[count:]):
            _turn_bond(found, elements.bonds[number], neighbours)
    return found


def _neighbours(atoms: int, bonds: np.ndarray) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in range(atoms)]
    for first, second in bonds.tolist():
        found[first].append(second)
        found[second].append(first)
    return found


def _part(start: int, without: int, neighbours: list[list[int]]) -> set[int]:
    """Atoms that hang on `start` when `without` is taken out."""
    seen, waiting = {start}, [start]
    while waiting:
        for other in neighbours[waiting.pop()]:
            if other != without and other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def _turn_centre(positions: np.ndarray, centre: int, neighbours: list[list[int]]) -> None:
    around = neighbours[centre]
    parts = {each: _part(each, centre, neighbours) for each in around}
    possible = []
    for pair in combinations(around, 2):
        moved = parts[pair[0]] | parts[pair[1]]
        if not moved & {each for each in around if each not in pair}:
            possible.append((len(moved), pair, moved))
    origin = positions[centre]
    if possible and len(around) == 4:
        _, pair, moved = min(possible)
        towards = [_unit(positions[each] - origin) for each in pair]
        _half_turn(positions, moved, origin, _unit(towards[0] + towards[1]))
        return
    alone = [
        (len(parts[each]), each) for each in around if not parts[each] & {other for other in around if other != each}
    ]
    if not alone:
        return
    _, chosen = min(alone)
    others = [positions[other] for other in around if other != chosen]
    plane = others if len(others) == 3 else [*others, origin]
    normal = _unit(np.cross(plane[1] - plane[0], plane[2] - plane[0]))
    middle = np.mean(plane, axis=0)
    moved_atoms = sorted(parts[chosen])
    height = (positions[moved_atoms] - middle) @ normal
    positions[moved_atoms] -= 2 * height[:, None] * normal
    if len(others) == 3:  # the centre goes to the other side of its three neighbours too
        positions[centre] = origin - 2 * ((origin - middle) @ normal) * normal


def _turn_bond(positions: np.ndarray, bond: np.ndarray, neighbours: list[list[int]]) -> None:
    _, first, second, _ = bond.tolist()
    hanging = [_part(near, far, neighbours) for near, far in ((second, first), (first, second))]
    for near, far, moved in ((second, first, hanging[0]), (first, second, hanging[1])):
        if far not in moved and not any(other in moved for other in neighbours[far] if other != near):
            _half_turn(positions, moved, positions[near].copy(), _unit(positions[far] - positions[near]))
            return


def _half_turn(positions: np.ndarray, atoms: set[int], origin: np.ndarray, axis: np.ndarray) -> None:
    moved = sorted(atoms)
    out = positions[moved] - origin
    positions[moved] = origin + 2 * (out @ axis)[:, None] * axis - out


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)
