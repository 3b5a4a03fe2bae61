"""Each publication has a key of its own and an identifier that BibTeX knows."""

from __future__ import annotations

from hooke.core.publications import PUBLICATIONS


def test_keys_and_entries() -> None:
    assert len(PUBLICATIONS) > 50
    for key, publication in PUBLICATIONS.items():
        assert key == publication.key
        assert key.isascii()
        assert publication.bibtex().startswith(("@article{", "@misc{"))
        assert publication.identifier.startswith(("doi:", "arXiv:", "https://", "http://"))
