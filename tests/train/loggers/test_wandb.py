"""What is sent to Weights & Biases: one run a network, which a continued training goes on with."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hooke.core.errors import UsageError
from hooke.train.loggers import Logged
from hooke.train.loggers.wandb import Logger


def test_one_run_with_the_recipe_and_a_line_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, Any]] = []
    run = SimpleNamespace(
        define_metric=lambda name, step_metric: calls.append(("define", (name, step_metric))),
        log=lambda fields: calls.append(("log", fields)),
        finish=lambda exit_code: calls.append(("finish", exit_code)),
    )
    library = SimpleNamespace(init=lambda **options: calls.append(("init", options)) or run)
    monkeypatch.setitem(sys.modules, "wandb", library)  # type: ignore[arg-type]
    logger = Logger(Logged(Path("runs/my recipe/one"), "members", 1, {"seed": 3}))
    logger.write(1, {"train_loss": 0.5})
    logger.close(failed=True)
    options = calls[0][1]
    assert (options["id"], options["group"]) == ("my-recipe-one-members-1", "one")
    assert (options["config"], options["resume"]) == ({"seed": 3}, "allow")
    assert calls[1:] == [("define", ("*", "epoch")), ("log", {"train_loss": 0.5, "epoch": 1}), ("finish", 1)]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UsageError, match=r"the logger 'wandb' .* pip install 'hooke-bio\[wandb\]'"):
        Logger.require()
