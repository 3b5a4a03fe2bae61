"""Event files: continued without doubles, and a clear word without TensorBoard."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hooke.core.errors import UsageError
from hooke.train.loggers import Logged
from hooke.train.loggers.tensorboard import Logger


def test_a_continued_file_shows_each_epoch_once(tmp_path: Path) -> None:
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    logger = Logger(Logged(tmp_path, "members", 0, {}))
    for epoch in (1, 2, 3):
        logger.write(epoch, {"loss": float(epoch)})
    logger.close(failed=True)
    again = Logger(
        Logged(tmp_path, "members", 0, {}, done=1)
    )  # the run was killed after the state of epoch 1 was saved
    for epoch in (2, 3):
        again.write(epoch, {"loss": 10.0 * epoch})
    again.close(failed=False)
    found = loading.EventAccumulator(str(tmp_path / "tensorboard" / "members-0"))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(1, 1.0), (2, 20.0), (3, 30.0)]


def test_without_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match=r"the logger 'tensorboard' .* pip install 'hooke-bio\[tensorboard\]'"):
        Logger.require()
