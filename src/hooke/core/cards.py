"""`Card`: what a data set says about itself: source, licence, citation, files with checksums, labels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set.

    Attributes:
        name: File name below the data set's raw folder.
        url: Where it is downloaded from; "" when it has no public address that was checked (a mirror is then needed).
        sha256: Expected hash in lower-case hex; "" when no source states it: it is then pinned at first download and
            the file is called unverified until then.
        mirror_path: Path below the `HOOKE_MIRROR` folder, "" when mirrors do not hold it.
        size_bytes: Size, 0 when unknown.
    """

    name: str
    url: str = ""
    sha256: str = ""
    mirror_path: str = ""
    size_bytes: int = 0


@dataclass(frozen=True)
class Card:
    """The description of a data set; `hooke data info NAME` prints it."""

    name: str
    title: str
    description: str
    modality: str  # molecules, images, cells ...
    source: str  # where the data come from, in words, with address
    licence: str  # as quoted by the source
    citation: str  # key of core.citations
    size: str  # "642 molecules, 1 label"
    levels: tuple[str, ...] = ("graph",)
    files: tuple[RemoteFile, ...] = ()
    split: str = ""  # the published split, or how the default one is made
    notes: str = ""

    def columns(self) -> dict[str, str]:
        """What `hooke data list` shows of it: heading → text."""
        return {
            "name": self.name, "modality": self.modality, "title": self.title, "size": self.size, "levels": ",".join(self.levels),
            "licence": self.licence[:40],
        }  # fmt: skip
