"""Event files: written, continued without doubles, and a clear word without TensorBoard."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hooke.core.errors import UsageError
from hooke.train.member import event_file


def test_a_continued_file_shows_each_epoch_once(tmp_path: Path) -> None:
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with event_file(tmp_path) as events:
        for epoch in (1, 2, 3):
            events.write(epoch=epoch, loss=float(epoch))
    with event_file(tmp_path, after=1) as events:  # the run was killed after the state of epoch 1 was saved
        for epoch in (2, 3):
            events.write(epoch=epoch, loss=10.0 * epoch)
    found = loading.EventAccumulator(str(tmp_path))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(1, 1.0), (2, 20.0), (3, 30.0)]


def test_without_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match=r"hooke-bio\[tensorboard\]"), event_file(tmp_path):
        pass
