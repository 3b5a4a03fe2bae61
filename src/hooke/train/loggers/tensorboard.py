"""Event files of TensorBoard in the folder `tensorboard` of the run: `tensorboard --logdir runs`."""

from __future__ import annotations

from collections.abc import Mapping

from hooke.train.loggers import Logged, MetricLogger


class Logger(MetricLogger):
    """A new event file; what older ones say of epochs after those done is no longer shown."""

    package, extra = "torch.utils.tensorboard", "tensorboard"

    def __init__(self, logged: Logged) -> None:
        folder = logged.folder / "tensorboard" / f"{logged.part}-{logged.number}"
        self._writer = self.require().SummaryWriter(str(folder), purge_step=logged.done + 1 if logged.done else None)

    def write(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """See `MetricLogger.write`."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def close(self, *, failed: bool) -> None:
        """See `MetricLogger.close`."""
        self._writer.close()
