from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from hooke.core import citations, registry
from hooke.core.cards import Card, RemoteFile


def test_cards_are_frozen_records() -> None:
    file = RemoteFile("a.csv")
    assert (file.url, file.sha256, file.size_bytes) == ("", "", 0)
    with pytest.raises(FrozenInstanceError):
        file.name = "b.csv"  # type: ignore[misc]


@pytest.mark.parametrize("name", registry.names("datasets"))
def test_every_data_set_describes_itself(name: str) -> None:
    card = registry.card(name)
    assert isinstance(card, Card)
    assert card.name == name
    assert all([card.title, card.description, card.modality, card.source, card.licence, card.size, card.levels])
    if card.citation:
        assert citations.cite(card.citation).startswith("@")
    for file in card.files:
        assert file.url.startswith(("https://", "")), file
        assert len(file.sha256) in (0, 64)
        assert file.url or file.mirror_path
