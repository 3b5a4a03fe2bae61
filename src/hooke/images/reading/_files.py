"""Every file below a folder, once, and what it is: something to read, a format that is not read, or nothing to read by a named rule."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hooke.core.errors import DataError
from hooke.images.reading.planes import PICTURE_SUFFIXES, TIFF_SUFFIXES

HIDDEN, SYSTEM, THUMBNAIL, OTHER = "hidden", "system file", "thumbnail", "no image"
LOOP = "a link back to a folder above it"
ZARR = ".zarr"
IMAGE_SUFFIXES = (*TIFF_SUFFIXES, *PICTURE_SUFFIXES, ".npy", ".npz")
READ_SUFFIXES = (*IMAGE_SUFFIXES, ".parquet")
_SYSTEM = frozenset({"thumbs.db", "desktop.ini", "@eadir", "__macosx", "$recycle.bin"})
_WAY_OUT = "export OME-TIFF from the microscope's software or convert it with Bio-Formats (bfconvert, or bioformats2raw for OME-Zarr)"
_FORMATS = {  # formats of microscopes that hold pixels and are not read here
    ".czi": "CZI (Zeiss)", ".zvi": "ZVI (Zeiss)", ".nd2": "ND2 (Nikon)", ".lif": "LIF (Leica)", ".lof": "LOF (Leica)", ".xlef": "XLEF (Leica)",
    ".flex": "FLEX (Opera)", ".vsi": "VSI (Olympus)", ".ets": "ETS (Olympus)", ".oib": "OIB (Olympus)", ".oif": "OIF (Olympus)",
    ".oir": "OIR (Olympus)", ".ims": "IMS (Imaris)", ".dv": "DV (DeltaVision)", ".r3d": "R3D (DeltaVision)", ".stk": "STK (MetaMorph)",
    ".sld": "SLD (SlideBook)", ".sldy": "SLDY (SlideBook)", ".c01": "C01 (Cellomics)", ".dib": "DIB (Cellomics)", ".mvd2": "MVD2 (Volocity)",
    ".ics": "ICS", ".ids": "ICS", ".svs": "SVS (Aperio)", ".ndpi": "NDPI (Hamamatsu)", ".mrxs": "MRXS", ".scn": "SCN (Leica)",
    ".dcm": "DICOM", ".h5": "HDF5", ".hdf5": "HDF5", ".ome": "OME-XML", ".bmp": "BMP", ".gif": "GIF", ".webp": "WebP", ".avi": "AVI",
    ".mp4": "MP4",
}  # fmt: skip


@dataclass
class Seen:
    """The files of a folder; every one stands in exactly one of these.

    Attributes:
        images: To be read, as paths below the folder, sorted; the folders of OME-Zarr among them.
        foreign: Path -> what it is and the way out, of formats that are not read.
        ignored: Path -> the rule by which it is no image to read.
    """

    images: list[str] = field(default_factory=list)
    foreign: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)


def files_of(root: Path) -> Seen:
    """All files below a folder, linked folders entered too; a file or one `.zarr` plate is a folder of itself.

    Raises:
        DataError: A folder cannot be listed: its images would be missed without a word.
    """
    seen = Seen()
    if is_plate(root):
        seen.images.append(".")
        return seen
    for path in sorted(_below(root, seen) if root.is_dir() else [root.name]):
        name = path.rsplit("/", 1)[-1].lower()
        suffix = os.path.splitext(name)[1]
        if any(part.startswith(".") for part in path.split("/")):
            seen.ignored[path] = HIDDEN
        elif any(part.lower() in _SYSTEM for part in path.split("/")):
            seen.ignored[path] = SYSTEM
        elif "_thumb" in name and suffix in IMAGE_SUFFIXES:
            seen.ignored[path] = THUMBNAIL
        elif suffix == ZARR or name.endswith(READ_SUFFIXES):
            seen.images.append(path)
        elif suffix in _FORMATS:
            seen.foreign[path] = f"{_FORMATS[suffix]} is not read: {_WAY_OUT}"
        else:
            seen.ignored[path] = OTHER
    return seen


def is_plate(path: Path) -> bool:
    """Whether a path is called as the folder of an OME-Zarr is, in whatever case."""
    return path.name.lower().endswith(ZARR)


def _below(root: Path, seen: Seen) -> Iterator[str]:
    """Files below a folder, and the folders of OME-Zarr, which are not entered; links that lead back are listed as ignored."""
    for folder, names, files in os.walk(root, onerror=_unlisted, followlinks=True):
        here = Path(folder)
        plates = [name for name in names if is_plate(Path(name))]
        for name in (*files, *plates):
            yield (here / name).relative_to(root).as_posix()
        entered = []
        for name in names:
            path = here / name
            if name in plates:
                continue
            if path.is_symlink() and here.resolve().is_relative_to(path.resolve()):
                seen.ignored[path.relative_to(root).as_posix()] = LOOP
                continue
            entered.append(name)
        names[:] = entered


def _unlisted(error: OSError) -> None:
    raise DataError(f"the folder {error.filename} cannot be read: {error.strerror}") from error
