"""The checks of potentials find what they are meant to find."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from hooke.modalities.atoms.checks import MODEL_CHECKS
from hooke.models import schnet
from hooke.nn.contract import ContractError
from hooke.testing.models import model_case


def broken(change: Any) -> Any:
    """SchNet whose features are changed by a function of (rows, batch, pairs)."""

    class Model(schnet.Model):
        def features(self, batch: Any, pairs: Any) -> Tensor:
            return change(super().features(batch, pairs), batch, pairs)

    module = ModuleType("hooke.models.broken")
    vars(module).update(Model=Model, Config=schnet.Config, PRESETS=schnet.PRESETS)
    return model_case(module)


def hard_cutoff(rows: Tensor, batch: Any, pairs: Any) -> Tensor:
    return rows.index_add(0, pairs.first, torch.ones_like(rows[pairs.first]))


def blind_to_images(rows: Tensor, batch: Any, pairs: Any) -> Tensor:
    return rows + batch.positions[:, :1]


def size(rows: Tensor, batch: Any, pairs: Any) -> Tensor:
    return rows * batch.offsets.diff().max()


def detached(rows: Tensor, batch: Any, pairs: Any) -> Tensor:
    return rows + 0.1 * rows.detach()


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("smooth_at_cutoff", hard_cutoff),
        ("periodic", blind_to_images),
        ("additive", size),
        ("forces", detached),
        ("stress", detached),
    ],
)
def test_a_broken_potential_is_found(check: str, change: Any) -> None:
    with pytest.raises(ContractError):
        MODEL_CHECKS[check](broken(change))
