"""MLflow; the server and the experiment come from its own variables (MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME, "hooke" by default)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hooke.core.json_text import json_text
from hooke.train.loggers import Logged, MetricLogger

TAG = "hooke.training"  # by which a training that goes on finds its run
_LONGEST = 500  # characters of a parameter that every server takes


class Logger(MetricLogger):
    """One run of MLflow for each trained network, with the recipe's options as parameters."""

    package, extra = "mlflow", "mlflow"

    def __init__(self, logged: Logged) -> None:
        self._client = client = self.require().MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "hooke")
        experiment = client.get_experiment_by_name(name)
        where = experiment.experiment_id if experiment is not None else client.create_experiment(name)
        earlier = client.search_runs([where], f"tags.`{TAG}` = '{logged.name}'") if logged.done else []
        if earlier:
            self._run = earlier[0].info.run_id
            client.update_run(self._run, status="RUNNING")
            return
        self._run = client.create_run(where, tags={TAG: logged.name, "mlflow.runName": logged.name}).info.run_id
        for key, value in _flat(logged.recipe):
            client.log_param(self._run, key, value[:_LONGEST])

    def write(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """See `MetricLogger.write`."""
        for name, value in metrics.items():
            self._client.log_metric(self._run, re.sub(r"[^\w\-. /]", "_", name), value, step=epoch)

    def close(self, *, failed: bool) -> None:
        """See `MetricLogger.close`."""
        self._client.set_terminated(self._run, "FAILED" if failed else "FINISHED")


def _flat(options: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Options as "train.epochs" and text."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value if isinstance(value, str) else json_text(value)
