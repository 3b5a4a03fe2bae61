from __future__ import annotations

from dataclasses import fields

from hooke.images.reading.ingest import ImageIngestConfig
from hooke.images.reading.options import FolderOptions


def test_options_and_ingest_agree() -> None:
    ours = {field.name: field.default for field in fields(FolderOptions)}
    for field in fields(ImageIngestConfig):
        assert ours[field.name] == field.default
