"""Encoders × corrections: recalls and paired differences."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError
from hooke.evaluate.known_pairs import unique_pairs
from hooke.images.store import ImageStore
from hooke.studies.encoder_table import encoder_table, known_modules


def test_the_better_encoder_has_the_higher_recall(wells: Profiles) -> None:
    names = [f"GENE{number:02d}" for number in range(24)]
    pairs = [(names[i], names[j]) for i in range(24) for j in range(i + 1, 24) if i // 4 == j // 4]
    known = unique_pairs("mine", *zip(*pairs, strict=True))
    noise = wells.with_values(np.random.default_rng(0).normal(size=wells.values.shape).astype(np.float32))
    found = encoder_table({"good": wells, "noise": noise}, known, ("none", "tvn"), show_progress=False)
    assert (found.queries, found.entities) == (36, 24)
    assert found.chance == pytest.approx(0.1)
    assert found.recall("good", "tvn").value > found.recall("noise", "tvn").value
    assert found.best("good") in ("none", "tvn")
    change = found.difference(("good", "tvn"), ("noise", "tvn"))
    assert change.value == pytest.approx(found.recall("good", "tvn").value - found.recall("noise", "tvn").value)
    header, lines = found.lines()
    assert header == ["encoder", "none", "tvn"]
    assert [line[0] for line in lines] == ["good", "noise"]
    assert found.to_json()["good"]["tvn"]["queries"] == 36


def test_known_modules(screen: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(known_modules(screen)) == 2
    monkeypatch.setattr(ImageStore, "folder", property(lambda self: self.store.folder / "elsewhere"))
    with pytest.raises(DataError, match="no simulated screen"):
        known_modules(screen)
