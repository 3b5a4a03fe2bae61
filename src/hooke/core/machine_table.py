"""`[machine]` of a recipe: where a run runs.

Its options are kept in the section `train`, where they stood before and may still stand, so that a run keeps its hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MACHINE = (
    "accelerator", "devices", "nodes", "sharded", "precision", "threads", "compile", "deterministic", "checkpoint_seconds",
    "loader_workers", "tensorboard", "loggers",
)  # fmt: skip


def kept_in_train(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe whose `[machine]` has moved into `[train]`, and wins there; keys that are no options of a machine stay, to be refused."""
    table = recipe.get("machine")
    train = recipe.get("train", {})
    if not isinstance(table, Mapping) or not isinstance(train, Mapping):
        return dict(recipe)
    moved = {key: value for key, value in table.items() if key in MACHINE}
    left = {key: value for key, value in table.items() if key not in MACHINE}
    others = {key: value for key, value in recipe.items() if key != "machine"}
    return {**others, **({"train": {**train, **moved}} if moved else {}), **({"machine": left} if left else {})}


def apart(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The same recipe as people write it, with `[machine]` apart from `[train]`."""
    train = recipe.get("train", {})
    table = {key: value for key, value in train.items() if key in MACHINE}
    left = {key: value for key, value in train.items() if key not in MACHINE}
    shown = {key: value for key, value in recipe.items() if key != "train"}
    return {**shown, **({"train": left} if left else {}), **({"machine": table} if table else {})}
