"""What is sent to MLflow: parameters, metrics by epoch, and the end; a continued training finds its run."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hooke.core.errors import UsageError
from hooke.train.loggers import Logged
from hooke.train.loggers.mlflow import TAG, Logger


class Client:
    """As much of a server as the logger uses."""

    runs: dict[str, dict[str, Any]] = {}
    experiments: dict[str, str] = {}

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=self.experiments[name]) if name in self.experiments else None

    def create_experiment(self, name: str) -> str:
        return self.experiments.setdefault(name, str(len(self.experiments)))

    def search_runs(self, experiments: list[str], query: str) -> list[Any]:
        return [
            SimpleNamespace(info=SimpleNamespace(run_id=number)) for number, run in self.runs.items()
            if run["experiment"] in experiments and query == f"tags.`{TAG}` = '{run['tags'][TAG]}'"
        ]  # fmt: skip

    def create_run(self, experiment: str, tags: dict[str, str]) -> Any:
        number = f"run{len(self.runs)}"
        self.runs[number] = {"experiment": experiment, "tags": tags, "params": {}, "metrics": [], "status": "RUNNING"}
        return SimpleNamespace(info=SimpleNamespace(run_id=number))

    def update_run(self, run: str, status: str) -> None:
        self.runs[run]["status"] = status

    def log_param(self, run: str, key: str, value: str) -> None:
        self.runs[run]["params"][key] = value

    def log_metric(self, run: str, name: str, value: float, step: int) -> None:
        self.runs[run]["metrics"].append((name, value, step))

    def set_terminated(self, run: str, status: str) -> None:
        self.runs[run]["status"] = status


def test_one_run_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(MlflowClient=Client))  # type: ignore[arg-type]
    monkeypatch.setattr(Client, "runs", {})
    monkeypatch.setattr(Client, "experiments", {})
    recipe = {"name": "tiny", "train": {"epochs": 2, "loggers": ["mlflow"]}}
    logger = Logger(Logged(Path("runs/tiny/one"), "members", 0, recipe))
    logger.write(1, {"valid_loss": 0.5, "valid/log(P)": 1.0})
    logger.close(failed=True)
    assert Client.runs["run0"]["status"] == "FAILED"
    assert Client.runs["run0"]["params"] == {"name": "tiny", "train.epochs": "2", "train.loggers": '["mlflow"]'}
    again = Logger(Logged(Path("runs/tiny/one"), "members", 0, recipe, done=1))
    again.write(2, {"valid_loss": 0.25})
    again.close(failed=False)
    assert list(Client.runs) == ["run0"]
    assert Client.runs["run0"]["status"] == "FINISHED"
    assert Client.runs["run0"]["metrics"] == [("valid_loss", 0.5, 1), ("valid/log_P_", 1.0, 1), ("valid_loss", 0.25, 2)]
    assert Client.experiments == {"hooke": "0"}


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UsageError, match=r"the logger 'mlflow' .* pip install 'hooke-bio\[mlflow\]'"):
        Logger.require()
