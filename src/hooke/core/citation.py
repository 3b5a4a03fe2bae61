"""`Citation`: one publication, and its BibTeX."""

from __future__ import annotations

from dataclasses import dataclass


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
