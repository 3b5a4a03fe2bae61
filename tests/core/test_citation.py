"""One citation."""

from __future__ import annotations

import pytest

from hooke.core.citation import Citation


@pytest.mark.parametrize(
    ("identifier", "line"),
    [
        ("doi:10.1/x", "doi = {10.1/x}"),
        ("arXiv:1234.56789", "eprint = {1234.56789}"),
        ("https://a.b", "url = {https://a.b}"),
    ],
)
def test_bibtex(identifier: str, line: str) -> None:
    text = Citation("key", "A, B", "Title", 2020, "Journal", identifier).bibtex()
    assert line in text
    assert text.startswith("@misc{key" if identifier.startswith("https") else "@article{key")
    assert "year = {2020}" in text
