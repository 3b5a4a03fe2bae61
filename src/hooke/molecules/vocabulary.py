"""The small integer codes of atoms and bonds: what is stored on disk, one byte a feature.

Every vocabulary ends with one out-of-vocabulary code, so that no atom or bond is ever refused. Group, period, degree and
total valence are not stored: they follow from the element and the edges and are looked up on the device.

Source: atom and bond features of GPS++ (arXiv 2212.02229, feature set 1) and Graphium; hybridization, conjugation and the
chiral tag are those of chemprop. Differs from GPS++: "is a chiral centre" is the parsed chiral tag (none, @, @@), which
holds the handedness too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Vocabulary:
    """One feature: its name and its known values, in code order; the code len(values) means "none of these"."""

    name: str
    values: tuple[object, ...]

    @property
    def size(self) -> int:
        """Number of codes, the out-of-vocabulary code included."""
        return len(self.values) + 1

    @property
    def unknown(self) -> int:
        """The out-of-vocabulary code."""
        return len(self.values)


_HYBRIDIZATIONS = ("UNSPECIFIED", "S", "SP", "SP2", "SP3", "SP2D", "SP3D", "SP3D2", "OTHER")

ATOM_VOCABULARIES = (
    Vocabulary("element", tuple(range(119))),  # atomic number; 0 is the dummy atom "*"
    Vocabulary("charge", (0, -1, 1, -2, 2, -3, 3, -4, 4)),  # formal charge
    Vocabulary("hydrogens", tuple(range(9))),  # implicit + explicit hydrogens that are not nodes + hydrogen neighbours
    Vocabulary("radicals", tuple(range(5))),  # radical electrons
    Vocabulary("hybridization", _HYBRIDIZATIONS),
    Vocabulary("chirality", ("CHI_UNSPECIFIED", "CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW")),
    Vocabulary("aromatic", (False, True)),
    Vocabulary("in_ring", (False, True)),
)
BOND_VOCABULARIES = (
    Vocabulary("order", ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "DATIVE", "ZERO")),
    Vocabulary("stereo", ("STEREONONE", "STEREOANY", "STEREOZ", "STEREOE", "STEREOCIS", "STEREOTRANS")),
    Vocabulary("conjugated", (False, True)),
    Vocabulary("in_ring", (False, True)),
)
ATOM_COLUMNS = tuple(vocabulary.name for vocabulary in ATOM_VOCABULARIES)
BOND_COLUMNS = tuple(vocabulary.name for vocabulary in BOND_VOCABULARIES)

# Derived features, looked up by element code (atomic number 0-118, then the out-of-vocabulary code).
_NOBLE_GASES = (2, 10, 18, 36, 54, 86, 118)


def period_of(number: int) -> int:
    """Period 1-7 of an atomic number; 0 for the dummy atom and the out-of-vocabulary code."""
    if not 1 <= number <= 118:
        return 0
    return 1 + sum(number > gas for gas in _NOBLE_GASES)


def group_of(number: int) -> int:
    """IUPAC group 1-18 of an atomic number; 0 for the dummy atom, unknown elements and the f-block (no group)."""
    period = period_of(number)
    if period == 0:
        return 0
    previous = (0, *_NOBLE_GASES)[period - 1]
    place, length = number - previous, _NOBLE_GASES[period - 1] - previous
    if length == 2:
        return 1 if place == 1 else 18
    if place <= 2:
        return place
    if length == 32 and place <= 16:
        return 3 if place == 3 else 0
    return 18 - (length - place)


PERIOD_OF_ELEMENT = tuple(period_of(code) for code in range(120))
GROUP_OF_ELEMENT = tuple(group_of(code) for code in range(120))
