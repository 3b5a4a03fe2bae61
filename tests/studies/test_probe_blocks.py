"""A linear probe on every block, across batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.runs import RunFolder
from hooke.images.store import ImageStore
from hooke.images.wells import Wells
from hooke.modalities.images import View
from hooke.studies import probe_blocks as module
from hooke.studies.probe_blocks import probe_blocks, table


def test_every_block_is_scored(image_run: Path, run: Path, screen: ImageStore) -> None:
    scores = probe_blocks(RunFolder(image_run), screen, limit=16, show_progress=False)
    assert [score.block for score in scores] == [1, 2]
    assert all(0 <= score.accuracy <= 1 and score.wells == 16 for score in scores)
    header, lines = table(scores)
    assert len(header) == len(lines[0])
    assert "best" in {line[-1] for line in lines}
    with pytest.raises(UnknownNameError, match="metadata column"):
        probe_blocks(image_run, screen, target="colour", show_progress=False)
    with pytest.raises(DataError, match="on molecules, not on images"):
        probe_blocks(run, screen, show_progress=False)


def test_a_separable_embedding_is_found(image_run: Path, screen: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = screen.classes("perturbation")[0]
    shift = 5 * screen.batch_index

    assert len(Wells.of(screen)) == len(screen)  # a field is a well here

    def fake(run: object, store: object, wells: np.ndarray, view: View, batch_size: int) -> np.ndarray:
        known = codes if view.block == 2 else np.zeros_like(codes)
        return (np.eye(codes.max() + 1)[known] + shift[:, None])[wells]

    monkeypatch.setattr(module, "_embedded", fake)
    first, second = probe_blocks(image_run, screen, show_progress=False)
    assert second.accuracy > 0.9
    assert first.accuracy < 0.5


def test_one_batch_and_classes_of_one_batch(
    image_run: Path, screen: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="no class is in two"):
        probe_blocks(image_run, screen, target="experiment", show_progress=False)
    monkeypatch.setattr(module.np, "unique", lambda _: np.array(["only"]))
    with pytest.raises(DataError, match="at least two experimental batches"):
        module._folds(np.array(["a"]), np.array(["only"]), 0)
