"""XYZ and extended XYZ: a count, a comment, then one line an atom.

Source: the extended XYZ specification (github.com/libAtoms/extxyz): the comment holds key=value pairs, `Properties=name:type:columns:...`
says what the columns are, `Lattice` holds three vectors, and `pbc` says along which of them the frame repeats (all, where there is a
lattice and no `pbc`). Lengths are in Å. Plain XYZ has the columns symbol, x, y, z. Comments may state facts about the numbers by the names of
`facts.Facts`, as energy_unit=eV, as files of `hooke label` do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from hooke.atoms.elements import SYMBOLS, numbers_of
from hooke.atoms.formats import BLOCK, Block, Contents, collector, open_text, stated_facts
from hooke.atoms.frames import FrameCollector, Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError
from hooke.core.files import appending, replacing
from hooke.core.reading import LONGEST_LINE

LENGTH_UNIT = "angstrom"
_PAIR = re.compile(r"""(?P<key>"[^"]*"|[^\s="]+)(?:\s*=\s*(?P<value>"[^"]*"|'[^']*'|\{[^}]*\}|[^\s"']+))?""")
_PLAIN = (("species", "S", 1), ("pos", "R", 3))
_SPECIES = ("species", "Z")
_RESERVED = ("Properties", "Lattice", "pbc")
_PROBED = 50  # frames that say what is in a file
_MOST_ATOMS = 10**7
Columns = tuple[tuple[str, str, int], ...]


class _MalformedError(Exception):
    """A frame cannot be read."""


def contents(path: Path, keys: Keys) -> Contents:
    """What the first frames hold."""
    scalars: dict[str, None] = {}
    vectors: dict[str, None] = {}
    stated: dict[str, Any] = {}
    with open_text(path) as file:
        for _, comment, _ in islice(_raw(file), _PROBED):
            try:
                info, columns = _comment(comment or "")
            except _MalformedError:  # a frame that `read` leaves out
                continue
            scalars |= {key: None for key, value in info.items() if key not in _RESERVED and _number(value) is not None}
            vectors |= {name: None for name, kind, width in columns if (kind, width) == ("R", 3) and name != "pos"}
            stated = stated or stated_facts(info)
    charge, spin = (name if name in scalars else "" for name in ("charge", "multiplicity"))
    stated.pop("length_unit", None)  # the format defines it
    return Contents(
        tuple(scalars), tuple(vectors), Keys(charge=charge, multiplicity=spin, smiles="smiles", name="name"), stated=stated
    )  # fmt: skip


def read(path: Path, keys: Keys) -> Iterator[Block]:
    """The frames; a malformed one is left out and reading goes on with the next."""
    frames = collector(keys, path)
    with open_text(path) as file:
        for problem, comment, lines in _raw(file):
            try:
                if comment is None:
                    raise _MalformedError(problem)
                _add(frames, comment, lines, keys)
            except _MalformedError as error:
                frames.refuse(str(error))
            if len(frames) >= BLOCK:
                yield frames.take()
    yield frames.take()


def write(path: Path, frames: Frames, keys: Keys, facts: Any = None) -> None:
    """Write extended XYZ under these keys."""
    write_blocks(path, [frames], keys)


def write_blocks(path: Path, blocks: Iterable[Frames], keys: Keys, stated: Mapping[str, Any] | None = None) -> None:
    """Write blocks of frames one after the other.

    Args:
        path: The file.
        blocks: All with the columns that the keys name.
        keys: Names of their numbers.
        stated: What every comment says besides: name → text, or texts that are separated by commas.
    """
    pairs = [
        f'{name}="{value if isinstance(value, str) else ",".join(value)}"' for name, value in (stated or {}).items()
    ]
    with replacing(path) as temporary, appending(temporary, afresh=True) as file:
        for frames in blocks:
            file.writelines(_texts(frames, keys, pairs))


def _texts(frames: Frames, keys: Keys, stated: Sequence[str]) -> Iterator[bytes]:
    forces = [name for name in keys.forces if not np.isnan(frames.forces[..., keys.forces.index(name)]).all()]
    header = "species:S:1:pos:R:3" + "".join(f":{name}:R:3" for name in forces)
    values = np.concatenate(
        [frames.positions, *(frames.forces[..., keys.forces.index(name)] for name in forces)], axis=1, dtype=np.float64
    )
    for frame in range(len(frames)):
        first, stop = int(frames.offsets[frame]), int(frames.offsets[frame + 1])
        numbers = [*zip(keys.energies, frames.energies[frame], strict=True)]
        numbers += zip(keys.properties, frames.properties[frame], strict=True)
        pairs = [f"{name}={float(value)!r}" for name, value in numbers if not np.isnan(value)]
        pairs += [*_system(frames, frame, keys), *stated]
        lines = [f"{stop - first}", f"Properties={header} {' '.join(pairs)}"]
        lines += [
            f"{SYMBOLS[frames.numbers[atom]]} {' '.join(repr(float(number)) for number in values[atom])}"
            for atom in range(first, stop)
        ]
        yield "".join(f"{line}\n" for line in lines).encode()


def _system(frames: Frames, frame: int, keys: Keys) -> Iterator[str]:
    """Charge, spin, names, monomers and cell of a frame as pairs."""
    if keys.charge:
        yield f"{keys.charge}={frames.charge[frame]}"
    if keys.multiplicity and frames.multiplicity[frame]:
        yield f"{keys.multiplicity}={frames.multiplicity[frame]}"
    for key, texts in ((keys.name, frames.names), (keys.smiles, frames.smiles)):
        if key and len(texts) and texts[frame]:
            yield f'{key}="{texts[frame]}"'
    each = frames.monomers[frames.monomer_offsets[frame] : frames.monomer_offsets[frame + 1]]
    for number, monomer in enumerate(each if keys.monomers else ()):
        yield f"{keys.monomers[number]}={monomer[0] + 1}-{monomer[1]}"
        yield f"{keys.monomers[number + 2]}={monomer[2]}"
    if frames.periodic[frame].any():
        lattice = " ".join(repr(float(number)) for number in frames.cell[frame].ravel())
        yield f'Lattice="{lattice}"'
    yield f'pbc="{" ".join("FT"[along] for along in frames.periodic[frame].astype(int))}"'


def _raw(file: IO[str]) -> Iterator[tuple[str, str | None, list[str]]]:
    """(problem, comment, lines of atoms) of each frame; without a comment where the file makes no sense, up to where it does again."""
    number, line = 0, ""
    while True:
        line = _line(file)
        number += 1
        if not line:
            return
        if not line.strip():
            continue
        count = line.strip()
        if not (count.isascii() and count.isdecimal() and 0 < len(count) < 9):
            start, shown = number, count[:40]
            position = file.tell()
            while line and not (line.strip().isascii() and line.strip().isdecimal()):
                position, line = file.tell(), _line(file)
                number += 1
            if line:
                file.seek(position)
            number -= 1
            yield f"line {start}: expected the number of atoms, got {shown!r}", None, []
            continue
        start, comment, lines = number, _line(file), []
        for _ in range(min(int(count), _MOST_ATOMS)):
            text = _line(file)
            if not text:
                break
            lines.append(text)
        number += 1 + len(lines)
        if len(lines) < int(count):
            yield f"line {start}: the file ends after {len(lines)} of {count} atoms", None, []
            return
        yield "", comment, lines


def _line(file: IO[str]) -> str:
    """The next line, "" at the end.

    Raises:
        DataError: It is longer than any line of such a file.
    """
    text = file.readline(LONGEST_LINE)
    if len(text) == LONGEST_LINE:
        raise DataError(f"a line has more than {LONGEST_LINE:,} characters: it is no XYZ file")
    return text


def _comment(text: str) -> tuple[dict[str, str], Columns]:
    """Pairs of the comment, and what the columns are."""
    pairs = {}
    for pair in _PAIR.finditer(text):
        value = pair["value"]
        quoted = value is not None and value[0] in "\"'{" and len(value) > 1
        pairs[pair["key"].strip('"')] = "T" if value is None else value[1:-1] if quoted else value
    if "Properties" not in pairs:
        return pairs, _PLAIN
    parts = pairs["Properties"].split(":")
    names, kinds, widths = parts[::3], parts[1::3], parts[2::3]
    if not len(names) == len(kinds) == len(widths) or not all(width.isdecimal() and int(width) for width in widths):
        raise _MalformedError(f"Properties={pairs['Properties'][:80]} is not name:type:columns:...")
    return pairs, tuple((name, kind, int(width)) for name, kind, width in zip(names, kinds, widths, strict=True))


def _add(frames: FrameCollector, comment: str, lines: Sequence[str], keys: Keys) -> None:
    if not lines:
        raise _MalformedError("it has no atoms")
    info, columns = _comment(comment)
    width = sum(columns_ for _, _, columns_ in columns)
    rows = [line.split() for line in lines]
    for number, row in enumerate(rows):
        if len(row) != width:
            what = "Properties name" if "Properties" in info else "plain XYZ has"
            raise _MalformedError(f"atom {number + 1} has {len(row)} columns, {what} {width}")
    table, start, values = np.array(rows), 0, {}
    for name, _, count in columns:
        values[name] = table[:, start : start + count]
        start += count
    species = next((values[name] for name in _SPECIES if name in values), None)
    if species is None or "pos" not in values or values["pos"].shape[1] != 3:
        raise _MalformedError("Properties name no species or no pos of three columns")
    try:
        numbers = numbers_of(species[:, 0].tolist())
        positions = values["pos"].astype(np.float64)
        forces = [
            values[key].astype(np.float64) if key in values else np.full((len(rows), 3), np.nan) for key in keys.forces
        ]
        numeric = [[_float(info, key) for key in some] for some in (keys.energies, keys.properties)]
        cell, periodic = _cell(info)
        monomers = _monomers(info, keys, len(rows))
    except ValueError as error:
        raise _MalformedError(str(error)) from error
    if any(part.shape != (len(rows), 3) for part in forces):
        raise _MalformedError(f"{', '.join(keys.forces)} must have three columns")
    frames.add(
        numbers, positions[None], [numeric[0]] if keys.energies else None,
        np.stack(forces, axis=-1)[None] if forces else None, properties=[numeric[1]] if keys.properties else None,
        charge=_float(info, keys.charge, 0.0), multiplicity=_float(info, keys.multiplicity, 0.0),
        cell=cell, periodic=periodic, monomers=monomers, name=info.get(keys.name, ""), smiles=info.get(keys.smiles, ""),
    )  # fmt: skip


def _float(info: dict[str, str], key: str, missing: float = np.nan) -> float:
    if key not in info:
        return missing
    value = _number(info[key])
    if value is None:
        raise ValueError(f"{key}={info[key][:40]} is not a number")
    return value


def _number(text: str) -> float | None:
    try:
        return float(text.replace("*^", "e"))  # as QM9 writes exponents
    except ValueError:
        return None


def _cell(info: dict[str, str]) -> tuple[np.ndarray | None, np.ndarray | None]:
    if "Lattice" not in info:
        return None, None
    lattice = np.array(re.sub(r"[\[\],]", " ", info["Lattice"]).split(), np.float64)
    if lattice.shape != (9,):
        raise ValueError(f"Lattice has {len(lattice)} numbers, not 9")
    along = re.sub(r"[\[\],]", " ", info.get("pbc", "T T T")).split()
    if len(along) != 3 or not {*along} <= {"T", "F", "True", "False", "1", "0"}:
        raise ValueError(f"pbc={info['pbc']} is not three of T and F")
    return lattice.reshape(1, 3, 3), np.array([[text in ("T", "True", "1") for text in along]])


def _monomers(info: dict[str, str], keys: Keys, atoms: int) -> np.ndarray | None:
    if not keys.monomers:
        return None
    if missing := [key for key in keys.monomers if key not in info]:
        raise ValueError(f"it does not say which atoms are which monomer: no {', '.join(missing)}")
    rows = []
    for selection, charge in zip(keys.monomers[:2], keys.monomers[2:], strict=True):
        first, _, last = info[selection].partition("-")
        rows.append((int(first) - 1, int(last or first), int(_float(info, charge)), 0))
    return np.array(rows, np.int32)
