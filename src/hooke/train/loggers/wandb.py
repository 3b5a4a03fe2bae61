"""Weights & Biases; project, entity and mode come from its own variables (WANDB_PROJECT, WANDB_ENTITY, WANDB_MODE=offline)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hooke.train.loggers import Logged, MetricLogger


class Logger(MetricLogger):
    """One run of wandb for each trained network, grouped by the run folder; a training that goes on writes to the same one."""

    package, extra = "wandb", "wandb"

    def __init__(self, logged: Logged) -> None:
        self._run = self.require().init(
            id=re.sub(r"[^A-Za-z0-9_.-]", "-", logged.name), name=logged.name, group=logged.folder.name, config=dict(logged.recipe),
            resume="allow", reinit="create_new",
        )  # fmt: skip
        self._run.define_metric("*", step_metric="epoch")

    def write(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """See `MetricLogger.write`."""
        self._run.log({**metrics, "epoch": epoch})

    def close(self, *, failed: bool) -> None:
        """See `MetricLogger.close`."""
        self._run.finish(exit_code=int(failed))
