"""Files of frames: one file here for each format, with `contents`, `read` and `write`; here is what they have in common.

A format says nothing about units unless its own definition does. Which of a file's numbers are energies or forces is stated by `Keys`, or
taken from its usual names where they leave no doubt; else an error names the choices.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Protocol

from hooke.atoms.facts import STATED
from hooke.atoms.frames import FrameCollector, Frames, Rejected
from hooke.atoms.keys import Keys
from hooke.atoms.methods import parse_method
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.reading import reading
from hooke.core.units import dimension, unit_name

BLOCK = 2048  # frames a block
# What arrays are usually called, where the name leaves no doubt.
NUMBERS = ("atomic_numbers", "numbers", "species", "nuclear_charges", "atNUM", "z", "Z")
POSITIONS = ("positions", "coordinates", "coords", "conformations", "atXYZ", "pos", "R")
NONE = "none"  # what a user states where a file has no such numbers
_FORMATS = {
    ".xyz": "xyz", ".extxyz": "xyz", ".sdf": "sdf", ".sd": "sdf", ".hdf5": "hdf5", ".h5": "hdf5", ".hdf": "hdf5", ".npz": "npz",
    ".parquet": "parquet", ".db": "ase_db", ".lmdb": "lmdb", ".mdb": "lmdb", ".tar": "qm9",
}  # fmt: skip
_PACKED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_USUAL_ENERGY, _USUAL_FORCES = ("energy", "energies"), ("forces",)
_FORCE_LIKE = ("force", "grad")
_SEVERAL = ("methods", "force_methods")
Block = tuple[Frames | None, list[Rejected]]


@dataclass(frozen=True)
class Contents:
    """What is to be found in a file.

    Attributes:
        scalars: Names of numbers of a frame.
        vectors: Names of three numbers an atom, without positions.
        keys: What the format itself or its usual names settle.
        units: Name → unit, as the file states them.
        length_unit: As the file states; "" where it does not.
        mapped: Whether its atoms are known by mapped SMILES alone.
        stated: What it says of its numbers itself, by the names of `facts.Facts`.
    """

    scalars: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    keys: Keys = field(default_factory=Keys)
    units: Mapping[str, str] = field(default_factory=dict)
    length_unit: str = ""
    mapped: bool = False
    stated: Mapping[str, Any] = field(default_factory=dict)


class Format(Protocol):
    """What a file here offers as a module.

    Attributes:
        LENGTH_UNIT: By the definition of the format; "" where it defines none.
    """

    LENGTH_UNIT: str

    def contents(self, path: Path, keys: Keys) -> Contents:
        """What is to be found in a file."""

    def read(self, path: Path, keys: Keys) -> Iterator[Block]:
        """Its frames in blocks, with those that were left out."""

    def write(self, path: Path, frames: Frames, keys: Keys, facts: Any) -> None:
        """Write frames so that `read` gives them back."""


def format_of(path: Path) -> Format:
    """The format by a file's suffix, whatever it is packed with.

    Raises:
        UsageError: No format has it.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    if not suffixes or suffixes[-1] not in _FORMATS:
        raise UsageError(f"{path.name} has none of the suffixes {', '.join(_FORMATS)} (packed: {', '.join(_PACKED)})")
    return importlib.import_module(f"{__name__}.{_FORMATS[suffixes[-1]]}")


def read_contents(path: Path, keys: Keys | None = None) -> Contents:
    """What is to be found in a file.

    Args:
        path: The file.
        keys: Those that are stated already: numbers and positions are then not searched by their usual names.

    Raises:
        UsageError: Its suffix is of no format, or its names leave a doubt.
        DataError: It cannot be read.
    """
    with reading(path):
        return format_of(path).contents(path, keys or Keys())


def read_frames(path: Path, keys: Keys) -> Iterator[Block]:
    """The frames of a file in blocks, with those that were left out.

    Raises:
        DataError: It cannot be read at all.
    """
    with reading(path):
        yield from format_of(path).read(path, keys)


def collector(keys: Keys, path: Path) -> FrameCollector:
    """What takes the frames of a file."""
    return FrameCollector(path.name, len(keys.energies), len(keys.forces), len(keys.properties))


def open_text(path: Path) -> IO[str]:
    """A text file, unpacked if it is packed; bytes that are no UTF-8 become "�"."""
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8", errors="replace")


def open_bytes(path: Path) -> IO[bytes]:
    """A file, unpacked if it is packed."""
    opener: Any = _PACKED.get(path.suffix.lower(), open)
    return opener(path, "rb")


def resolve(keys: Keys, contents: Contents, file: str) -> Keys:
    """The keys of a file: those stated, else the usual names where there is no doubt.

    Args:
        keys: What the user states; `NONE` in energies or forces says that there are none.
        contents: What is in the file.
        file: Its name, for messages.

    Raises:
        UsageError: A stated key is not there; several names could be the energy or the forces; a gradient may be meant; the order of atoms
            of a mapped SMILES is not stated. The message names the options.
    """
    own = contents.keys
    energies, forces = keys.energies or own.energies, keys.forces or own.forces
    for what, names, there in (("energy_keys", energies, contents.scalars), ("force_keys", forces, contents.vectors)):
        if missing := [name for name in names if name not in (*there, NONE)]:
            raise UsageError(f"{file} holds no {', '.join(missing)} ({what}); it holds {', '.join(there) or 'none'}")
    energies = energies or _usual(contents.scalars, _USUAL_ENERGY, ("energ",), "energy_keys", file)
    forces = forces or _usual(contents.vectors, _USUAL_FORCES, _FORCE_LIKE, "force_keys", file)
    energies, forces = (() if some == (NONE,) else some for some in (energies, forces))
    if contents.mapped and keys.atom_order not in ("map", "smiles"):
        raise UsageError(
            f"{file} gives its atoms by mapped SMILES alone: state atom_order=map (atom k of a frame has map number k, as in SPICE) or "
            "atom_order=smiles (as they are written)"
        )
    stated = {
        name: getattr(keys, name) or getattr(own, name)
        for name in ("properties", "numbers", "positions", "charge", "multiplicity", "smiles", "name", "monomers")
    }
    return replace(keys, energies=energies, forces=forces, **stated)


def usual_name(there: Collection[str], usual: tuple[str, ...], option: str, file: str, stated: str = "") -> str:
    """The stated name, or else the one usual name that a file has.

    Raises:
        UsageError: It has none of them, or several; the message names the option that decides.
    """
    possible = [name for name in ((stated,) if stated else usual) if name in there]
    if len(possible) != 1:
        raise UsageError(f"{file}: state {option}={'|'.join(possible or sorted(there)[:20])}: its names leave a doubt")
    return possible[0]


def stated_units(keys: Keys, contents: Contents) -> dict[str, str]:
    """Units that a file states of its columns, by the names of `Facts`; "" where it states none.

    Raises:
        UsageError: It states several of one kind.
    """
    columns = {"energy_unit": keys.energies, "force_unit": keys.forces}
    named = {"length_unit": unit_name(contents.length_unit)}
    for what, names in columns.items():
        units = {unit_name(unit) for name in names if (unit := unit_of_column(name, what, contents))}
        if len(units) > 1:
            raise UsageError(f"{', '.join(names)} are stated in several units: {', '.join(sorted(units))}")
        named[what] = units.pop() if units else ""
    return named


def unit_of_column(name: str, what: str, contents: Contents) -> str:
    """The unit that a file states of a column; "" where it states none.

    Args:
        name: Of the column.
        what: "energy_unit" or "force_unit".
        contents: Of the file.
    """
    return contents.units.get(name) or str(contents.stated.get(what, ""))


def stated_facts(given: Mapping[str, Any]) -> dict[str, Any]:
    """What of given pairs are facts about numbers, by the names of `facts.Facts`; others, and units and methods that are not known, are none.

    Args:
        given: As a file has them.
    """
    known: dict[str, Any] = {}
    for key in STATED:
        value = given.get(key)
        texts = value.split(",") if isinstance(value, str) and key in _SEVERAL else value
        if not value or not isinstance(texts, str | list | tuple) or not all(isinstance(each, str) for each in texts):
            continue
        with suppress(UnknownNameError, UsageError):
            if key.endswith("_unit"):
                dimension(str(value))
                known[key] = unit_name(str(value))
            elif key in _SEVERAL:
                known[key] = tuple(parse_method(each).name for each in texts)
            else:
                known[key] = str(value)
    if properties := _named_units(given.get("properties")):
        known["properties"] = properties
    return known


def _named_units(given: Any) -> tuple[tuple[str, str], ...]:
    """(name, unit) of further numbers, as Hooke's own files state them."""
    pairs = (
        [each for each in given if isinstance(each, list | tuple) and len(each) == 2]
        if isinstance(given, list | tuple)
        else []
    )
    return tuple((name, unit) for name, unit in pairs if isinstance(name, str) and isinstance(unit, str))


def _usual(
    there: tuple[str, ...], usual: tuple[str, ...], like: tuple[str, ...], option: str, file: str
) -> tuple[str, ...]:
    possible = [name for name in there if any(part in name.lower() for part in like)]
    if not possible:
        return ()
    if len(possible) == 1 and possible[0] in usual:
        return (possible[0],)
    hint = ""
    if option == "force_keys":
        hint = f", with derivative=force or derivative=gradient for what it holds, or {option}={NONE}"
    raise UsageError(f"{file}: state {option}={'|'.join(possible)}{hint}: its names leave a doubt")
