"""The small integer codes of atoms and bonds: what is stored on disk, one byte a feature.

Every vocabulary ends with one out-of-vocabulary code, so that no atom or bond is ever refused. Group, period, degree and
total valence are not stored: they follow from the element and the edges and are looked up on the device.

The codes have versions, which stand in `EncodingConfig.features`:

1. eight columns of atoms; "chirality" and "stereo" are RDKit's marks, which depend on the order in which atoms are written. What the first
   releases stored and trained on; still read, never the default.
2. every code is a function of the molecule. "chirality" and "stereo" are the descriptors of `molecules.stereo`, and three columns are new:
   "isotope", "stereo_group" and "relation".

Source: atom and bond features of GPS++ (arXiv 2212.02229, feature set 1) and Graphium; hybridization and conjugation are those of
chemprop. Differs from GPS++: "is a chiral centre" holds the handedness too.
"""

from __future__ import annotations

from dataclasses import dataclass

FEATURES = 2  # the newest version of the codes
FARTHEST_ISOTOPE = 16  # mass numbers that are farther from the commonest one share a code


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
    Vocabulary("chirality", ("none", "clockwise", "anticlockwise")),  # version 1: of the atom as written
    Vocabulary("aromatic", (False, True)),
    Vocabulary("in_ring", (False, True)),
    Vocabulary(
        "isotope", (None, *range(-FARTHEST_ISOTOPE, FARTHEST_ISOTOPE + 1))
    ),  # mass number less the commonest one
    Vocabulary("stereo_group", ("absolute", "and", "or")),  # enhanced stereo
    # to the centres that only together are any, or across the double or hindered bond of this atom; see `molecules.stereo`
    Vocabulary("relation", (*range(13), "Z", "E", "clockwise", "anticlockwise")),
)
BOND_VOCABULARIES = (
    Vocabulary("order", ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", "DATIVE", "ZERO")),
    # version 1: STEREONONE, STEREOANY, STEREOZ, STEREOE, STEREOCIS, STEREOTRANS
    Vocabulary("stereo", ("none", "any", "Z", "E", "clockwise", "anticlockwise")),
    Vocabulary("conjugated", (False, True)),
    Vocabulary("in_ring", (False, True)),
)
ATOM_COLUMNS = tuple(vocabulary.name for vocabulary in ATOM_VOCABULARIES)
_ATOM_COLUMNS_OF_VERSION = {1: 8, 2: len(ATOM_VOCABULARIES)}  # later versions add columns at the end
BOND_COLUMNS = tuple(vocabulary.name for vocabulary in BOND_VOCABULARIES)


def atom_vocabularies(features: int) -> tuple[Vocabulary, ...]:
    """The vocabularies of the atom columns in a version of the codes.

    Raises:
        ValueError: A version that this Hooke does not know.
    """
    if features not in _ATOM_COLUMNS_OF_VERSION:
        raise ValueError(f"features must be one of {sorted(_ATOM_COLUMNS_OF_VERSION)}, got {features!r}")
    return ATOM_VOCABULARIES[: _ATOM_COLUMNS_OF_VERSION[features]]


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
