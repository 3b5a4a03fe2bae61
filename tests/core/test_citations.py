from __future__ import annotations

import re

import pytest

from hooke.core import registry
from hooke.core.citations import CITATIONS, cite
from hooke.core.errors import UnknownNameError
from hooke.core.publications import PUBLICATIONS, Citation


@pytest.mark.parametrize("name", CITATIONS)
def test_every_name_gives_whole_bibtex(name: str) -> None:
    text = cite(name)
    assert text.count("{") == text.count("}")
    for entry in text.split("\n\n"):
        assert re.match(r"@(article|misc)\{[\w-]+,\n", entry)
        assert all(f"  {field} = {{" in entry for field in ("author", "title", "journal"))


@pytest.mark.parametrize("citation", PUBLICATIONS.values(), ids=PUBLICATIONS)
def test_every_publication_can_be_found(citation: Citation) -> None:
    assert re.match(r"doi:10\.\d{4,5}/\S+$|arXiv:\d{4}\.\d{4,5}$|https://\S+$", citation.identifier)
    assert citation.year == 0 or str(citation.year) in citation.bibtex()
    assert cite(citation.key) == citation.bibtex()


@pytest.mark.parametrize("kind", ["models", "tasks"])
def test_everything_registered_can_be_cited(kind: str) -> None:
    assert [name for name in registry.names(kind) if name not in CITATIONS] == []


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'graphium'"):
        cite("graphum")
