"""Whom to cite for a model, data set, method or library: `hooke show cite NAME` prints BibTeX. The list is citations.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from hooke.core.errors import UnknownNameError


@dataclass(frozen=True)
class Citation:
    """One publication.

    Attributes:
        key: Of the BibTeX entry.
        authors: "Family, Given and Family, Given and others".
        title: Of the publication.
        year: Of the publication; 0 for software, which has no one year.
        venue: Journal or conference with volume and pages, "arXiv", or the publisher of a book.
        identifier: "doi:...", "arXiv:...", or the address of software.
    """

    key: str
    authors: str
    title: str
    year: int
    venue: str
    identifier: str

    def bibtex(self) -> str:
        """The entry as BibTeX."""
        fields = {"author": self.authors, "title": f"{{{self.title}}}", "journal": self.venue}
        if self.year:
            fields["year"] = str(self.year)
        kind, _, value = self.identifier.partition(":")
        if kind == "doi":
            fields["doi"] = value
        elif kind == "arXiv":
            fields |= {"eprint": value, "archivePrefix": "arXiv"}
        else:
            fields["url"] = self.identifier
        entry = "misc" if kind in ("http", "https") else "article"
        return f"@{entry}{{{self.key},\n" + "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items()) + "}"


_LIST = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
PUBLICATIONS = {key: Citation(key, **fields) for key, fields in _LIST["publications"].items()}
CITATIONS: dict[str, tuple[Citation, ...]] = {
    name: tuple(PUBLICATIONS[key] for key in keys) for name, keys in _LIST["names"].items()
}


def publications(name: str) -> tuple[Citation, ...]:
    """What a name of Hooke stands for: a model, data set, method or library; a BibTeX key does as well.

    Raises:
        UnknownNameError: Nothing is recorded for that name.
    """
    if name in PUBLICATIONS:
        return (PUBLICATIONS[name],)
    if name not in CITATIONS:
        raise UnknownNameError("citation", name, CITATIONS)
    return CITATIONS[name]


def cite(name: str) -> str:
    """The BibTeX of `publications`."""
    return "\n\n".join(publication.bibtex() for publication in publications(name))
