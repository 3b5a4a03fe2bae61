"""QM9 as it was published: an archive (tar, packed by bzip2) of one text file a molecule, in a form of its own.

Source: Ramakrishnan et al. 2014 (doi:10.1038/sdata.2014.22, the readme of its data): a line with the number of atoms; one with "gdb", the
molecule's number and fifteen properties; a line an atom with element, position in Å and Mulliken charge; then frequencies, SMILES and InChI, of
the molecule that was built and of the one that was found. The second SMILES is taken; charges and frequencies are not. Exponents may be "*^".
"""

from __future__ import annotations

import bz2
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from hooke.atoms.elements import SYMBOLS, numbers_of
from hooke.atoms.formats import BLOCK, Block, Contents, collector, open_bytes
from hooke.atoms.frames import FrameCollector, Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError
from hooke.core.files import appending, replacing
from hooke.core.reading import in_short

LENGTH_UNIT = "angstrom"
PROPERTIES = (
    "A", "B", "C", "mu", "alpha", "epsHOMO", "epsLUMO", "epsgap", "<R2>", "zpve", "U0", "U", "H", "G", "Cv"
)  # fmt: skip
_HEADER, _LARGEST = 512, 1 << 20  # bytes of a header of the archive, and of a molecule's file
_REGULAR = (b"0", b"\0")
_TAG = "gdb"


def contents(path: Path, keys: Keys) -> Contents:
    """The fifteen properties; the first file is looked at."""
    with open_bytes(path) as archive:
        if next(_files(archive), None) is None:
            raise DataError(f"{path} holds no files")
    return Contents(PROPERTIES, (), Keys(energies=("U0",), smiles="smiles", name="name"), {"U0": "hartree"})


def read(path: Path, keys: Keys) -> Iterator[Block]:
    """The molecules in the order of the archive; malformed ones are left out."""
    frames = collector(keys, path)
    with open_bytes(path) as archive:
        for name, data in _files(archive):
            try:
                if data is None:
                    raise ValueError(f"it has more than {_LARGEST:,} bytes")
                _add(frames, data.decode(errors="replace").splitlines(), keys)
            except ValueError as error:
                frames.refuse(f"{name}: {in_short(error)}")
            if len(frames) >= BLOCK:
                yield frames.take()
    yield frames.take()


def write(path: Path, frames: Frames, keys: Keys, facts: Any = None) -> None:
    """Write such an archive: properties under the names of `PROPERTIES`, those that the keys do not name as 0, no charges or frequencies."""
    columns = {name: frames.energies[:, place] for place, name in enumerate(keys.energies)}
    columns |= {name: frames.properties[:, place] for place, name in enumerate(keys.properties)}
    with replacing(path) as temporary, appending(temporary, afresh=True) as file:
        packed = bz2.BZ2File(file, "wb") if path.suffix == ".bz2" else io.BufferedWriter(file)
        with packed, tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as archive:
            for frame in range(len(frames)):
                data = _text(frames, frame, columns).encode()
                about = tarfile.TarInfo(f"dsgdb9nsd_{frame + 1:06d}.xyz")
                about.size = len(data)
                archive.addfile(about, io.BytesIO(data))


def _text(frames: Frames, frame: int, columns: dict[str, np.ndarray]) -> str:
    atoms = slice(int(frames.offsets[frame]), int(frames.offsets[frame + 1]))
    values = "\t".join(repr(float(columns[name][frame])) if name in columns else "0." for name in PROPERTIES)
    smiles = frames.smiles[frame] if len(frames.smiles) else ""
    lines = [str(atoms.stop - atoms.start), f"{_TAG} {frame + 1}\t{values}\t"]
    for number, position in zip(frames.numbers[atoms].tolist(), frames.positions[atoms].tolist(), strict=True):
        lines.append("\t".join([SYMBOLS[number], *map(repr, position), "0."]))
    return "\n".join([*lines, "0.", f"{smiles}\t{smiles}\t", "\t", ""])


def _files(archive: IO[bytes]) -> Iterator[tuple[str, bytes | None]]:
    """Name and content of the regular files; none of a larger one.

    Raises:
        DataError: It is no tar archive, is damaged, or ends in the middle.
    """
    while header := archive.read(_HEADER):
        if not any(header):  # the end
            return
        try:
            total = int(header[148:156].rstrip(b" \0") or b"0", 8)
            size = int(header[124:136].rstrip(b" \0") or b"0", 8)
        except ValueError as error:
            raise DataError("it is no tar archive, or damaged: a header has no size") from error
        if len(header) < _HEADER or total != sum(header[:148]) + 8 * ord(" ") + sum(header[156:]) or size < 0:
            raise DataError("it is no tar archive, or damaged: the checksum of a header does not fit")
        data, left = [], -(-size // _HEADER) * _HEADER
        kept = header[156:157] in _REGULAR and size <= _LARGEST
        while left:
            block = archive.read(min(left, _LARGEST))
            if not block:
                raise DataError("it ends in the middle of a file")
            left -= len(block)
            data += [block] if kept else []
        if header[156:157] in _REGULAR:
            name = header[:100].rstrip(b"\0").decode(errors="replace")
            yield name[-80:].replace("\n", " "), b"".join(data)[:size] if kept else None


def _add(frames: FrameCollector, lines: list[str], keys: Keys) -> None:
    if not lines:
        raise ValueError("it is empty")
    count = int(lines[0])
    tag, number, *values = lines[1].split() if len(lines) > 1 and len(lines[1].split()) > 1 else ("", "")
    if count < 1 or tag != _TAG or len(values) != len(PROPERTIES) or len(lines) < count + 4:
        raise ValueError("it has not the form of QM9")
    known = dict(zip(PROPERTIES, map(_number, values), strict=True))
    rows = [line.split() for line in lines[2 : 2 + count]]
    if any(len(row) != 5 for row in rows):
        raise ValueError("an atom has not five columns")
    smiles = lines[count + 3].split()
    energies, properties = ([[known.get(name, np.nan) for name in some]] for some in (keys.energies, keys.properties))
    frames.add(
        numbers_of(row[0] for row in rows), [[list(map(_number, row[1:4])) for row in rows]], energies,
        np.full((1, count, 3, len(keys.forces)), np.nan), properties=properties, name=f"{tag}_{number}"[:40],
        smiles=smiles[-1] if smiles else "",
    )  # fmt: skip


def _number(text: str) -> float:
    return float(text.replace("*^", "e"))
